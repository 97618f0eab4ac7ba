/* SPDX-License-Identifier: MIT */
/* MADT, FADT and the one AML object that Nacre needs. */
#include "devices/real/acpi_tables.h"
#include "lib/checked.h"
#include "lib/string.h"

/* ACPI Specification, "Multiple APIC Description Table (MADT)". */
#define MADT_LAPIC_ADDRESS 36
#define MADT_FLAGS         40
#define MADT_ENTRIES       44
#define MADT_PCAT_COMPAT   0x1

enum {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_NMI = 4,
	MADT_LAPIC_OVERRIDE = 5,
	MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10,
};

/*
 * Firmware may name a processor twice: for its xAPIC and for its x2APIC. What is not enabled is a
 * place where one may be plugged in later, or is broken.
 */
static void acpi_add_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t uid, uint32_t flags)
{
	if (!(flags & 1))
		return;
	for (unsigned i = 0; i < info->cpu_count; i++)
		if (info->apic_id[i] == apic_id)
			return;
	if (info->cpu_count == ACPI_CPUS_MAX) {
		acpi_problem(info, "ACPI: more than %u processors; APIC ID %u is left out", ACPI_CPUS_MAX,
		             apic_id);
		return;
	}
	info->uid[info->cpu_count] = uid;
	info->apic_id[info->cpu_count++] = apic_id;
}

/* "Conforms to the bus" is active high; an NMI is always taken as an edge. */
static void acpi_add_nmi(struct acpi_info *info, uint32_t uid, uint8_t lint, uint16_t flags)
{
	if (info->nmi_count < ACPI_NMIS_MAX && lint < 2)
		info->nmi[info->nmi_count++] = (struct acpi_nmi){uid, lint, (flags & 3) == 3};
}

const struct acpi_nmi *acpi_find_nmi(const struct acpi_info *info, uint32_t apic_id, unsigned index)
{
	for (unsigned cpu = 0; cpu < info->cpu_count; cpu++)
		for (unsigned i = 0; info->apic_id[cpu] == apic_id && i < info->nmi_count; i++)
			if ((info->nmi[i].uid == info->uid[cpu] || info->nmi[i].uid == ACPI_ALL_CPUS) &&
			    !index--)
				return &info->nmi[i];
	return NULL;
}

static void acpi_add_override(struct acpi_info *info, const uint8_t *entry)
{
	uint8_t bus = entry[2], irq = entry[3];
	uint16_t flags = acpi_get16(entry + 8);

	/* ISA's own polarity and trigger mode, "conforms to the bus", are active high and edge. */
	if (bus != 0 || irq >= ACPI_ISA_IRQS) {
		acpi_problem(info, "ACPI: interrupt override for bus %u, line %u, is not for ISA", bus, irq);
		return;
	}
	info->isa_irq[irq] = (struct acpi_isa_irq){
		.gsi = acpi_get32(entry + 4), .active_low = (flags & 3) == 3, .level = (flags >> 2 & 3) == 3};
}

static void acpi_add_ioapic(struct acpi_info *info, const uint8_t *entry)
{
	if (info->ioapic_count == ACPI_IOAPICS_MAX) {
		acpi_problem(info, "ACPI: more than %u I/O APICs; the rest is left out", ACPI_IOAPICS_MAX);
		return;
	}
	info->ioapic[info->ioapic_count++] =
		(struct acpi_ioapic){entry[2], acpi_get32(entry + 4), acpi_get32(entry + 8)};
}

static void acpi_read_madt_entry(struct acpi_info *info, const uint8_t *entry)
{
	switch (entry[0]) {
	case MADT_LAPIC: acpi_add_cpu(info, entry[3], entry[2], acpi_get32(entry + 4)); break;
	case MADT_X2APIC:
		acpi_add_cpu(info, acpi_get32(entry + 4), acpi_get32(entry + 12), acpi_get32(entry + 8));
		break;
	case MADT_LAPIC_NMI:
		acpi_add_nmi(info, entry[2] == UINT8_MAX ? ACPI_ALL_CPUS : entry[2], entry[5],
		             acpi_get16(entry + 3));
		break;
	case MADT_X2APIC_NMI:
		acpi_add_nmi(info, acpi_get32(entry + 4), entry[8], acpi_get16(entry + 2));
		break;
	case MADT_IOAPIC: acpi_add_ioapic(info, entry); break;
	case MADT_OVERRIDE: acpi_add_override(info, entry); break;
	case MADT_LAPIC_OVERRIDE: info->lapic_address = acpi_get64(entry + 4); break;
	default: break;
	}
}

