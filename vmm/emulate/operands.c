/* SPDX-License-Identifier: MIT */
/* Operands: where they are, how to read and write them. */
#include "vmm/emulate/emulation.h"

uint64_t gpr_read(const struct emulation *e, unsigned number, unsigned size)
{
	return e->gpr[number] & size_mask(size);
}

void gpr_write(struct emulation *e, unsigned number, unsigned size, uint64_t value)
{
	uint64_t mask = size >= 4 ? ~0UL : size_mask(size);

	e->gpr[number] = (e->gpr[number] & ~mask) | (value & size_mask(size));
}

static bool operand_set(struct operand *operand, enum operand_place place, unsigned size, uint64_t value)
{
	*operand = (struct operand){.place = place, .size = size, .value = value};
	return true;
}

static bool operand_set_register(const struct emulation *e, struct operand *operand, unsigned number,
                                 unsigned size)
{
	/* AH, CH, DH, BH: unless any REX prefix turns the encodings into SPL, BPL, SIL, DIL. */
	bool high = size == 1 && !e->rex && number >= 4;

	*operand = (struct operand){.place = high ? PLACE_HIGH_BYTE : PLACE_REGISTER, .size = size};
	operand->number = high ? number - 4 : number;
	return true;
}

static bool operand_set_rm(const struct emulation *e, struct operand *operand, unsigned size)
{
	return e->mod == 3 ? operand_set_register(e, operand, e->rm, size)
	                   : operand_set(operand, PLACE_MEMORY, size, 0);
}

static bool operand_set_immediate(struct emulation *e, struct operand *operand, unsigned size, bool extend)
{
	uint64_t value;

	if (!fetch_code(e, size, &value))
		return false;
	return operand_set(operand, PLACE_IMMEDIATE, e->operand_size,
	                   extend ? sign_extend(value, size) : value);
}

static bool operand_set_segment_register(struct emulation *e, struct operand *operand)
{
	uint8_t number = e->reg & 7; /* REX.R is ignored */

	if (number > SEG_GS)
		return emulation_fault(e, EXCEPTION_UD);
	return operand_set(operand, PLACE_IMMEDIATE, 2, e->context->segment[number].selector);
}

/*
 * Fetch what the operand adds to the instruction and say where the operand is. Memory is resolved
 * later.
 */
bool operand_decode(struct emulation *e, enum operand_kind kind, struct operand *operand)
{
	unsigned size = e->operand_size;

	switch (kind) {
	case OPERAND_NONE: return true;
	case OPERAND_RM: return operand_set_rm(e, operand, size);
	case OPERAND_RM8: return operand_set_rm(e, operand, 1);
	case OPERAND_RM16: return operand_set_rm(e, operand, 2);
	case OPERAND_RM32: return operand_set_rm(e, operand, MIN(size, 4));
	case OPERAND_REG: return operand_set_register(e, operand, e->reg, size);
	case OPERAND_SREG: return operand_set_segment_register(e, operand);
	case OPERAND_OPCODE:
		return operand_set_register(e, operand, (e->byte & 7) | (e->rex & REX_B ? 8 : 0), size);
	case OPERAND_ACC: return operand_set_register(e, operand, RAX, size);
	case OPERAND_OFFSET:
		return operand_set(operand, PLACE_MEMORY, size, 0) &&
		       fetch_code(e, e->address_size, &e->displacement);
	case OPERAND_IMM8: return operand_set_immediate(e, operand, 1, true);
	case OPERAND_IMM: return operand_set_immediate(e, operand, MIN(size, 4), true);
	case OPERAND_IMM_FULL: return operand_set_immediate(e, operand, size, false);
	case OPERAND_IMM16: return operand_set_immediate(e, operand, 2, false);
	case OPERAND_ONE: return operand_set(operand, PLACE_IMMEDIATE, size, 1);
	case OPERAND_CL: return operand_set_register(e, operand, RCX, 1);
	}
	return emulation_unsupported(e);
}

static bool operand_read_place(struct emulation *e, const struct operand *operand, uint64_t *value,
                               enum emulate_access access)
{
	*value = 0;
	switch ((enum operand_place)operand->place) {
	case PLACE_NONE: break;
	case PLACE_REGISTER: *value = gpr_read(e, operand->number, operand->size); return true;
	case PLACE_HIGH_BYTE: *value = e->gpr[operand->number] >> 8 & 0xff; return true;
	case PLACE_IMMEDIATE: *value = operand->value & size_mask(operand->size); return true;
	case PLACE_MEMORY:
		return segmented_access(e, operand->number, operand->value, value, operand->size, access);
	}
	return emulation_unsupported(e);
}

bool operand_read(struct emulation *e, const struct operand *operand, uint64_t *value)
{
	return operand_read_place(e, operand, value, EMULATE_READ);
}

bool operand_read_for_write(struct emulation *e, const struct operand *operand, uint64_t *value)
{
	return operand_read_place(e, operand, value, EMULATE_READ_FOR_WRITE);
}

bool operand_write(struct emulation *e, const struct operand *operand, uint64_t value)
{
	switch ((enum operand_place)operand->place) {
	case PLACE_REGISTER: gpr_write(e, operand->number, operand->size, value); return true;
	case PLACE_HIGH_BYTE:
		e->gpr[operand->number] = (e->gpr[operand->number] & ~0xff00UL) | (value & 0xff) << 8;
		return true;
	case PLACE_MEMORY:
		return segmented_access(e, operand->number, operand->value, &value, operand->size,
		                        EMULATE_WRITE);
	case PLACE_NONE:
	case PLACE_IMMEDIATE: break;
	}
	return emulation_unsupported(e);
}
