/* Near branches. SDM Vol. 2A "Jcc", "JMP", "CALL", "LOOP/LOOPcc", Vol. 2B "RET". */
#include "vmm/emulate/emulation.h"

/* Table "Condition Codes" of Vol. 1 Appendix B; an odd number is the opposite of the one before. */
bool condition_holds(const struct emulation *e, unsigned condition)
{
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

static bool check_target(struct emulation *e, uint64_t target)
{
	if (e->code_size == 8 ? linear_is_canonical(e, target) : target <= e->context->segment[SEG_CS].limit)
		return true;
	return emulation_gp(e);
}

static bool branch_to(struct emulation *e, uint64_t target)
{
	target &= size_mask(e->operand_size);
	if (!check_target(e, target))
		return false;
	e->rip = target;
	return true;
}

static bool branch_relative(struct emulation *e, bool taken)
{
	return !taken || branch_to(e, e->rip + e->source.value);
}

/* Shadow stacks and indirect-branch tracking keep state that is not ours to know. */
static bool needs_cet(const struct emulation *e)
{
	return e->context->cr4 & CR4_CET;
}

bool execute_jcc(struct emulation *e)
{
	return branch_relative(e, condition_holds(e, e->byte & 0xf));
}

bool execute_jmp(struct emulation *e)
{
	return branch_relative(e, true);
}

bool execute_jmp_indirect(struct emulation *e)
{
	uint64_t target;

	if (needs_cet(e))
		return emulation_unsupported(e);
	return operand_read(e, &e->source, &target) && branch_to(e, target);
}

static bool call(struct emulation *e, uint64_t target)
{
	uint64_t next = e->rip;

	return branch_to(e, target) && stack_push(e, next, e->operand_size);
}

bool execute_call(struct emulation *e)
{
	if (needs_cet(e))
		return emulation_unsupported(e);
	return call(e, e->rip + e->source.value);
}

bool execute_call_indirect(struct emulation *e)
{
	uint64_t target;

	if (needs_cet(e))
		return emulation_unsupported(e);
	return operand_read(e, &e->source, &target) && call(e, target);
}

/* The source, if any: how many bytes of parameters to drop. */
bool execute_ret(struct emulation *e)
{
	uint64_t target;

	if (needs_cet(e))
		return emulation_unsupported(e);
	if (!stack_pop(e, &target, e->operand_size) || !branch_to(e, target))
		return false;
	gpr_write(e, RSP, e->stack_size, e->gpr[RSP] + e->source.value);
	return true;
}

/* LOOPNE E0h, LOOPE E1h, LOOP E2h */
bool execute_loop(struct emulation *e)
{
	uint64_t count = (e->gpr[RCX] - 1) & size_mask(e->address_size);
	bool zero = e->rflags & RFLAGS_ZF;

	gpr_write(e, RCX, e->address_size, count);
	return branch_relative(e, count && (e->byte == 0xe2 || zero == (e->byte == 0xe1)));
}

bool execute_jcxz(struct emulation *e)
{
	return branch_relative(e, !gpr_read(e, RCX, e->address_size));
}
