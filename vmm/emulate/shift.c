/* SPDX-License-Identifier: MIT */
/*
 * Shifts and rotates, one place at a time. Undefined flags (SDM Vol. 2): OF at counts above one
 * follows the formula for one; CF of a shift by more than the operand's width is that of the bits
 * shifted in; AF stays.
 */
#include "vmm/emulate/emulation.h"

/*
 * Group 2 by ModRM.reg, and two that take the bits from another operand. Even ones go to the left.
 */
enum { ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR, SHLD, SHRD };

static bool shift_top_bit(uint64_t value, unsigned size)
{
	return value & size_sign(size);
}

/*
 * The bit that comes in where `out` leaves `value` at the other end; SHLD and SHRD take it from
 * `*fill`.
 */
static bool shift_incoming_bits(const struct emulation *e, unsigned operation, uint64_t value, bool out,
                                uint64_t *fill)
{
	bool bit = false;

	switch (operation) {
	case ROL:
	case ROR: return out;
	case RCL:
	case RCR: return e->rflags & RFLAGS_CF;
	case SAR: return shift_top_bit(value, e->operand_size);
	case SHLD:
		bit = shift_top_bit(*fill, e->operand_size);
		*fill <<= 1;
		break;
	case SHRD:
		bit = *fill & 1;
		*fill >>= 1;
		break;
	default: break;
	}
	return bit;
}

/* A count of zero leaves the flags. `count` is masked: to 5 bits, of 64-bit operands to 6. */
static uint64_t shift_compute(struct emulation *e, unsigned operation, uint64_t value, uint64_t fill,
                              uint64_t count)
{
	unsigned size = e->operand_size;
	bool left = operation % 2 == 0;

	count &= size == 8 ? 63 : 31;
	if (!count)
		return value;
	for (; count; count--) {
		bool out = left ? shift_top_bit(value, size) : value & 1;
		uint64_t in = shift_incoming_bits(e, operation, value, out, &fill);

		value = left ? (value << 1 | in) & size_mask(size) : value >> 1 | in << (8 * size - 1);
		flag_set(e, RFLAGS_CF, out);
	}
	/* Has the top bit changed? To the left CF is the former one, to the right the next bit. */
	flag_set(e, RFLAGS_OF,
	         shift_top_bit(value, size) !=
	                 (left ? !!(e->rflags & RFLAGS_CF) : shift_top_bit(value << 1, size)));
	if (operation >= SHL)
		flags_of_result(e, value, size);
	return value;
}

/* Group 2. A count of zero writes the destination back. */
bool execute_shift(struct emulation *e)
{
	uint64_t value, count;

	if (!operand_read(e, &e->source, &count) || !operand_read_for_write(e, &e->destination, &value))
		return false;
	return operand_write(e, &e->destination, shift_compute(e, e->reg & 7, value, 0, count));
}

/* SHLD, SHRD (argument 1) */
bool execute_double_shift(struct emulation *e)
{
	uint64_t value, fill, count;

	if (!operand_read(e, &e->source, &fill) || !operand_read(e, &e->third, &count) ||
	    !operand_read_for_write(e, &e->destination, &value))
		return false;
	return operand_write(e, &e->destination,
	                     shift_compute(e, SHLD + e->opcode.argument, value, fill, count));
}
