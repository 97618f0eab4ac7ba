/* SPDX-License-Identifier: MIT */
#include "devices/real/power.h"
#include "devices/real/wait.h"
#include "lib/x86.h"
#include "mm/host_map.h"

/* ACPI Specification, "PM1 Control Registers". */
#define PM1_SCI_EN   0x0001
#define PM1_SLP_TYP  10
#define PM1_SLP_MASK (7 << PM1_SLP_TYP)
#define PM1_SLP_EN   0x2000

/* ACPI Specification, "Sleep Control and Status Registers". */
#define SLEEP_TYPE   2
#define SLEEP_ENABLE 0x20
#define SLEEP_WAKE   0x80

#define PCI_ADDRESS       0xcf8
#define PCI_DATA          0xcfc
#define RESET_CONTROL     0xcf9
#define RESET_HARD        0x02
#define RESET_NOW         0x04
#define I8042_STATUS      0x64
#define I8042_COMMAND     0x64
#define I8042_INPUT_FULL  0x02
#define I8042_PULSE_RESET 0xfe

#define SETTLE_US 100000
#define ENABLE_US 3000000 /* firmware may take seconds to hand ACPI over */

static const struct acpi_info *acpi;

void power_init(const struct acpi_info *info)
{
	acpi = info;
}

static void power_settle(void)
{
	struct wait wait = wait_begin(SETTLE_US);

	while (!wait_over(&wait))
		cpu_relax();
}

/* ACPI Specification, "Legacy/ACPI Select and the SCI Interrupt". */
static bool power_enter_acpi_mode(void)
{
	struct wait wait = wait_begin(ENABLE_US);
	bool over;

	if (!acpi->smi_command || !acpi->acpi_enable || in16(acpi->pm1a_control) & PM1_SCI_EN)
		return true;
	out8(acpi->smi_command, acpi->acpi_enable);
	do {
		over = wait_over(&wait);
		if (in16(acpi->pm1a_control) & PM1_SCI_EN)
			return true;
	} while (!over);
	return false;
}

static void power_sleep(uint16_t port, uint8_t type)
{
	uint16_t value;

	if (!port)
		return;
	value = (uint16_t)((in16(port) & ~(PM1_SLP_MASK | PM1_SLP_EN)) | type << PM1_SLP_TYP);
	out16(port, value);
	out16(port, value | PM1_SLP_EN);
}

/*
 * Write a register of one byte. ACPI Specification, "Reset Register": in PCI space it is on bus 0,
 * as device, function and offset.
 */
static void power_write_register(const struct acpi_register *reg, uint8_t value)
{
	volatile uint8_t *memory;
	uint32_t device = reg->address >> 32 & 0x1f, function = reg->address >> 16 & 7;
	uint32_t offset = reg->address & 0xff;

	switch (reg->space) {
	case ACPI_SPACE_IO: out8((uint16_t)reg->address, value); break;
	case ACPI_SPACE_MEMORY:
		memory = host_map_mmio(reg->address, 1);
		if (memory)
			*memory = value;
		break;
	case ACPI_SPACE_PCI:
		out32(PCI_ADDRESS, 0x80000000 | device << 11 | function << 8 | (offset & 0xfc));
		out8((uint16_t)(PCI_DATA + (offset & 3)), value);
		break;
	default: break;
	}
}

/*
 * What has happened so far, or a wake-up that is still enabled, would switch some machines on
 * again. ACPI Specification, "PM1 Event Grouping", "General-Purpose Event Register Blocks": status,
 * then enable bits, each in half of the block; a status bit that is written as 1 becomes 0.
 */
static void power_clear_events(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(acpi->pm1_event); i++)
		if (acpi->pm1_event[i])
			out16(acpi->pm1_event[i], UINT16_MAX);
	for (unsigned i = 0; i < ARRAY_SIZE(acpi->gpe); i++)
		for (unsigned byte = 0; byte < acpi->gpe[i].size / 2; byte++) {
			uint16_t status = (uint16_t)(acpi->gpe[i].port + byte);

			out8((uint16_t)(status + acpi->gpe[i].size / 2), 0);
			out8(status, UINT8_MAX);
		}
}

/* ACPI Specification, "Sleep Control Register": there is no other where hardware is reduced. */
static void power_off_reduced(void)
{
	if (acpi->sleep_control.space == ACPI_SPACE_NONE)
		return;
	if (acpi->sleep_status.space != ACPI_SPACE_NONE)
		power_write_register(&acpi->sleep_status, SLEEP_WAKE);
	power_write_register(&acpi->sleep_control, (uint8_t)(acpi->s5_type_a << SLEEP_TYPE | SLEEP_ENABLE));
	power_settle();
}

static void power_off_legacy(void)
{
	if (!acpi->pm1a_control || !power_enter_acpi_mode())
		return;
	power_clear_events();
	power_sleep(acpi->pm1a_control, acpi->s5_type_a);
	power_sleep(acpi->pm1b_control, acpi->s5_type_b);
	power_settle();
}

void power_off(void)
{
	if (!acpi || !acpi->has_s5)
		return;
	if (acpi->hardware_reduced)
		power_off_reduced();
	else
		power_off_legacy();
}

static void power_pulse_8042(void)
{
	struct wait wait = wait_begin(SETTLE_US);

	while (in8(I8042_STATUS) & I8042_INPUT_FULL && !wait_over(&wait))
		cpu_relax();
	out8(I8042_COMMAND, I8042_PULSE_RESET);
}

void power_reset(void)
{
	if (acpi && acpi->reset.space != ACPI_SPACE_NONE) {
		power_write_register(&acpi->reset, acpi->reset_value);
		power_settle();
	}
	out8(RESET_CONTROL, RESET_HARD);
	out8(RESET_CONTROL, RESET_HARD | RESET_NOW);
	power_settle();
	if (!acpi || acpi->has_8042) {
		power_pulse_8042();
		power_settle();
	}
	triple_fault();
}
