/* SPDX-License-Identifier: MIT */
/*
 * Moves between memory and the MMX, SSE and AVX registers, which are the guest's own: they are in
 * the processor, and stubs move them (enum emulate_extended). SDM Vol. 2 "Exceptions Type 1" and
 * on, Vol. 3A "MMX Emulation ... " has what comes before the access.
 */
#include "vmm/emulate/emulation.h"
#include "lib/string.h"

#define VECTOR_BYTES 32
#define XCR0_AVX     (BIT(1) | BIT(2))

static bool vector_usable(struct emulation *e)
{
	const struct emulate_context *context = e->context;
	bool enabled = e->vex ? (context->cr4 & CR4_OSXSAVE) && !(~context->xcr0 & XCR0_AVX)
	                      : (context->cr4 & CR4_OSFXSR) && !(context->cr0 & CR0_EM);

	if (!enabled)
		return emulation_fault(e, EXCEPTION_UD);
	return !(context->cr0 & CR0_TS) || emulation_fault(e, EXCEPTION_NM);
}

static bool mmx_usable(struct emulation *e)
{
	if (e->context->cr0 & CR0_EM)
		return emulation_fault(e, EXCEPTION_UD);
	if (e->context->cr0 & CR0_TS)
		return emulation_fault(e, EXCEPTION_NM);
	return !x87_pending(e) || emulation_fault(e, EXCEPTION_MF);
}

static unsigned vector_length(const struct emulation *e)
{
	return e->vex_256 ? 32 : 16;
}

/* Of the memory operand, or of an element. */
static unsigned vector_size(const struct emulation *e)
{
	uint8_t size = e->opcode.argument;

	if (size == VECTOR_FULL)
		return vector_length(e);
	return size != VECTOR_W ? size : e->rex & REX_W ? 8 : 4;
}

static void vector_get(const struct emulation *e, unsigned number, uint8_t data[VECTOR_BYTES])
{
	e->context->extended(e->context, (e->vex_256 ? EXTENDED_AVX_STORE : EXTENDED_SSE_STORE) + number,
	                     data);
}

/* With a VEX prefix, what the register has above is cleared, without one it stays. */
static void vector_set(const struct emulation *e, uint8_t data[VECTOR_BYTES])
{
	unsigned stub = e->vex_256 ? EXTENDED_AVX_LOAD_256 : e->vex ? EXTENDED_AVX_LOAD : EXTENDED_SSE_LOAD;

	e->context->extended(e->context, stub + e->reg, data);
}

static bool vector_access(struct emulation *e, uint8_t *data, unsigned size, enum emulate_access access)
{
	const struct operand *memory = &e->destination;
	uint16_t aligned = OPCODE_ALIGNED | (e->vex ? 0 : OPCODE_ALIGNED_LEGACY);

	if (e->opcode.flags & aligned && !segmented_aligned(e, memory->number, memory->value, size))
		return false;
	return segmented_access(e, memory->number, memory->value, data, size, access);
}

/* What memory does not fill of 128 bits becomes zero. */
bool execute_vector_load(struct emulation *e)
{
	uint8_t data[VECTOR_BYTES] = {0};

	if (!vector_usable(e) || !vector_access(e, data, vector_size(e), EMULATE_READ))
		return false;
	vector_set(e, data);
	return true;
}

bool execute_vector_store(struct emulation *e)
{
	uint8_t data[VECTOR_BYTES];

	if (!vector_usable(e))
		return false;
	vector_get(e, e->reg, data);
	return vector_access(e, data, vector_size(e), EMULATE_WRITE);
}

/* The element that the third operand names. */
static uint8_t *vector_element(const struct emulation *e, uint8_t data[VECTOR_BYTES])
{
	unsigned size = vector_size(e);

	return data + e->third.value % (vector_length(e) / size) * size;
}

/* One element comes from memory, the others from the register, or from a second one. */
bool execute_vector_insert(struct emulation *e)
{
	uint8_t data[VECTOR_BYTES];

	if (!vector_usable(e))
		return false;
	vector_get(e, e->vex ? e->vvvv : e->reg, data);
	if (!vector_access(e, vector_element(e, data), vector_size(e), EMULATE_READ))
		return false;
	vector_set(e, data);
	return true;
}

bool execute_vector_extract(struct emulation *e)
{
	uint8_t data[VECTOR_BYTES];

	if (!vector_usable(e))
		return false;
	vector_get(e, e->reg, data);
	return vector_access(e, vector_element(e, data), vector_size(e), EMULATE_WRITE);
}

/* Broadcasts: one element in all places. */
bool execute_vector_broadcast(struct emulation *e)
{
	unsigned size = vector_size(e);
	uint8_t data[VECTOR_BYTES];

	if (!vector_usable(e) || !vector_access(e, data, size, EMULATE_READ))
		return false;
	for (unsigned at = size; at < vector_length(e); at++)
		data[at] = data[at - size];
	vector_set(e, data);
	return true;
}

