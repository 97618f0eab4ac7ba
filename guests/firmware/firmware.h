/* SPDX-License-Identifier: MIT */
/*
 * What a guest finds of a PC's firmware in its memory: the BIOS data area, the
 * extended one, the reset vector, and ACPI tables.
 */
#ifndef GUESTS_FIRMWARE_FIRMWARE_H
#define GUESTS_FIRMWARE_FIRMWARE_H

#include "devices/machine/machine_config.h"
#include "guests/firmware/memory_map.h"
#include "mm/guest_map.h"

/*
 * Write it all: work for well below a millisecond. Returns 0, or -ERR_OUT_OF_RANGE when the map
 * lacks RAM there.
 */
int must_check firmware_load(const struct guest_map *map, const struct machine_config *machine);

/* Where that leaves the root pointer of the ACPI tables; 0: the machine has none. */
static inline gpa_t firmware_rsdp(const struct machine_config *machine)
{
	return machine->acpi ? GUEST_BIOS_START : 0;
}

/* I/O bases of COM1 to COM4. */
#define FIRMWARE_UARTS 4
extern const uint16_t firmware_uart_ports[FIRMWARE_UARTS];

#endif
