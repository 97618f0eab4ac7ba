/* SPDX-License-Identifier: MIT */
/* Everything in order. */
#include "devices.h"

void kernel_main(uint32_t magic, uint32_t info)
{
	(void)magic;
	(void)info;
	probe_begin();
	probe_cpuid();
	probe_msrs();
	probe_pic();
	probe_pit();
	probe_uart();
	probe_rtc();
	probe_i8042();
	probe_agreement();
	probe_end();
}
