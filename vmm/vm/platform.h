/* SPDX-License-Identifier: MIT */
/*
 * What a VM's devices ask of the monitor (devices/bus/platform.h), and where their lines and their
 * memory lead.
 */
#ifndef VMM_VM_PLATFORM_H
#define VMM_VM_PLATFORM_H

#include "vmm/vm/vm.h"

/*
 * Make the VM's machine, whose clock starts now: the interrupt controllers' output leads to the
 * boot processor, and the VM's memory map follows what the devices claim. -ERR_NO_MEMORY, or what
 * machine_create() fails with.
 */
int must_check platform_make_machine(struct vm *vm);

#endif
