/* SPDX-License-Identifier: MIT */
/* Near branches through memory or the stack. SDM Vol. 2A "CALL", "JMP", Vol. 2B "RET". */
#include "vmm/emulate/emulation.h"

static bool branch_to(struct emulation *e, uint64_t target)
{
	target &= size_mask(e->operand_size);
	if (e->code_size == 8 ? !is_canonical(target) : target > e->context->segment[SEG_CS].limit)
		return emulation_fault(e, EXCEPTION_GP);
	e->rip = target;
	return true;
}

/* JMP, CALL (argument 1): an immediate is relative. */
bool execute_branch(struct emulation *e)
{
	uint64_t target, next = e->rip;

	if (!operand_read(e, &e->source, &target))
		return false;
	if (e->source.place == PLACE_IMMEDIATE)
		target += next;
	return branch_to(e, target) && (!e->opcode.argument || stack_push(e, next));
}

/* The source, if any: how many bytes of parameters to drop. */
bool execute_ret(struct emulation *e)
{
	uint64_t target;

	if (!stack_pop(e, &target) || !branch_to(e, target))
		return false;
	gpr_write(e, RSP, e->stack_size, e->gpr[RSP] + e->source.value);
	return true;
}
