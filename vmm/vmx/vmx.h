/* SPDX-License-Identifier: MIT */
/* What the files of vmm/vmx/ share among themselves. */
#ifndef VMM_VMX_VMX_H
#define VMM_VMX_VMX_H

#include "lib/registers.h"
#include "vmm/backend.h"
#include "vmm/vm_calls.h"
#include "vmm/vmx/controls.h"
#include "vmm/vmx/exit_reasons.h"
#include "vmm/vmx/instructions.h"
#include "vmm/vmx/vmcs.h"

/* One row of the exit table, by enum exit_reason. */
struct exit_handler {
	enum action (*handle)(struct vcpu *vcpu);
	const char *name;
};

extern const struct exit_handler exit_handlers[EXIT_REASONS];

/* ---- Which VMCS ---- */

/* Make the vCPU's VMCS the current one of `cpu`, which is this one. */
void vmcs_load(struct cpu *cpu, struct vcpu *vcpu);

/* Out of the processor into memory; its next entry is a VMLAUNCH, and needs a host state. */
void vmcs_clear(struct cpu *cpu, struct vcpu *vcpu);

static inline bool vmcs_is_loaded(const struct vcpu *vcpu)
{
	return likely(this_cpu()->vmx.loaded == vcpu);
}

/* For a vCPU that is not. */
void vmcs_borrow_other(const struct vcpu *vcpu);
void vmcs_give_back_other(void);
uint64_t vmcs_read_other(const struct vcpu *vcpu, enum vmcs_field field);
void vmcs_write_other(const struct vcpu *vcpu, enum vmcs_field field, uint64_t value);

/*
 * Between the two, vmread() and vmwrite() act on any vCPU of this CPU. Everywhere else they are for
 * the exit path, where the VMCS of the vCPU that exited, or is to be entered, is the current one.
 */
static inline void vmcs_borrow(const struct vcpu *vcpu)
{
	if (!vmcs_is_loaded(vcpu))
		vmcs_borrow_other(vcpu);
}

static inline void vmcs_give_back(const struct vcpu *vcpu)
{
	if (!vmcs_is_loaded(vcpu))
		vmcs_give_back_other();
}

/* One field. */
static inline uint64_t vmcs_read(const struct vcpu *vcpu, enum vmcs_field field)
{
	return vmcs_is_loaded(vcpu) ? vmread(field) : vmcs_read_other(vcpu, field);
}

static inline void vmcs_write(const struct vcpu *vcpu, enum vmcs_field field, uint64_t value)
{
	if (vmcs_is_loaded(vcpu))
		vmwrite(field, value);
	else
		vmcs_write_other(vcpu, field, value);
}

/* ---- The exit path ---- */

/*
 * With the RFLAGS that an instruction found: clear RF, and with TF make a single-step trap due.
 * Acts on the current VMCS, as the next does.
 */
void vmx_single_step(uint64_t rflags);

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
		vmx_single_step(rflags);
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
enum action exit_task_switch(struct vcpu *vcpu);          /* exit_event.c */

/*
 * Around the handling of an exit that may be long. Its stretch ends with the entry, or goes on in
 * vmx_serve_requests().
 */
static inline struct stretch_part vmx_begin_stretch(void)
{
	struct stretches *stretches = &this_cpu()->stretches;

	stretch_open(stretches, read_tsc());
	return stretch_begin_part(stretches);
}

static inline void vmx_end_stretch(const struct vcpu *vcpu)
{
	if (!(vcpu->requests & ~(uint32_t)ENTRY_ACTIONS))
		stretch_close(&this_cpu()->stretches, read_tsc());
}

bool vmx_long_code(void); /* backend_long_code() for the current VMCS */

/* The rest of the exit path: run.c and the handlers call, events.c does. */
void vmx_requeue_event(struct vcpu *vcpu);
void vmx_inject(struct vcpu *vcpu);        /* the only place where events are chosen for delivery */
void vmx_recall_events(struct vcpu *vcpu); /* request again the NMI and interrupt that wait for a window */

/* The way that its exits take is that of vcpu->watch from now on. instrumented.c */
void vmx_choose_entry(struct vcpu *vcpu);

/*
 * A vCPU that is instrumented, or was, is to be entered: let vcpu->watch take effect, and audit its
 * state if that is asked for. False: it breaks a rule, and its VM has ended. instrumented.c
 */
bool vmx_instrument_entry(struct vcpu *vcpu);

/*
 * MOV to and from debug registers exits only while no port is watched; the first one turns that
 * round, since it may set a breakpoint on a port. instrumented.c
 */
void vmx_watch_ports(struct vcpu *vcpu, bool watch);

/* The exit of an instruction on a watched port: its #DB is due when it is done. exit_io.c */
void vmx_meet_port(struct vcpu *vcpu);

uint32_t vmx_wakes(const struct vcpu *vcpu); /* which requests end a HLT that begins now */
/* What entry.S calls. */
void vmx_exit(struct vcpu *vcpu);
void vmx_exit_instrumented(struct vcpu *vcpu, uint64_t tsc);
void vmx_entry_failed(struct vcpu *vcpu);
void vmx_serve_requests(void);

/* ---- The parts of a vCPU ---- */

/* CR0 and CR4 bits that the guest changes without an exit. */
uint64_t vmx_cr0_guest_owned(void);
uint64_t vmx_cr4_guest_owned(void);

/* Exceptions that exit while CR0 is that, as the guest sees it: the exception bitmap. */
uint64_t vmx_exceptions(uint64_t cr0);

/* The host-state area of the current VMCS: where exits arrive on `cpu`. */
void vmx_set_host_state(const struct cpu *cpu, struct vcpu *vcpu);

/* The resident registers as after a reset; `cpu` holds none of them. */
void vmx_reset_resident(struct cpu *cpu, struct vcpu *vcpu);

/* A VPID that no vCPU has, 1 to 65535; 0: there is none. From any CPU. */
uint16_t must_check vpid_alloc(void);
void vpid_free(uint16_t vpid);

/* A frame that begins with the VMCS revision: a VMCS, or a VMXON region. 0: no memory. */
hpa_t must_check vmx_alloc_region(uint16_t owner);

/* One for all vCPUs, since the policy is the same. Of vmx_on.c. */
hpa_t vmx_msr_bitmap(void);

/* Switch a primary processor-based control of the current VMCS. */
void vmx_processor_control(uint64_t control, bool on);

/*
 * Check the guest-state area of the current VMCS by the rules of SDM Vol. 3C "Checks on the Guest
 * State Area", and the event to be injected; each broken rule is a line to `put`. Returns how many
 * are broken.
 */
unsigned vmx_audit(const struct vcpu *vcpu, void (*put)(const char *line));

/* The same to the log. */
unsigned vmx_audit_to_log(const struct vcpu *vcpu);

#endif
