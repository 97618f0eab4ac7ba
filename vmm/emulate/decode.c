/* SPDX-License-Identifier: MIT */
/* From bytes to a row of the opcode table and its operands. SDM Vol. 2A "Instruction Format". */
#include "vmm/emulate/emulation.h"

/*
 * `size` bytes of code, little-endian. A sixteenth is #GP(0); what the caller did not supply is
 * unknown.
 */
bool fetch_code(struct emulation *e, unsigned size, uint64_t *value)
{
	unsigned max = sizeof(e->context->bytes), count = MIN(e->context->byte_count, max);

	if (e->length + size > count)
		return count == max ? emulation_fault(e, EXCEPTION_GP) : emulation_unsupported(e);
	*value = 0;
	for (unsigned i = 0; i < size; i++)
		*value |= (uint64_t)e->context->bytes[e->length + i] << 8 * i;
	e->length += size;
	return true;
}

/* In 64-bit mode the overrides of ES, CS, SS and DS are ignored. */
static void decode_set_override(struct emulation *e, enum segment_index segment)
{
	if (e->code_size != 8 || segment >= SEG_FS)
		e->override = segment;
}

static bool decode_take_prefix(struct emulation *e, uint8_t byte)
{
	switch (byte) {
	case 0x26: decode_set_override(e, SEG_ES); return true;
	case 0x2e: decode_set_override(e, SEG_CS); return true;
	case 0x36: decode_set_override(e, SEG_SS); return true;
	case 0x3e: decode_set_override(e, SEG_DS); return true;
	case 0x64: decode_set_override(e, SEG_FS); return true;
	case 0x65: decode_set_override(e, SEG_GS); return true;
	case 0x66: e->operand_prefix = true; return true;
	case 0x67: e->address_prefix = true; return true;
	case 0xf0: e->lock = true; return true;
	case 0xf2:
	case 0xf3: e->repeat = byte; return true;
	default: return false;
	}
}

/* The next byte of the instruction, into e->byte. */
static bool fetch_byte(struct emulation *e)
{
	uint64_t byte;

	if (!fetch_code(e, 1, &byte))
		return false;
	e->byte = byte;
	return true;
}

/*
 * All prefixes, and the first byte of the opcode. A REX (40h to 4Fh) counts only right before the
 * opcode.
 */
static bool fetch_prefixes(struct emulation *e)
{
	for (;;) {
		if (!fetch_byte(e))
			return false;
		if (decode_take_prefix(e, e->byte))
			e->rex = 0;
		else if (e->code_size == 8 && (e->byte & 0xf0) == 0x40)
			e->rex = e->byte;
		else
			return true;
	}
}

/*
 * LES and LDS have no register form, and 64-bit mode does not have them: there, C4h and C5h begin a
 * VEX prefix.
 */
static bool decode_is_vex(const struct emulation *e)
{
	if ((e->byte & 0xfe) != 0xc4 || e->segment_mode == SEGMENT_MODE_REAL)
		return false;
	return e->code_size == 8 ||
	       (e->length < sizeof(e->context->bytes) && e->context->bytes[e->length] >= 0xc0);
}

/* SDM Vol. 2A "The VEX Prefix": most fields are inverted. It stands in for other prefixes. */
static void decode_vex_last(struct emulation *e, uint8_t byte)
{
	static const uint8_t repeat[4] = {0, 0, 0xf3, 0xf2};

	e->vex = true;
	e->vex_256 = byte & 4;
	e->vvvv = ~byte >> 3 & (e->code_size == 8 ? 15 : 7);
	e->operand_prefix = (byte & 3) == 1;
	e->repeat = repeat[byte & 3];
	if (e->code_size != 8)
		e->rex &= REX_W;
}

static bool fetch_vex(struct emulation *e, uint8_t *map)
{
	bool three = e->byte == 0xc4;
	uint64_t byte;

	if (e->rex || e->lock || e->operand_prefix || e->repeat)
		return emulation_fault(e, EXCEPTION_UD);
	if (!fetch_code(e, 1, &byte))
		return false;
	*map = 1;
	e->rex = byte & 0x80 ? 0 : REX_R;
	if (three) {
		*map = byte & 0x1f;
		e->rex |= (byte & 0x40 ? 0 : REX_X) | (byte & 0x20 ? 0 : REX_B);
		if (!fetch_code(e, 1, &byte))
			return false;
		e->rex |= byte & 0x80 ? REX_W : 0;
	}
	decode_vex_last(e, byte);
	return fetch_byte(e);
}

