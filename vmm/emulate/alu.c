/* Addition, subtraction, logic and their flags. */
#include "vmm/emulate/emulation.h"

void flags_of_result(struct emulation *e, uint64_t result, unsigned size)
{
	flag_set(e, RFLAGS_SF, result & size_sign(size));
	flag_set(e, RFLAGS_ZF, !(result & size_mask(size)));
	flag_set(e, RFLAGS_PF, !__builtin_parity(result & 0xff));
}

/*
 * The carry out of every bit position is a function of the operands' and the
 * result's bits: of the top bit it is CF, of bit 3 it is AF.
 */
static uint64_t add(struct emulation *e, uint64_t a, uint64_t b, bool carry, unsigned size)
{
	uint64_t result = (a + b + carry) & size_mask(size);

	flag_set(e, RFLAGS_CF, ((a & b) | ((a | b) & ~result)) & size_sign(size));
	flag_set(e, RFLAGS_AF, (a ^ b ^ result) & 0x10);
	flag_set(e, RFLAGS_OF, (a ^ result) & (b ^ result) & size_sign(size));
	flags_of_result(e, result, size);
	return result;
}

static uint64_t subtract(struct emulation *e, uint64_t a, uint64_t b, bool borrow, unsigned size)
{
	uint64_t result = (a - b - borrow) & size_mask(size);

	flag_set(e, RFLAGS_CF, ((~a & b) | (~(a ^ b) & result)) & size_sign(size));
	flag_set(e, RFLAGS_AF, (a ^ b ^ result) & 0x10);
	flag_set(e, RFLAGS_OF, (a ^ b) & (a ^ result) & size_sign(size));
	flags_of_result(e, result, size);
	return result;
}

/* AF is undefined: cleared. */
static uint64_t logic(struct emulation *e, uint64_t result, unsigned size)
{
	e->rflags &= ~(RFLAGS_CF | RFLAGS_OF | RFLAGS_AF);
	flags_of_result(e, result, size);
	return result & size_mask(size);
}

uint64_t alu_compute(struct emulation *e, enum alu_operation operation, uint64_t a, uint64_t b, unsigned size)
{
	bool carry = e->rflags & RFLAGS_CF;

	switch (operation) {
	case ALU_ADD: return add(e, a, b, false, size);
	case ALU_ADC: return add(e, a, b, carry, size);
	case ALU_SBB: return subtract(e, a, b, carry, size);
	case ALU_SUB:
	case ALU_CMP: return subtract(e, a, b, false, size);
	case ALU_OR: return logic(e, a | b, size);
	case ALU_XOR: return logic(e, a ^ b, size);
	case ALU_AND: break;
	}
	return logic(e, a & b, size);
}

/* The eight operations of opcodes 00h to 3Fh and of group 1. */
bool execute_alu(struct emulation *e)
{
	enum alu_operation operation = e->opcode.argument;
	uint64_t a, b;

	if (!operand_read(e, &e->source, &b))
		return false;
	if (operation == ALU_CMP) {
		if (!operand_read(e, &e->destination, &a))
			return false;
		alu_compute(e, operation, a, b, e->operand_size);
		return true;
	}
	if (!operand_read_for_write(e, &e->destination, &a))
		return false;
	return operand_write(e, &e->destination, alu_compute(e, operation, a, b, e->operand_size));
}

bool execute_test(struct emulation *e)
{
	uint64_t a, b;

	if (!operand_read(e, &e->destination, &a) || !operand_read(e, &e->source, &b))
		return false;
	logic(e, a & b, e->operand_size);
	return true;
}

/* argument: ALU_ADD or ALU_SUB. CF stays. */
bool execute_inc_dec(struct emulation *e)
{
	uint64_t carry = e->rflags & RFLAGS_CF;
	uint64_t value;

	if (!operand_read_for_write(e, &e->destination, &value))
		return false;
	value = alu_compute(e, e->opcode.argument, value, 1, e->operand_size);
	flag_set(e, RFLAGS_CF, carry);
	return operand_write(e, &e->destination, value);
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
	return operand_write(e, &e->destination, subtract(e, 0, value, false, e->operand_size));
}
