/* SPDX-License-Identifier: MIT */
/* Addition, subtraction, logic and their flags. */
#include "vmm/emulate/emulation.h"

void flags_of_result(struct emulation *e, uint64_t result, unsigned size)
{
	flag_set(e, RFLAGS_SF, result & size_sign(size));
	flag_set(e, RFLAGS_ZF, !(result & size_mask(size)));
	flag_set(e, RFLAGS_PF, !__builtin_parity(result & 0xff));
}

/*
 * Subtraction is addition of the complement, with carries for borrows. The carry out of every bit
 * position is a function of the operands' and the result's bits: of the top bit it is CF, of bit 3
 * it is AF.
 */
static uint64_t alu_add(struct emulation *e, uint64_t a, uint64_t b, bool carry, bool subtract, unsigned size)
{
	uint64_t result, carries;

	if (subtract) {
		b = ~b;
		carry = !carry;
	}
	result = a + b + carry;
	carries = (a & b) | ((a | b) & ~result);
	flag_set(e, RFLAGS_CF, !(carries & size_sign(size)) == subtract);
	flag_set(e, RFLAGS_AF, !(carries & BIT(3)) == subtract);
	flag_set(e, RFLAGS_OF, (a ^ result) & (b ^ result) & size_sign(size));
	flags_of_result(e, result, size);
	return result & size_mask(size);
}

/* AF is undefined: cleared. */
static uint64_t alu_logic(struct emulation *e, uint64_t result, unsigned size)
{
	e->rflags &= ~(RFLAGS_CF | RFLAGS_OF | RFLAGS_AF);
	flags_of_result(e, result, size);
	return result & size_mask(size);
}

uint64_t alu_compute(struct emulation *e, enum alu_operation operation, uint64_t a, uint64_t b, unsigned size)
{
	bool carry = e->rflags & RFLAGS_CF;

	switch (operation) {
	case ALU_ADD: return alu_add(e, a, b, false, false, size);
	case ALU_ADC: return alu_add(e, a, b, carry, false, size);
	case ALU_SBB: return alu_add(e, a, b, carry, true, size);
	case ALU_SUB:
	case ALU_CMP: return alu_add(e, a, b, false, true, size);
	case ALU_OR: return alu_logic(e, a | b, size);
	case ALU_XOR: return alu_logic(e, a ^ b, size);
	case ALU_AND:
	case ALU_TEST: break;
	}
	return alu_logic(e, a & b, size);
}

/* The eight operations of opcodes 00h to 3Fh and of group 1, and TEST. */
bool execute_alu(struct emulation *e)
{
	enum alu_operation operation = e->opcode.argument;
	bool writes = operation != ALU_CMP && operation != ALU_TEST;
	uint64_t a, b;

	if (!operand_read(e, &e->source, &b))
		return false;
	if (writes ? !operand_read_for_write(e, &e->destination, &a) : !operand_read(e, &e->destination, &a))
		return false;
	a = alu_compute(e, operation, a, b, e->operand_size);
	return !writes || operand_write(e, &e->destination, a);
}

/* ADD or SUB of 1; CF stays. */
bool execute_inc_dec(struct emulation *e)
{
	uint64_t carry = e->rflags & RFLAGS_CF;
	bool done = execute_alu(e);

	flag_set(e, RFLAGS_CF, carry);
	return done;
}

bool execute_not(struct emulation *e)
{
	uint64_t value;

	return operand_read_for_write(e, &e->destination, &value) &&
	       operand_write(e, &e->destination, ~value);
}

bool execute_neg(struct emulation *e)
{
	uint64_t value;

	if (!operand_read_for_write(e, &e->destination, &value))
		return false;
	return operand_write(e, &e->destination, alu_compute(e, ALU_SUB, 0, value, e->operand_size));
}
