/* SPDX-License-Identifier: MIT */
/*
 * Vector and x87 moves: vmm/emulate, and the stubs of vmm/x86/extended.c, against the processor
 * that runs this test. All registers of the FPU and vector unit, memory and the exception must be
 * the same. EMULATE_SEED and EMULATE_ROUNDS in the environment change what is tried.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "rigs/native.h"
#include "rigs/random_values.h"
#include "rigs/vector_forms.h"
#include "vmm/x86/extended.h"

#define VECTOR_PF      14
#define AREA_SIZE      832 /* x87, SSE, header, AVX */
#define AREA_FCW       0
#define AREA_FSW       2
#define AREA_FTW       4
#define AREA_MXCSR     24
#define AREA_ST        32
#define AREA_TOUCHED   416 /* of the first 512 bytes */
#define AREA_HEADER    512
#define AREA_AVX       576
#define COMPONENTS     7UL
#define STATE_OFFSET   2048 /* of the area in native.data */
#define RESULT_OFFSET  3072
#define PROLOGUE_BYTES 9 /* XRSTOR, before the instruction */

struct vector_trial {
	const struct vector_form *form;
	uint8_t bytes[16];
	unsigned length;
	uint64_t target;
	uint8_t before[AREA_SIZE];
};

static uint8_t shadow[NATIVE_WINDOW_SIZE];
static uint8_t area[AREA_SIZE] __attribute__((aligned(64))); /* the emulated processor's */

static void xsave(void *to)
{
	__asm__ volatile("xsave64 (%0)" : : "r"(to), "a"(COMPONENTS), "d"(0) : "memory");
}

static void xrstor(const void *from)
{
	__asm__ volatile("xrstor64 (%0)" : : "r"(from), "a"(COMPONENTS), "d"(0) : "memory");
}

/* ---- The emulator's side ---- */

static bool access_shadow(struct emulate_context *context, gva_t address, void *data, unsigned size,
                          enum emulate_access access)
{
	uint64_t offset = address - (uint64_t)(uintptr_t)native.window;

	if (offset >= NATIVE_WINDOW_SIZE || size > NATIVE_WINDOW_SIZE - offset) {
		context->fault = (struct emulate_fault){.vector = VECTOR_PF, .cr2 = address};
		return false;
	}
	if (access == EMULATE_READ || access == EMULATE_READ_FOR_WRITE)
		memcpy(data, shadow + offset, size);
	else if (access == EMULATE_WRITE)
		memcpy(shadow + offset, data, size);
	return true;
}

/* The stub runs in the emulated processor's registers, and the test's own come back. */
static void run_extended(struct emulate_context *context, enum emulate_extended stub, void *memory)
{
	static uint8_t own[AREA_SIZE] __attribute__((aligned(64)));

	(void)context;
	if (stub == EXTENDED_XSAVE_SIZE) {
		*(uint32_t *)memory = AREA_SIZE;
		return;
	}
	if (stub == EXTENDED_XSAVE_FORMS) {
		*(uint32_t *)memory = 0xf;
		return;
	}
	xsave(own);
	xrstor(area);
	extended_run(stub, memory, COMPONENTS);
	xsave(area);
	xrstor(own);
}

static enum emulate_status emulate(const struct vector_trial *t, const struct native_state *state,
                                   struct emulate_context *context)
{
	*context = (struct emulate_context){
		.access = access_shadow,
		.extended = run_extended,
		.rip = state->rip,
		.rflags = state->rflags,
		.cr0 = 0x80000031,
		.cr4 = 0x406f0,
		.efer = 0x500,
		.xcr0 = COMPONENTS,
		.segment[SEG_CS].access = 0xa0fb,
		.cpl = 3,
		.byte_count = (uint8_t)t->length,
	};
	memcpy(context->gpr, state->gpr, sizeof(context->gpr));
	memcpy(context->bytes, t->bytes, t->length);
	memcpy(area, t->before, sizeof(area));
	return emulate_instruction(context);
}

/* ---- A trial ---- */

static void any_bytes(void *to, unsigned size)
{
	for (unsigned i = 0; i < size; i += 8) {
		uint64_t value = percent(20) ? any_value() : random64();

		memcpy((uint8_t *)to + i, &value, MIN(8, size - i));
	}
}

/* Numbers that floating-point instructions tell apart: zeroes, infinities, NaNs, denormals. */
static void any_floats(uint8_t *to, unsigned size)
{
	static const uint32_t corners[] = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7fa00000,
	                                   0x7fc00000, 1,          0x807fffff, 0x3f800000, 0x40490fdb,
	                                   0x7f7fffff, 0x00800000, 0x4b800001, 0x7ff00000, 0x7ff40000};

	any_bytes(to, size);
	for (unsigned i = 0; i + 4 <= size; i += 4)
		if (percent(60))
			memcpy(to + i, &corners[below(ARRAY_SIZE(corners))], 4);
}

