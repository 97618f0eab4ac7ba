/* SPDX-License-Identifier: MIT */
/* Turning the machine off and restarting it. */
#ifndef DEVICES_REAL_POWER_H
#define DEVICES_REAL_POWER_H

#include "devices/real/acpi.h"

/* Remember what the tables say; without this call the methods that need them are left out. */
void power_init(const struct acpi_info *info);

/* Off by ACPI S5. Returns only if the machine has no such thing or ignores it. */
void power_off(void);

/* Restart: the FADT's reset register, CF9h, the 8042, then a triple fault. */
_Noreturn void power_reset(void);

/* The last resort of power_reset(): shut the processor down, which a PC answers by a reset. */
_Noreturn void triple_fault(void);

#endif
