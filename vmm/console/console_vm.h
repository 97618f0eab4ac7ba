/* SPDX-License-Identifier: MIT */
/*
 * What a VM has at the operator's console: its first serial line, and its screen with the keyboard.
 * It stands outside of struct vm, and connects itself as the VM's terminal (vmm/vm/vm_terminal.h).
 */
#ifndef VMM_CONSOLE_CONSOLE_VM_H
#define VMM_CONSOLE_CONSOLE_VM_H

#include "vmm/console/console_screen.h"
#include "vmm/vm/vm.h"

struct console_vm {
	struct vm_terminal terminal;
	struct vm *vm;
	struct channel serial; /* COM1 */
	struct scrollback scrollback;
	struct console_screen screen; /* if the VM has one */
	struct timer look;            /* at the screen */
};

/*
 * Connect `console`, all zeroes, to a VM that was defined and is off; both must stay. Its channels
 * get the VM's number. On the boot processor.
 */
void console_vm_connect(struct console_vm *console, struct vm *vm);

/* Take the channels away again. The VM is off. On the boot processor. */
void console_vm_disconnect(struct console_vm *console);

#endif