static void fill_area(uint8_t *to)
{
	uint16_t fcw = percent(60) ? 0x37f : 0x40 | below(0x1000), fsw = below(8) << 11;
	uint32_t mxcsr = 0x1f80 | below(64);
	uint64_t components = COMPONENTS;

	any_bytes(to, AREA_SIZE);
	memset(to, 0, AREA_ST);
	for (unsigned i = 0; i < 8; i++) {
		uint16_t exponent = percent(50)   ? 0x3fff + below(70)
		                    : percent(50) ? 0x3f81 - below(30)
		                                  : random64();
		memcpy(to + AREA_ST + 16 * i + 8, &exponent, 2);
		memset(to + AREA_ST + 16 * i + 10, 0, 6);
		if (percent(70))
			to[AREA_ST + 16 * i + 7] |= 0x80;
	}
	memcpy(to + AREA_FCW, &fcw, 2);
	memcpy(to + AREA_FSW, &fsw, 2);
	to[AREA_FTW] = random64();
	memcpy(to + AREA_MXCSR, &mxcsr, 4);
	memset(to + AREA_HEADER, 0, 64);
	memcpy(to + AREA_HEADER, &components, 8);
}

/* As the processor keeps it: reserved bits are gone. */
static void settle_area(uint8_t *to)
{
	static uint8_t own[AREA_SIZE] __attribute__((aligned(64)));

	memcpy(area, to, AREA_SIZE);
	xsave(own);
	xrstor(area);
	xsave(area);
	xrstor(own);
	memcpy(to, area, AREA_SIZE);
}

static void put(struct vector_trial *t, unsigned byte)
{
	t->bytes[t->length++] = (uint8_t)byte;
}

static void put_legacy(struct vector_trial *t, unsigned reg, bool w)
{
	static const uint8_t prefix[] = {0, 0x66, 0xf3, 0xf2};

	if (t->form->prefix)
		put(t, prefix[t->form->prefix]);
	if (reg >= 8 || w)
		put(t, 0x40 | (reg >= 8) << 2 | w << 3);
	if (t->form->flags & VECTOR_ONE_BYTE)
		return;
	put(t, 0x0f);
	if (t->form->map > 1)
		put(t, t->form->map == 2 ? 0x38 : 0x3a);
}

static void put_vex(struct vector_trial *t, unsigned reg, bool w, bool wide)
{
	unsigned vvvv = t->form->flags & VECTOR_SOURCE ? below(16) : 0;
	unsigned last = (~vvvv & 15) << 3 | wide << 2 | t->form->prefix;

	if (t->form->map == 1 && !w && percent(50)) {
		put(t, 0xc5);
		put(t, (reg < 8) << 7 | last);
	} else {
		put(t, 0xc4);
		put(t, (reg < 8) << 7 | 0x60 | t->form->map);
		put(t, w << 7 | last);
	}
}

static unsigned choose_coding(const struct vector_form *form)
{
	for (;;) {
		unsigned coding = VECTOR_LEGACY << below(3);

		if (form->flags & coding || form->flags & VECTOR_ONE_BYTE)
			return coding;
	}
}

static void generate_vector(struct vector_trial *t, const struct vector_form *form)
{
	unsigned coding = choose_coding(form), flags = form->flags;
	unsigned reg = form->digit >= 0 ? (unsigned)form->digit : below(flags & VECTOR_ONE_BYTE ? 8 : 16);
	bool w = !(flags & VECTOR_NO_W) && percent(30);

	memset(t, 0, sizeof(*t));
	t->form = form;
	if (flags & VECTOR_ONE_BYTE || coding == VECTOR_LEGACY)
		put_legacy(t, reg, w);
	else
		put_vex(t, reg, w, coding == VECTOR_VEX256);
	put(t, form->opcode);
	put(t, (flags & VECTOR_RDI ? 0xc0 | below(8) : 7) | (reg & 7) << 3);
	if (flags & VECTOR_IMM8)
		put(t, (unsigned)random64());
	t->target = (uint64_t)(uintptr_t)native.window + 2048;
	if (percent(40))
		t->target += below(64);
	/* Of MASKMOVQ and MASKMOVDQU, processors differ in what they check. */
	if (percent(10) && !(flags & VECTOR_RDI))
		t->target = (uint64_t)(uintptr_t)native.window + NATIVE_WINDOW_SIZE - below(64);
	fill_area(t->before);
	settle_area(t->before);
}

/* What FXRSTOR and LDMXCSR accept, most of the time. */
static void fill_memory(const struct vector_trial *t)
{
	uint64_t offset = t->target - (uint64_t)(uintptr_t)native.window;
	uint32_t mxcsr = 0x1f80 | below(64);

	any_floats(native.window + 2048, 2048);
	any_floats(native.window + NATIVE_WINDOW_SIZE - 128, 128);
	if (t->form->opcode != 0xae || percent(20))
		return;
	if (t->form->digit == 1 && offset + 512 <= NATIVE_WINDOW_SIZE)
		memcpy(native.window + offset, t->before, 512);
	if (t->form->digit == 2 && offset + 4 <= NATIVE_WINDOW_SIZE)
		memcpy(native.window + offset, &mxcsr, 4);
}

