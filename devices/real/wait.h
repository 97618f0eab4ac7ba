/* SPDX-License-Identifier: MIT */
/*
 * Waits for the machine's devices, bounded by time. A count of reads bounds nothing: where system
 * management mode plays the device, one read of a port takes a hundred times as long.
 *
 * A loop looks at its device once more after wait_over() said true, since such a read may have
 * taken all of the time:
 *
 *	do {
 *		over = wait_over(&wait);
 *		if (there)
 *			return true;
 *	} while (!over);
 */
#ifndef DEVICES_REAL_WAIT_H
#define DEVICES_REAL_WAIT_H

#include "lib/types.h"

struct wait {
	uint64_t start, ticks; /* of the TSC */
};

/*
 * The rate of the TSC in ticks a second, once it is known. Until then waits assume a fast one, so
 * that none is shorter than asked for.
 */
void wait_set_rate(uint64_t tsc_hz);

/* Ticks of the TSC in `us` microseconds, up to an hour of them. */
uint64_t wait_ticks(uint32_t us);

/* A wait that begins now. */
struct wait wait_begin(uint32_t us);

bool wait_over(const struct wait *wait);

#endif
