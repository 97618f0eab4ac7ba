/* SPDX-License-Identifier: MIT */
#include "devices/real/acpi.h"
#include "devices/real/acpi_tables.h"
#include "lib/format.h"
#include "lib/string.h"

#define RSDP_V1_SIZE   20
#define RSDP_V2_SIZE   36
#define BIOS_AREA      0xe0000
#define BIOS_AREA_SIZE 0x20000
#define EBDA_POINTER   0x40e /* BIOS data area: segment of the extended one */
#define EBDA_SEARCHED  1024
#define TABLE_SIZE_MAX MIB(4)
#define TABLES_MAX     256 /* entries of the root table that are looked at */

void acpi_problem(struct acpi_info *info, const char *format, ...)
{
	va_list args;

	if (info->problem_count < ACPI_PROBLEMS_MAX) {
		va_start(args, format);
		format_buffer_va(info->problem[info->problem_count], ACPI_PROBLEM_SIZE, format, args);
		va_end(args);
	}
	info->problem_count++;
}

static bool acpi_sums_to_zero(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

/* Map a whole table of any signature after checking it; null with a problem noted. */
static const uint8_t *acpi_map_table(struct acpi_info *info, acpi_map_t map, hpa_t address, uint32_t *size)
{
	const uint8_t *table = map(address, ACPI_HEADER_SIZE);
	char name[5] = "";

	if (!table) {
		acpi_problem(info, "ACPI: a table is said to be at %#lx, where no memory is", address);
		return NULL;
	}
	memcpy(name, table, 4);
	for (unsigned i = 0; i < 4; i++)
		if (name[i] < ' ' || name[i] > '~')
			name[i] = '?';
	*size = acpi_get32(table + ACPI_HEADER_LENGTH);
	if (*size < ACPI_HEADER_SIZE || *size > TABLE_SIZE_MAX) {
		acpi_problem(info, "ACPI: table %s at %#lx has an impossible length of %u", name, address,
		             *size);
		return NULL;
	}
	table = map(address, *size);
	if (!table)
		acpi_problem(info, "ACPI: table %s at %#lx is not all in memory", name, address);
	else if (!acpi_sums_to_zero(table, *size))
		acpi_problem(info, "ACPI: table %s at %#lx has a wrong checksum, and is used", name, address);
	return table;
}

static void acpi_read_table(struct acpi_info *info, acpi_map_t map, hpa_t address)
{
	uint32_t size;
	const uint8_t *table = acpi_map_table(info, map, address, &size);
	hpa_t dsdt = 0;

	if (!table)
		return;
	if (!memcmp(table, "APIC", 4)) {
		acpi_read_madt(info, table, size);
	} else if (!memcmp(table, "SSDT", 4)) {
		acpi_find_s5(info, table, size);
	} else if (!memcmp(table, "FACP", 4)) {
		dsdt = acpi_read_fadt(info, table, size);
		table = dsdt ? acpi_map_table(info, map, dsdt, &size) : NULL;
		if (table)
			acpi_find_s5(info, table, size);
	}
}

/* Walk the RSDT (4-byte entries) or XSDT (8-byte entries). */
static bool acpi_read_root(struct acpi_info *info, acpi_map_t map, hpa_t address, unsigned entry_size,
                           const char *signature)
{
	uint32_t size;
	const uint8_t *root = acpi_map_table(info, map, address, &size);
	unsigned count;

	if (!root)
		return false;
	if (memcmp(root, signature, 4)) {
		acpi_problem(info, "ACPI: no %s at %#lx, where the RSDP says it is", signature, address);
		return false;
	}
	count = MIN((size - ACPI_HEADER_SIZE) / entry_size, TABLES_MAX);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *entry;
		hpa_t table;

		root = map(address, size); /* again: reading a table took its mapping */
		if (!root)
			break;
		entry = root + ACPI_HEADER_SIZE + i * entry_size;
		table = entry_size == 8 ? acpi_get64(entry) : acpi_get32(entry);
		if (table)
			acpi_read_table(info, map, table);
	}
	return true;
}

static bool acpi_rsdp_good(const uint8_t *rsdp, size_t size)
{
	return size >= RSDP_V1_SIZE && !memcmp(rsdp, "RSD PTR ", 8) && acpi_sums_to_zero(rsdp, RSDP_V1_SIZE);
}

/* ACPI Specification, "Finding the RSDP on IA-PC Systems": on 16-byte boundaries. */
static bool acpi_search(acpi_map_t map, hpa_t start, size_t length, uint8_t *rsdp)
{
	const uint8_t *area = start ? map(start, length) : NULL;

	for (size_t at = 0; area && at + RSDP_V1_SIZE <= length; at += 16) {
		if (!acpi_rsdp_good(area + at, length - at))
			continue;
		memcpy(rsdp, area + at, MIN((size_t)RSDP_V2_SIZE, length - at));
		return true;
	}
	return false;
}

static bool acpi_search_bios(acpi_map_t map, uint8_t *rsdp)
{
	const uint8_t *pointer = map(EBDA_POINTER, 2);
	hpa_t ebda = pointer ? (hpa_t)acpi_get16(pointer) << 4 : 0;

	return acpi_search(map, ebda, EBDA_SEARCHED, rsdp) ||
	       acpi_search(map, BIOS_AREA, BIOS_AREA_SIZE, rsdp);
}

static void acpi_set_defaults(struct acpi_info *info)
{
	memset(info, 0, sizeof(*info));
	info->has_8259 = true;
	info->has_8042 = true;
	info->reset.space = info->sleep_control.space = info->sleep_status.space = ACPI_SPACE_NONE;
	for (unsigned irq = 0; irq < ACPI_ISA_IRQS; irq++)
		info->isa_irq[irq].gsi = irq;
}

void acpi_parse(struct acpi_info *info, const uint8_t *rsdp, size_t rsdp_size, acpi_map_t map)
{
	uint8_t copy[RSDP_V2_SIZE] = {0};
	hpa_t xsdt;

	acpi_set_defaults(info);
	if (rsdp_size && acpi_rsdp_good(rsdp, rsdp_size)) {
		memcpy(copy, rsdp, MIN(rsdp_size, sizeof(copy)));
	} else {
		if (rsdp_size)
			acpi_problem(info, "ACPI: the boot loader's copy of the RSDP is broken");
		if (!acpi_search_bios(map, copy)) {
			acpi_problem(info, "ACPI: no tables found; a plain PC is assumed");
			return;
		}
	}
	info->revision = copy[15];
	xsdt = acpi_get64(copy + 24);
	if (info->revision >= 2 && xsdt) {
		if (!acpi_sums_to_zero(copy, RSDP_V2_SIZE))
			acpi_problem(info, "ACPI: the RSDP's extended checksum is wrong; the RSDT is used");
		else
			info->present = acpi_read_root(info, map, xsdt, 8, "XSDT");
	}
	if (!info->present)
		info->present = acpi_read_root(info, map, acpi_get32(copy + 16), 4, "RSDT");
}
