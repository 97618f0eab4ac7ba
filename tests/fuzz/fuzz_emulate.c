/* SPDX-License-Identifier: MIT */
/*
 * vmm/emulate with random state and code; memory that answers or faults at random. Of any
 * instruction, accesses are at most as large as an area of XSAVE, and inside the linear address
 * space, and their number is bounded. One that does not succeed leaves the registers, and a bounded
 * rep makes progress.
 */
#include <stdlib.h>
#include <string.h>
#include "cost.h"
#include "vmm/emulate/emulate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_ITERATIONS 20
#define MAX_AREA       2688  /* of XSAVE */
#define COST           20000 /* of one instruction, a repeated one being the longest */
#define EFER_LMA       BIT(10)

/* The input, byte by byte, zeros after its end. */
struct input {
	const uint8_t *data;
	size_t size;
	unsigned accesses;
};

#define HOLDS(condition)                                                                                     \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			abort();                                                                             \
	} while (0)

static void take(struct input *input, void *to, size_t size)
{
	size_t count = size < input->size ? size : input->size;

	memset(to, 0, size);
	memcpy(to, input->data, count);
	input->data += count;
	input->size -= count;
}

static uint8_t take_byte(struct input *input)
{
	uint8_t byte;

	take(input, &byte, 1);
	return byte;
}

static bool in_64_bit_mode(const struct emulate_context *context)
{
	return (context->efer & EFER_LMA) && (context->segment[SEG_CS].access & SEGMENT_L);
}

static bool access_memory(struct emulate_context *context, gva_t address, void *data, unsigned size,
                          enum emulate_access access)
{
	static uint8_t sink[MAX_AREA];
	struct input *input = context->owner;
	uint8_t choice = take_byte(input);

	input->accesses++;
	HOLDS(size >= 1 && size <= MAX_AREA);
	if (in_64_bit_mode(context))
		HOLDS(is_canonical(address) && is_canonical(address + size - 1));
	else
		HOLDS(address <= 0xffffffff);
	if (choice % 8 == 7) {
		context->fault = (struct emulate_fault){.vector = 14, .cr2 = address};
		return false;
	}
	if (access == EMULATE_READ || access == EMULATE_READ_FOR_WRITE)
		take(input, data, size);
	else if (access == EMULATE_WRITE)
		memcpy(sink, data, size);
	return true;
}

/* A vector unit that stores the input, and takes anything. */
static void run_stub(struct emulate_context *context, enum emulate_extended stub, void *data)
{
	static const uint16_t sizes[] = {
		[EXTENDED_X87] = 108,       [EXTENDED_MMX_LOAD] = 8,
		[EXTENDED_SSE_LOAD] = 16,   [EXTENDED_AVX_LOAD_256] = 32,
		[EXTENDED_FXSAVE] = 512,    [EXTENDED_XSAVE] = MAX_AREA,
		[EXTENDED_FXSAVE64] = 512,  [EXTENDED_XSAVE + EXTENDED_OF_64] = MAX_AREA,
		[EXTENDED_LDMXCSR] = 4,     [EXTENDED_XSAVE_SIZE] = 4,
		[EXTENDED_XSAVE_FORMS] = 4,
	};
	unsigned kind = stub;

	HOLDS(stub <= EXTENDED_XSAVE_FORMS);
	/* The status and control words, which are asked for alone, have room for no more. */
	if (stub == EXTENDED_X87 + 0x2f || stub == EXTENDED_X87 + 0x0f) {
		take(context->owner, data, 2);
		return;
	}
	while (!sizes[kind])
		kind--;
	if (stub == EXTENDED_XSAVE_SIZE)
		*(uint32_t *)data = 576 + 256 * (take_byte(context->owner) & 15);
	else if (take_byte(context->owner) & 1)
		take(context->owner, data, sizes[kind]);
	else
		memset(data, 0, sizes[kind]);
}

static void access_system(struct emulate_context *context, enum emulate_system which, struct segment *value,
                          bool load)
{
	HOLDS(which <= SYSTEM_TR);
	HOLDS(!load || (context->cpl == 0 && which <= SYSTEM_IDTR && is_canonical(value->base)));
	if (!load)
		take(context->owner, value, sizeof(*value));
}

static void set_up(struct emulate_context *context, struct input *input)
{
	uint8_t mode = take_byte(input);

	*context = (struct emulate_context){
		.owner = input, .access = access_memory, .extended = run_stub, .system = access_system};
	take(input, context->bytes, sizeof(context->bytes));
	context->byte_count = take_byte(input) % 20; /* more than there are must not matter */
	take(input, context->gpr, sizeof(context->gpr));
	take(input, &context->rip, sizeof(context->rip));
	take(input, &context->rflags, sizeof(context->rflags));
	take(input, &context->cr0, sizeof(context->cr0));
	take(input, &context->cr4, sizeof(context->cr4));
	take(input, &context->xcr0, sizeof(context->xcr0));
	take(input, context->segment, sizeof(context->segment));
	context->cpl = take_byte(input) & 3;
	context->max_iterations = take_byte(input) % MAX_ITERATIONS;
	/* Sensible modes mostly: else every access would fault. */
	if (mode & 1)
		context->efer = EFER_LMA;
	if (mode & 2)
		for (unsigned i = 0; i < 6; i++)
			context->segment[i].limit = 0xffffffff;
	if (mode & 4)
		for (unsigned i = 0; i < 6; i++)
			context->segment[i].access = i == SEG_CS ? 0xa09b : 0xc093;
	if (mode & 8)
		for (unsigned i = 0; i < 16; i++)
			context->gpr[i] &= 0xffff;
	if (mode & 16)
		context->cr0 |= 1;
	if (mode & 32) { /* vector and x87 instructions are on */
		context->cr0 &= ~12UL;
		context->cr4 |= 0x40200;
		context->xcr0 |= 7;
	}
}

/*
 * Before a repeated string instruction with 32-bit addresses does anything, it may clear the upper
 * halves of what it counts with and points with: see vmm/emulate/string_instructions.c.
 */
static void forget_upper_halves(struct emulate_context *after, const struct emulate_context *before)
{
	static const uint8_t counted[] = {1, 6, 7}; /* RCX, RSI, RDI */

	for (unsigned i = 0; i < sizeof(counted); i++)
		if (after->gpr[counted[i]] == (uint32_t)before->gpr[counted[i]])
			after->gpr[counted[i]] = before->gpr[counted[i]];
}

static bool same_registers(const struct emulate_context *a, const struct emulate_context *b)
{
	return !memcmp(a->gpr, b->gpr, sizeof(a->gpr)) &&
	       !memcmp(a->segment, b->segment, sizeof(a->segment)) && a->rip == b->rip &&
	       a->rflags == b->rflags;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {.data = data, .size = size};
	struct emulate_context context, before;
	enum emulate_status status;

	set_up(&context, &input);
	before = context;
	cost_begin();
	status = emulate_instruction(&context);
	cost_end(0, COST, 0);
	HOLDS(input.accesses <= 64 + 8 * MAX_ITERATIONS);
	switch (status) {
	case EMULATE_OK: break;
	case EMULATE_AGAIN: HOLDS(context.rip == before.rip && context.gpr[1] != before.gpr[1]); break;
	case EMULATE_FAULT:
		forget_upper_halves(&context, &before);
		HOLDS(same_registers(&context, &before));
		HOLDS(context.fault.vector < 32);
		break;
	case EMULATE_UNSUPPORTED: HOLDS(same_registers(&context, &before)); break;
	default: abort();
	}
	return 0;
}
