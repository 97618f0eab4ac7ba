/* SPDX-License-Identifier: MIT */
/* I/O APICs. Intel 82093AA datasheet. */
#ifndef DEVICES_REAL_IOAPIC_H
#define DEVICES_REAL_IOAPIC_H

#include "devices/real/acpi.h"

/*
 * Map those of the MADT and mask every pin, except those that are system management interrupts.
 * Returns how many answer. `info` must stay.
 */
unsigned ioapic_init(const struct acpi_info *info);

/*
 * Route ISA line `irq` (0..15), through the MADT's override, to `vector` on the CPU `apic_id`.
 * False: no such pin, or it is the firmware's.
 */
bool ioapic_route_isa(unsigned irq, uint8_t vector, uint32_t apic_id);

#endif
