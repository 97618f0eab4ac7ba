/* SPDX-License-Identifier: MIT */
/*
 * The monitor's own descriptor tables, exceptions and interrupts.
 * SDM Vol. 3A "Interrupt and Exception Handling", "Task Management in 64-bit Mode".
 */
#ifndef VMM_CPU_INTERRUPTS_H
#define VMM_CPU_INTERRUPTS_H

#include "lib/interrupt_frame.h"
#include "lib/types.h"

struct cpu;

/* Selectors of the monitor's GDT: what VM exits load. */
#define SELECTOR_CODE 0x08
#define SELECTOR_DATA 0x10
#define SELECTOR_TSS  0x18

#define TSS_LIMIT 0x67 /* what VM exits set: no I/O permission bitmap after the TSS */

#define VECTOR_FIRST_FREE 32 /* below are the architecture's exceptions */

/* Linear base addresses of this CPU's tables. */
struct descriptor_tables {
	uint64_t gdt, idt, tss;
};

/*
 * The boot processor, from the first C code on: exceptions panic with a report instead of resetting
 * the machine.
 */
void interrupts_early_init(struct cpu *cpu);

/*
 * Set up this CPU's own GDT and TSS, the IDT, and stacks with guard pages for NMI, #DF and #MC.
 * Turn on machine checks (CR4.MCE), and make `cpu` the GS base. Needs host_map_activate(). Every
 * CPU calls it once, before it opens interrupts. -ERR_NO_MEMORY.
 */
int must_check interrupts_init_cpu(struct cpu *cpu);

/*
 * This CPU does nothing for good, and `*done` becomes 1. Intel sends machine checks to all CPUs,
 * and one that has CR4.MCE clear then shuts the machine down: so the CPU halts with the bit set,
 * and with exceptions that lead back to the halt. Its stack may be another's from then on. Needs
 * host_map_activate() here, and interrupts_init_cpu() on the boot processor.
 */
_Noreturn void interrupts_park_cpu(uint32_t *done);

/* After interrupts_init_cpu(): for the host-state area of a VMCS. */
struct descriptor_tables interrupts_tables(void);

/*
 * Call `handler` for `vector` (32..255), with interrupts off, on whichever CPU it arrives; the
 * handler signals the end of the interrupt. At boot only.
 */
void interrupt_register(uint8_t vector, void (*handler)(void));

/*
 * An interrupt has been accepted: from the IDT, or by a VM exit that acknowledged it. Interrupts
 * are off. A vector without a handler, which may be an exception's, is logged once and ended.
 */
void interrupt_dispatch(unsigned vector);

/* How much of a frame above the registers interrupts.S takes off the stack. */
#define INTERRUPT_FRAME_WHOLE  16 /* vector and error code */
#define INTERRUPT_FRAME_VECTOR 8  /* an interrupt at an exception's vector pushes no error code */

/* Called by interrupts.S for whatever arrives through the IDT. Returns one of the above. */
size_t interrupt_entry(const struct interrupt_frame *frame);

#endif
