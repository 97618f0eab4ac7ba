/* SPDX-License-Identifier: MIT */
/*
 * The exit path: every instruction here is paid on every exit. `make bench` counts them.
 */
#include "devices/real/lapic.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/observe/log.h"
#include "vmm/vmx/vmx.h"
#include "vmm/x86/exit_instructions.h"

_Static_assert(offsetof(struct cpu, self) == 0, "per_cpu_base() reads it at %gs:0");
_Static_assert(offsetof(struct cpu, stack_top) == 8, "CPU_STACK_TOP in entry.S");
_Static_assert(offsetof(struct cpu, current) == 16, "CPU_CURRENT in entry.S");
_Static_assert(offsetof(struct vcpu, requests) == 128, "VCPU_REQUESTS in entry.S");
_Static_assert(sizeof(((struct vcpu *)0)->gpr) == 128, "VCPU_REGISTERS in entry.S");
_Static_assert(ENTRY_LAUNCH == 0x10000 && ENTRY_MITIGATE_BUFFERS == 0x20000 && ENTRY_MITIGATE_L1D == 0x40000,
               "bits in entry.S");

static noinline cold uint64_t rip_wrap(uint64_t rip)
{
	return vmx_long_code() ? rip : (uint32_t)rip;
}

/* The length of what exited is only known here; the rest any emulated instruction needs. */
static inline void rip_advance(uint64_t rip)
{
	uint32_t length = (uint32_t)vmread(VMCS_EXIT_LENGTH);
	uint64_t next = rip + length;

	if (unlikely((uint32_t)next < length))
		next = rip_wrap(next);
	vmwrite(VMCS_GUEST_RIP, next);
	vmx_instruction_done();
}

/*
 * The next timer event, or look for interrupts, comes as an exit. The timer counts TSC >>
 * preemption_shift, only while the guest runs, and goes on where it stopped: exits save it. So it
 * runs late by the time spent in the monitor, until this sets it right. That happens with every
 * change of the deadline, after every wait, and once in LAST_EXITS exits.
 */
static inline void arm_preemption_timer(const struct cpu *cpu, uint64_t now)
{
	uint64_t deadline = cpu_deadline(cpu), next = MIN(deadline, cpu->interrupts_due);
	uint64_t ticks = 0;

	/*
	 * It counts the steps of TSC >> shift, from any point in one. Rounded up: an exit before
	 * the deadline would find nothing to do.
	 */
	if (next > now)
		ticks = (next >> vmx_features.preemption_shift) - (now >> vmx_features.preemption_shift) + 1;

	vmwrite(VMCS_PREEMPTION_TIMER, MIN(ticks, UINT32_MAX));
}

void backend_deadline_changed(const struct cpu *cpu)
{
	if (!vmx_features.preemption_timer)
		lapic_timer_arm(cpu_deadline(cpu));
	else if (cpu->vmx.loaded)
		arm_preemption_timer(cpu, read_tsc());
}

/*
 * Set the preemption timer right. A guest whose every exit is handled at once never passes
 * vmx_serve_requests(), where the timer is armed otherwise. Each of its exits makes the timer later
 * by the time spent in the monitor. Exits are counted here anyway, by last_at, and the test
 * that it wrapped costs nothing more: so the timer is armed once in LAST_EXITS exits.
 *
 * Calls nothing, so the compiler knows that it leaves most registers alone; and returns its
 * argument. So vmx_exit() saves no register for it.
 */
static noinline cold struct vcpu *run_rearm_timer(struct vcpu *vcpu)
{
	if (vmx_features.preemption_timer)
		arm_preemption_timer(this_cpu(), read_tsc());
	return vcpu;
}

/*
 * A later processor may have more reasons than we know, and a guest may find them: only its VM
 * pays.
 */
static cold void run_unknown_reason(struct vcpu *vcpu, uint32_t reason)
{
	if (backend_cpl(vcpu)) {
		exit_undefined(vcpu); /* a program's: it ends no VM */
		return;
	}
	log_error("VM exit with reason %#x, which is not in the table\n", reason);
	vm_stop(vcpu->vm, VM_UNEXPECTED_EXIT);
}

/* SDM Vol. 3C "VM-Entry Failures During or After Loading Guest State". */
static cold void run_entry_failed(struct vcpu *vcpu, uint32_t reason)
{
	log_error("VM entry failed: %s (exit qualification %#lx)\n", backend_exit_name(reason & 0xffff),
	          vmread(VMCS_EXIT_QUALIFICATION));
	if (!vmx_audit_to_log(vcpu))
		log_error("  no rule for guest state broken\n");
	vm_stop(vcpu->vm, VM_BAD_STATE);
}

