/* SPDX-License-Identifier: MIT */
/* Single bits: test, scan, count; and byte order. Undefined flags stay as they are. */
#include "vmm/emulate/emulation.h"

#define REPEAT_F3 0xf3

/*
 * SDM Vol. 2A "BT": a register's bit offset is signed and reaches beyond a memory
 * operand, in steps of the operand size; an immediate's does not.
 */
static void move_to_bit(struct emulation *e, uint64_t bit)
{
	unsigned log2_bits = e->operand_size == 8 ? 6 : e->operand_size == 4 ? 5 : 4;
	int64_t units = (int64_t)sign_extend(bit, e->operand_size) >> log2_bits;

	e->destination.value += (uint64_t)units * e->operand_size;
	e->destination.value &= size_mask(e->address_size);
}

/* argument: which of the four. */
bool execute_bit_test(struct emulation *e)
{
	enum bit_operation operation = e->opcode.argument;
	uint64_t bit, value, mask;

	if (!operand_read(e, &e->source, &bit))
		return false;
	if (e->destination.place == PLACE_MEMORY && e->source.place == PLACE_REGISTER)
		move_to_bit(e, bit);
	mask = 1UL << (bit % (8 * e->operand_size));
	if (operation == BIT_TEST ? !operand_read(e, &e->destination, &value)
	                          : !operand_read_for_write(e, &e->destination, &value))
		return false;
	flag_set(e, RFLAGS_CF, value & mask);
	switch (operation) {
	case BIT_TEST: return true;
	case BIT_SET: value |= mask; break;
	case BIT_RESET: value &= ~mask; break;
	case BIT_COMPLEMENT: value ^= mask; break;
	}
	return operand_write(e, &e->destination, value);
}

/*
 * BSF and TZCNT, BSR and LZCNT (argument 1): F3h tells them apart. BSF and BSR of zero leave the
 * destination, as all processors do.
 */
bool execute_bit_scan(struct emulation *e)
{
	bool reverse = e->opcode.argument, counts = e->repeat == REPEAT_F3;
	unsigned bits = 8 * e->operand_size, result = bits;
	uint64_t value;

	if (!operand_read(e, &e->source, &value))
		return false;
	if (value)
		result = reverse ? 63 - __builtin_clzl(value) : __builtin_ctzl(value);
	if (value && reverse && counts)
		result = bits - 1 - result;
	if (counts)
		flag_set(e, RFLAGS_CF, !value);
	flag_set(e, RFLAGS_ZF, counts ? !result : !value);
	return (!value && !counts) || operand_write(e, &e->destination, result);
}

bool execute_popcnt(struct emulation *e)
{
	uint64_t value;
	unsigned count = 0;

	if (e->repeat != REPEAT_F3)
		return emulation_unsupported(e);
	if (!operand_read(e, &e->source, &value))
		return false;
	e->rflags &= ~(RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_SF | RFLAGS_OF);
	flag_set(e, RFLAGS_ZF, !value);
	for (; value; value &= value - 1)
		count++;
	return operand_write(e, &e->destination, count);
}

/* With F2h it is CRC32. */
bool execute_movbe(struct emulation *e)
{
	uint64_t value;

	if (e->repeat)
		return emulation_unsupported(e);
	return operand_read(e, &e->source, &value) &&
	       operand_write(e, &e->destination, __builtin_bswap64(value) >> (64 - 8 * e->operand_size));
}
