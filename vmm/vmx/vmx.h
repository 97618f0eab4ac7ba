/* SPDX-License-Identifier: MIT */
/* What the files of vmm/vmx/ share among themselves. */
#ifndef VMM_VMX_VMX_H
#define VMM_VMX_VMX_H

#include "lib/registers.h"
#include "vmm/backend.h"
#include "vmm/vm_calls.h"
#include "vmm/vmx/controls.h"
#include "vmm/vmx/instructions.h"
#include "vmm/vmx/vmcs.h"

/*
 * One row of the exit table, by basic exit reason. SDM Vol. 3D Appendix "VMX Basic Exit Reasons".
 */
struct exit_handler {
	enum action (*handle)(struct vcpu *vcpu);
	const char *name;
};

extern const struct exit_handler exit_handlers[EXIT_REASONS];

/*
 * What an instruction that Nacre carried out leaves behind; vmx_instruction_done() has the common
 * case.
 */
void vmx_instruction_done_traced(uint64_t rflags);

/*
 * The one-instruction shadow of STI and MOV SS ends, RF is cleared, and with TF a single-step trap
 * is due.
 */
static inline void vmx_instruction_done(void)
{
	uint64_t blocking = vmread(VMCS_GUEST_INTERRUPTIBILITY);
	uint64_t rflags = vmread(VMCS_GUEST_RFLAGS);

	if (unlikely(blocking & (BLOCKING_STI | BLOCKING_MOV_SS)))
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(BLOCKING_STI | BLOCKING_MOV_SS));
	if (unlikely(rflags & (RFLAGS_TF | RFLAGS_RF)))
		vmx_instruction_done_traced(rflags);
}

/* Handlers, by the file that holds them. */
enum action exit_control_register(struct vcpu *vcpu);     /* exit_cr.c */
enum action exit_io(struct vcpu *vcpu);                   /* exit_io.c */
enum action exit_ept_violation(struct vcpu *vcpu);        /* exit_memory.c */
enum action exit_ept_misconfiguration(struct vcpu *vcpu); /* exit_memory.c */
enum action exit_exception_or_nmi(struct vcpu *vcpu);     /* exit_event.c */
enum action exit_interrupt(struct vcpu *vcpu);            /* exit_event.c */
enum action exit_interrupt_window(struct vcpu *vcpu);     /* exit_event.c */
enum action exit_nmi_window(struct vcpu *vcpu);           /* exit_event.c */
enum action exit_task_switch(struct vcpu *vcpu);          /* task_switch.c */

/* The rest of the exit path: run.c calls, events.c and state.c do. */
void vmx_requeue_event(struct vcpu *vcpu);
void vmx_inject(struct vcpu *vcpu);        /* the only place where events are chosen for delivery */
void vmx_recall_events(struct vcpu *vcpu); /* request again the NMI and interrupt that wait for a window */

/* The way that its exits take is that of vcpu->watch from now on. watched.c */
void vmx_choose_entry(struct vcpu *vcpu);

/*
 * A vCPU that is watched, or was, is to be entered: let vcpu->watch take effect, and audit its
 * state if that is asked for. False: it breaks a rule, and its VM has ended. watched.c
 */
bool vmx_watch_entry(struct vcpu *vcpu);

uint32_t vmx_wakes(const struct vcpu *vcpu); /* which requests end a HLT that begins now */
/* What entry.S calls. */
void vmx_exit(struct vcpu *vcpu);
void vmx_exit_watched(struct vcpu *vcpu, uint64_t tsc);
void vmx_entry_failed(struct vcpu *vcpu);
void vmx_settle(void);

/*
 * Set CR0 or CR4 as MOV to CR does, with all its checks and side effects; returns what to do
 * with the instruction. SDM Vol. 2B "MOV—Move to/from Control Registers".
 */
enum action vmx_set_cr0(struct vcpu *vcpu, uint64_t value);
enum action vmx_set_cr4(struct vcpu *vcpu, uint64_t value);
enum action vmx_set_cr3(struct vcpu *vcpu, uint64_t value);

/* CR0 and CR4 bits that the guest changes without an exit. */
uint64_t vmx_cr0_guest_owned(void);
uint64_t vmx_cr4_guest_owned(void);

/* The host-state area of the current VMCS: where exits arrive on `cpu`. */
void vmx_set_host_state(const struct cpu *cpu, struct vcpu *vcpu);

/* The registers of live.c as after a reset; the processor holds none of them. */
void vmx_reset_live(struct vcpu *vcpu);

/* Forget the translations that this CPU caches under the vCPU's VPID. */
void vmx_flush_vpid(const struct vcpu *vcpu);

/* Switch a primary processor-based control of the current VMCS. */
void vmx_processor_control(uint64_t control, bool on);

/*
 * Check the guest-state area of the current VMCS by the rules of SDM Vol. 3C "Checks on the Guest
 * State Area", and the event to be injected; each broken rule is a line to `put`. Returns how many
 * are broken.
 */
unsigned vmx_audit(void (*put)(const char *line));

/* The same to the log. */
unsigned vmx_audit_to_log(void);

#endif
