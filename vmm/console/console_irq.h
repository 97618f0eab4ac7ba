/* SPDX-License-Identifier: MIT */
/* The interrupts and the timer that serve the operator's console, on the boot processor. */
#ifndef VMM_CONSOLE_CONSOLE_IRQ_H
#define VMM_CONSOLE_CONSOLE_IRQ_H

#include "devices/real/acpi.h"

struct cpu;

/*
 * Route the UART's line to the boot processor `cpu`, and see whether it arrives. If it does not, or
 * without `use_interrupt`, a timer of `cpu` polls the UART every ms. The log says which. After
 * irq_init(), with interrupts off.
 */
void console_irq_init(const struct acpi_info *info, struct cpu *cpu, bool use_interrupt);

/*
 * The run loop comes next: from now on the console is buffered. Until then each message is on the
 * serial line and the screen before the next step begins: the last one names what hangs.
 */
void console_irq_start(void);

/*
 * The machine's PS/2 keyboard types on the console, too, if it is `wanted`; `forced`: even if ACPI
 * names none. The log says what was found, and if the operator can type nowhere. After
 * console_irq_init(), whose `info` must still be there.
 */
void console_irq_init_keyboard(bool wanted, bool forced);

#endif
