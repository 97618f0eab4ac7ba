/* SPDX-License-Identifier: MIT */
/* Everything, in order. */
#include "probe.h"

void kernel_main(uint32_t magic, uint32_t info)
{
	(void)magic;
	(void)info;
	idt_init();
	pic_init();
	engine_init();
	print("probe begin\n");
	for (unsigned i = 0; i < row_count; i++)
		engine_try(&rows[i]);
	print("probe end\n");
	power_off();
}
