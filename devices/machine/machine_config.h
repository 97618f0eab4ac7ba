/* SPDX-License-Identifier: MIT */
/*
 * What the operator chooses of a PC. Read by the devices, by the firmware tables that describe
 * them, and by the loaders.
 */
#ifndef DEVICES_MACHINE_MACHINE_CONFIG_H
#define DEVICES_MACHINE_MACHINE_CONFIG_H

#include "lib/types.h"

struct machine_config {
	uint64_t memory; /* bytes, a multiple of 4 KiB, at least 1 MiB */
	uint8_t uarts;   /* COM1..COMn exist, 0..4 */
	bool screen;     /* a VGA and a keyboard are plugged in */
	bool hpet;       /* a high precision event timer */
	bool acpi;       /* the firmware offers ACPI tables */
};

#endif
