/* SPDX-License-Identifier: MIT */
/*
 * x87 instructions with a memory operand: executed by the processor, in the guest's own FPU, with a
 * copy of the operand. So roundings, exceptions and the stack are the processor's. SDM Vol. 1
 * "Programming with the x87 FPU".
 */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

#define ENVIRONMENT 28  /* bytes of FLDENV and FNSTENV; 14 with 16-bit operands */
#define STATE       108 /* of FRSTOR and FNSAVE; 94 */
#define WRITES      BIT(7)
#define FST(size)   ((size) | WRITES)

/* By opcode and ModRM.reg: the bytes of the operand. */
/* clang-format off */
static const uint8_t x87_forms[8][8] = {
	{4, 4, 4, 4, 4, 4, 4, 4},                                               /* D8h: arithmetic, m32 */
	{4, 0, FST(4), FST(4), ENVIRONMENT, 2, FST(ENVIRONMENT), FST(2)},       /* D9h: FLD, FST, control */
	{4, 4, 4, 4, 4, 4, 4, 4},                                               /* DAh: arithmetic, integers */
	{4, FST(4), FST(4), FST(4), 0, 10, 0, FST(10)},                         /* DBh: FILD, FIST, m80 */
	{8, 8, 8, 8, 8, 8, 8, 8},                                               /* DCh: arithmetic, m64 */
	{8, FST(8), FST(8), FST(8), STATE, 0, FST(STATE), FST(2)},              /* DDh: FLD, FST, FRSTOR */
	{2, 2, 2, 2, 2, 2, 2, 2},                                               /* DEh: arithmetic, integers */
	{2, FST(2), FST(2), FST(2), 10, 8, FST(10), FST(8)},                    /* DFh: FILD, FIST, FBLD */
};
/* clang-format on */

#define X87_FNSTCW (1 << 3 | 7)
#define X87_FNSTSW (5 << 3 | 7)

#define FSW_IE BIT(0)
#define FSW_OE BIT(3)
#define FSW_UE BIT(4)
#define FSW_ES BIT(7)

static uint16_t x87_word(const struct emulation *e, unsigned operation)
{
	uint16_t word = 0;

	e->context->extended(e->context, EXTENDED_X87 + operation, &word);
	return word;
}

bool x87_pending(const struct emulation *e)
{
	return x87_word(e, X87_FNSTSW) & FSW_ES;
}

/* An unmasked exception keeps a store from memory; one that comes after the result does not. */
static bool x87_kept_store(const struct emulation *e)
{
	unsigned unmasked = x87_word(e, X87_FNSTSW) & ~x87_word(e, X87_FNSTCW);

	return unmasked & (FSW_IE | FSW_OE | FSW_UE);
}

/* Control instructions leave the pointers to the last instruction and operand. */
static bool x87_is_control(const struct emulation *e)
{
	return (e->byte == 0xd9 || e->byte == 0xdd) && (e->reg & 7) >= 4;
}

/* These wait for no pending exception: FNSTENV, FNSTCW, FNSAVE, FNSTSW. */
static bool x87_waits(const struct emulation *e)
{
	return !x87_is_control(e) || (e->reg & 7) < 6;
}

/* SDM Vol. 1 "Layout of the 64-Bit Mode FXSAVE64 Map (Requires REX.W = 1)". */
struct fxsave64_head {
	uint16_t fcw, fsw, ftw, fop;
	uint64_t fip, fdp;
};

/*
 * The pointers are at the stub and at our copy: let them be at the guest's. Their selectors are
 * zero, as after each world switch, and as on processors that no longer save them.
 */
static void x87_set_pointers(const struct emulation *e, unsigned operation, const void *memory)
{
	uint8_t image[FXSAVE_BYTES] __attribute__((aligned(16)));
	struct fxsave64_head head;
	uint16_t opcode = (e->byte & 7) << 8 | e->mod << 6 | (e->reg & 7) << 3 | e->rm;
	uint16_t opcode_of_stub = (operation >> 3) << 8 | (operation & 7) << 3 | 7;

	e->context->extended(e->context, EXTENDED_FXSAVE64, image);
	memcpy(&head, image, sizeof(head));
	head.fip = e->context->rip;
	if (head.fdp == (uint64_t)(uintptr_t)memory)
		head.fdp = e->destination.value;
	if (head.fop == opcode_of_stub)
		head.fop = opcode;
	memcpy(image, &head, sizeof(head));
	e->context->extended(e->context, EXTENDED_FXRSTOR64, image);
}

static void x87_run(const struct emulation *e, unsigned operation, void *memory)
{
	unsigned stubs = e->operand_size == 2 && x87_is_control(e) ? EXTENDED_X87_16 : EXTENDED_X87;

	e->context->extended(e->context, stubs + operation, memory);
	if (!x87_is_control(e))
		x87_set_pointers(e, operation, memory);
}

static unsigned x87_size(const struct emulation *e, uint8_t form)
{
	unsigned size = form & ~WRITES;

	return size >= ENVIRONMENT && e->operand_size == 2 ? size - ENVIRONMENT / 2 : size;
}

bool execute_x87(struct emulation *e)
{
	unsigned operation = (e->byte & 7) << 3 | (e->reg & 7);
	uint8_t form = x87_forms[e->byte & 7][e->reg & 7];
	bool writes = form & WRITES;
	uint8_t memory[STATE] = {0};

	if (!form)
		return emulation_fault(e, EXCEPTION_UD);
	if (e->context->cr0 & (CR0_EM | CR0_TS))
		return emulation_fault(e, EXCEPTION_NM);
	if (x87_waits(e) && x87_pending(e))
		return emulation_fault(e, EXCEPTION_MF);
	if (!segmented_access(e, e->destination.number, e->destination.value, memory, x87_size(e, form),
	                      writes ? EMULATE_CHECK_WRITE : EMULATE_READ))
		return false;
	x87_run(e, operation, memory);
	if (!writes || (!x87_is_control(e) && x87_kept_store(e)))
		return true;
	return segmented_access(e, e->destination.number, e->destination.value, memory, x87_size(e, form),
	                        EMULATE_WRITE);
}
