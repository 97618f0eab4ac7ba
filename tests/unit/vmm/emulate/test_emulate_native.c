/* SPDX-License-Identifier: MIT */
/*
 * vmm/emulate against the processor that runs this test: random operands for every
 * 64-bit form that a process may execute. Registers, RIP, defined flags, memory
 * and exceptions must be the same. EMULATE_SEED and EMULATE_ROUNDS in the environment change
 * what is tried.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "rigs/instruction_trial.h"

#define VECTOR_PF 14

static uint8_t shadow[NATIVE_WINDOW_SIZE];

/* ---- Which flags the manual leaves undefined ---- */

static unsigned shift_count(const struct trial *t)
{
	unsigned count = 1;

	if (t->form->flags & FORM_COUNT_CL)
		count = t->state.gpr[1];
	else if (t->form->immediate == IMMEDIATE_BYTE)
		count = t->immediate;
	return count & (t->size == 8 ? 63 : 31);
}

static uint64_t undefined_flags(const struct trial *t)
{
	unsigned count = shift_count(t);

	if (!(t->form->flags & (FORM_SHIFT | FORM_ROTATE | FORM_DOUBLE_SHIFT)))
		return t->form->flags & FORM_F3 && t->repeat ? t->form->undefined_f3 : t->form->undefined;
	if (!count)
		return 0;
	return (t->form->flags & FORM_ROTATE ? 0 : AF) | (count > 1 ? OF : 0) |
	       (t->form->flags & FORM_SHIFT && count >= 8 * t->size ? CF : 0);
}

