/* SPDX-License-Identifier: MIT */
/* The monitor's own interrupts: which device arrives at which vector. */
#ifndef VMM_CPU_IRQ_H
#define VMM_CPU_IRQ_H

#include "devices/real/acpi.h"
#include "devices/real/lapic.h"

#define VECTOR_PIC      0x20 /* .. 2Fh: the masked 8259A pair, and ISA lines through the I/O APIC */
#define VECTOR_KEYBOARD 0x21
#define VECTOR_UART     0x24
#define VECTOR_KICK     0xEE /* from another CPU: vmm/cpu/cpu.h */
#define VECTOR_TIMER    0xEF
#define VECTOR_SPURIOUS 0xFF

/*
 * On the boot processor, after time_init(): silence the 8259A pair, find the I/O APICs, start the
 * local APIC and its timer, and make its NMI pins what the MADT says. `info` must stay. Panics
 * without a local APIC.
 */
void irq_init(const struct acpi_info *info, enum lapic_choice choice);

/* Does this machine have an I/O APIC? */
bool irq_has_ioapic(void);

/*
 * Have `handler`, which signals the end of the interrupt, called on the boot processor when ISA
 * interrupt `line` is asserted; it arrives at `vector`, which is free. On the boot processor, after
 * irq_init(). False: no I/O APIC leads there.
 */
bool must_check irq_route_isa(unsigned line, uint8_t vector, void (*handler)(void));

/*
 * Does an interrupt at `vector` come to this CPU's local APIC within `us`? Interrupts are off, so
 * that it waits there, and is taken later.
 */
bool irq_arrives(uint8_t vector, uint32_t us);

/* On every other processor: its local APIC, NMI pins and timer. False: the timer does not work. */
bool irq_init_cpu(void);

#endif