void acpi_read_madt(struct acpi_info *info, const uint8_t *table, uint32_t size)
{
	static const uint8_t length_of[] = {
		[MADT_LAPIC] = 8,           [MADT_IOAPIC] = 12, [MADT_OVERRIDE] = 10,   [MADT_LAPIC_NMI] = 6,
		[MADT_LAPIC_OVERRIDE] = 12, [MADT_X2APIC] = 16, [MADT_X2APIC_NMI] = 12,
	};

	if (size < MADT_ENTRIES || info->has_madt) {
		acpi_problem(info, "ACPI: a second or too short MADT is left out");
		return;
	}
	info->has_madt = true;
	info->lapic_address = acpi_get32(table + MADT_LAPIC_ADDRESS);
	info->has_8259 = acpi_get32(table + MADT_FLAGS) & MADT_PCAT_COMPAT;
	for (uint32_t at = MADT_ENTRIES; size - at >= 2; at += table[at + 1]) {
		uint8_t type = table[at], length = table[at + 1];
		uint8_t minimum = type < ARRAY_SIZE(length_of) ? length_of[type] : 0;

		if (length < MAX(minimum, 2) || length > size - at) {
			acpi_problem(info,
			             "ACPI: MADT entry at offset %u has a wrong length; the rest is left out",
			             at);
			return;
		}
		acpi_read_madt_entry(info, table + at);
	}
}

/* ACPI Specification, "Fixed ACPI Description Table (FADT)". */
#define FADT_SIZE_1_0    116
#define FADT_DSDT        40
#define FADT_SMI_CMD     48
#define FADT_ACPI_ENABLE 52
#define FADT_PM1A_EVT    56
#define FADT_PM1B_EVT    60
#define FADT_PM1A_CNT    64
#define FADT_PM1B_CNT    68
#define FADT_PM_TMR      76
#define FADT_GPE0        80
#define FADT_GPE1        84
#define FADT_PM_TMR_LEN  91
#define FADT_GPE0_LEN    92
#define FADT_GPE1_LEN    93
#define FADT_CENTURY     108
#define FADT_BOOT_ARCH   109
#define FADT_FLAGS       112
#define FADT_RESET_REG   116
#define FADT_RESET_VALUE 128
#define FADT_X_DSDT      140
#define FADT_X_PM1A_EVT  148
#define FADT_X_PM1B_EVT  160
#define FADT_X_PM1A_CNT  172
#define FADT_X_PM1B_CNT  184
#define FADT_X_PM_TMR    208
#define FADT_X_GPE0      220
#define FADT_X_GPE1      232
#define FADT_SLEEP_CTL   244
#define FADT_SLEEP_STS   256
#define GAS_SIZE         12

#define FLAG_TMR_VAL_EXT 0x100
#define FLAG_RESET_REG   0x400
#define FLAG_HW_REDUCED  0x100000
#define BOOT_ARCH_8042   0x2
#define RTC_REGISTERS    128

/* "Generic Address Structure" */
static struct acpi_register acpi_read_gas(const uint8_t *table, uint32_t size, uint32_t offset)
{
	struct acpi_register reg = {.space = ACPI_SPACE_NONE};

	if (!range_within(offset, GAS_SIZE, size) || table[offset] > ACPI_SPACE_PCI)
		return reg;
	reg.space = table[offset];
	reg.width = table[offset + 1];
	reg.address = acpi_get64(table + offset + 4);
	if (!reg.address)
		reg.space = ACPI_SPACE_NONE;
	return reg;
}

/* The port of a register block: as the 32-bit field says, or where that is 0 the extended one. */
static uint16_t acpi_read_port(const uint8_t *table, uint32_t size, uint32_t offset, uint32_t extended)
{
	uint32_t port = acpi_get32(table + offset);
	struct acpi_register reg = acpi_read_gas(table, size, extended);

	if (!port && reg.space == ACPI_SPACE_IO && reg.address <= UINT16_MAX)
		port = (uint32_t)reg.address;
	return port <= UINT16_MAX ? (uint16_t)port : 0;
}

static void acpi_read_events(struct acpi_info *info, const uint8_t *table, uint32_t size)
{
	info->pm1_event[0] = acpi_read_port(table, size, FADT_PM1A_EVT, FADT_X_PM1A_EVT);
	info->pm1_event[1] = acpi_read_port(table, size, FADT_PM1B_EVT, FADT_X_PM1B_EVT);
	info->gpe[0].port = acpi_read_port(table, size, FADT_GPE0, FADT_X_GPE0);
	info->gpe[0].size = info->gpe[0].port ? table[FADT_GPE0_LEN] : 0;
	info->gpe[1].port = acpi_read_port(table, size, FADT_GPE1, FADT_X_GPE1);
	info->gpe[1].size = info->gpe[1].port ? table[FADT_GPE1_LEN] : 0;
	info->sleep_control = acpi_read_gas(table, size, FADT_SLEEP_CTL);
	info->sleep_status = acpi_read_gas(table, size, FADT_SLEEP_STS);
}

