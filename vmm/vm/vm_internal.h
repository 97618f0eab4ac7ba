/* SPDX-License-Identifier: MIT */
/* What the files of vmm/vm/ share. */
#ifndef VMM_VM_VM_INTERNAL_H
#define VMM_VM_VM_INTERNAL_H

#include "vmm/vm/vm.h"

/* vm.c: the vCPU's place in the scheduler, which is nowhere as yet. */
void vm_schedule_vcpu(struct vcpu *vcpu);

/* vm_life.c: go from the VM's state to `next`, which must be one that may follow it. */
void vm_set_state(struct vm *vm, enum vm_state next);

/*
 * vm_life.c: on the VM's CPU, in the run loop: the VM, which is ending, is off after that, and
 * keeps only what can be shown of one that is. Every vCPU is on this CPU or nowhere.
 */
void vm_free(struct vm *vm);

/* vm_requests.c: end the pause, which does not count as time. On the VM's CPU, in the run loop. */
void vm_resume(struct vm *vm);

/* vm_requests.c: what was asked for, on the VM's CPU; it follows a VM that has moved. */
void vm_carry_out(struct cpu_call *call);

/* Of the VM's timers: vm_sched.c, vm_life.c, vm_requests.c. */
void vm_timer_expired(struct timer *timer);
void vm_start_timer_expired(struct timer *timer);
void vm_button_timer_expired(struct timer *timer);

/* vm_sched.c: have all its vCPUs halted so that no interrupt ends it? */
bool vm_has_halted(const struct vm *vm);

/*
 * vm_continue.c: the guest has asked for a reset after which firmware returns to it. Then it goes
 * on at the address that it left, with its memory, and this is true. False: it starts again.
 */
bool vm_continue(struct vm *vm, enum reset_kind kind);

/* That work's step. */
void vm_work_continue(struct vm *vm);

/* vm_work.c: the vCPU's registers that no VMCS has, as after power-on. */
void vm_work_reset_vcpu(struct vcpu *vcpu);

/* Forget that its power button was pressed. */
void vm_release_button(struct vm *vm);

#endif
