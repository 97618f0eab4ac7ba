#include "vmm/mmio.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "vmm/backend.h"
#include "vmm/emulate/emulate.h"
#include "vmm/linear.h"
#include "vmm/vm.h"

#define REP_BATCH 64 /* iterations of a REP instruction between two looks at interrupts */

struct emulation {
	struct vcpu *vcpu;
	struct guest_paging paging;
};

static bool translate(struct emulate_context *context, gva_t address, unsigned size, unsigned access,
		      struct linear_range *range)
{
	struct emulation *emulation = context->owner;
	struct linear_fault fault;

	if (linear_translate(emulation->vcpu, &emulation->paging, address, size, access, range, &fault))
		return true;
	context->fault = (struct emulate_fault){
		.vector = EXCEPTION_PF,
		.has_error_code = true,
		.error_code = fault.error_code,
		.cr2 = fault.address,
	};
	return false;
}

/* Holes read as all ones and ROM ignores writes: guest_read() and guest_write() see to that. */
static bool read_memory(struct emulate_context *context, gva_t address, void *data, unsigned size, bool for_write)
{
	struct emulation *emulation = context->owner;
	struct linear_range range;

	if (!translate(context, address, size, for_write ? ACCESS_WRITE : 0, &range))
		return false;
	linear_read(emulation->vcpu, &range, data);
	return true;
}

static bool write_memory(struct emulate_context *context, gva_t address, const void *data, unsigned size)
{
	struct emulation *emulation = context->owner;
	struct linear_range range;

	if (!translate(context, address, size, ACCESS_WRITE, &range))
		return false;
	linear_write(emulation->vcpu, &range, data);
	return true;
}

static const struct emulate_ops ops = {.read = read_memory, .write = write_memory};

static void load_context(struct emulate_context *context, struct emulation *emulation)
{
	struct vcpu *vcpu = emulation->vcpu;

	backend_paging(&emulation->paging);
	memcpy(context->gpr, vcpu->gpr, sizeof(context->gpr));
	context->ops = &ops;
	context->owner = emulation;
	context->gpr[RSP] = backend_rsp();
	context->rip = backend_rip();
	context->rflags = emulation->paging.rflags;
	context->cr0 = emulation->paging.cr0;
	context->cr4 = emulation->paging.cr4;
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

/* Only real and virtual-8086 mode get here with new segments: one at most. */
static void store_segments(const struct emulate_context *context)
{
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		struct segment before;

		backend_segment((enum segment_index)i, &before);
		if (before.selector != context->segment[i].selector || before.base != context->segment[i].base)
			backend_set_segment((enum segment_index)i, &context->segment[i]);
	}
}

enum action mmio_emulate(struct vcpu *vcpu)
{
	struct emulation emulation = {.vcpu = vcpu};
	struct emulate_context context = {0};
	struct linear_fault fault;

	context.byte_count = (uint8_t)linear_fetch(vcpu, context.bytes, &fault);
	if (!context.byte_count)
		return vcpu_raise_page_fault(vcpu, fault.error_code, fault.address);
	load_context(&context, &emulation);
	vcpu->vm->emulated++;
	switch (emulate_instruction(&context)) {
	case EMULATE_OK:
		store_context(vcpu, &context);
		store_segments(&context);
		backend_instruction_done();
		if (context.mov_ss_shadow)
			backend_mov_ss_shadow();
		return ACTION_RETRY;
	case EMULATE_AGAIN: store_context(vcpu, &context); return ACTION_RETRY;
	case EMULATE_FAULT:
		if (context.fault.vector == EXCEPTION_PF)
			return vcpu_raise_page_fault(vcpu, context.fault.error_code, context.fault.cr2);
		return vcpu_raise(vcpu, context.fault.vector, context.fault.error_code);
	default: return vm_stop(vcpu->vm, VM_EMULATION);
	}
}
