/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "mm/image.h"
#include "vmm/observe/backtrace.h"
#include "vmm/observe/symbols.h"

/* What the linker script says, in small: 4 KiB of text at the start of the image. */
const uint8_t image_start[4096] = {0};
__asm__(".globl text_start, text_end\n"
        ".set text_start, image_start\n"
        ".set text_end, image_start + 4096\n");

/* As tools/symbols.py lays it out: count, offsets, names. */
#define NAMES "entry\0middle\0last"
const uint32_t symbol_table[1 + 3 + 3 + 5] = {
	3,          0x10, 0x20, 0x100, 0, 6, 13, 0x72746e65, /* "entr" */
	0x696d0079,                                          /* "y\0mi" */
	0x656c6464,                                          /* "ddle" */
	0x73616c00,                                          /* "\0las" */
	0x00000074,                                          /* "t" */
};

static void test_table_bytes(void **state)
{
	(void)state;
	assert_memory_equal(&symbol_table[7], NAMES, sizeof(NAMES));
}

static void test_find(void **state)
{
	/* clang-format off */
	static const struct {
		uint32_t offset;
		const char *name;
		uint64_t rest;
	} cases[] = {
		{0x10,       "entry",  0},
		{0x1f,       "entry",  0xf},
		{0x20,       "middle", 0},
		{0xff,       "middle", 0xdf},
		{0x100,      "last",   0},
		{0xffffffff, "last",   0xfffffeff},
	};
	/* clang-format on */
	struct symbol symbol;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(symbol_find_in(symbol_table, cases[i].offset, &symbol));
		assert_string_equal(symbol.name, cases[i].name);
		assert_int_equal(symbol.offset, cases[i].rest);
	}
	assert_false(symbol_find_in(symbol_table, 0xf, &symbol));
}

static void test_find_in_small_tables(void **state)
{
	static const uint32_t none[] = {0}, one[] = {1, 5, 0, 0x61};
	struct symbol symbol;

	(void)state;
	assert_false(symbol_find_in(none, 100, &symbol));
	assert_false(symbol_find_in(one, 4, &symbol));
	assert_true(symbol_find_in(one, 5, &symbol));
	assert_string_equal(symbol.name, "a");
}

static void test_find_by_address(void **state)
{
	struct symbol symbol;

	(void)state;
	assert_true(symbol_find((uint64_t)image_start + 0x21, &symbol));
	assert_string_equal(symbol.name, "middle");
	assert_int_equal(symbol.offset, 1);
	assert_false(symbol_find((uint64_t)image_start - 1, &symbol));
	assert_false(symbol_find((uint64_t)image_start + 4096, &symbol));
	assert_false(symbol_find(0, &symbol));
}

static void test_describe(void **state)
{
	char text[32], expected[32], tiny[6];

	(void)state;
	assert_string_equal(symbol_describe((uint64_t)image_start + 0x102, text, sizeof(text)), "last+0x2");
	snprintf(expected, sizeof(expected), "0x%llx", 0xfeedULL);
	assert_string_equal(symbol_describe(0xfeed, text, sizeof(text)), expected);
	assert_string_equal(symbol_describe((uint64_t)image_start + 0x102, tiny, sizeof(tiny)), "last+");
}

/* Code with a call at 16 to 0, a call at 32 to outside, and E8h bytes at the very edges. */
#define CODE_START 0x400000
static uint8_t bytes[64];
static const struct code code = {bytes, CODE_START, CODE_START + sizeof(bytes)};

static void put_call(size_t at, int32_t target)
{
	int32_t relative = target - ((int32_t)at + 5);

	bytes[at] = 0xe8;
	memcpy(&bytes[at + 1], &relative, sizeof(relative));
}

static int setup_code(void **state)
{
	(void)state;
	memset(bytes, 0x90, sizeof(bytes));
	put_call(0, 40);
	put_call(16, 0);
	put_call(32, 0x1000);
	put_call(48, -8);
	return 0;
}

static void test_follows_call(void **state)
{
	(void)state;
	assert_true(follows_call(&code, CODE_START + 5));
	assert_true(follows_call(&code, CODE_START + 21));
	assert_false(follows_call(&code, CODE_START + 22));
	assert_false(follows_call(&code, CODE_START + 16));
	assert_false(follows_call(&code, CODE_START + 37)); /* calls something outside */
	assert_false(follows_call(&code, CODE_START + 53));
	assert_false(follows_call(&code, CODE_START + 4)); /* too near to the start for a call */
	assert_false(follows_call(&code, CODE_START));
	assert_false(follows_call(&code, CODE_START + sizeof(bytes)));
	assert_false(follows_call(&code, CODE_START - 1));
	assert_false(follows_call(&code, 0));
	assert_false(follows_call(&code, UINT64_MAX));
}

static void test_collect(void **state)
{
	const uint64_t stack[] = {0, CODE_START + 21, 0x1234, CODE_START + 37, CODE_START + 5, UINT64_MAX};
	uint64_t found[2] = {0, 0};

	(void)state;
	assert_int_equal(backtrace_collect(&code, stack, ARRAY_SIZE(stack), found, 2), 2);
	assert_int_equal(found[0], CODE_START + 21);
	assert_int_equal(found[1], CODE_START + 5);
	assert_int_equal(backtrace_collect(&code, stack, ARRAY_SIZE(stack), found, 1), 1);
	assert_int_equal(backtrace_collect(&code, stack, 4, found, 2), 1);
	assert_int_equal(backtrace_collect(&code, stack, 0, found, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_bytes),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_in_small_tables),
		cmocka_unit_test(test_find_by_address),
		cmocka_unit_test(test_describe),
		cmocka_unit_test_setup(test_follows_call, setup_code),
		cmocka_unit_test_setup(test_collect, setup_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
