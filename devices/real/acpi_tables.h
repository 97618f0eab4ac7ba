/* SPDX-License-Identifier: MIT */
/*
 * The single ACPI tables: private to devices/real/acpi*.c. Each gets a whole table whose checksum
 * is right.
 */
#ifndef DEVICES_REAL_ACPI_TABLES_H
#define DEVICES_REAL_ACPI_TABLES_H

#include "devices/real/acpi.h"

#define ACPI_HEADER_SIZE   36
#define ACPI_HEADER_LENGTH 4

static inline uint16_t acpi_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t acpi_get32(const uint8_t *at)
{
	return acpi_get16(at) | (uint32_t)acpi_get16(at + 2) << 16;
}

static inline uint64_t acpi_get64(const uint8_t *at)
{
	return acpi_get32(at) | (uint64_t)acpi_get32(at + 4) << 32;
}

/* Note something that is wrong, in a sentence. */
void acpi_problem(struct acpi_info *info, const char *format, ...) printf_like(2, 3);

/* Multiple APIC Description Table. */
void acpi_read_madt(struct acpi_info *info, const uint8_t *table, uint32_t size);

/* Fixed ACPI Description Table; returns the address of the DSDT, 0 if it names none. */
hpa_t acpi_read_fadt(struct acpi_info *info, const uint8_t *table, uint32_t size);

/* Look for the package \_S5_ in a DSDT or SSDT. */
void acpi_find_s5(struct acpi_info *info, const uint8_t *table, uint32_t size);

#endif