/* Results that the manual leaves undefined. */
static bool undefined_result(const struct trial *t)
{
	return t->form->flags & FORM_DOUBLE_SHIFT && shift_count(t) > 8 * t->size;
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

static void take_selectors(struct segment segment[6])
{
	__asm__("mov %%es, %0" : "=rm"(segment[SEG_ES].selector));
	__asm__("mov %%cs, %0" : "=rm"(segment[SEG_CS].selector));
	__asm__("mov %%ss, %0" : "=rm"(segment[SEG_SS].selector));
	__asm__("mov %%ds, %0" : "=rm"(segment[SEG_DS].selector));
	__asm__("mov %%fs, %0" : "=rm"(segment[SEG_FS].selector));
	__asm__("mov %%gs, %0" : "=rm"(segment[SEG_GS].selector));
}

static enum emulate_status emulate(const struct trial *t, struct emulate_context *context)
{
	enum emulate_status status;

	*context = (struct emulate_context){
		.access = access_shadow,
		.rip = t->state.rip,
		.rflags = t->state.rflags,
		.cr0 = 0x80000011,
		.efer = 0x500,
		.segment[SEG_CS].access = 0xa0fb,
		.segment[SEG_FS].base = native.fs_base,
		.segment[SEG_GS].base = NATIVE_GS_BASE,
		.cpl = 3,
		.byte_count = 15,
		.max_iterations = 1 + below(50),
	};
	take_selectors(context->segment);
	memcpy(context->gpr, t->state.gpr, sizeof(context->gpr));
	memset(context->bytes, 0xcc, sizeof(context->bytes));
	memcpy(context->bytes, t->bytes, MIN(t->length, sizeof(context->bytes)));
	do
		status = emulate_instruction(context);
	while (status == EMULATE_AGAIN);
	return status;
}

/* ---- Comparison ---- */

static void describe(const struct trial *t, const struct native_state *real,
                     const struct emulate_context *context, enum emulate_status status, uint64_t flags)
{
	print_error("opcode map %u %02x /%d:", t->form->map, t->opcode, t->form->digit);
	for (unsigned i = 0; i < t->length; i++)
		print_error(" %02x", t->bytes[i]);
	print_error("\nvector: processor %d; emulator: status %d, vector %d\n", real->vector, status,
	            context->fault.vector);
	for (int i = 0; i < 16; i++)
		print_error("r%-2d %016lx -> processor %016lx emulator %016lx%s\n", i, t->state.gpr[i],
		            real->gpr[i], context->gpr[i], real->gpr[i] == context->gpr[i] ? "" : " !");
	print_error("rip %lx -> %lx %lx\nflags %lx -> %lx %lx, compared %lx\n", t->state.rip, real->rip,
	            context->rip, t->state.rflags, real->rflags, context->rflags, flags);
	for (unsigned i = 0; i < NATIVE_WINDOW_SIZE; i++)
		if (native.window[i] != shadow[i])
			print_error("memory %p: %02x %02x\n", (void *)(native.window + i), native.window[i],
			            shadow[i]);
}

/*
 * The emulator does as Intel's processors. Those of other vendors leave alone the upper halves of
 * what a repeated string instruction with 32-bit addresses did not use. They keep the flags of a
 * comparison that was broken off by a fault.
 */
static void forget_what_vendors_do(const struct trial *t, struct native_state *real,
                                   struct emulate_context *context, uint64_t *flags)
{
	static const uint8_t string_registers[] = {1, 6, 7};

	if (__builtin_cpu_is("intel") || !(t->form->flags & FORM_STRING) || !t->repeat)
		return;
	if (real->vector >= 0)
		*flags = DF;
	if (t->address_prefix && (real->vector >= 0 || !(uint32_t)t->state.gpr[1]))
		for (unsigned i = 0; i < ARRAY_SIZE(string_registers); i++) {
			real->gpr[string_registers[i]] &= 0xffffffff;
			context->gpr[string_registers[i]] &= 0xffffffff;
		}
}

static bool same(const struct trial *t, struct native_state *real, struct emulate_context *context,
                 enum emulate_status status)
{
	uint64_t flags = VISIBLE_FLAGS & ~undefined_flags(t);
	bool good = status == (real->vector < 0 ? EMULATE_OK : EMULATE_FAULT);
	/*
	 * ENTER may fault on its final stack pointer after it has pushed; the emulator looks first.
	 */
	bool memory_matters = good && !(t->form->immediate == IMMEDIATE_ENTER && status == EMULATE_FAULT);

	forget_what_vendors_do(t, real, context, &flags);
	if (good && status == EMULATE_FAULT)
		good = context->fault.vector == real->vector;
	good = good && context->rip == real->rip && !((context->rflags ^ real->rflags) & flags) &&
	       !memcmp(context->gpr, real->gpr, sizeof(real->gpr)) &&
	       (!memory_matters || !memcmp(native.window, shadow, sizeof(shadow)));
	if (!good)
		describe(t, real, context, status, flags);
	return good;
}

/* Where the processor is too old for an instruction it executes another, or none. */
static bool processor_knows(const struct form *form)
{
	if (form->flags & FORM_F3 && form->opcode == 0xb8)
		return __builtin_cpu_supports("popcnt");
	if (form->flags & FORM_F3)
		return __builtin_cpu_supports("lzcnt") && __builtin_cpu_supports("bmi");
	return form->map != 2 || __builtin_cpu_supports("movbe");
}

static bool try(const struct form *form)
{
	struct trial t;
	struct native_state real;
	struct emulate_context context;
	enum emulate_status status;

	generate(&t, form);
	if (undefined_result(&t) || !processor_knows(form))
		return true;
	memcpy(shadow, native.window, sizeof(shadow));
	real = t.state;
	native_run(&real, t.bytes, t.length);
	status = emulate(&t, &context);
	return same(&t, &real, &context, status);
}

static void agrees_with_processor(void **state)
{
	const char *seed = getenv("EMULATE_SEED"), *rounds = getenv("EMULATE_ROUNDS");
	unsigned long count = rounds ? strtoul(rounds, NULL, 0) : 200;
	unsigned failures = 0, trials = 0;

	(void)state;
	if (native_init())
		skip();
	random_state = seed ? strtoull(seed, NULL, 0) | 1 : 0x9e3779b97f4a7c15UL;
	for (unsigned long round = 0; round < count; round++) {
		fill_window();
		for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
			trials++;
			failures += !try(&forms[i]);
			if (failures >= 5)
				fail_msg("five differences from the processor in %u trials", trials);
		}
	}
	assert_int_equal(failures, 0);
	print_message("%u instructions compared with the processor\n", trials);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_processor)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
