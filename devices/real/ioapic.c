/* SPDX-License-Identifier: MIT */
#include "devices/real/ioapic.h"
#include "mm/host_map.h"

/* 82093AA datasheet, "Memory Mapped Registers" and "IOAPIC Registers". */
#define IOREGSEL      0
#define IOWIN         4 /* offset 10h, in 32-bit words */
#define IOAPICVER     0x01
#define IOREDTBL(pin) (0x10 + 2 * (pin))

#define REDIRECTION_MODE       0x700
#define REDIRECTION_SMI        0x200
#define REDIRECTION_ACTIVE_LOW 0x2000
#define REDIRECTION_LEVEL      0x8000
#define REDIRECTION_MASKED     0x10000
#define NOBODY                 0xffffffff /* what a floating bus reads as */

static struct {
	const struct acpi_info *info;
	volatile uint32_t *registers[ACPI_IOAPICS_MAX]; /* null: does not answer */
	unsigned pins[ACPI_IOAPICS_MAX];
} ioapic;

static uint32_t ioapic_get(unsigned unit, uint32_t reg)
{
	ioapic.registers[unit][IOREGSEL] = reg;
	return ioapic.registers[unit][IOWIN];
}

static void ioapic_put(unsigned unit, uint32_t reg, uint32_t value)
{
	ioapic.registers[unit][IOREGSEL] = reg;
	ioapic.registers[unit][IOWIN] = value;
}

/* Firmware's own: without it some servers stop. */
static bool ioapic_pin_is_smi(unsigned unit, unsigned pin)
{
	return (ioapic_get(unit, IOREDTBL(pin)) & REDIRECTION_MODE) == REDIRECTION_SMI;
}

static bool ioapic_start(unsigned unit)
{
	uint32_t version;

	ioapic.registers[unit] = host_map_mmio(ioapic.info->ioapic[unit].address, PAGE_SIZE);
	if (!ioapic.registers[unit])
		return false;
	version = ioapic_get(unit, IOAPICVER);
	if (version == NOBODY) {
		ioapic.registers[unit] = NULL;
		return false;
	}
	ioapic.pins[unit] = (version >> 16 & 0xff) + 1;
	for (unsigned pin = 0; pin < ioapic.pins[unit]; pin++)
		if (!ioapic_pin_is_smi(unit, pin))
			ioapic_put(unit, IOREDTBL(pin), REDIRECTION_MASKED);
	return true;
}

unsigned ioapic_init(const struct acpi_info *info)
{
	unsigned answering = 0;

	ioapic.info = info;
	for (unsigned unit = 0; unit < info->ioapic_count; unit++)
		answering += ioapic_start(unit);
	return answering;
}

bool ioapic_route_isa(unsigned irq, uint8_t vector, uint32_t apic_id)
{
	const struct acpi_isa_irq *line = &ioapic.info->isa_irq[irq % ACPI_ISA_IRQS];

	if (irq >= ACPI_ISA_IRQS || apic_id > UINT8_MAX) /* wider ids need interrupt remapping */
		return false;
	for (unsigned unit = 0; unit < ioapic.info->ioapic_count; unit++) {
		uint32_t pin = line->gsi - ioapic.info->ioapic[unit].gsi_base;

		if (!ioapic.registers[unit] || line->gsi < ioapic.info->ioapic[unit].gsi_base ||
		    pin >= ioapic.pins[unit])
			continue;
		if (ioapic_pin_is_smi(unit, pin))
			return false;
		ioapic_put(unit, IOREDTBL(pin) + 1, apic_id << 24);
		ioapic_put(unit, IOREDTBL(pin),
		           vector | (line->level ? REDIRECTION_LEVEL : 0) |
		                   (line->active_low ? REDIRECTION_ACTIVE_LOW : 0));
		return true;
	}
	return false;
}
