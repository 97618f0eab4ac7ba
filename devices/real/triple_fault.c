/* SPDX-License-Identifier: MIT */
#include "devices/real/power.h"

void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} packed nothing = {0, 0};

	/*
	 * No interrupt can be delivered through an empty IDT, nor the double fault after it: SDM
	 * Vol. 3A "Interrupt 8".
	 */
	for (;;)
		__asm__ volatile("lidt %0; int3" : : "m"(nothing));
}
