/* SPDX-License-Identifier: MIT */
/*
 * What the guest's processor (vmm/x86/, vmm/vmx/) asks of the VM that a vCPU belongs to. Bound at
 * link time, as vmm/backend.h is in the other direction: vmm/vm/ implements these, and the
 * processor's files need not know what a VM is made of.
 *
 * Locking: on the vCPU's CPU.
 */
#ifndef VMM_VM_CALLS_H
#define VMM_VM_CALLS_H

#include "vmm/x86/vcpu.h"

/* Why a VM ended; vmm/vm/vm_report.c has the words. */
enum vm_end {
	VM_NOT_STARTED,
	VM_POWERED_OFF, /* the guest turned its machine off */
	VM_FORCED,      /* the operator did */
	VM_TRIPLE_FAULT,
	VM_BAD_STATE, /* VM entry failed: guest state that the architecture forbids */
	VM_EMULATION, /* an instruction that Nacre cannot emulate */
	VM_UNEXPECTED_EXIT,
	VM_NO_MEMORY,  /* the monitor's, for translation tables */
	VM_HALTED,     /* with interrupts off, and the config says that this is its end */
	VM_NOT_LOADED, /* its images could not be loaded */
};

/*
 * The VM cannot or shall not go on: report, and do as its plan says. Takes effect before its next
 * entry. Always returns ACTION_STOP, so that handlers can return its result.
 */
enum action vm_stop(struct vm *vm, enum vm_end why);

/*
 * The run loop of `cpu`: find who runs next, and make that cpu->current. Returns when it may be
 * entered.
 */
struct vcpu *run_loop_next(struct cpu *cpu);

/* Is the INTR output of the VM's interrupt controller asserted? */
bool vm_intr(const struct vm *vm);

/* Take the pending vector: the INTA cycles. Call only while vm_intr(). */
uint8_t vm_acknowledge(struct vm *vm);

/* The FERR# pin: an FPU error that is the board's to report. */
void vm_fpu_error(struct vm *vm);

/* For messages to the operator. */
const char *vm_name(const struct vm *vm);

#endif
