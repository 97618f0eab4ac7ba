/* SPDX-License-Identifier: MIT */
/* Exchanges: XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

bool execute_xchg(struct emulation *e)
{
	uint64_t a, b;

	if (!operand_read_for_write(e, &e->destination, &a) || !operand_read(e, &e->source, &b))
		return false;
	return operand_write(e, &e->destination, b) && operand_write(e, &e->source, a);
}

/* The source is written first: of one register with itself the sum remains. */
bool execute_xadd(struct emulation *e)
{
	uint64_t a, b, sum;

	if (!operand_read_for_write(e, &e->destination, &a) || !operand_read(e, &e->source, &b))
		return false;
	sum = alu_compute(e, ALU_ADD, a, b, e->operand_size);
	return operand_write(e, &e->source, a) && operand_write(e, &e->destination, sum);
}

/*
 * SDM Vol. 2A "CMPXCHG": memory is written also when the comparison fails. A register is not
 * touched then: processors leave even the upper half of a 32-bit one.
 */
bool execute_cmpxchg(struct emulation *e)
{
	unsigned size = e->operand_size;
	uint64_t old, new;

	if (!operand_read_for_write(e, &e->destination, &old) || !operand_read(e, &e->source, &new))
		return false;
	alu_compute(e, ALU_CMP, gpr_read(e, RAX, size), old, size);
	if (e->rflags & RFLAGS_ZF)
		return operand_write(e, &e->destination, new);
	if (e->destination.place == PLACE_MEMORY && !operand_write(e, &e->destination, old))
		return false;
	gpr_write(e, RAX, size, old);
	return true;
}

/* CMPXCHG8B, and CMPXCHG16B with REX.W, which wants its memory aligned. */
bool execute_cmpxchg_pair(struct emulation *e)
{
	unsigned half = e->operand_size == 8 ? 8 : 4;
	unsigned segment = e->destination.number;
	uint64_t offset = e->destination.value;
	uint8_t memory[16];
	uint64_t low = 0, high = 0, new_low = e->gpr[RBX], new_high = e->gpr[RCX];

	if (half == 8 && !segmented_aligned(e, segment, offset, 16))
		return false;
	if (!segmented_access(e, segment, offset, memory, 2 * half, EMULATE_READ_FOR_WRITE))
		return false;
	memcpy(&low, memory, half);
	memcpy(&high, memory + half, half);
	if (low == gpr_read(e, RAX, half) && high == gpr_read(e, RDX, half)) {
		flag_set(e, RFLAGS_ZF, true);
		memcpy(memory, &new_low, half);
		memcpy(memory + half, &new_high, half);
	} else {
		flag_set(e, RFLAGS_ZF, false);
		gpr_write(e, RAX, half, low);
		gpr_write(e, RDX, half, high);
	}
	return segmented_access(e, segment, offset, memory, 2 * half, EMULATE_WRITE);
}
