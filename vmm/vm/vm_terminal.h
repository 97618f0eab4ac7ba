/* SPDX-License-Identifier: MIT */
/*
 * Where a VM's first serial line, its screen and its keyboard lead. The operator's console, which
 * is above the VM, connects itself here; while nothing is connected, output is dropped, as on a
 * cable that ends nowhere.
 *
 * Locking: all calls come on the VM's CPU.
 */
#ifndef VMM_VM_VM_TERMINAL_H
#define VMM_VM_VM_TERMINAL_H

#include "lib/types.h"

struct vm_terminal;

enum vm_input { VM_INPUT_SERIAL, VM_INPUT_KEYBOARD };

struct vm_terminal_ops {
	/* One byte of the serial line; room() said true, or the byte may be lost. */
	void (*output)(struct vm_terminal *terminal, uint8_t byte);
	/* May the serial line send one more byte now? If not, uart_output_ready() comes later. */
	bool (*room)(struct vm_terminal *terminal);
	/* The device can take input again, after it took less than it was offered. */
	void (*input_wanted)(struct vm_terminal *terminal, enum vm_input input);
	/* VM_CONSOLE was asked for. */
	void (*service)(struct vm_terminal *terminal);
	/* The VM comes to this CPU, or leaves it. */
	void (*arrive)(struct vm_terminal *terminal);
	void (*leave)(struct vm_terminal *terminal);
};

struct vm_terminal {
	const struct vm_terminal_ops *ops;
};

#endif
