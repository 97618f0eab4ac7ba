/* Set up, decode, execute, and copy back what succeeded. */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

bool execute_ud(struct emulation *e)
{
	return emulation_ud(e);
}

bool execute_nop(struct emulation *e)
{
	(void)e;
	return true;
}

/* F3 0F 1E holds shadow-stack instructions, which are NOPs only while CR4.CET is clear. */
bool execute_nop_hint(struct emulation *e)
{
	return e->byte != 0x1e || !(e->context->cr4 & CR4_CET) || emulation_unsupported(e);
}

static void set_mode(struct emulation *e)
{
	const struct emulate_context *context = e->context;
	uint32_t cs = context->segment[SEG_CS].access;

	e->protected_mode = (context->cr0 & CR0_PE) && !(context->rflags & RFLAGS_VM);
	if ((context->efer & EFER_LMA) && (cs & SEGMENT_L))
		e->code_size = 8;
	else
		e->code_size = cs & SEGMENT_DB ? 4 : 2;
	if (e->code_size == 8)
		e->stack_size = 8;
	else
		e->stack_size = context->segment[SEG_SS].access & SEGMENT_DB ? 4 : 2;
}

static void commit(struct emulation *e)
{
	struct emulate_context *context = e->context;

	memcpy(context->gpr, e->gpr, sizeof(context->gpr));
	context->rip = e->rip;
	/* SDM Vol. 3B "Instruction-Breakpoint Exception Condition": RF is cleared by the instruction that it
	 * covers. */
	context->rflags = e->status == EMULATE_OK ? e->rflags & ~RFLAGS_RF : e->rflags;
	if (e->loaded_index >= 0) {
		context->segment[e->loaded_index] = e->loaded;
		context->mov_ss_shadow = e->loaded_index == SEG_SS;
	}
}

enum emulate_status emulate_instruction(struct emulate_context *context)
{
	struct emulation e = {
	    .context = context,
	    .status = EMULATE_OK,
	    .rflags = context->rflags,
	    .loaded_index = -1,
	    .override = -1,
	    .base = -1,
	    .index = -1,
	};

	memcpy(e.gpr, context->gpr, sizeof(e.gpr));
	context->fault = (struct emulate_fault){0};
	context->length = 0;
	context->mov_ss_shadow = false;
	set_mode(&e);
	if (!decode_instruction(&e))
		return e.status;
	context->length = e.length;
	if (!e.opcode.execute(&e))
		return e.status;
	commit(&e);
	return e.status;
}
