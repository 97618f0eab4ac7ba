/* Data from here to there, perhaps converted. */
#include "vmm/emulate/emulation.h"

/* MOV, MOVZX (reads are zero-extended), MOVNTI. */
bool execute_mov(struct emulation *e)
{
	uint64_t value;

	return operand_read(e, &e->source, &value) && operand_write(e, &e->destination, value);
}

/* MOVSX, MOVSXD in 64-bit mode */
bool execute_movsx(struct emulation *e)
{
	uint64_t value;

	return operand_read(e, &e->source, &value) &&
	       operand_write(e, &e->destination, sign_extend(value, e->source.size));
}

/* 63h: outside 64-bit mode it is ARPL. */
bool execute_movsxd(struct emulation *e)
{
	return e->code_size == 8 ? execute_movsx(e) : emulation_unsupported(e);
}

bool execute_lea(struct emulation *e)
{
	return operand_write(e, &e->destination, e->source.value);
}

bool execute_setcc(struct emulation *e)
{
	return operand_write(e, &e->destination, condition_holds(e, e->byte & 0xf));
}

/* The source is read, and a 32-bit destination written, whatever the condition. */
bool execute_cmovcc(struct emulation *e)
{
	uint64_t value;

	if (!operand_read(e, &e->source, &value))
		return false;
	if (!condition_holds(e, e->byte & 0xf) && !operand_read(e, &e->destination, &value))
		return false;
	return operand_write(e, &e->destination, value);
}

bool execute_xlat(struct emulation *e)
{
	uint64_t offset = (e->gpr[RBX] + (e->gpr[RAX] & 0xff)) & size_mask(e->address_size);
	uint64_t value = 0;

	if (!segmented_read(e, e->override >= 0 ? e->override : SEG_DS, offset, &value, 1, false))
		return false;
	gpr_write(e, RAX, 1, value);
	return true;
}

/* CBW, CWDE, CDQE */
bool execute_convert(struct emulation *e)
{
	unsigned half = e->operand_size / 2;

	gpr_write(e, RAX, e->operand_size, sign_extend(gpr_read(e, RAX, half), half));
	return true;
}

/* CWD, CDQ, CQO */
bool execute_convert_double(struct emulation *e)
{
	bool negative = e->gpr[RAX] & size_sign(e->operand_size);

	gpr_write(e, RDX, e->operand_size, negative ? ~0UL : 0);
	return true;
}

/*
 * 0F AE /5, /6, /7: of registers LFENCE, MFENCE, SFENCE, with nothing to order here; of memory
 * CLWB (66h /6), CLFLUSH and CLFLUSHOPT (/7), which are checked like a load of a byte. The
 * other forms save and restore processor state.
 */
bool execute_flush_line(struct emulation *e)
{
	unsigned form = e->reg & 7;
	bool known = e->mod == 3 ? !e->operand_prefix : form == 7 || (form == 6 && e->operand_prefix);

	if (!known || e->repeat)
		return emulation_unsupported(e);
	return e->mod == 3 || segmented_check(e, e->destination.number, e->destination.value, 1, false);
}
