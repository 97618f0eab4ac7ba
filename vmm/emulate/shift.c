/*
 * Shifts and rotates. Undefined flags (SDM Vol. 2): OF at counts above one follows the
 * formula for one; CF of a shift by more than the operand's width is that of the
 * bits shifted in; AF stays.
 */
#include "vmm/emulate/emulation.h"

enum { ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR };

static bool top(uint64_t value, unsigned size)
{
	return value & size_sign(size);
}

static uint64_t rotate_left(uint64_t value, unsigned count, unsigned size)
{
	unsigned bits = 8 * size;

	count &= bits - 1;
	return count ? (value << count | value >> (bits - count)) & size_mask(size) : value;
}

static uint64_t rol(struct emulation *e, uint64_t value, unsigned count, unsigned size)
{
	value = rotate_left(value, count, size);
	flag_set(e, RFLAGS_CF, value & 1);
	flag_set(e, RFLAGS_OF, top(value, size) ^ (value & 1));
	return value;
}

static uint64_t ror(struct emulation *e, uint64_t value, unsigned count, unsigned size)
{
	value = rotate_left(value, 8 * size - count % (8 * size), size);
	flag_set(e, RFLAGS_CF, top(value, size));
	flag_set(e, RFLAGS_OF, top(value ^ value << 1, size));
	return value;
}

static uint64_t rcl(struct emulation *e, uint64_t value, unsigned count, unsigned size)
{
	bool carry = e->rflags & RFLAGS_CF;

	for (count %= 8 * size + 1; count; count--) {
		bool out = top(value, size);

		value = (value << 1 | carry) & size_mask(size);
		carry = out;
	}
	flag_set(e, RFLAGS_CF, carry);
	flag_set(e, RFLAGS_OF, top(value, size) ^ carry);
	return value;
}

static uint64_t rcr(struct emulation *e, uint64_t value, unsigned count, unsigned size)
{
	bool carry = e->rflags & RFLAGS_CF;

	for (count %= 8 * size + 1; count; count--) {
		bool out = value & 1;

		value = value >> 1 | (carry ? size_sign(size) : 0);
		carry = out;
	}
	flag_set(e, RFLAGS_CF, carry);
	flag_set(e, RFLAGS_OF, top(value ^ value << 1, size));
	return value;
}

/* In the three shifts 1 <= count <= 63; a count beyond the width is possible below 32 bits. */
static uint64_t shl(struct emulation *e, uint64_t value, unsigned count, unsigned size)
{
	uint64_t before = value << (count - 1);
	uint64_t result = before << 1 & size_mask(size);

	flag_set(e, RFLAGS_CF, top(before, size));
	flag_set(e, RFLAGS_OF, top(result ^ before, size));
	flags_of_result(e, result, size);
	return result;
}

static uint64_t shr(struct emulation *e, uint64_t value, unsigned count, unsigned size)
{
	uint64_t before = value >> (count - 1);

	flag_set(e, RFLAGS_CF, before & 1);
	flag_set(e, RFLAGS_OF, top(value, size));
	flags_of_result(e, before >> 1, size);
	return before >> 1;
}

static uint64_t sar(struct emulation *e, uint64_t value, unsigned count, unsigned size)
{
	int64_t before = (int64_t)sign_extend(value, size) >> (count - 1);

	flag_set(e, RFLAGS_CF, before & 1);
	flag_set(e, RFLAGS_OF, false);
	flags_of_result(e, before >> 1, size);
	return before >> 1;
}

typedef uint64_t (*shift_t)(struct emulation *e, uint64_t value, unsigned count, unsigned size);

static const shift_t shifts[8] = {
    [ROL] = rol, [ROR] = ror, [RCL] = rcl, [RCR] = rcr, [SHL] = shl, [SHR] = shr, [SAL] = shl, [SAR] = sar,
};

static unsigned masked_count(const struct emulation *e, uint64_t count)
{
	return count & (e->operand_size == 8 ? 63 : 31);
}

/* Group 2. A count of zero writes the destination back and leaves the flags. */
bool execute_shift(struct emulation *e)
{
	uint64_t value, count;

	if (!operand_read(e, &e->source, &count) || !operand_read_for_write(e, &e->destination, &value))
		return false;
	count = masked_count(e, count);
	if (count)
		value = shifts[e->reg & 7](e, value, count, e->operand_size);
	return operand_write(e, &e->destination, value);
}

static uint64_t shld(struct emulation *e, uint64_t value, uint64_t fill, unsigned count, unsigned size)
{
	uint64_t before = value << (count - 1) | (fill >> (8 * size - count)) >> 1;
	uint64_t result = (value << count | fill >> (8 * size - count)) & size_mask(size);

	flag_set(e, RFLAGS_CF, top(before, size));
	flag_set(e, RFLAGS_OF, top(value ^ result, size));
	flags_of_result(e, result, size);
	return result;
}

static uint64_t shrd(struct emulation *e, uint64_t value, uint64_t fill, unsigned count, unsigned size)
{
	uint64_t result = (value >> count | fill << (8 * size - count)) & size_mask(size);

	flag_set(e, RFLAGS_CF, value >> (count - 1) & 1);
	flag_set(e, RFLAGS_OF, top(value ^ result, size));
	flags_of_result(e, result, size);
	return result;
}

/* SHLD, SHRD (argument 1). A count beyond 16 of a 16-bit operand is undefined: nothing changes. */
bool execute_double_shift(struct emulation *e)
{
	uint64_t value, fill, count;
	unsigned size = e->operand_size;

	if (!operand_read(e, &e->source, &fill) || !operand_read(e, &e->third, &count) ||
	    !operand_read_for_write(e, &e->destination, &value))
		return false;
	count = masked_count(e, count);
	if (!count)
		return operand_write(e, &e->destination, value);
	if (count < 8 * size) {
		value = e->opcode.argument ? shrd(e, value, fill, count, size)
					   : shld(e, value, fill, count, size);
	} else if (count == 8 * size) {
		/* Only 16 bits: the other operand as a whole. */
		flag_set(e, RFLAGS_CF, e->opcode.argument ? top(value, size) : value & 1);
		flag_set(e, RFLAGS_OF, top(value ^ fill, size));
		flags_of_result(e, fill, size);
		value = fill;
	}
	return operand_write(e, &e->destination, value);
}
