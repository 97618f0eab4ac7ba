/* Operands: where they are, how to read and write them. */
#include "vmm/emulate/emulation.h"

#define REX_B BIT(0)

uint64_t gpr_read(const struct emulation *e, unsigned number, unsigned size)
{
	return e->gpr[number] & size_mask(size);
}

void gpr_write(struct emulation *e, unsigned number, unsigned size, uint64_t value)
{
	uint64_t mask = size >= 4 ? ~0UL : size_mask(size);

	e->gpr[number] = (e->gpr[number] & ~mask) | (value & size_mask(size));
}

static bool set_register(struct emulation *e, struct operand *operand, unsigned number, unsigned size)
{
	*operand = (struct operand){.place = PLACE_REGISTER, .size = size, .number = number};
	/* AH, CH, DH, BH: unless any REX prefix turns the encodings into SPL, BPL, SIL, DIL. */
	if (size == 1 && !e->has_rex && number >= 4) {
		operand->place = PLACE_HIGH_BYTE;
		operand->number = number - 4;
	}
	return true;
}

static bool set_rm(struct emulation *e, struct operand *operand, unsigned size)
{
	if (e->mod == 3)
		return set_register(e, operand, e->rm, size);
	*operand = (struct operand){.place = PLACE_MEMORY, .size = size};
	return true;
}

static bool set_immediate(struct emulation *e, struct operand *operand, unsigned size, bool extend)
{
	uint64_t value;

	if (!fetch_code(e, size, &value))
		return false;
	*operand = (struct operand){.place = PLACE_IMMEDIATE, .size = e->operand_size};
	operand->value = extend ? sign_extend(value, size) : value;
	return true;
}

static bool set_offset(struct emulation *e, struct operand *operand)
{
	*operand = (struct operand){.place = PLACE_MEMORY, .size = e->operand_size};
	return fetch_code(e, e->address_size, &e->displacement);
}

/* Fetch what the operand adds to the instruction and say where the operand is. Memory is resolved later. */
bool operand_decode(struct emulation *e, enum operand_kind kind, struct operand *operand)
{
	unsigned size = e->operand_size;

	switch (kind) {
	case OPERAND_NONE: return true;
	case OPERAND_RM: return set_rm(e, operand, size);
	case OPERAND_RM8: return set_rm(e, operand, 1);
	case OPERAND_RM16: return set_rm(e, operand, 2);
	case OPERAND_RM32: return set_rm(e, operand, MIN(size, 4));
	case OPERAND_REG: return set_register(e, operand, e->reg, size);
	case OPERAND_SREG:
		*operand = (struct operand){.place = PLACE_SREG, .size = 2, .number = e->reg & 7};
		return true;
	case OPERAND_OPCODE: return set_register(e, operand, (e->byte & 7) | (e->rex & REX_B ? 8 : 0), size);
	case OPERAND_ACC: return set_register(e, operand, RAX, size);
	case OPERAND_OFFSET: return set_offset(e, operand);
	case OPERAND_IMM8: return set_immediate(e, operand, 1, true);
	case OPERAND_IMM: return set_immediate(e, operand, MIN(size, 4), true);
	case OPERAND_IMMFULL: return set_immediate(e, operand, size, false);
	case OPERAND_IMM16: return set_immediate(e, operand, 2, false);
	case OPERAND_ONE:
		*operand = (struct operand){.place = PLACE_IMMEDIATE, .size = size, .value = 1};
		return true;
	case OPERAND_CL: return set_register(e, operand, RCX, 1);
	}
	return emulation_unsupported(e);
}

static bool read_place(struct emulation *e, const struct operand *operand, uint64_t *value, bool for_write)
{
	*value = 0;
	switch ((enum operand_place)operand->place) {
	case PLACE_REGISTER: *value = gpr_read(e, operand->number, operand->size); return true;
	case PLACE_HIGH_BYTE: *value = e->gpr[operand->number] >> 8 & 0xff; return true;
	case PLACE_MEMORY:
		return segmented_read(e, operand->number, operand->value, value, operand->size, for_write);
	case PLACE_IMMEDIATE: *value = operand->value & size_mask(operand->size); return true;
	case PLACE_SREG: *value = e->context->segment[operand->number].selector; return true;
	case PLACE_NONE: break;
	}
	return emulation_unsupported(e);
}

bool operand_read(struct emulation *e, const struct operand *operand, uint64_t *value)
{
	return read_place(e, operand, value, false);
}

bool operand_read_for_write(struct emulation *e, const struct operand *operand, uint64_t *value)
{
	return read_place(e, operand, value, true);
}

bool operand_write(struct emulation *e, const struct operand *operand, uint64_t value)
{
	switch ((enum operand_place)operand->place) {
	case PLACE_REGISTER: gpr_write(e, operand->number, operand->size, value); return true;
	case PLACE_HIGH_BYTE:
		e->gpr[operand->number] = (e->gpr[operand->number] & ~0xff00UL) | (value & 0xff) << 8;
		return true;
	case PLACE_MEMORY: return segmented_write(e, operand->number, operand->value, &value, operand->size);
	case PLACE_NONE:
	case PLACE_IMMEDIATE:
	case PLACE_SREG: break;
	}
	return emulation_unsupported(e);
}
