/* SPDX-License-Identifier: MIT */
/* The ACPI tables of a guest: ACPI Specification 5.1, "ACPI Software Programming Model". */
#ifndef GUESTS_FIRMWARE_FIRMWARE_ACPI_H
#define GUESTS_FIRMWARE_FIRMWARE_ACPI_H

#include "guests/firmware/firmware.h"
#include "mm/guest_map.h"

#define ACPI_FACS_SIZE 64

/*
 * Write RSDP, RSDT, XSDT, FADT, DSDT, SSDT and perhaps HPET into [*at, limit); `*at` advances to
 * their end. FACS, which a guest writes to, goes to `facs`, a multiple of 64. `*rsdp` becomes the
 * root pointer's address. -ERR_NO_MEMORY: no room; -ERR_OUT_OF_RANGE: the map has no RAM there.
 */
int must_check firmware_acpi_load(const struct guest_map *map, gpa_t *at, gpa_t limit, gpa_t facs,
                                  const struct machine_config *machine, gpa_t *rsdp);

#endif
