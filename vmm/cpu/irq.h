/* SPDX-License-Identifier: MIT */
/* The monitor's own interrupts: which device arrives at which vector. */
#ifndef VMM_CPU_IRQ_H
#define VMM_CPU_IRQ_H

#include "devices/real/acpi.h"

struct cpu;

#define VECTOR_PIC      0x20 /* .. 2Fh: the masked 8259A pair, and ISA lines through the I/O APIC */
#define VECTOR_KEYBOARD 0x21
#define VECTOR_UART     0x24
#define VECTOR_KICK     0xEE /* from another CPU: vmm/cpu/cpu.h */
#define VECTOR_TIMER    0xEF
#define VECTOR_SPURIOUS 0xFF

/*
 * On the boot processor, after time_init(): silence the 8259A pair, start the local APIC and its
 * timer, route the UART's line, and make the console buffered. Without an I/O APIC the UART is
 * polled every ms by a timer in `cpu->timers`, and the log says so. Panics without a local APIC.
 */
void irq_init(const struct acpi_info *info, struct cpu *cpu);

/*
 * The machine's PS/2 keyboard types on the console, too. After irq_init(), whose `info` must still
 * be there.
 */
void irq_init_keyboard(void);

/* On every other processor: its local APIC and timer. False: they do not work. */
bool irq_init_cpu(void);

#endif
