/* ModRM, SIB, displacement, and the address they make. SDM Vol. 2A "ModR/M and SIB Bytes". */
#include "vmm/emulate/emulation.h"

#define REX_R BIT(2)
#define REX_X BIT(1)
#define REX_B BIT(0)

/* Table "16-Bit Addressing Forms with the ModR/M Byte". */
static const struct {
	int8_t base, index;
} forms16[8] = {
    {RBX, RSI},
	{RBX, RDI},
    {RBP, RSI},
	{RBP, RDI},
    {-1,	 RSI},
    {-1,  RDI},
	  {RBP, -1 },
    {RBX, -1 }
};

/* The byte alone: a group's row, and with it the sizes, depends on it. */
bool fetch_modrm(struct emulation *e)
{
	uint64_t modrm;

	if (!fetch_code(e, 1, &modrm))
		return false;
	e->mod = modrm >> 6;
	e->reg = (modrm >> 3 & 7) | (e->rex & REX_R ? 8 : 0);
	e->rm = modrm & 7;
	return true;
}

static bool take_displacement(struct emulation *e, unsigned size)
{
	if (size == 0)
		return true;
	if (!fetch_code(e, size, &e->displacement))
		return false;
	e->displacement = sign_extend(e->displacement, size);
	return true;
}

static bool fetch_form16(struct emulation *e)
{
	e->base = forms16[e->rm].base;
	e->index = forms16[e->rm].index;
	if (e->mod == 0 && e->rm == 6) {
		e->base = -1;
		return take_displacement(e, 2);
	}
	return take_displacement(e, e->mod);
}

/* Returns how many bytes of displacement the SIB byte itself asks for, or -1. */
static int fetch_sib(struct emulation *e)
{
	uint64_t sib;

	if (!fetch_code(e, 1, &sib))
		return -1;
	e->scale = sib >> 6;
	e->index = (sib >> 3 & 7) | (e->rex & REX_X ? 8 : 0);
	if (e->index == RSP)
		e->index = -1;
	e->base = (sib & 7) | (e->rex & REX_B ? 8 : 0);
	if ((sib & 7) == RBP && e->mod == 0) {
		e->base = -1;
		return 4;
	}
	return 0;
}

static bool fetch_form32(struct emulation *e)
{
	int size = 0;

	e->index = -1;
	if (e->rm == RSP) {
		size = fetch_sib(e);
		if (size < 0)
			return false;
	} else if (e->rm == RBP && e->mod == 0) {
		e->base = -1;
		e->rip_relative = e->code_size == 8;
		size = 4;
	} else {
		e->base = e->rm | (e->rex & REX_B ? 8 : 0);
	}
	if (e->mod)
		size = e->mod == 1 ? 1 : 4;
	return take_displacement(e, size);
}

/* SIB and displacement, if ModRM names memory; else the full register number. */
bool fetch_displacement(struct emulation *e)
{
	if (e->mod == 3) {
		e->rm |= e->rex & REX_B ? 8 : 0;
		return true;
	}
	return e->address_size == 2 ? fetch_form16(e) : fetch_form32(e);
}

uint64_t effective_offset(const struct emulation *e)
{
	uint64_t offset = e->displacement;

	if (e->opcode.destination == OPERAND_OFFSET || e->opcode.source == OPERAND_OFFSET)
		return offset;
	if (e->rip_relative)
		offset += e->rip;
	if (e->base >= 0)
		offset += e->gpr[e->base];
	if (e->index >= 0)
		offset += e->gpr[e->index] << e->scale;
	return offset & size_mask(e->address_size);
}

enum segment_index effective_segment(const struct emulation *e)
{
	if (e->override >= 0)
		return e->override;
	if (e->opcode.destination == OPERAND_OFFSET || e->opcode.source == OPERAND_OFFSET)
		return SEG_DS;
	return e->base == RSP || e->base == RBP ? SEG_SS : SEG_DS;
}