/* XRSTOR, the instruction, XSAVE. */
static void run_native(const struct vector_trial *t, struct native_state *state)
{
	uint8_t *before = (uint8_t *)native.data + STATE_OFFSET,
		*after = (uint8_t *)native.data + RESULT_OFFSET;
	uint32_t before_at = (uint32_t)(uintptr_t)before, after_at = (uint32_t)(uintptr_t)after;
	uint8_t code[PROLOGUE_BYTES + sizeof(t->bytes) + 9] = {0x48, 0x0f, 0xae, 0x2c, 0x25};

	memcpy(before, t->before, AREA_SIZE);
	memset(after, 0, AREA_SIZE);
	memcpy(code + 5, &before_at, 4);
	memcpy(code + PROLOGUE_BYTES, t->bytes, t->length);
	memcpy(code + PROLOGUE_BYTES + t->length, "\x48\x0f\xae\x24\x25", 5);
	memcpy(code + PROLOGUE_BYTES + t->length + 5, &after_at, 4);
	native_run(state, code, PROLOGUE_BYTES + t->length + 9);
}

static bool same_area(const uint8_t *a, const uint8_t *b)
{
	return !memcmp(a, b, 28) && !memcmp(a + AREA_ST, b + AREA_ST, AREA_TOUCHED - AREA_ST) &&
	       !memcmp(a + AREA_AVX, b + AREA_AVX, AREA_SIZE - AREA_AVX);
}

static void describe(const struct vector_trial *t, const struct native_state *real,
                     const struct emulate_context *context, enum emulate_status status)
{
	const uint8_t *result = (const uint8_t *)native.data + RESULT_OFFSET;

	print_error("map %u opcode %02x:", t->form->map, t->form->opcode);
	for (unsigned i = 0; i < t->length; i++)
		print_error(" %02x", t->bytes[i]);
	print_error(" at %lx\nvector: processor %d; emulator: status %d, vector %d\n", t->target,
	            real->vector, status, context->fault.vector);
	for (unsigned i = 0; real->vector < 0 && i < AREA_SIZE; i++)
		if (result[i] != area[i] && (i < AREA_TOUCHED || i >= AREA_AVX))
			print_error("area %u: %02x -> processor %02x, emulator %02x\n", i, t->before[i],
			            result[i], area[i]);
	for (unsigned i = 0; i < NATIVE_WINDOW_SIZE; i++)
		if (native.window[i] != shadow[i])
			print_error("memory %u: %02x %02x\n", i, native.window[i], shadow[i]);
}

static bool try_vector(const struct vector_form *form)
{
	struct vector_trial t;
	struct native_state real = {.rflags = 0x202, .gpr = {COMPONENTS}};
	struct emulate_context context;
	enum emulate_status status;
	bool good;

	if (form->flags & VECTOR_AVX2 && !__builtin_cpu_supports("avx2"))
		return true;
	generate_vector(&t, form);
	fill_memory(&t);
	memcpy(shadow, native.window, sizeof(shadow));
	real.gpr[7] = t.target;
	real.rip = (uint64_t)(uintptr_t)native.code + NATIVE_CODE_OFFSET + PROLOGUE_BYTES;
	status = emulate(&t, &real, &context);
	run_native(&t, &real);
	if (real.vector < 0)
		good = status == EMULATE_OK && context.rip + 9 == real.rip &&
		       same_area((const uint8_t *)native.data + RESULT_OFFSET, area);
	else
		good = status == EMULATE_FAULT && context.fault.vector == real.vector &&
		       same_area(t.before, area);
	good = good && !memcmp(native.window, shadow, sizeof(shadow));
	if (!good)
		describe(&t, &real, &context, status);
	return good;
}

static void vector_moves_agree_with_the_processor(void **state)
{
	const char *seed = getenv("EMULATE_SEED"), *rounds = getenv("EMULATE_ROUNDS");
	unsigned long count = rounds ? strtoul(rounds, NULL, 0) : 100;
	unsigned failures = 0, trials = 0;

	(void)state;
	if (!__builtin_cpu_supports("avx") || native_init())
		skip();
	random_state = seed ? strtoull(seed, NULL, 0) | 1 : 0x9e3779b97f4a7c15UL;
	for (unsigned long round = 0; round < count; round++)
		for (size_t i = 0; i < ARRAY_SIZE(vector_forms); i++) {
			trials++;
			failures += !try_vector(&vector_forms[i]);
			if (failures >= 5)
				fail_msg("five differences from the processor in %u trials", trials);
		}
	assert_int_equal(failures, 0);
	print_message("%u vector and x87 moves compared with the processor\n", trials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(vector_moves_agree_with_the_processor)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
