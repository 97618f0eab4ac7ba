/* SPDX-License-Identifier: MIT */
/* What the devices' outside world was told, and what it answers. Tests set and read it. */
#ifndef TESTS_UNIT_FAKE_SERVICES_H
#define TESTS_UNIT_FAKE_SERVICES_H

#include "devices/machine/services.h"

struct fake_services {
	uint64_t now; /* ns: advance it, then call machine_run_timers() */
	int64_t epoch;
	uint64_t deadline; /* last told */
	bool intr;
	unsigned nmis, resets[2], power_offs;
	uint8_t serial[MACHINE_UARTS][256];
	size_t serial_length[MACHINE_UARTS];
	bool serial_full[MACHINE_UARTS];
	unsigned input_wanted[MACHINE_UARTS], keyboard_wanted;
	uint8_t debug_last;
	unsigned debug_count;
};

extern struct fake_services fake_services;

#endif
