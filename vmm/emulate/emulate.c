/* SPDX-License-Identifier: MIT */
/* Set up, decode, execute, and copy back what succeeded. */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

bool execute_ud(struct emulation *e)
{
	return emulation_fault(e, EXCEPTION_UD);
}

static void set_mode(struct emulation *e)
{
	const struct emulate_context *context = e->context;
	uint32_t cs = context->segment[SEG_CS].access, ss = context->segment[SEG_SS].access;

	e->code_size = cs & SEGMENT_DB ? 4 : 2;
	e->stack_size = ss & SEGMENT_DB ? 4 : 2;
	if ((context->efer & EFER_LMA) && (cs & SEGMENT_L)) {
		e->segment_mode = SEGMENT_MODE_64;
		e->code_size = e->stack_size = 8;
	} else if ((context->cr0 & CR0_PE) && !(context->rflags & RFLAGS_VM)) {
		e->segment_mode = SEGMENT_MODE_PROTECTED;
	}
}

enum emulate_status emulate_instruction(struct emulate_context *context)
{
	struct emulation e = {
		.context = context,
		.status = EMULATE_OK,
		.rflags = context->rflags,
		.segment_mode = SEGMENT_MODE_REAL,
		.override = -1,
		.base = -1,
		.index = -1,
	};

	memcpy(e.gpr, context->gpr, sizeof(e.gpr));
	context->fault = (struct emulate_fault){0};
	context->segments_loaded = 0;
	set_mode(&e);
	if (!decode_instruction(&e) || !e.opcode.execute(&e))
		return e.status;
	memcpy(context->gpr, e.gpr, sizeof(e.gpr));
	context->rip = e.rip;
	/*
	 * SDM Vol. 3B "Instruction-Breakpoint Exception Condition": RF is cleared by the
	 * instruction that it covers.
	 */
	context->rflags = e.status == EMULATE_OK ? e.rflags & ~RFLAGS_RF : e.rflags;
	return e.status;
}
