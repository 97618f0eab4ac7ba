/* SPDX-License-Identifier: MIT */
/*
 * The outside of a machine in host tests: what it was told, and what it answers. Tests set and read
 * it. Each machine may have its own.
 */
#ifndef TESTS_UNIT_FAKE_PLATFORM_H
#define TESTS_UNIT_FAKE_PLATFORM_H

#include "devices/machine/machine.h"

struct fake_platform {
	struct clock clock; /* one tick of fake_x86.tsc is one ns: advance it, then run the timers */
	struct line_sink intr_pin;
	uint64_t deadline; /* last told */
	bool intr;         /* as the pin was last told */
	unsigned nmis, resets[RESET_KINDS], power_offs;
	uint8_t serial[MACHINE_UARTS][256];
	size_t serial_length[MACHINE_UARTS];
	bool serial_full[MACHINE_UARTS];
	unsigned input_wanted[MACHINE_UARTS], keyboard_wanted;
	uint8_t debug_last, firmware_called;
	unsigned debug_count;
};

/* For tests with one machine. */
extern struct fake_platform fake_platform;

/* Nothing told yet, and a clock of 0 when fake_x86.tsc is. */
void fake_platform_init(struct fake_platform *platform);

/* Make a machine on it, all zeroes before, and connect its INTR. As machine_create(). */
int fake_platform_create(struct fake_platform *platform, struct machine *machine,
                         const struct machine_config *config);

#endif
