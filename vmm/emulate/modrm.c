/* SPDX-License-Identifier: MIT */
/* ModRM, SIB, displacement, and the address they make. SDM Vol. 2A "ModR/M and SIB Bytes". */
#include "vmm/emulate/emulation.h"

/* Table "16-Bit Addressing Forms with the ModR/M Byte". */
static const int8_t base16[8] = {RBX, RBX, RBP, RBP, -1, -1, RBP, RBX};
static const int8_t index16[8] = {RSI, RDI, RSI, RDI, RSI, RDI, -1, -1};

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

static bool fetch_displacement(struct emulation *e, unsigned size)
{
	if (size == 0)
		return true;
	if (!fetch_code(e, size, &e->displacement))
		return false;
	e->displacement = sign_extend(e->displacement, size);
	return true;
}

static bool fetch_sib(struct emulation *e)
{
	uint64_t sib;

	if (!fetch_code(e, 1, &sib))
		return false;
	e->scale = sib >> 6;
	e->index = (sib >> 3 & 7) | (e->rex & REX_X ? 8 : 0);
	if (e->index == RSP)
		e->index = -1;
	e->base = (sib & 7) | (e->rex & REX_B ? 8 : 0);
	return true;
}

static bool fetch_form16(struct emulation *e)
{
	bool bare = e->mod == 0 && e->rm == 6;

	e->base = bare ? -1 : base16[e->rm];
	e->index = index16[e->rm];
	return fetch_displacement(e, bare ? 2 : e->mod);
}

static bool fetch_form32(struct emulation *e)
{
	e->base = e->rm | (e->rex & REX_B ? 8 : 0);
	if (e->rm == RSP && !fetch_sib(e))
		return false;
	if (e->mod == 0 && (e->base & 7) == RBP) {
		e->base = -1;
		e->rip_relative = e->code_size == 8 && e->rm != RSP;
		return fetch_displacement(e, 4);
	}
	return fetch_displacement(e, e->mod == 2 ? 4 : e->mod);
}

/* SIB and displacement, if ModRM names memory; else the full register number. */
bool fetch_address(struct emulation *e)
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
	return e->base == RSP || e->base == RBP ? SEG_SS : SEG_DS;
}
