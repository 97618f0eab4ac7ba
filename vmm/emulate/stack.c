/* SPDX-License-Identifier: MIT */
/* The stack. SDM Vol. 1 "Stacks". */
#include "vmm/emulate/emulation.h"

static void set_stack_pointer(struct emulation *e, uint64_t value)
{
	gpr_write(e, RSP, e->stack_size, value);
}

/* Can the operand be written `below` bytes under the stack pointer? */
static bool check_stack(struct emulation *e, uint64_t below)
{
	uint64_t pointer = (e->gpr[RSP] - below) & size_mask(e->stack_size);

	return segmented_check(e, SEG_SS, pointer, e->operand_size, true);
}

bool stack_push(struct emulation *e, uint64_t value)
{
	uint64_t pointer = (e->gpr[RSP] - e->operand_size) & size_mask(e->stack_size);

	if (!segmented_access(e, SEG_SS, pointer, &value, e->operand_size, EMULATE_WRITE))
		return false;
	set_stack_pointer(e, pointer);
	return true;
}

bool stack_pop(struct emulation *e, uint64_t *value)
{
	uint64_t pointer = gpr_read(e, RSP, e->stack_size);

	if (!segmented_read(e, SEG_SS, pointer, value, e->operand_size))
		return false;
	set_stack_pointer(e, pointer + e->operand_size);
	return true;
}

bool execute_push(struct emulation *e)
{
	const struct operand *source = &e->source;
	uint64_t value;

	if (source->place == PLACE_MEMORY &&
	    (!segmented_check(e, source->number, source->value, e->operand_size, false) ||
	     !check_stack(e, e->operand_size)))
		return false;
	return operand_read(e, source, &value) && stack_push(e, value);
}

/* argument: segment register */
bool execute_push_sreg(struct emulation *e)
{
	return stack_push(e, e->context->segment[e->opcode.argument].selector);
}

/*
 * SDM Vol. 2B "PUSHF/PUSHFD/PUSHFQ". In virtual-8086 mode with IOPL below 3 it is #GP, or, with
 * CR4.VME, pushes another image.
 */
bool execute_pushf(struct emulation *e)
{
	if ((e->rflags & RFLAGS_VM) && (e->rflags & RFLAGS_IOPL) != RFLAGS_IOPL)
		return e->context->cr4 & CR4_VME ? emulation_unsupported(e)
		                                 : emulation_fault(e, EXCEPTION_GP);
	return stack_push(e, e->rflags & ~(RFLAGS_VM | RFLAGS_RF));
}

/* SDM Vol. 2B "POP": an address based on RSP is computed after RSP has moved. */
bool execute_pop(struct emulation *e)
{
	uint64_t value;

	if (!stack_pop(e, &value))
		return false;
	if (e->destination.place == PLACE_MEMORY)
		e->destination.value = effective_offset(e);
	return operand_write(e, &e->destination, value);
}

#define ALL_REGISTERS 8

/* All eight are checked before the first is written. */
bool execute_pusha(struct emulation *e)
{
	uint64_t stack_pointer = e->gpr[RSP];

	for (unsigned i = 1; i <= ALL_REGISTERS; i++)
		if (!check_stack(e, i * e->operand_size))
			return false;
	for (unsigned i = 0; i < ALL_REGISTERS; i++)
		if (!stack_push(e, i == RSP ? stack_pointer : e->gpr[i]))
			return false;
	return true;
}

bool execute_popa(struct emulation *e)
{
	for (unsigned i = ALL_REGISTERS; i-- > 0;) {
		uint64_t value;

		if (!stack_pop(e, &value))
			return false;
		if (i != RSP)
			gpr_write(e, i, e->operand_size, value);
	}
	return true;
}

/*
 * Level 0 only: no compiler and no kernel nests further. SDM Vol. 2A "ENTER": it faults where a
 * write at the final stack pointer would.
 */
bool execute_enter(struct emulation *e)
{
	uint64_t allocated = e->destination.value;

	if (e->source.value & 31)
		return emulation_unsupported(e);
	if (!check_stack(e, e->operand_size + allocated) || !stack_push(e, e->gpr[RBP]))
		return false;
	gpr_write(e, RBP, e->operand_size, e->gpr[RSP]);
	set_stack_pointer(e, e->gpr[RSP] - allocated);
	return true;
}

bool execute_leave(struct emulation *e)
{
	uint64_t value;

	set_stack_pointer(e, e->gpr[RBP]);
	if (!stack_pop(e, &value))
		return false;
	gpr_write(e, RBP, e->operand_size, value);
	return true;
}
