/* SPDX-License-Identifier: MIT */
/*
 * Events: which one is delivered at the next entry, and what becomes of one
 * whose delivery an exit interrupted.
 */
#include "lib/registers.h"
#include "vmm/observe/trace.h"
#include "vmm/vmx/vmx.h"

/* SDM Vol. 3C "Information for VM Exits That Occur During Event Delivery". */
void vmx_requeue_event(struct vcpu *vcpu)
{
	uint32_t info = (uint32_t)vmread(VMCS_VECTORING);
	struct event *event = &vcpu->event;

	if (likely(!(info & INTERRUPTION_VALID)))
		return;
	*event = (struct event){
		.vector = info & INTERRUPTION_VECTOR,
		.type = (info & INTERRUPTION_TYPE) >> 8,
		.has_error_code = info & INTERRUPTION_ERROR_CODE,
	};
	if (event->has_error_code)
		event->error_code = (uint32_t)vmread(VMCS_VECTORING_ERROR_CODE);
	if (event->type >= EVENT_SOFTWARE_INTERRUPT)
		event->length = (uint8_t)vmread(VMCS_EXIT_LENGTH);
	if (event->type == EVENT_NMI) {
		/* Its delivery began, so NMIs are blocked; it must be free to begin again. */
		uint64_t interruptibility = vmread(VMCS_GUEST_INTERRUPTIBILITY);

		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, interruptibility & ~BLOCKING_NMI);
		vcpu->vmx.nmi_blocked = false;
	}
	vcpu_request(vcpu, REQUEST_EVENT);
}

static void event_enter_with(const struct vcpu *vcpu, const struct event *event)
{
	uint32_t info = (uint32_t)(INTERRUPTION_VALID | (uint32_t)event->type << 8 | event->vector);

	if (event->has_error_code) {
		info |= INTERRUPTION_ERROR_CODE;
		vmwrite(VMCS_ENTRY_ERROR_CODE, event->error_code);
	}
	if (event->type >= EVENT_SOFTWARE_INTERRUPT)
		vmwrite(VMCS_ENTRY_LENGTH, event->length);
	vmwrite(VMCS_ENTRY_INTERRUPTION, info);
	if (unlikely(vcpu->instrumented & WATCH_TRACE))
		trace_vm(TRACE_INJECT, vcpu->vm_number, event->vector, event->type, event->error_code);
}

/*
 * Error codes are not delivered in real mode: SDM Vol. 3C "VM-Entry Controls for Event Injection",
 * checks.
 */
static void event_inject_queued(struct vcpu *vcpu)
{
	struct event event = vcpu->event;

	if (!(vmread(VMCS_GUEST_CR0) & CR0_PE))
		event.has_error_code = false;
	/*
	 * Delivery ends the shadow of STI or MOV SS: SDM Vol. 2B "MOV—Move". Entry would refuse one
	 * together with an interrupt, and with a #DB that exited while TF is 1, since that exit
	 * leaves no BS pending. Only after INT3 and INTO may MOV SS still hold something back.
	 */
	if (event.type != EVENT_SOFTWARE_EXCEPTION)
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY,
		        vmread(VMCS_GUEST_INTERRUPTIBILITY) & ~(BLOCKING_STI | BLOCKING_MOV_SS));
	if (event.type == EVENT_NMI)
		vcpu->vmx.nmi_blocked = !vmx_features.virtual_nmi;
	event_enter_with(vcpu, &event);
	vcpu->requests &= ~(uint32_t)REQUEST_EVENT;
}

static bool nmi_is_blocked(const struct vcpu *vcpu, uint64_t interruptibility)
{
	uint64_t blocking = BLOCKING_STI | BLOCKING_MOV_SS;

	if (vmx_features.virtual_nmi)
		return interruptibility & (blocking | BLOCKING_NMI);
	return vcpu->vmx.nmi_blocked || interruptibility & blocking;
}

/* Returns whether the NMI is on its way; otherwise its window is open. */
static bool event_inject_nmi(struct vcpu *vcpu, bool busy)
{
	const struct event nmi = {.vector = EXCEPTION_NMI, .type = EVENT_NMI};

	vcpu->requests &= ~(uint32_t)REQUEST_NMI;
	if (busy || nmi_is_blocked(vcpu, vmread(VMCS_GUEST_INTERRUPTIBILITY))) {
		/*
		 * Without virtual NMIs the end of blocking is not visible: try again when
		 * interrupts open.
		 */
		vmx_processor_control(
			vmx_features.virtual_nmi ? PROCESSOR_NMI_WINDOW : PROCESSOR_INTERRUPT_WINDOW, true);
		vcpu->vmx.nmi_waiting = true;
		return false;
	}
	vcpu->vmx.nmi_waiting = false;
	vcpu->vmx.nmi_blocked = !vmx_features.virtual_nmi;
	event_enter_with(vcpu, &nmi);
	return true;
}

static bool interrupts_are_open(void)
{
	return vmread(VMCS_GUEST_RFLAGS) & RFLAGS_IF &&
	       !(vmread(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS));
}

static void event_inject_interrupt(struct vcpu *vcpu)
{
	struct event event = {
		.vector = vm_acknowledge(vcpu->vm),
		.type = EVENT_INTERRUPT,
	};

	event_enter_with(vcpu, &event);
	vcpu->injected++;
	/* The controller may have more: look again as soon as the guest opens interrupts. */
	if (vm_intr(vcpu->vm))
		vmx_processor_control(PROCESSOR_INTERRUPT_WINDOW, true);
	vcpu->requests &= ~(uint32_t)REQUEST_INTERRUPT;
}

/* Order of SDM Vol. 3A "Prioritization of Concurrent Events": faults, NMI, interrupts. */
void vmx_inject(struct vcpu *vcpu)
{
	bool busy = vmread(VMCS_GUEST_PENDING_DEBUG) &
	            PENDING_DEBUG_DUE; /* a trap comes before NMI and interrupts */

	if (vcpu->requests & REQUEST_EVENT) {
		event_inject_queued(vcpu);
		busy = true;
	}
	if (vcpu->requests & REQUEST_NMI)
		busy |= event_inject_nmi(vcpu, busy);
	if (vcpu->requests & REQUEST_INTERRUPT) {
		if (!busy && interrupts_are_open()) {
			event_inject_interrupt(vcpu);
			return;
		}
		vcpu->requests &= ~(uint32_t)REQUEST_INTERRUPT;
		vmx_processor_control(PROCESSOR_INTERRUPT_WINDOW, true);
	}
}

void vmx_recall_events(struct vcpu *vcpu)
{
	if (vcpu->vmx.nmi_waiting)
		vcpu_request(vcpu, REQUEST_NMI);
	if (vm_intr(vcpu->vm))
		vcpu_request(vcpu, REQUEST_INTERRUPT);
}

/* SDM Vol. 2A "HLT". A single-step trap that is due ends it as well. */
uint32_t vmx_wakes(const struct vcpu *vcpu)
{
	uint32_t wakes = REQUEST_EVENT;

	if (vmread(VMCS_GUEST_PENDING_DEBUG) & PENDING_DEBUG_DUE ||
	    (vmread(VMCS_GUEST_RFLAGS) & RFLAGS_TF && !(vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF)))
		return UINT32_MAX;
	if (!nmi_is_blocked(vcpu, vmread(VMCS_GUEST_INTERRUPTIBILITY) & BLOCKING_NMI))
		wakes |= REQUEST_NMI;
	if (vmread(VMCS_GUEST_RFLAGS) & RFLAGS_IF)
		wakes |= REQUEST_INTERRUPT;
	return wakes;
}