/*
 * MOVSLDUP, MOVSHDUP (the third operand is 1), MOVDDUP: of each pair one element in both places.
 * MOVDDUP of 128 bits reads one alone.
 */
bool execute_vector_duplicate(struct emulation *e)
{
	unsigned size = vector_size(e), length = vector_length(e), odd = e->third.value;
	uint8_t data[VECTOR_BYTES];

	if (!vector_usable(e) ||
	    !vector_access(e, data, size == 8 && length == 16 ? 8 : length, EMULATE_READ))
		return false;
	for (unsigned at = 0; at < length; at += 2 * size)
		memcpy(data + at + (odd ? 0 : size), data + at + (odd ? size : 0), size);
	vector_set(e, data);
	return true;
}

/* Only elements whose mask has its top bit set are touched; all of them are checked first. */
static bool vector_access_masked(struct emulation *e, const struct operand *memory, uint8_t *data,
                                 const uint8_t *mask, unsigned length, unsigned size, bool write)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		enum emulate_access access = write ? EMULATE_WRITE : EMULATE_READ;

		if (!pass)
			access = write ? EMULATE_CHECK_WRITE : EMULATE_CHECK_READ;
		for (unsigned at = 0; at < length; at += size)
			if (mask[at + size - 1] & 0x80 &&
			    !segmented_access(e, memory->number,
			                      (memory->value + at) & size_mask(e->address_size), data + at,
			                      size, access))
				return false;
	}
	return true;
}

bool execute_vector_load_masked(struct emulation *e)
{
	uint8_t data[VECTOR_BYTES] = {0}, mask[VECTOR_BYTES];

	if (!vector_usable(e))
		return false;
	vector_get(e, e->vvvv, mask);
	if (!vector_access_masked(e, &e->destination, data, mask, vector_length(e), vector_size(e), false))
		return false;
	vector_set(e, data);
	return true;
}

bool execute_vector_store_masked(struct emulation *e)
{
	uint8_t data[VECTOR_BYTES], mask[VECTOR_BYTES];

	if (!vector_usable(e))
		return false;
	vector_get(e, e->vvvv, mask);
	vector_get(e, e->reg, data);
	return vector_access_masked(e, &e->destination, data, mask, vector_length(e), vector_size(e), true);
}

/* Where MASKMOVQ and MASKMOVDQU write: at rDI. */
static struct operand vector_destination(const struct emulation *e)
{
	return (struct operand){
		.place = PLACE_MEMORY,
		.number = e->override >= 0 ? e->override : SEG_DS,
		.value = gpr_read(e, RDI, e->address_size),
	};
}

bool execute_maskmovdqu(struct emulation *e)
{
	struct operand memory = vector_destination(e);
	uint8_t data[VECTOR_BYTES], mask[VECTOR_BYTES];

	if (e->mod != 3)
		return emulation_unsupported(e);
	if (!vector_usable(e))
		return false;
	vector_get(e, e->reg, data);
	vector_get(e, e->rm, mask);
	return vector_access_masked(e, &memory, data, mask, 16, 1, true);
}

/* ---- MMX: REX does not reach its registers ---- */

static void mmx_get(const struct emulation *e, unsigned number, uint8_t data[8])
{
	e->context->extended(e->context, EXTENDED_MMX_STORE + (number & 7), data);
}

bool execute_mmx_load(struct emulation *e)
{
	uint8_t data[8] = {0};

	if (!mmx_usable(e) || !vector_access(e, data, vector_size(e), EMULATE_READ))
		return false;
	e->context->extended(e->context, EXTENDED_MMX_LOAD + (e->reg & 7), data);
	return true;
}

/* Even a store marks all registers as in use, so the check comes first. */
bool execute_mmx_store(struct emulation *e)
{
	unsigned size = vector_size(e);
	uint8_t data[8];

	if (!mmx_usable(e) || !vector_access(e, data, size, EMULATE_CHECK_WRITE))
		return false;
	mmx_get(e, e->reg, data);
	return vector_access(e, data, size, EMULATE_WRITE);
}

/* What the check needs to know is in registers that cannot be read without a trace. */
bool execute_maskmovq(struct emulation *e)
{
	uint8_t before[FXSAVE_BYTES] __attribute__((aligned(16)));
	struct operand memory = vector_destination(e);
	uint8_t data[8], mask[8];

	if (e->mod != 3)
		return emulation_unsupported(e);
	if (!mmx_usable(e))
		return false;
	e->context->extended(e->context, EXTENDED_FXSAVE64, before);
	mmx_get(e, e->reg, data);
	mmx_get(e, e->rm, mask);
	if (vector_access_masked(e, &memory, data, mask, 8, 1, true))
		return true;
	e->context->extended(e->context, EXTENDED_FXRSTOR64, before);
	return false;
}