static inline void run_handle(struct vcpu *vcpu, uint64_t reason, uint64_t rip)
{
	vcpu->exit_count[reason]++;
	if (likely(exit_handlers[reason].handle(vcpu) == ACTION_ADVANCE))
		rip_advance(rip);
}

/* More than a basic reason, or one beyond the table. */
static noinline cold void run_rare_reason(struct vcpu *vcpu, uint32_t reason, uint64_t rip)
{
	uint32_t basic = reason & ~(uint32_t)EXIT_REASON_BUS_LOCKED;

	if (basic < EXIT_REASONS) {
		run_handle(vcpu, EXIT_REASON_BUS_LOCK, rip);
		run_handle(vcpu, basic, rip);
	} else if (reason == (EXIT_REASON_ENTRY_FAILURE | EXIT_REASON_ENTRY_MACHINE_CHECK)) {
		/* Not the guest's: SDM Vol. 3C "Machine-Check Events During VM Entry". */
		raise_machine_check();
	} else if (reason & EXIT_REASON_ENTRY_FAILURE) {
		run_entry_failed(vcpu, reason);
	} else {
		run_unknown_reason(vcpu, reason);
	}
}

/* Returns the vCPU. */
static inline struct vcpu *run_record_exit(struct vcpu *vcpu, uint64_t reason, uint64_t rip)
{
	struct exit_record *record = (void *)((char *)vcpu->last + vcpu->last_at);

	record->rip = rip;
	record->reason = reason;
	vcpu->last_at += sizeof(*record);
	return likely(vcpu->last_at) ? vcpu : run_rearm_timer(vcpu);
}

/* Called by entry.S, which saved the guest's registers. */
void vmx_exit(struct vcpu *vcpu)
{
	uint64_t reason = vmread(VMCS_EXIT_REASON);
	uint64_t rip = vmread(VMCS_GUEST_RIP);

	vcpu = run_record_exit(vcpu, reason, rip);
	if (likely(reason < EXIT_REASONS))
		run_handle(vcpu, reason, rip);
	else
		run_rare_reason(vcpu, (uint32_t)reason, rip);
}

/*
 * VMLAUNCH or VMRESUME itself refused: the controls or the host state are wrong, which is our
 * doing.
 */
void vmx_entry_failed(struct vcpu *vcpu)
{
	log_error(
		"VM entry refused: VM-instruction error %lu (SDM Vol. 3C \"VM Instruction Error Numbers\")\n",
		vmread(VMCS_INSTRUCTION_ERROR));
	vm_stop(vcpu->vm, VM_BAD_STATE);
}

/*
 * Called by entry.S when there are requests, and first of all. Returns when cpu->current may be
 * entered.
 */
void vmx_serve_requests(void)
{
	struct cpu *cpu = this_cpu();
	struct vcpu *vcpu = cpu->current;
	uint64_t now;

	if (!cpu->stretches.start) /* else it began in the exit */
		stretch_open(&cpu->stretches, read_tsc());
	/*
	 * Delivering this event may cause another exit before any guest instruction runs, and that
	 * again: take the interrupts that wait now, or a guest could keep them out.
	 */
	if (vcpu && vcpu->requests & REQUEST_EVENT)
		cpu_catch_up(cpu);
	if (!vcpu || vcpu->requests & ~(uint32_t)(REQUESTS_TO_DELIVER | ENTRY_ACTIONS))
		vcpu = run_loop_next(cpu);
	if (vcpu->requests & REQUEST_FLUSH) {
		backend_flush_physical(vcpu);
		vcpu->requests &= ~(uint32_t)REQUEST_FLUSH;
	}
	if (vcpu->requests & REQUESTS_TO_DELIVER)
		vmx_inject(vcpu);
	if (unlikely(vcpu->watch | vcpu->instrumented) && !vmx_instrument_entry(vcpu)) {
		vmx_serve_requests(); /* its VM has ended */
		return;
	}
	now = read_tsc();
	if (vmx_features.preemption_timer)
		arm_preemption_timer(cpu, now);
	else
		lapic_timer_arm(cpu_deadline(cpu));
	stretch_close(&cpu->stretches, now);
}
