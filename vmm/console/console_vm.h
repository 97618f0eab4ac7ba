/* SPDX-License-Identifier: MIT */
/*
 * What a VM has at the operator's console: its first serial line, and its screen with the keyboard.
 * Between struct vm and the channels.
 */
#ifndef VMM_CONSOLE_CONSOLE_VM_H
#define VMM_CONSOLE_CONSOLE_VM_H

struct vm;

/* The channels, under the number behind the VM's own. At its definition, on the boot processor. */
void console_vm_define(struct vm *vm);

/* Take them away again. */
void console_vm_forget(struct vm *vm);

/* VM_CONSOLE was asked for. On the VM's CPU. */
void console_vm_service(struct vm *vm);

/* The VM comes to this CPU, or leaves it. */
void console_vm_arrive(struct vm *vm);
void console_vm_leave(struct vm *vm);

#endif
