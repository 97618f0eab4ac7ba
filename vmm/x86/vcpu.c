/* SPDX-License-Identifier: MIT */
#include "vmm/x86/vcpu.h"
#include "lib/registers.h"
#include "vmm/backend.h"
#include "vmm/vm_calls.h"

uint64_t vcpu_exits(const struct vcpu *vcpu)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < EXIT_KINDS_MAX; i++)
		sum += vcpu->exit_count[i];
	return sum;
}

/*
 * SDM Vol. 3A "Interrupt 8: Double Fault Exception (#DF)", Table "Interrupt and Exception Classes".
 */
enum fault_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum fault_class vcpu_fault_class(uint8_t vector)
{
	switch (vector) {
	case EXCEPTION_DE:
	case EXCEPTION_TS:
	case EXCEPTION_NP:
	case EXCEPTION_SS:
	case EXCEPTION_GP: return CONTRIBUTORY;
	case EXCEPTION_PF: return PAGE_FAULT;
	case EXCEPTION_DF: return DOUBLE_FAULT;
	default: return BENIGN;
	}
}

bool exception_has_error_code(uint8_t vector)
{
	const uint32_t with_code = BIT(EXCEPTION_DF) | BIT(EXCEPTION_TS) | BIT(EXCEPTION_NP) |
	                           BIT(EXCEPTION_SS) | BIT(EXCEPTION_GP) | BIT(EXCEPTION_PF) |
	                           BIT(EXCEPTION_AC);

	return vector < 32 && with_code & BIT(vector);
}

static bool vcpu_event_is_exception(const struct event *event)
{
	return event->type == EVENT_EXCEPTION || event->type == EVENT_SOFTWARE_EXCEPTION ||
	       event->type == EVENT_PRIVILEGED_EXCEPTION;
}

/*
 * Does `second`, in the delivery of `first`, become a double fault (of a double fault: a shutdown)?
 * Table "Conditions for Generating a Double Fault".
 */
static bool vcpu_doubles(uint8_t first, uint8_t second)
{
	enum fault_class on_top = vcpu_fault_class(second);

	switch (vcpu_fault_class(first)) {
	case CONTRIBUTORY: return on_top == CONTRIBUTORY;
	case PAGE_FAULT:
	case DOUBLE_FAULT: return on_top == CONTRIBUTORY || on_top == PAGE_FAULT;
	default: return false;
	}
}

static enum action vcpu_queue_event(struct vcpu *vcpu, const struct event *event)
{
	const struct event double_fault = {
		.vector = EXCEPTION_DF,
		.type = EVENT_EXCEPTION,
		.has_error_code = true,
	};
	struct event *pending = &vcpu->event;

	if (!(vcpu->requests & REQUEST_EVENT)) {
		*pending = *event;
	} else if (!vcpu_event_is_exception(pending)) {
		/*
		 * A fault in the delivery of an interrupt comes first; an NMI may be tried again.
		 */
		if (pending->type == EVENT_NMI)
			vcpu_request(vcpu, REQUEST_NMI);
		*pending = *event;
	} else if (vcpu_doubles(pending->vector, event->vector)) {
		if (pending->vector == EXCEPTION_DF)
			return vm_stop(vcpu->vm, VM_TRIPLE_FAULT);
		*pending = double_fault;
	} else {
		*pending = *event;
	}
	vcpu_request(vcpu, REQUEST_EVENT);
	return ACTION_RETRY;
}

enum action vcpu_raise(struct vcpu *vcpu, uint8_t vector, uint32_t error_code)
{
	const struct event event = {
		.vector = vector,
		.type = EVENT_EXCEPTION,
		.has_error_code = exception_has_error_code(vector),
		.error_code = error_code,
	};

	vcpu->raised = (struct raised_exception){backend_rip(vcpu), error_code, vector, true};
	/*
	 * Faults push RF set, so that their handler's IRET does not meet the same breakpoint again.
	 * Injection leaves RF alone: SDM Vol. 3C "Details of Vectored-Event Injection". #DB may be
	 * a trap.
	 */
	if (vector != EXCEPTION_DB)
		backend_set_rflags(vcpu, backend_rflags(vcpu) | RFLAGS_RF);
	return vcpu_queue_event(vcpu, &event);
}

enum action vcpu_raise_software(struct vcpu *vcpu, uint8_t vector, enum event_type type, uint8_t length)
{
	const struct event event = {.vector = vector, .type = (uint8_t)type, .length = length};

	return vcpu_queue_event(vcpu, &event);
}

enum action vcpu_raise_page_fault(struct vcpu *vcpu, uint32_t error_code, gva_t address)
{
	backend_set_cr2(vcpu, address);
	return vcpu_raise(vcpu, EXCEPTION_PF, error_code);
}
