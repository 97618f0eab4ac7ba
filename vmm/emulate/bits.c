/* Single bits: test, scan, count; and byte order. Undefined flags stay as they are. */
#include "vmm/emulate/emulation.h"

enum { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

#define REPEAT_F3 0xf3

/*
 * SDM Vol. 2A "BT": a register's bit offset is signed and reaches beyond a memory
 * operand, in steps of the operand size; an immediate's does not.
 */
static void move_to_bit(struct emulation *e, uint64_t bit)
{
	int64_t units = (int64_t)sign_extend(bit, e->operand_size) >> (e->operand_size == 8   ? 6
								       : e->operand_size == 4 ? 5
											      : 4);

	e->destination.value += (uint64_t)units * e->operand_size;
	e->destination.value &= size_mask(e->address_size);
}

/* argument: which of the four. */
bool execute_bit_test(struct emulation *e)
{
	uint8_t operation = e->opcode.argument;
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
	default: value ^= mask; break;
	}
	return operand_write(e, &e->destination, value);
}

static bool count_zeros(struct emulation *e, uint64_t value, unsigned zeros)
{
	unsigned size = e->operand_size;

	flag_set(e, RFLAGS_CF, !value);
	flag_set(e, RFLAGS_ZF, value && !zeros);
	return operand_write(e, &e->destination, value ? zeros : 8 * size);
}

/*
 * BSF and TZCNT, BSR and LZCNT (argument 1): F3h tells them apart where the processor
 * has the newer ones. BSF and BSR of zero leave the destination, as all processors do.
 */
bool execute_bit_scan(struct emulation *e)
{
	bool reverse = e->opcode.argument;
	bool counts = e->repeat == REPEAT_F3 &&
		      !(e->context->lacks & (reverse ? EMULATE_LACKS_LZCNT : EMULATE_LACKS_TZCNT));
	uint64_t value;
	unsigned lowest, highest;

	if (!operand_read(e, &e->source, &value))
		return false;
	lowest = value ? __builtin_ctzl(value) : 0;
	highest = value ? 63 - __builtin_clzl(value) : 0;
	if (counts)
		return count_zeros(e, value, reverse ? 8 * e->operand_size - 1 - highest : lowest);
	flag_set(e, RFLAGS_ZF, !value);
	return !value || operand_write(e, &e->destination, reverse ? highest : lowest);
}

bool execute_popcnt(struct emulation *e)
{
	uint64_t value;
	unsigned count = 0;

	if (e->repeat != REPEAT_F3 || (e->context->lacks & EMULATE_LACKS_POPCNT))
		return emulation_ud(e);
	if (!operand_read(e, &e->source, &value))
		return false;
	e->rflags &= ~RFLAGS_STATUS;
	flag_set(e, RFLAGS_ZF, !value);
	for (; value; value &= value - 1)
		count++;
	return operand_write(e, &e->destination, count);
}

static uint64_t swap_bytes(uint64_t value, unsigned size)
{
	return __builtin_bswap64(value) >> (64 - 8 * size);
}

/* Of 16 bits it is undefined: zero, as processors do. */
bool execute_bswap(struct emulation *e)
{
	uint64_t value;

	if (!operand_read(e, &e->destination, &value))
		return false;
	return operand_write(e, &e->destination,
			     e->operand_size == 2 ? 0 : swap_bytes(value, e->operand_size));
}

/* With F2h it is CRC32. */
bool execute_movbe(struct emulation *e)
{
	uint64_t value;

	if (e->repeat)
		return emulation_unsupported(e);
	if (e->mod == 3 || (e->context->lacks & EMULATE_LACKS_MOVBE))
		return emulation_ud(e);
	return operand_read(e, &e->source, &value) &&
	       operand_write(e, &e->destination, swap_bytes(value, e->operand_size));
}
