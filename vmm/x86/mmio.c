/* SPDX-License-Identifier: MIT */
#include "vmm/x86/mmio.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "vmm/backend.h"
#include "vmm/emulate/emulate.h"
#include "vmm/x86/linear.h"
#include "vmm/x86/string_io.h"
#include "vmm/vm_calls.h"

#define REP_BATCH 64 /* iterations of a REP instruction between two looks at interrupts */

struct emulation {
	struct vcpu *vcpu;
	struct guest_paging paging;
};

/* A check touches nothing, so a device sees each access of the instruction once. */
static bool access_memory(struct emulate_context *context, gva_t address, void *data, unsigned size,
                          enum emulate_access access)
{
	const struct emulation *emulation = context->owner;
	bool reads = access == EMULATE_READ || access == EMULATE_CHECK_READ;
	struct linear_range range;
	struct linear_fault fault;

	if (address % PAGE_SIZE + size <= PAGE_SIZE && backend_translated(address, !reads, &range.gpa[0])) {
		range.size[0] = size;
		range.size[1] = 0;
	} else if (!linear_translate(emulation->vcpu, &emulation->paging, address, size,
	                             reads ? 0 : ACCESS_WRITE, &range, &fault)) {
		context->fault = (struct emulate_fault){EXCEPTION_PF, fault.error_code, fault.address};
		return false;
	}
	if (access == EMULATE_READ || access == EMULATE_READ_FOR_WRITE)
		linear_read(emulation->vcpu, &range, data);
	else if (access == EMULATE_WRITE)
		linear_write(emulation->vcpu, &range, data);
	return true;
}

static void load_context(struct emulate_context *context, struct emulation *emulation)
{
	struct vcpu *vcpu = emulation->vcpu;

	backend_paging(&emulation->paging);
	memcpy(context->gpr, vcpu->gpr, sizeof(context->gpr));
	context->access = access_memory;
	context->owner = emulation;
	context->gpr[RSP] = backend_rsp();
	context->rip = backend_rip();
	context->rflags = emulation->paging.rflags;
	context->cr0 = emulation->paging.cr0;
	context->efer = emulation->paging.efer;
	context->cpl = emulation->paging.cpl;
	context->max_iterations = REP_BATCH;
	for (unsigned i = SEG_ES; i <= SEG_GS; i++)
		backend_segment((enum segment_index)i, &context->segment[i]);
}

static void store_context(struct vcpu *vcpu, const struct emulate_context *context)
{
	memcpy(vcpu->gpr, context->gpr, sizeof(context->gpr));
	backend_set_rsp(context->gpr[RSP]);
	backend_set_rip(context->rip);
	backend_set_rflags(context->rflags);
}

enum action mmio_emulate(struct vcpu *vcpu)
{
	struct emulation emulation = {.vcpu = vcpu};
	struct emulate_context context;
	struct linear_fault fault;

	context.byte_count = (uint8_t)linear_fetch(vcpu, context.bytes, &fault);
	if (!context.byte_count)
		return vcpu_raise_page_fault(vcpu, fault.error_code, fault.address);
	load_context(&context, &emulation);
	vcpu->emulated++;
	switch (emulate_instruction(&context)) {
	case EMULATE_OK:
		store_context(vcpu, &context);
		backend_instruction_done();
		return ACTION_RETRY;
	case EMULATE_AGAIN: store_context(vcpu, &context); return string_break_off();
	case EMULATE_FAULT:
		store_context(vcpu, &context);
		if (context.fault.vector == EXCEPTION_PF)
			return vcpu_raise_page_fault(vcpu, context.fault.error_code, context.fault.cr2);
		return vcpu_raise(vcpu, context.fault.vector, context.fault.error_code);
	default: return vm_stop(vcpu->vm, VM_EMULATION);
	}
}
