/* SPDX-License-Identifier: MIT */
/* Exits by exceptions, NMIs, interrupts, and the windows for injecting them. */
#include "lib/registers.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/observe/log.h"
#include "vmm/vmx/vmx.h"
#include "vmm/x86/task_switch.h"

/* DR6 and DR7. SDM Vol. 3B "Debug Status Register (DR6)", "Debug Control Register (DR7)". */
#define DR6_CAUSES (0xfUL | BIT(13) | BIT(14)) /* B0..B3, BD, BS */
#define DR6_RTM    BIT(16)                     /* inverted: 0 inside a transaction */
#define DR7_GD     BIT(13)

/*
 * The processor has not touched DR6, DR7, DEBUGCTL and the stack yet: the exit qualification holds
 * what DR6 would get. SDM Vol. 3C "Exit Qualification for Debug Exceptions"; Vol. 3B
 * "Single-Stepping on Branches": BTF is cleared. INT1 itself is no cause that DR6 tells, and the
 * trap of TF comes later, whatever a processor's qualification says.
 */
static void exit_complete_debug(uint8_t type)
{
	uint64_t causes = vmread(VMCS_EXIT_QUALIFICATION) & DR6_CAUSES;

	if (type != EVENT_PRIVILEGED_EXCEPTION)
		write_dr6((read_dr6() & ~0xfUL) | causes | DR6_RTM);
	vmwrite(VMCS_GUEST_DR7, vmread(VMCS_GUEST_DR7) & ~DR7_GD);
	vmwrite(VMCS_GUEST_DEBUGCTL, vmread(VMCS_GUEST_DEBUGCTL) & ~DEBUGCTL_BTF);
}

/*
 * An IRET that faulted after it had unblocked NMIs: SDM Vol. 3C "Resuming Guest Software after
 * Handling an Exception".
 */
static void exit_restore_nmi_blocking(uint32_t info)
{
	if (info & INTERRUPTION_NMI_UNBLOCKING && (info & INTERRUPTION_VECTOR) != EXCEPTION_DF &&
	    !(vmread(VMCS_VECTORING) & INTERRUPTION_VALID))
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, vmread(VMCS_GUEST_INTERRUPTIBILITY) | BLOCKING_NMI);
}

/*
 * #DB and #AC are intercepted only because their delivery may raise them again, without end: for
 * example by a breakpoint on the stack that the #DB is pushed to. In a delivery the processor takes
 * no interrupt, so a guest could keep it from the monitor. They go straight back, and each time
 * round is an exit.
 */
static enum action exit_reflect(struct vcpu *vcpu, uint32_t info)
{
	uint8_t vector = info & INTERRUPTION_VECTOR;
	uint8_t type = (info & INTERRUPTION_TYPE) >> 8;
	uint32_t error_code = 0;

	exit_restore_nmi_blocking(info);
	if (vector == EXCEPTION_DB)
		exit_complete_debug(type);
	if (info & INTERRUPTION_ERROR_CODE)
		error_code = (uint32_t)vmread(VMCS_EXIT_ERROR_CODE);
	if (type == EVENT_PRIVILEGED_EXCEPTION || type == EVENT_SOFTWARE_EXCEPTION)
		return vcpu_raise_software(vcpu, vector, type, (uint8_t)vmread(VMCS_EXIT_LENGTH));
	return vcpu_raise(vcpu, vector, error_code);
}

/*
 * With CR0.NE = 0 the processor asserts FERR# and freezes at the instruction until an interrupt
 * comes, usually that of the error: SDM Vol. 1 Appendix "Guidelines for Writing x87 FPU Exception
 * Handlers". A shadow in front of it ends, or the interrupt would never come in.
 */
enum action backend_fpu_error(struct vcpu *vcpu)
{
	backend_end_shadow(vcpu);
	vm_fpu_error(vcpu->vm);
	vmx_recall_events(vcpu);
	vcpu_halt(vcpu, vmx_wakes(vcpu));
	return ACTION_RETRY;
}

enum action exit_exception_or_nmi(struct vcpu *vcpu)
{
	uint32_t info = (uint32_t)vmread(VMCS_EXIT_INTERRUPTION);
	uint8_t vector = info & INTERRUPTION_VECTOR;

	if ((info & INTERRUPTION_TYPE) >> 8 == EVENT_NMI) {
		raise_nmi();
		return ACTION_RETRY;
	}
	if (vector == EXCEPTION_MC) {
		/* The machine's, not the guest's: our own #MC handler decides. */
		raise_machine_check();
		return ACTION_RETRY;
	}
	return vector == EXCEPTION_MF ? backend_fpu_error(vcpu) : exit_reflect(vcpu, info);
}

enum action exit_interrupt(struct vcpu *vcpu)
{
	interrupt_dispatch(vmread(VMCS_EXIT_INTERRUPTION) & INTERRUPTION_VECTOR);
	return ACTION_RETRY;
}

enum action exit_interrupt_window(struct vcpu *vcpu)
{
	vmx_processor_control(PROCESSOR_INTERRUPT_WINDOW, false);
	vcpu->vmx.nmi_blocked = false;
	vmx_recall_events(vcpu);
	return ACTION_RETRY;
}

enum action exit_nmi_window(struct vcpu *vcpu)
{
	vmx_processor_control(PROCESSOR_NMI_WINDOW, false);
	if (vcpu->vmx.nmi_waiting)
		vcpu_request(vcpu, REQUEST_NMI);
	return ACTION_RETRY;
}

/* SDM Vol. 3C Table "Exit Qualification for Task Switches". */
#define SWITCH_SELECTOR(q) ((uint16_t)(q))
#define SWITCH_SOURCE(q)   ((enum task_switch_source)((q) >> 30 & 3))

enum action exit_task_switch(struct vcpu *vcpu)
{
	uint64_t qualification = vmread(VMCS_EXIT_QUALIFICATION);

	return task_switch(vcpu, SWITCH_SOURCE(qualification), SWITCH_SELECTOR(qualification),
	                   (uint8_t)vmread(VMCS_EXIT_LENGTH));
}
