/* SPDX-License-Identifier: MIT */
#include "devices/real/wait.h"
#include "lib/x86.h"

#define TICKS_PER_US_MAX 5000 /* no TSC runs at more than 5 GHz */

static uint64_t wait_ticks_per_us = TICKS_PER_US_MAX;

void wait_set_rate(uint64_t tsc_hz)
{
	wait_ticks_per_us = tsc_hz / 1000000 + 1;
}

uint64_t wait_ticks(uint32_t us)
{
	return us * wait_ticks_per_us;
}

struct wait wait_begin(uint32_t us)
{
	return (struct wait){read_tsc(), wait_ticks(us)};
}

bool wait_over(const struct wait *wait)
{
	return read_tsc() - wait->start >= wait->ticks;
}
