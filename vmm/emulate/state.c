/* SPDX-License-Identifier: MIT */
/*
 * FXSAVE, FXRSTOR, XSAVE and XRSTOR, LDMXCSR and STMXCSR. SDM Vol. 1 "FXSAVE and FXRSTOR
 * Instructions", "Managing State Using the XSAVE Feature Set".
 */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

#define AREA_MXCSR      24
#define AREA_MXCSR_MASK 28
#define AREA_HEADER     512
#define AREA_BYTES      2688 /* x87, SSE, header, AVX, AVX-512 */

/* What FXSAVE touches: the rest is software's. Outside 64-bit mode there are eight registers. */
#define FXSAVE_TOUCHED    416
#define FXSAVE_TOUCHED_32 288

#define COMPACTED         BIT(63)
#define XSAVE_FORM_XSAVEC BIT(1)

static bool state_usable(struct emulation *e, uint64_t cr0_forbids, uint64_t cr4_wants)
{
	if (~e->context->cr4 & cr4_wants)
		return emulation_fault(e, EXCEPTION_UD);
	return !(e->context->cr0 & cr0_forbids) || emulation_fault(e, EXCEPTION_NM);
}

static bool state_access(struct emulation *e, void *area, unsigned size, enum emulate_access access)
{
	return segmented_access(e, e->destination.number, e->destination.value, area, size, access);
}

static void state_run(const struct emulation *e, unsigned stub, void *area)
{
	e->context->extended(e->context, stub + (e->rex & REX_W ? EXTENDED_OF_64 : 0), area);
}

/* Bits of MXCSR that are not there: MXCSR_MASK of an area, or what 0 there means. */
static bool mxcsr_valid(uint32_t mxcsr, const uint8_t *area)
{
	uint32_t mask;

	memcpy(&mask, area + AREA_MXCSR_MASK, 4);
	return !(mxcsr & ~(mask ? mask : 0xffbf));
}

/* The registers that the area has no place for stay: FXRSTOR's stub loads what FXSAVE's stored. */
static bool state_fxrstor(struct emulation *e, uint8_t *area, unsigned size)
{
	uint8_t loaded[FXSAVE_TOUCHED];
	uint32_t mxcsr;

	if (!state_access(e, loaded, size, EMULATE_READ))
		return false;
	memcpy(&mxcsr, loaded + AREA_MXCSR, 4);
	if (!mxcsr_valid(mxcsr, area))
		return emulation_fault(e, EXCEPTION_GP);
	memcpy(area, loaded, size);
	state_run(e, EXTENDED_FXRSTOR, area);
	return true;
}

/* argument 1: FXRSTOR */
bool execute_fxsave(struct emulation *e)
{
	unsigned size = e->code_size == 8 ? FXSAVE_TOUCHED : FXSAVE_TOUCHED_32;
	uint8_t area[FXSAVE_BYTES] __attribute__((aligned(16)));

	if (!state_usable(e, CR0_EM | CR0_TS, 0) ||
	    !segmented_aligned(e, e->destination.number, e->destination.value, 16))
		return false;
	state_run(e, EXTENDED_FXSAVE, area);
	return e->opcode.argument ? state_fxrstor(e, area, size) : state_access(e, area, size, EMULATE_WRITE);
}

/* argument 1: STMXCSR */
bool execute_mxcsr(struct emulation *e)
{
	uint8_t area[FXSAVE_BYTES] __attribute__((aligned(16)));
	uint32_t mxcsr;

	if (e->context->cr0 & CR0_EM)
		return emulation_fault(e, EXCEPTION_UD);
	if (!state_usable(e, CR0_TS, CR4_OSFXSR))
		return false;
	e->context->extended(e->context, EXTENDED_FXSAVE64, area);
	if (e->opcode.argument)
		return state_access(e, area + AREA_MXCSR, 4, EMULATE_WRITE);
	if (!state_access(e, &mxcsr, 4, EMULATE_READ))
		return false;
	if (!mxcsr_valid(mxcsr, area))
		return emulation_fault(e, EXCEPTION_GP);
	e->context->extended(e->context, EXTENDED_LDMXCSR, &mxcsr);
	return true;
}

static bool xsave_usable(struct emulation *e)
{
	return state_usable(e, CR0_TS, CR4_OSXSAVE) &&
	       segmented_aligned(e, e->destination.number, e->destination.value, 64);
}

/*
 * XSAVE, XSAVEC and XSAVEOPT, which may store as much. The stub leaves those parts of the area
 * alone that were not asked for, so it starts from what is there.
 */
static bool xsave_to(struct emulation *e, unsigned stub)
{
	uint8_t area[AREA_BYTES] __attribute__((aligned(64)));
	uint32_t size;

	if (!xsave_usable(e))
		return false;
	e->context->extended(e->context, EXTENDED_XSAVE_SIZE, &size);
	if (size > AREA_BYTES)
		return emulation_unsupported(e);
	if (!state_access(e, area, size, EMULATE_READ_FOR_WRITE))
		return false;
	state_run(e, stub, area);
	return state_access(e, area, size, EMULATE_WRITE);
}

bool execute_xsave(struct emulation *e)
{
	return xsave_to(e, EXTENDED_XSAVE);
}

/*
 * 0F C7 /4. That the guest got here does not say that the processor has it: code that it cached
 * under an older translation may have been another instruction.
 */
bool execute_xsavec(struct emulation *e)
{
	uint32_t forms;

	if (e->operand_prefix || e->repeat)
		return emulation_unsupported(e);
	e->context->extended(e->context, EXTENDED_XSAVE_FORMS, &forms);
	return forms & XSAVE_FORM_XSAVEC ? xsave_to(e, EXTENDED_XSAVEC) : emulation_fault(e, EXCEPTION_UD);
}

/*
 * A hole holds no header that the instruction accepts: SDM Vol. 1 "XRSTOR", "Operation of XRSTOR".
 * An area that has its header in RAM and its end in a hole is not known.
 */
bool execute_xrstor(struct emulation *e)
{
	uint64_t header[8], wrong = 0;

	if (!xsave_usable(e))
		return false;
	if (!segmented_access(e, e->destination.number,
	                      (e->destination.value + AREA_HEADER) & size_mask(e->address_size), header,
	                      sizeof(header), EMULATE_READ))
		return false;
	for (unsigned i = 2; i < ARRAY_SIZE(header); i++)
		wrong |= header[i];
	wrong |= (header[0] | (header[1] & ~COMPACTED)) & ~e->context->xcr0;
	if (!(header[1] & COMPACTED))
		wrong |= header[1];
	return wrong ? emulation_fault(e, EXCEPTION_GP) : emulation_unsupported(e);
}

/*
 * 0F AE /6 and /7 of memory: CLWB (66h /6), CLFLUSH and CLFLUSHOPT (/7), which are checked like a
 * load of a byte; XSAVEOPT (/6).
 */
bool execute_flush_line(struct emulation *e)
{
	if (e->repeat)
		return emulation_unsupported(e);
	if ((e->reg & 7) == 6 && !e->operand_prefix)
		return execute_xsave(e);
	return segmented_check(e, e->destination.number, e->destination.value, 1, false);
}
