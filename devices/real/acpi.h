/* SPDX-License-Identifier: MIT */
/*
 * What the firmware's ACPI tables say about the machine, as far as Nacre uses it. ACPI
 * Specification, "System Description Tables" (RSDP, RSDT, XSDT, FADT, MADT).
 *
 * Firmware tables are input like any other: every length is checked, and a broken table is left out
 * with a sentence. One with a wrong checksum is used, with a sentence: firmware is often careless
 * with that, and its contents are checked anyway.
 */
#ifndef DEVICES_REAL_ACPI_H
#define DEVICES_REAL_ACPI_H

#include "lib/types.h"

#define ACPI_CPUS_MAX     256
#define ACPI_NMIS_MAX     (ACPI_CPUS_MAX + 1)
#define ACPI_ALL_CPUS     UINT32_MAX
#define ACPI_IOAPICS_MAX  16
#define ACPI_ISA_IRQS     16
#define ACPI_PROBLEMS_MAX 8
#define ACPI_PROBLEM_SIZE 120

/*
 * A map of physical memory: `size` bytes at `address`, valid until the next call; null if that
 * cannot be had.
 */
typedef const void *(*acpi_map_t)(hpa_t address, size_t size);

/* A register as a Generic Address Structure describes it. */
struct acpi_register {
	enum { ACPI_SPACE_NONE = -1, ACPI_SPACE_MEMORY = 0, ACPI_SPACE_IO = 1, ACPI_SPACE_PCI = 2 } space;
	uint64_t address;
	uint8_t width; /* bits */
};

struct acpi_ioapic {
	uint8_t id;
	hpa_t address;
	uint32_t gsi_base; /* global system interrupt of its pin 0 */
};

/* Where an ISA line arrives; the identity, edge, active high, unless the MADT overrides it. */
struct acpi_isa_irq {
	uint32_t gsi;
	bool level, active_low;
};

/* A pin LINT0 or LINT1 of local APICs that is an NMI. */
struct acpi_nmi {
	uint32_t uid; /* of the processor; ACPI_ALL_CPUS: of each */
	uint8_t lint;
	bool active_low;
};

struct acpi_info {
	bool present; /* an RSDP was found and its root table is good */
	uint8_t revision;

	bool has_madt;
	bool has_8259;       /* PCAT_COMPAT */
	hpa_t lapic_address; /* MADT, incl. the 64-bit override; 0 without a MADT */
	unsigned cpu_count, ioapic_count;
	uint32_t apic_id[ACPI_CPUS_MAX]; /* of the processors that are enabled */
	uint32_t uid[ACPI_CPUS_MAX];     /* their names in other entries */
	unsigned nmi_count;
	struct acpi_nmi nmi[ACPI_NMIS_MAX];
	struct acpi_ioapic ioapic[ACPI_IOAPICS_MAX];
	struct acpi_isa_irq isa_irq[ACPI_ISA_IRQS];

	bool has_fadt;
	bool hardware_reduced;
	bool has_8042;     /* IAPC_BOOT_ARCH; assumed on tables too old to say */
	uint8_t century;   /* index of the RTC's century register; 0: none */
	uint16_t pm_timer; /* I/O port; 0: none */
	bool pm_timer_32bit;
	uint16_t pm1a_control, pm1b_control; /* I/O ports; 0: none */
	uint16_t pm1_event[2];               /* I/O ports; 0: none */
	struct {
		uint16_t port; /* 0: none */
		uint8_t size;  /* bytes: status bits, then as many for enabling */
	} gpe[2];
	struct acpi_register sleep_control, sleep_status; /* of reduced hardware */
	uint16_t smi_command;                             /* I/O port; 0: always in ACPI mode */
	uint8_t acpi_enable;                              /* the value that switches to ACPI mode there */
	struct acpi_register reset;
	uint8_t reset_value;

	bool has_s5;
	uint8_t s5_type_a, s5_type_b; /* SLP_TYP values */

	unsigned problem_count; /* of all problems; the first ACPI_PROBLEMS_MAX are described */
	char problem[ACPI_PROBLEMS_MAX][ACPI_PROBLEM_SIZE];
};

/*
 * Read the tables. `rsdp` is a copy of the RSDP of `rsdp_size` (20 or 36) bytes from the boot
 * loader; with rsdp_size 0 the BIOS area is searched. Always leaves `info` usable: what is missing
 * has its PC default (identity interrupts, 8259 and 8042 present).
 */
void acpi_parse(struct acpi_info *info, const uint8_t *rsdp, size_t rsdp_size, acpi_map_t map);

/* The index-th (0..) NMI pin of the processor `apic_id`; null: it has no more. */
const struct acpi_nmi *acpi_find_nmi(const struct acpi_info *info, uint32_t apic_id, unsigned index);

#endif