/* 0F, 0F 38, 0F 3A */
static bool fetch_escaped(struct emulation *e, uint8_t *map)
{
	*map = 1;
	if (!fetch_byte(e))
		return false;
	if (e->byte != 0x38 && e->byte != 0x3a)
		return true;
	*map = e->byte == 0x38 ? 2 : 3;
	return fetch_byte(e);
}

static bool fetch_opcode(struct emulation *e)
{
	static const struct opcode *const tables[] = {opcodes_one_byte, opcodes_0f, opcodes_0f38};
	uint8_t map = 0;

	if (!fetch_prefixes(e))
		return false;
	if (decode_is_vex(e) ? !fetch_vex(e, &map) : e->byte == 0x0f && !fetch_escaped(e, &map))
		return false;
	if (!e->vex && map < ARRAY_SIZE(tables))
		e->opcode = tables[map][e->byte];
	if (!e->opcode.execute && !e->opcode.group)
		opcode_find_vector(e, map);
	return true;
}

static bool names_modrm(uint8_t kind)
{
	return kind >= OPERAND_RM && kind <= OPERAND_SREG;
}

static bool has_modrm(const struct opcode *opcode)
{
	return opcode->group || names_modrm(opcode->destination) || names_modrm(opcode->source);
}

static void decode_enter_group(struct emulation *e)
{
	const struct opcode *row = &e->opcode.group[e->reg & 7];

	e->opcode.execute = row->execute;
	e->opcode.flags |= row->flags;
	if (row->destination)
		e->opcode.destination = row->destination;
	if (row->source)
		e->opcode.source = row->source;
	if (row->argument)
		e->opcode.argument = row->argument;
}

/*
 * SDM Vol. 1 "Operand-Size and Address-Size Attributes" and "Operand Size and Address Size in
 * 64-Bit Mode".
 */
static void decode_set_sizes(struct emulation *e)
{
	uint16_t flags = e->opcode.flags;
	bool long_mode = e->code_size == 8;

	if (flags & OPCODE_BYTE)
		e->operand_size = 1;
	else if (long_mode && ((flags & OPCODE_FORCE64) || (e->rex & REX_W)))
		e->operand_size = 8;
	else if (long_mode)
		e->operand_size = e->operand_prefix ? 2 : flags & OPCODE_DEFAULT64 ? 8 : 4;
	else
		e->operand_size = e->operand_prefix ? 6 - e->code_size : e->code_size;
	e->address_size = e->code_size;
	if (e->address_prefix)
		e->address_size = long_mode ? 4 : 6 - e->code_size;
}

/* What makes the encoding invalid or another instruction than the row says. */
static bool decode_check_encoding(struct emulation *e)
{
	if (e->code_size == 8 && (e->opcode.flags & OPCODE_NOT64))
		return emulation_fault(e, EXCEPTION_UD);
	if (!e->opcode.execute || ((e->opcode.flags & OPCODE_MEMORY) && e->mod == 3))
		return emulation_unsupported(e);
	return true;
}

static bool decode_check_lock(struct emulation *e)
{
	if (e->lock && (!(e->opcode.flags & OPCODE_LOCK) || e->destination.place != PLACE_MEMORY))
		return emulation_fault(e, EXCEPTION_UD);
	return true;
}

/*
 * An address can depend on the length (RIP-relative), so it is worked out when all bytes are known.
 */
static void decode_resolve_address(struct emulation *e, struct operand *operand)
{
	if (operand->place != PLACE_MEMORY)
		return;
	operand->number = effective_segment(e);
	operand->value = effective_offset(e);
}

bool decode_instruction(struct emulation *e)
{
	if (!fetch_opcode(e))
		return false;
	if (has_modrm(&e->opcode) && !fetch_modrm(e))
		return false;
	if (e->opcode.group)
		decode_enter_group(e);
	decode_set_sizes(e);
	if (!decode_check_encoding(e))
		return false;
	if (has_modrm(&e->opcode) && !fetch_address(e))
		return false;
	if (!operand_decode(e, e->opcode.destination, &e->destination) ||
	    !operand_decode(e, e->opcode.source, &e->source) ||
	    !operand_decode(e, e->opcode.third, &e->third) || !decode_check_lock(e))
		return false;
	e->rip = (e->context->rip + e->length) & size_mask(MAX(e->code_size, 4));
	decode_resolve_address(e, &e->destination);
	decode_resolve_address(e, &e->source);
	return true;
}
