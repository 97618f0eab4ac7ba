/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/irq.h"
#include "devices/real/ioapic.h"
#include "devices/real/lapic.h"
#include "devices/real/real_pic.h"
#include "devices/real/wait.h"
#include "lib/panic.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/observe/log.h"
#include "vmm/cpu/time.h"
#include "vmm/cpu/timer_errata.h"

static unsigned ioapics;
static const struct acpi_info *irq_info;

static void timer_interrupt(void)
{
	cpu_timer_interrupt();
	lapic_eoi();
}

static void kick_interrupt(void)
{
	cpu_reschedule(this_cpu());
	lapic_eoi();
}

/* SDM Vol. 3A "Spurious Interrupt": no EOI. */
static void spurious_interrupt(void)
{
}

static bool irq_has_wide_ids(const struct acpi_info *info)
{
	for (unsigned i = 0; i < info->cpu_count; i++)
		if (info->apic_id[i] > LAPIC_ID_MAX)
			return true;
	return false;
}

static void irq_set_nmis(void)
{
	const struct acpi_nmi *nmi;

	for (unsigned i = 0; (nmi = acpi_find_nmi(irq_info, lapic_id(), i)); i++)
		lapic_set_nmi(nmi->lint, nmi->active_low);
}

static void irq_describe(enum lapic_choice choice)
{
	log_info("irq: local APIC %u in %s mode, %s timer, %u I/O APICs\n", lapic_id(),
	         lapic_x2apic() ? "x2APIC" : "xAPIC", lapic_timer_mode(), ioapics);
	if (choice != LAPIC_AS_FIRMWARE && lapic_x2apic() != (choice == LAPIC_X2APIC))
		log_warning("irq: this processor does not allow the mode that 'apic' asks for\n");
	if (lapic_firmware_entries())
		log_info("irq: the firmware handles %u local interrupts, such as heat, by itself\n",
		         lapic_firmware_entries());
}

void irq_init(const struct acpi_info *info, enum lapic_choice choice)
{
	irq_info = info;
	ioapics = ioapic_init(info);
	pic_disable(VECTOR_PIC);
	if (!lapic_init(VECTOR_SPURIOUS, choice, irq_has_wide_ids(info)))
		panic("irq: this processor's local APIC does not answer");
	irq_set_nmis();
	if (!lapic_timer_init(VECTOR_TIMER, time_tsc_hz, !timer_errata.no_deadline))
		panic("irq: the local APIC's timer does not count");
	interrupt_register(VECTOR_TIMER, timer_interrupt);
	interrupt_register(VECTOR_KICK, kick_interrupt);
	interrupt_register(VECTOR_SPURIOUS, spurious_interrupt);
	irq_describe(choice);
}

bool irq_has_ioapic(void)
{
	return ioapics;
}

bool irq_route_isa(unsigned line, uint8_t vector, void (*handler)(void))
{
	interrupt_register(vector, handler);
	return ioapics && ioapic_route_isa(line, vector, lapic_id());
}

bool irq_arrives(uint8_t vector, uint32_t us)
{
	struct wait wait = wait_begin(us);
	bool over, here;

	do {
		over = wait_over(&wait);
		here = lapic_requested(vector);
	} while (!here && !over);
	return here;
}

bool irq_init_cpu(void)
{
	lapic_init_cpu();
	irq_set_nmis();
	return lapic_timer_init(VECTOR_TIMER, time_tsc_hz, !timer_errata.no_deadline);
}