hpa_t acpi_read_fadt(struct acpi_info *info, const uint8_t *table, uint32_t size)
{
	uint32_t flags;
	hpa_t dsdt;

	if (size < FADT_SIZE_1_0 || info->has_fadt) {
		acpi_problem(info, "ACPI: a second or too short FADT is left out");
		return 0;
	}
	info->has_fadt = true;
	flags = acpi_get32(table + FADT_FLAGS);
	info->hardware_reduced = flags & FLAG_HW_REDUCED;
	info->smi_command = acpi_read_port(table, size, FADT_SMI_CMD, size);
	info->acpi_enable = table[FADT_ACPI_ENABLE];
	info->pm1a_control = acpi_read_port(table, size, FADT_PM1A_CNT, FADT_X_PM1A_CNT);
	info->pm1b_control = acpi_read_port(table, size, FADT_PM1B_CNT, FADT_X_PM1B_CNT);
	acpi_read_events(info, table, size);
	info->pm_timer =
		table[FADT_PM_TMR_LEN] == 4 ? acpi_read_port(table, size, FADT_PM_TMR, FADT_X_PM_TMR) : 0;
	info->pm_timer_32bit = flags & FLAG_TMR_VAL_EXT;
	info->century = table[FADT_CENTURY] < RTC_REGISTERS ? table[FADT_CENTURY] : 0;
	if (size > FADT_SIZE_1_0) /* IAPC_BOOT_ARCH came with ACPI 2.0 */
		info->has_8042 = acpi_get16(table + FADT_BOOT_ARCH) & BOOT_ARCH_8042;
	if (flags & FLAG_RESET_REG && size > FADT_RESET_VALUE) {
		info->reset = acpi_read_gas(table, size, FADT_RESET_REG);
		info->reset_value = table[FADT_RESET_VALUE];
	}
	dsdt = range_within(FADT_X_DSDT, 8, size) ? acpi_get64(table + FADT_X_DSDT) : 0;
	return dsdt ? dsdt : acpi_get32(table + FADT_DSDT);
}

/* ACPI Specification, "ACPI Machine Language (AML) Specification": encodings. */
#define AML_ZERO    0x00
#define AML_ONE     0x01
#define AML_NAME    0x08
#define AML_BYTE    0x0a
#define AML_WORD    0x0b
#define AML_DWORD   0x0c
#define AML_PACKAGE 0x12
#define AML_ROOT    0x5c

/* One integer at *at, of which SLP_TYP is the low three bits. */
static bool acpi_read_integer(const uint8_t *table, uint32_t size, uint32_t *at, uint8_t *value)
{
	uint8_t op = *at < size ? table[*at] : 0xff;
	uint32_t width = op == AML_BYTE ? 1 : op == AML_WORD ? 2 : op == AML_DWORD ? 4 : 0;

	if (op == AML_ZERO || op == AML_ONE)
		*value = op;
	else if (width && range_within(*at + 1, width, size))
		*value = table[*at + 1];
	else
		return false;
	*at += 1 + width;
	return true;
}

/* At `at` stands "_S5_"; is it a Name of a Package with at least one integer? */
static bool acpi_read_s5(struct acpi_info *info, const uint8_t *table, uint32_t size, uint32_t at)
{
	bool named = table[at - 1] == AML_NAME || (table[at - 1] == AML_ROOT && table[at - 2] == AML_NAME);
	uint8_t a, b, elements;

	at += 4;
	if (!named || !range_within(at, 3, size) || table[at] != AML_PACKAGE)
		return false;
	at += 2 + (table[at + 1] >> 6); /* PkgLength: the top two bits count the bytes that follow */
	elements = at < size ? table[at] : 0;
	at++;
	if (!elements || !acpi_read_integer(table, size, &at, &a))
		return false;
	if (elements < 2 || !acpi_read_integer(table, size, &at, &b))
		b = a;
	info->has_s5 = true;
	info->s5_type_a = a & 7;
	info->s5_type_b = b & 7;
	return true;
}

void acpi_find_s5(struct acpi_info *info, const uint8_t *table, uint32_t size)
{
	for (uint32_t at = ACPI_HEADER_SIZE + 1; !info->has_s5 && at + 4 <= size; at++)
		if (!memcmp(table + at, "_S5_", 4) && acpi_read_s5(info, table, size, at))
			return;
}
