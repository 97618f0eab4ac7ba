/* SPDX-License-Identifier: MIT */
/* The shell's commands that look at VMs and run their lives. */
#ifndef VMM_SHELL_SHELL_VM_H
#define VMM_SHELL_SHELL_VM_H

struct vm;

/*
 * Add them to the shell, after shell_init(). They speak of the VMs that vm_get() knows at the time.
 */
void shell_vm_init(void);

/* The index-th VM's name, null after the last: what Tab offers. */
const char *shell_vm_name(unsigned index);

/* Act on the VM of that name, or on all; if there is none, say so. */
void with_vm(const char *name, void (*act)(struct vm *vm));
void with_all_vms(void (*act)(struct vm *vm));

#endif
