/* SPDX-License-Identifier: MIT */
/*
 * The clock of one machine, as data: devices read it inline, since guests poll timers.
 *
 * It counts nanoseconds by the processor's time-stamp counter, whose processors agree. While it is
 * stopped, as for a paused VM, no time passes for any device.
 */
#ifndef DEVICES_BUS_CLOCK_H
#define DEVICES_BUS_CLOCK_H

#include "lib/checked.h"
#include "lib/types.h"
#include "lib/x86.h"

#define CLOCK_RUNS UINT64_MAX

struct clock {
	uint64_t base;       /* TSC at which the clock shows 0 */
	uint64_t multiplier; /* the clock shows (ticks << shift) * multiplier / 2^64 */
	uint64_t stopped_at; /* TSC; CLOCK_RUNS: it runs */
	int64_t epoch;       /* wall-clock time in seconds since 1970-01-01 UTC when the clock showed 0 */
	uint8_t shift;
};

/*
 * Ticks of the TSC that it has run. A minimum takes the place of a test for a clock that is
 * stopped, to keep branches off the exit path.
 */
static inline uint64_t clock_ticks(const struct clock *clock)
{
	uint64_t tsc = read_tsc();

	return MIN(tsc, clock->stopped_at) - clock->base;
}

/* In ns, rounded down: monotonic, good for 292 years. */
static inline uint64_t clock_now(const struct clock *clock)
{
	return multiply_high(clock_ticks(clock) << clock->shift, clock->multiplier);
}

static inline void clock_stop(struct clock *clock, uint64_t tsc)
{
	clock->stopped_at = tsc;
}

/* Go on at `tsc` where it was stopped; returns the ticks that it stood still. */
static inline uint64_t clock_go_on(struct clock *clock, uint64_t tsc)
{
	uint64_t still = tsc - clock->stopped_at;

	clock->base += still;
	clock->stopped_at = CLOCK_RUNS;
	return still;
}

#endif
