/* SPDX-License-Identifier: MIT */
/*
 * The monitor's clock: the time-stamp counter, whose rate is measured at boot.
 */
#ifndef VMM_CPU_TIME_H
#define VMM_CPU_TIME_H

#include "devices/real/acpi.h"
#include "lib/checked.h"
#include "lib/x86.h"

/* value * multiplier >> shift, without losing the upper half of the product. */
struct time_scale {
	uint64_t multiplier;
	uint8_t shift;
};

extern uint64_t time_tsc_hz; /* TSC ticks a second; 0 before time_init() */
extern struct time_scale time_scale_to_ns, time_scale_to_tsc;
extern uint64_t time_ticks_scale; /* 2^32 times the ticks in a nanosecond */
extern uint8_t time_ns_left;      /* 64 - time_scale_to_ns.shift */

extern uint64_t time_entry; /* TSC when the boot loader entered the monitor; set in boot/entry.S */

/*
 * Measure the TSC against the ACPI PM timer (if `info` has one) and the 8254, compare, and read the
 * RTC. Says what it found in the log. Never hangs; with neither timer the rate comes from CPUID, or
 * is a guess, and the log says so.
 */
void time_init(const struct acpi_info *info);

/* Set the rate and the conversions: for time_init() and tests. `hz` from 1 MHz to 1 THz. */
void time_set_rate(uint64_t hz);

static inline uint64_t time_now(void)
{
	return read_tsc();
}

/*
 * Ticks to nanoseconds, rounded down. Good for 292 years. Every read of a device's clock comes
 * here, so the scale is laid out for a plain high half of a product: its shift is at most 64.
 */
static inline uint64_t time_ns_from_tsc(uint64_t tsc)
{
	return multiply_high(tsc << time_ns_left, time_scale_to_ns.multiplier);
}

/*
 * Nanoseconds to ticks, rounded up, so that time_ns_from_tsc(time_tsc_from_ns(n)) >= n. Saturates.
 */
static inline uint64_t time_tsc_from_ns(uint64_t ns)
{
	unsigned __int128 product = (unsigned __int128)ns * time_scale_to_tsc.multiplier;

	product += ((uint64_t)1 << time_scale_to_tsc.shift) - 1;
	product >>= time_scale_to_tsc.shift;
	return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

/*
 * The same for a constant: short for the run loop, exact to 2^-32 of the ticks in a ns, rounded
 * down. `ns` below 2^32, that is 4 seconds.
 */
static inline uint64_t time_ticks(uint32_t ns)
{
	return multiply_high((uint64_t)ns << 32, time_ticks_scale);
}

/* Wall-clock time now, in seconds since 1970-01-01 UTC: the RTC at boot plus the time since. */
int64_t time_epoch(void);

#endif
