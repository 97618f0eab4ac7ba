/* SPDX-License-Identifier: MIT */
#include "vmm/x86/mmio.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "vmm/backend.h"
#include "vmm/emulate/emulate.h"
#include "vmm/x86/breakpoints.h"
#include "vmm/x86/extended.h"
#include "vmm/x86/linear.h"
#include "vmm/x86/string_io.h"
#include "vmm/vm_calls.h"

#define REP_BATCH 16 /* iterations of a REP instruction between two looks at interrupts */

struct mmio_access {
	struct vcpu *vcpu;
	struct guest_paging paging;
	bool armed;   /* DR7 has breakpoints */
	uint64_t met; /* which of them */
};

/* A check touches nothing, so a device sees each access of the instruction once. */
static bool mmio_access_memory(struct emulate_context *context, gva_t address, void *data, unsigned size,
                               enum emulate_access access)
{
	struct mmio_access *mmio = context->owner;
	bool reads = access == EMULATE_READ || access == EMULATE_CHECK_READ;
	struct linear_range range;
	struct linear_fault fault;

	if (address % PAGE_SIZE + size <= PAGE_SIZE &&
	    backend_translated(mmio->vcpu, address, !reads, &range.gpa[0])) {
		range.size[0] = size;
		range.size[1] = 0;
	} else if (!linear_translate(mmio->vcpu, &mmio->paging, address, size, reads ? 0 : ACCESS_WRITE,
	                             &range, &fault)) {
		context->fault = (struct emulate_fault){EXCEPTION_PF, fault.error_code, fault.address};
		return false;
	}
	if (access == EMULATE_READ || access == EMULATE_READ_FOR_WRITE)
		linear_read(mmio->vcpu, &range, data);
	else if (access == EMULATE_WRITE)
		linear_write(mmio->vcpu, &range, data);
	if (unlikely(mmio->armed) && access != EMULATE_CHECK_READ && access != EMULATE_CHECK_WRITE)
		mmio->met |= breakpoints_met(mmio->vcpu, reads ? BREAKPOINT_READ : BREAKPOINT_WRITE, address,
		                             size);
	return true;
}

/* EDX:EAX name XSAVE's components. */
static void mmio_run_extended(struct emulate_context *context, enum emulate_extended stub, void *memory)
{
	extended_run(stub, memory, context->gpr[RDX] << 32 | (uint32_t)context->gpr[RAX]);
}

static void mmio_access_system(struct emulate_context *context, enum emulate_system which,
                               struct segment *value, bool load)
{
	struct vcpu *vcpu = ((const struct mmio_access *)context->owner)->vcpu;

	if (which == SYSTEM_LDTR || which == SYSTEM_TR)
		backend_segment(vcpu, which == SYSTEM_TR ? SEG_TR : SEG_LDTR, value);
	else if (load)
		backend_set_table(vcpu, which == SYSTEM_IDTR, value);
	else
		backend_table(vcpu, which == SYSTEM_IDTR, value);
}

static void mmio_load_context(struct emulate_context *context, struct mmio_access *mmio)
{
	struct vcpu *vcpu = mmio->vcpu;

	memcpy(context->gpr, vcpu->gpr, sizeof(context->gpr));
	context->access = mmio_access_memory;
	context->extended = mmio_run_extended;
	context->system = mmio_access_system;
	context->owner = mmio;
	context->gpr[RSP] = backend_rsp(vcpu);
	context->rip = backend_rip(vcpu);
	context->rflags = mmio->paging.rflags;
	context->cr0 = mmio->paging.cr0;
	context->cr4 = mmio->paging.cr4;
	context->efer = mmio->paging.efer;
	context->xcr0 = vcpu->xcr0;
	context->cpl = mmio->paging.cpl;
	context->max_iterations = mmio->armed ? 1 : REP_BATCH;
	for (unsigned i = SEG_ES; i <= SEG_GS; i++)
		backend_segment(vcpu, (enum segment_index)i, &context->segment[i]);
}

static void mmio_store_context(struct vcpu *vcpu, const struct emulate_context *context)
{
	memcpy(vcpu->gpr, context->gpr, sizeof(context->gpr));
	backend_set_rsp(vcpu, context->gpr[RSP]);
	backend_set_rip(vcpu, context->rip);
	backend_set_rflags(vcpu, context->rflags);
	for (unsigned i = SEG_ES; unlikely(context->segments_loaded >> i); i++)
		if (context->segments_loaded & 1 << i)
			backend_set_segment(vcpu, (enum segment_index)i, &context->segment[i]);
}

/* An instruction that has ended, or an iteration of it: #DB comes after it. */
static void mmio_complete(const struct mmio_access *mmio, const struct emulate_context *context)
{
	mmio_store_context(mmio->vcpu, context);
	if (unlikely(mmio->met))
		backend_trap_breakpoints(mmio->vcpu, mmio->met);
}

/*
 * A program may map a device that its kernel gave to it, and must not end the VM by its choice of
 * an instruction: to the program, the instruction does not exist. A kernel's is told to the
 * operator.
 */
static enum action mmio_cannot_emulate(struct vcpu *vcpu, uint8_t cpl)
{
	return cpl ? vcpu_raise(vcpu, EXCEPTION_UD, 0) : vm_stop(vcpu->vm, VM_EMULATION);
}

static enum action mmio_fault(struct vcpu *vcpu, const struct emulate_context *context)
{
	const struct emulate_fault *fault = &context->fault;

	if (fault->vector == EXCEPTION_PF)
		return vcpu_raise_page_fault(vcpu, fault->error_code, fault->cr2);
	if (fault->vector == EXCEPTION_MF && !(context->cr0 & CR0_NE))
		return backend_fpu_error(vcpu);
	return vcpu_raise(vcpu, fault->vector, fault->error_code);
}

enum action mmio_emulate(struct vcpu *vcpu)
{
	struct mmio_access mmio = {.vcpu = vcpu, .armed = backend_dr7(vcpu) & DR7_ENABLED};
	struct emulate_context context;
	struct linear_fault fault;

	backend_paging(vcpu, &mmio.paging);
	context.byte_count = (uint8_t)linear_fetch(vcpu, &mmio.paging, context.bytes, &fault);
	if (!context.byte_count)
		return vcpu_raise_page_fault(vcpu, fault.error_code, fault.address);
	mmio_load_context(&context, &mmio);
	vcpu->emulated++;
	switch (emulate_instruction(&context)) {
	case EMULATE_OK:
		mmio_complete(&mmio, &context);
		backend_instruction_done(vcpu);
		return ACTION_RETRY;
	case EMULATE_AGAIN: mmio_complete(&mmio, &context); return string_break_off(vcpu);
	case EMULATE_FAULT: mmio_store_context(vcpu, &context); return mmio_fault(vcpu, &context);
	default: return mmio_cannot_emulate(vcpu, mmio.paging.cpl);
	}
}
