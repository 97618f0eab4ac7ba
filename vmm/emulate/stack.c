/* The stack. SDM Vol. 1 "Stacks". */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

static void set_stack_pointer(struct emulation *e, uint64_t value)
{
	gpr_write(e, RSP, e->stack_size, value);
}

bool stack_push(struct emulation *e, uint64_t value, unsigned size)
{
	uint64_t pointer = (e->gpr[RSP] - size) & size_mask(e->stack_size);

	if (!segmented_write(e, SEG_SS, pointer, &value, size))
		return false;
	set_stack_pointer(e, pointer);
	return true;
}

bool stack_pop(struct emulation *e, uint64_t *value, unsigned size)
{
	uint64_t pointer = gpr_read(e, RSP, e->stack_size);

	*value = 0;
	if (!segmented_read(e, SEG_SS, pointer, value, size, false))
		return false;
	set_stack_pointer(e, pointer + size);
	return true;
}

bool execute_push(struct emulation *e)
{
	uint64_t pointer = (e->gpr[RSP] - e->operand_size) & size_mask(e->stack_size);
	uint64_t value;

	if (e->source.place == PLACE_MEMORY &&
	    (!segmented_precheck(e, e->source.number, e->source.value, e->operand_size, false) ||
	     !segmented_precheck(e, SEG_SS, pointer, e->operand_size, true)))
		return false;
	return operand_read(e, &e->source, &value) && stack_push(e, value, e->operand_size);
}

/* SDM Vol. 2B "POP": an address based on RSP is computed after RSP has moved. */
bool execute_pop(struct emulation *e)
{
	uint64_t value;

	if (!stack_pop(e, &value, e->operand_size))
		return false;
	if (e->destination.place == PLACE_MEMORY)
		e->destination.value = effective_offset(e);
	return operand_write(e, &e->destination, value);
}

#define ALL_REGISTERS 8

/* Can the stack be written there? Without ops->check a read for write stands in. */
static bool check_stack_write(struct emulation *e, uint64_t pointer)
{
	uint64_t unused;

	pointer &= size_mask(e->stack_size);
	return e->context->ops->check ? segmented_check(e, SEG_SS, pointer, e->operand_size, true)
				      : segmented_read(e, SEG_SS, pointer, &unused, e->operand_size, true);
}

bool execute_pusha(struct emulation *e)
{
	uint64_t stack_pointer = e->gpr[RSP];

	/* All eight before the first is written. */
	for (unsigned i = 1; i <= ALL_REGISTERS; i++)
		if (!check_stack_write(e, stack_pointer - i * e->operand_size))
			return false;
	for (unsigned i = 0; i < ALL_REGISTERS; i++)
		if (!stack_push(e, i == RSP ? stack_pointer : e->gpr[i], e->operand_size))
			return false;
	return true;
}

bool execute_popa(struct emulation *e)
{
	for (unsigned i = ALL_REGISTERS; i-- > 0;) {
		uint64_t value;

		if (!stack_pop(e, &value, e->operand_size))
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
	if (!check_stack_write(e, e->gpr[RSP] - e->operand_size - allocated))
		return false;
	if (!stack_push(e, e->gpr[RBP], e->operand_size))
		return false;
	gpr_write(e, RBP, e->operand_size, e->gpr[RSP]);
	set_stack_pointer(e, e->gpr[RSP] - allocated);
	return true;
}

bool execute_leave(struct emulation *e)
{
	uint64_t value;

	set_stack_pointer(e, e->gpr[RBP]);
	if (!stack_pop(e, &value, e->operand_size))
		return false;
	gpr_write(e, RBP, e->operand_size, value);
	return true;
}
