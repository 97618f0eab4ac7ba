/* SPDX-License-Identifier: MIT */
/* MOVS, CMPS, STOS, LODS, SCAS, alone and repeated. SDM Vol. 2B "REP/REPE/REPZ/REPNE/REPNZ". */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

#define REPEAT_NOT_EQUAL 0xf2

static uint64_t string_offset(const struct emulation *e, unsigned number)
{
	return gpr_read(e, number, e->address_size);
}

static void string_advance(struct emulation *e, unsigned number)
{
	uint64_t size = e->operand_size;

	gpr_write(e, number, e->address_size, e->gpr[number] + (e->rflags & RFLAGS_DF ? -size : size));
}

/*
 * One element: from DS:rSI or the accumulator, to ES:rDI, the accumulator, or a comparison. Where
 * it touches two places, both are checked first: no device is read for a move that cannot be
 * finished.
 */
static bool string_iterate(struct emulation *e)
{
	uint8_t does = e->opcode.argument, size = e->operand_size;
	unsigned segment = e->override >= 0 ? e->override : SEG_DS;
	uint64_t from = string_offset(e, RSI), to = string_offset(e, RDI), a = gpr_read(e, RAX, size), b;

	if (does & STRING_SOURCE && does & (STRING_WRITE | STRING_COMPARE) &&
	    (!segmented_check(e, segment, from, size, false) ||
	     !segmented_check(e, SEG_ES, to, size, does & STRING_WRITE)))
		return false;
	if (does & STRING_SOURCE && !segmented_read(e, segment, from, &a, size))
		return false;
	if (does & STRING_WRITE && !segmented_access(e, SEG_ES, to, &a, size, EMULATE_WRITE))
		return false;
	if (does & STRING_COMPARE) {
		if (!segmented_read(e, SEG_ES, to, &b, size))
			return false;
		alu_compute(e, ALU_CMP, a, b, size);
	}
	if (does & STRING_LOAD)
		gpr_write(e, RAX, size, a);
	if (does & STRING_SOURCE)
		string_advance(e, RSI);
	if (does & (STRING_WRITE | STRING_COMPARE))
		string_advance(e, RDI);
	return true;
}

/*
 * To be gone on with. SDM Vol. 2B "REP/REPE/REPZ/REPNE/REPNZ": where a comparison is interrupted by
 * a fault, EFLAGS is as before the instruction.
 */
static bool string_again(struct emulation *e)
{
	e->status = EMULATE_AGAIN;
	e->rip = e->context->rip;
	e->rflags = e->context->rflags;
	e->context->fault = (struct emulate_fault){0};
	return true;
}

/* Under TF a debug exception follows each iteration. */
static uint32_t iteration_limit(const struct emulation *e)
{
	return (e->rflags & RFLAGS_TF) ? 1 : MAX(e->context->max_iterations, 1u);
}

/*
 * In 64-bit mode, a repeated instruction with 32-bit addresses clears the upper half of RCX, and of
 * the pointers of MOVS and STOS. Intel processors do so before the first iteration, even if that
 * faults or the count is 0. (Observed, and allowed by SDM Vol. 1 "General-Purpose Registers", by
 * which a 32-bit result is zero-extended.)
 */
static void clear_upper_halves(struct emulation *e)
{
	uint8_t does = e->opcode.argument;

	gpr_write(e, RCX, 4, e->gpr[RCX]);
	if (does & STRING_WRITE) {
		gpr_write(e, RDI, 4, e->gpr[RDI]);
		if (does & STRING_SOURCE)
			gpr_write(e, RSI, 4, e->gpr[RSI]);
	}
}

static bool stop_at_fault(struct emulation *e, uint32_t done)
{
	if (done)
		return string_again(e);
	memcpy(e->context->gpr, e->gpr, sizeof(e->gpr)); /* the upper halves */
	return false;
}

/*
 * A fault after some iterations keeps what they did: the retry, at the iteration that faults,
 * reports it.
 */
bool execute_string(struct emulation *e)
{
	uint32_t limit = iteration_limit(e);

	if (!e->repeat)
		return string_iterate(e);
	if (e->address_size == 4 && e->code_size == 8)
		clear_upper_halves(e);
	for (uint32_t done = 0; string_offset(e, RCX); done++) {
		if (done == limit)
			return string_again(e);
		if (!string_iterate(e))
			return e->status == EMULATE_FAULT && stop_at_fault(e, done);
		gpr_write(e, RCX, e->address_size, e->gpr[RCX] - 1);
		/* A comparison ends also on the flag. */
		if (e->opcode.argument & STRING_COMPARE &&
		    !(e->rflags & RFLAGS_ZF) == (e->repeat != REPEAT_NOT_EQUAL))
			return true;
	}
	return true;
}
