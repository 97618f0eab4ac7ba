/* MOVS, CMPS, STOS, LODS, SCAS, alone and repeated. SDM Vol. 2B "REP/REPE/REPZ/REPNE/REPNZ". */
#include "vmm/emulate/emulation.h"

enum { MOVS = 0xa4, CMPS = 0xa6, STOS = 0xaa, LODS = 0xac, SCAS = 0xae };

#define REPEAT_NOT_EQUAL 0xf2

static unsigned source_segment(const struct emulation *e)
{
	return e->override >= 0 ? e->override : SEG_DS;
}

static uint64_t offset_of(const struct emulation *e, unsigned number)
{
	return gpr_read(e, number, e->address_size);
}

static void step(struct emulation *e, unsigned number)
{
	uint64_t size = e->operand_size;

	gpr_write(e, number, e->address_size, e->gpr[number] + (e->rflags & RFLAGS_DF ? -size : size));
}

static bool read_source(struct emulation *e, uint64_t *value)
{
	*value = 0;
	return segmented_read(e, source_segment(e), offset_of(e, RSI), value, e->operand_size, false);
}

static bool read_destination(struct emulation *e, uint64_t *value)
{
	*value = 0;
	return segmented_read(e, SEG_ES, offset_of(e, RDI), value, e->operand_size, false);
}

static bool write_destination(struct emulation *e, uint64_t value)
{
	return segmented_write(e, SEG_ES, offset_of(e, RDI), &value, e->operand_size);
}

static bool movs(struct emulation *e)
{
	uint64_t value;

	if (!segmented_precheck(e, source_segment(e), offset_of(e, RSI), e->operand_size, false) ||
	    !segmented_precheck(e, SEG_ES, offset_of(e, RDI), e->operand_size, true) ||
	    !read_source(e, &value) || !write_destination(e, value))
		return false;
	step(e, RSI);
	step(e, RDI);
	return true;
}

static bool cmps(struct emulation *e)
{
	uint64_t a, b;

	if (!segmented_precheck(e, source_segment(e), offset_of(e, RSI), e->operand_size, false) ||
	    !segmented_precheck(e, SEG_ES, offset_of(e, RDI), e->operand_size, false) ||
	    !read_source(e, &a) || !read_destination(e, &b))
		return false;
	alu_compute(e, ALU_CMP, a, b, e->operand_size);
	step(e, RSI);
	step(e, RDI);
	return true;
}

static bool stos(struct emulation *e)
{
	if (!write_destination(e, gpr_read(e, RAX, e->operand_size)))
		return false;
	step(e, RDI);
	return true;
}

static bool lods(struct emulation *e)
{
	uint64_t value;

	if (!read_source(e, &value))
		return false;
	gpr_write(e, RAX, e->operand_size, value);
	step(e, RSI);
	return true;
}

static bool scas(struct emulation *e)
{
	uint64_t value;

	if (!read_destination(e, &value))
		return false;
	alu_compute(e, ALU_CMP, gpr_read(e, RAX, e->operand_size), value, e->operand_size);
	step(e, RDI);
	return true;
}

static bool iterate(struct emulation *e)
{
	switch (e->byte & ~1) {
	case MOVS: return movs(e);
	case CMPS: return cmps(e);
	case STOS: return stos(e);
	case LODS: return lods(e);
	case SCAS: return scas(e);
	default: return emulation_unsupported(e);
	}
}

/* CMPS and SCAS end also on the flag. */
static bool ends_on_flag(const struct emulation *e)
{
	bool compares = (e->byte & ~1) == CMPS || (e->byte & ~1) == SCAS;
	bool equal = e->rflags & RFLAGS_ZF;

	return compares && equal == (e->repeat == REPEAT_NOT_EQUAL);
}

static bool again(struct emulation *e)
{
	e->status = EMULATE_AGAIN;
	e->rip = e->context->rip;
	e->context->fault = (struct emulate_fault){0};
	return true;
}

/* Under TF a debug exception follows each iteration. */
static uint32_t iteration_limit(const struct emulation *e)
{
	return (e->rflags & RFLAGS_TF) ? 1 : MAX(e->context->max_iterations, 1u);
}

/* A fault after some iterations keeps what they did: the retry, at the iteration that faults, reports it. */
bool execute_string(struct emulation *e)
{
	uint32_t limit = iteration_limit(e);

	if (!e->repeat)
		return iterate(e);
	for (uint32_t done = 0; offset_of(e, RCX); done++) {
		if (done == limit)
			return again(e);
		if (!iterate(e))
			return done && e->status == EMULATE_FAULT ? again(e) : false;
		gpr_write(e, RCX, e->address_size, e->gpr[RCX] - 1);
		if (ends_on_flag(e))
			return true;
	}
	return true;
}
