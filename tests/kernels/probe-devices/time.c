/* SPDX-License-Identifier: MIT */
#include "devices.h"

#define REFERENCE 50000 /* ticks over which the TSC is measured */

static uint64_t tsc_per_1024_ticks;

/* Channel 0 in mode 2 while it goes through REFERENCE ticks. */
void time_init(void)
{
	uint64_t start;
	uint16_t first, now;

	put(0x43, 0x34);
	put(0x40, 0);
	put(0x40, 0);
	for (unsigned i = 0; i < 1000; i++)
		cpu_relax();
	put(0x43, 0);
	first = in8(0x40);
	first |= (uint16_t)(in8(0x40) << 8);
	start = read_tsc();
	do {
		put(0x43, 0);
		now = in8(0x40);
		now |= (uint16_t)(in8(0x40) << 8);
	} while ((uint16_t)(first - now) < REFERENCE);
	tsc_per_1024_ticks = (read_tsc() - start) * 1024 / (uint16_t)(first - now);
}

uint64_t time_now(void)
{
	return read_tsc() * 1024 / tsc_per_1024_ticks;
}

void time_wait(uint64_t ticks)
{
	uint64_t start = time_now();

	while (time_now() - start < ticks)
		cpu_relax();
}

void show_ratio(uint64_t ticks, uint64_t expected)
{
	value((ticks * 8 + expected / 2) / expected);
}
