/* SPDX-License-Identifier: MIT */
/* Data from here to there, perhaps converted. */
#include "vmm/emulate/emulation.h"

/* MOV, MOVZX (reads are zero-extended), MOVNTI. */
bool execute_mov(struct emulation *e)
{
	uint64_t value;

	return operand_read(e, &e->source, &value) && operand_write(e, &e->destination, value);
}

/* MOVSX, MOVSXD in 64-bit mode */
bool execute_movsx(struct emulation *e)
{
	uint64_t value;

	return operand_read(e, &e->source, &value) &&
	       operand_write(e, &e->destination, sign_extend(value, e->source.size));
}

/* 63h: outside 64-bit mode it is ARPL. */
bool execute_movsxd(struct emulation *e)
{
	return e->code_size == 8 ? execute_movsx(e) : execute_arpl(e);
}

bool execute_lea(struct emulation *e)
{
	return operand_write(e, &e->destination, e->source.value);
}

/*
 * The opcode's condition. SDM Vol. 1 "EFLAGS Condition Codes": an odd number is the opposite of the
 * one before.
 */
static bool condition_holds(const struct emulation *e)
{
	unsigned condition = e->byte & 0xf;
	uint64_t flags = e->rflags;
	bool less = !(flags & RFLAGS_SF) != !(flags & RFLAGS_OF);
	bool result = false;

	switch (condition >> 1) {
	case 0: result = flags & RFLAGS_OF; break;
	case 1: result = flags & RFLAGS_CF; break;
	case 2: result = flags & RFLAGS_ZF; break;
	case 3: result = flags & (RFLAGS_CF | RFLAGS_ZF); break;
	case 4: result = flags & RFLAGS_SF; break;
	case 5: result = flags & RFLAGS_PF; break;
	case 6: result = less; break;
	case 7: result = less || (flags & RFLAGS_ZF); break;
	}
	return result != (condition & 1);
}

bool execute_setcc(struct emulation *e)
{
	return operand_write(e, &e->destination, condition_holds(e));
}

/* The source is read, and a 32-bit destination written, whatever the condition. */
bool execute_cmovcc(struct emulation *e)
{
	uint64_t value;

	if (!operand_read(e, &e->source, &value))
		return false;
	if (!condition_holds(e) && !operand_read(e, &e->destination, &value))
		return false;
	return operand_write(e, &e->destination, value);
}

bool execute_xlat(struct emulation *e)
{
	uint64_t offset = (e->gpr[RBX] + (e->gpr[RAX] & 0xff)) & size_mask(e->address_size);
	uint64_t value;

	if (!segmented_read(e, effective_segment(e), offset, &value, 1))
		return false;
	gpr_write(e, RAX, 1, value);
	return true;
}

bool execute_jcc(struct emulation *e)
{
	return !condition_holds(e) || execute_branch(e);
}
