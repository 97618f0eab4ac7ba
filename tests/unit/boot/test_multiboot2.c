/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "boot/multiboot2.h"
#include "lib/errors.h"

#define TYPE_MEMORY_MAP  6
#define TYPE_FRAMEBUFFER 8

/* Builds boot information tag by tag. */
static uint8_t buffer[16384];
static uint32_t length;

static struct boot_info info;
static const char *problem;

static void put(const void *data, size_t size)
{
	assert_true(length + size <= sizeof(buffer));
	memcpy(buffer + length, data, size);
	length += size;
}

static void put8(uint8_t value)
{
	put(&value, sizeof(value));
}

static void put32(uint32_t value)
{
	put(&value, sizeof(value));
}

static void put64(uint64_t value)
{
	put(&value, sizeof(value));
}

static uint32_t tag_start(uint32_t type)
{
	uint32_t at = length;

	put32(type);
	put32(0);
	return at;
}

static void tag_end(uint32_t at)
{
	uint32_t size = length - at;

	memcpy(buffer + at + 4, &size, sizeof(size));
	while (length % 8)
		put8(0);
}

static void put_string_tag(uint32_t type, const char *text)
{
	uint32_t at = tag_start(type);

	put(text, strlen(text) + 1);
	tag_end(at);
}

static void put_module(uint32_t start, uint32_t end, const char *text)
{
	uint32_t at = tag_start(3);

	put32(start);
	put32(end);
	put(text, strlen(text) + 1);
	tag_end(at);
}

static void put_entry(uint64_t start, uint64_t size, uint32_t type)
{
	put64(start);
	put64(size);
	put32(type);
	put32(0);
}

static void finish(void)
{
	tag_end(tag_start(0));
	memcpy(buffer, &length, sizeof(length));
}

/*
 * Parse from a heap block of exactly that size, so that the address sanitizer sees any read beyond.
 */
static int parse_sized(size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	int error;

	assert_non_null(copy);
	memcpy(copy, buffer, size);
	error = boot_info_parse(copy, size, &info, &problem);
	free(copy);
	return error;
}

static int parse(void)
{
	return parse_sized(length);
}

static int setup(void **state)
{
	(void)state;
	memset(buffer, 0, sizeof(buffer));
	length = 0;
	put32(0);
	put32(0);
	return 0;
}

static void test_empty(void **state)
{
	(void)state;
	finish();
	assert_int_equal(parse(), 0);
	assert_null(problem);
	assert_int_equal(info.size, 16);
	assert_int_equal(info.module_count, 0);
	assert_int_equal(info.range_count, 0);
	assert_int_equal(info.framebuffer.kind, FRAMEBUFFER_NONE);
	assert_false(info.efi);
	assert_int_equal(info.rsdp_size, 0);
}

static void test_strings_and_modules(void **state)
{
	(void)state;
	put_string_tag(1, "serial=com2 speed=9600");
	put_string_tag(2, "GRUB 2.06");
	put_module(0x400000, 0x400123, "config");
	put_module(0x500000, 0x500000, "images/vmlinuz extra words");
	finish();
	assert_int_equal(parse(), 0);
	assert_string_equal(info.command_line, "serial=com2 speed=9600");
	assert_string_equal(info.loader, "GRUB 2.06");
	assert_int_equal(info.module_count, 2);
	assert_int_equal(info.module[0].start, 0x400000);
	assert_int_equal(info.module[0].end, 0x400123);
	assert_string_equal(info.module[0].name, "config");
	assert_string_equal(info.module[1].name, "images/vmlinuz");
}

static void test_module_quoting(void **state)
{
	(void)state;
	put_module(0, 1, "\"my kernels/vm linux\" rest");
	put_module(0, 1, "a\\\"b\\\\c\\'d");
	put_module(0, 1, "");
	put_module(0, 1, "\"never closed");
	put_module(0, 1, "ends in backslash\\");
	put_module(0, 1, "\\");
	finish();
	assert_int_equal(parse(), 0);
	assert_string_equal(info.module[0].name, "my kernels/vm linux");
	assert_string_equal(info.module[1].name, "a\"b\\c'd");
	assert_string_equal(info.module[2].name, "");
	assert_string_equal(info.module[3].name, "never closed");
	assert_string_equal(info.module[4].name, "ends");
	assert_string_equal(info.module[5].name, "\\");
}

static void test_long_strings_are_cut(void **state)
{
	char text[BOOT_STRING_MAX + 50];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	put_string_tag(1, text);
	put_module(0, 1, text);
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(info.command_line), BOOT_STRING_MAX - 1);
	assert_int_equal(strlen(info.module[0].name), BOOT_STRING_MAX - 1);
}

static void test_memory_map(void **state)
{
	uint32_t at;

	(void)state;
	at = tag_start(TYPE_MEMORY_MAP);
	put32(32); /* larger entries than today's: the rest is skipped */
	put32(0);
	put_entry(0, 0x9fc00, 1);
	put64(0);
	put_entry(0x9fc00, 0x400, 2);
	put64(0);
	put_entry(0x100000, 0x7ee0000, 1);
	put64(0);
	put_entry(0x7fe0000, 0, 1);
	put64(0);
	put_entry(0xfffc0000, 0x40000, 3);
	put64(0);
	tag_end(at);
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.range_count, 2);
	assert_int_equal(info.range[0].start, 0);
	assert_int_equal(info.range[0].end, 0x9fc00);
	assert_int_equal(info.range[1].start, 0x100000);
	assert_int_equal(info.range[1].end, 0x7fe0000);
}

static void put_efi_map(void)
{
	static const uint32_t types[] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 11};
	uint32_t at = tag_start(17);

	put32(48);
	put32(1);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		put32(types[i]);
		put32(0);
		put64(types[i] * MIB(16));
		put64(0);
		put64(16); /* pages */
		put64(0xf);
		put64(0);
	}
	tag_end(at);
}

static void test_efi_memory_map_alone(void **state)
{
	static const uint32_t usable[] = {1, 2, 3, 4, 7};

	(void)state;
	put_efi_map();
	finish();
	assert_int_equal(parse(), 0);
	assert_true(info.efi);
	assert_int_equal(info.range_count, ARRAY_SIZE(usable));
	for (size_t i = 0; i < ARRAY_SIZE(usable); i++) {
		assert_int_equal(info.range[i].start, usable[i] * MIB(16));
		assert_int_equal(info.range[i].end, usable[i] * MIB(16) + KIB(64));
	}
}

static void test_efi_memory_map_beside_another(void **state)
{
	uint32_t at;

	(void)state;
	put_efi_map();
	at = tag_start(TYPE_MEMORY_MAP);
	put32(24);
	put32(0);
	put_entry(MIB(1), MIB(1), 1);
	tag_end(at);
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.range_count, 1);
	assert_int_equal(info.range[0].end, MIB(2));
}

static void test_framebuffer_rgb(void **state)
{
	static const uint8_t colours[] = {16, 8, 9, 7, 1, 6};
	uint32_t at;

	(void)state;
	at = tag_start(TYPE_FRAMEBUFFER);
	put64(0x80000000);
	put32(4096);
	put32(1024);
	put32(768);
	put8(32);
	put8(1);
	put8(0);
	put8(0);
	put(colours, sizeof(colours));
	tag_end(at);
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.framebuffer.kind, FRAMEBUFFER_RGB);
	assert_int_equal(info.framebuffer.address, 0x80000000);
	assert_int_equal(info.framebuffer.pitch, 4096);
	assert_int_equal(info.framebuffer.width, 1024);
	assert_int_equal(info.framebuffer.height, 768);
	assert_int_equal(info.framebuffer.bits_per_pixel, 32);
	assert_int_equal(info.framebuffer.red_position, 16);
	assert_int_equal(info.framebuffer.red_size, 8);
	assert_int_equal(info.framebuffer.green_position, 9);
	assert_int_equal(info.framebuffer.green_size, 7);
	assert_int_equal(info.framebuffer.blue_position, 1);
	assert_int_equal(info.framebuffer.blue_size, 6);
}

static void put_plain_framebuffer(uint8_t type)
{
	uint32_t at = tag_start(TYPE_FRAMEBUFFER);

	put64(0xb8000);
	put32(160);
	put32(80);
	put32(25);
	put8(16);
	put8(type);
	put8(0);
	put8(0);
	tag_end(at);
}

static void test_framebuffer_text(void **state)
{
	(void)state;
	put_plain_framebuffer(2);
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.framebuffer.kind, FRAMEBUFFER_TEXT);
	assert_int_equal(info.framebuffer.address, 0xb8000);
	assert_int_equal(info.framebuffer.width, 80);
	assert_int_equal(info.framebuffer.height, 25);
}

static void test_framebuffer_unusable(void **state)
{
	(void)state;
	put_plain_framebuffer(0); /* a palette: nothing that Nacre draws on */
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.framebuffer.kind, FRAMEBUFFER_NONE);
	setup(NULL);
	put_plain_framebuffer(1); /* RGB, but without the colours' positions */
	finish();
	assert_int_equal(parse(), -ERR_INVALID);
}

static void put_rsdp(uint32_t type, uint8_t revision, uint32_t size)
{
	uint8_t rsdp[36] = "RSD PTR ";
	uint32_t at = tag_start(type);

	rsdp[15] = revision;
	put(rsdp, size);
	tag_end(at);
}

static void test_rsdp(void **state)
{
	(void)state;
	put_rsdp(14, 0, 20);
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.rsdp_size, 20);
	assert_memory_equal(info.rsdp_copy, "RSD PTR ", 8);

	setup(NULL);
	put_rsdp(15, 2, 36);
	put_rsdp(14, 0, 20); /* the older one does not displace the newer */
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.rsdp_size, 36);
	assert_int_equal(info.rsdp_copy[15], 2);

	setup(NULL);
	put_rsdp(15, 2, 35);
	finish();
	assert_int_equal(parse(), -ERR_INVALID);
	assert_non_null(strstr(problem, "shorter"));
}

static void test_efi_marks(void **state)
{
	static const uint32_t types[] = {11, 12, 18, 19, 20};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		setup(state);
		tag_end(tag_start(types[i]));
		finish();
		assert_int_equal(parse(), 0);
		assert_true(info.efi);
	}
}

static void parse_ranges(const struct memory_range *range, unsigned count)
{
	uint32_t at = tag_start(TYPE_MEMORY_MAP);

	put32(24);
	put32(0);
	for (unsigned i = 0; i < count; i++)
		put_entry(range[i].start, range[i].end - range[i].start, 1);
	tag_end(at);
	finish();
	assert_int_equal(parse(), 0);
}

/* As UEFI names a laptop's memory: boot services, loader and free memory side by side. */
static void ranges_that_touch_are_one(void **state)
{
	static const struct memory_range ranges[] = {
		{MIB(300), MIB(301)}, {0, 0x1000},          {0x1000, 0x58000},    {0x59000, 0x9f000},
		{MIB(2), MIB(200)},   {MIB(1), MIB(2)},     {MIB(201), MIB(300)}, {GIB(4), GIB(16)},
		{MIB(200), MIB(201)}, {MIB(150), MIB(180)},
	};
	static const struct memory_range expected[] = {
		{0, 0x58000}, {0x59000, 0x9f000}, {MIB(1), MIB(301)}, {GIB(4), GIB(16)}};

	(void)state;
	parse_ranges(ranges, ARRAY_SIZE(ranges));
	assert_int_equal(info.range_count, ARRAY_SIZE(expected));
	assert_memory_equal(info.range, expected, sizeof(expected));
	assert_int_equal(info.memory_dropped, 0);
}

/* The last of a sorted map is the largest: all above 4 GiB. */
static void of_too_many_ranges_the_smallest_are_dropped(void **state)
{
	static struct memory_range ranges[BOOT_RANGES_MAX + 4];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++)
		ranges[i] = (struct memory_range){MIB(4) * i, MIB(4) * i + (i % 40 == 39 ? 0x1000 : MIB(1))};
	ranges[ARRAY_SIZE(ranges) - 1] = (struct memory_range){GIB(4), GIB(64)};
	parse_ranges(ranges, ARRAY_SIZE(ranges));
	assert_int_equal(info.range_count, BOOT_RANGES_MAX);
	assert_int_equal(info.range[BOOT_RANGES_MAX - 1].end, GIB(64));
	assert_int_equal(info.memory_dropped, 3 * 0x1000 + MIB(1));
	for (unsigned i = 1; i < info.range_count; i++)
		assert_true(info.range[i].start > info.range[i - 1].end);
}

static void test_more_than_fits(void **state)
{
	uint32_t at;

	(void)state;
	for (unsigned i = 0; i < BOOT_MODULES_MAX + 1; i++)
		put_module(i, i + 1, "m");
	at = tag_start(TYPE_MEMORY_MAP);
	put32(24);
	put32(0);
	for (unsigned i = 0; i < BOOT_RANGES_MAX + 1; i++)
		put_entry(i * MIB(2), MIB(1), 1);
	tag_end(at);
	finish();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.module_count, BOOT_MODULES_MAX);
	assert_true(info.modules_truncated);
	assert_int_equal(info.range_count, BOOT_RANGES_MAX);
	assert_int_equal(info.memory_dropped, MIB(1));
	assert_int_equal(info.module[BOOT_MODULES_MAX - 1].start, BOOT_MODULES_MAX - 1);
}

static void test_broken_headers(void **state)
{
	uint32_t total;

	(void)state;
	finish();
	assert_int_equal(parse_sized(0), -ERR_TRUNCATED);
	assert_int_equal(parse_sized(7), -ERR_TRUNCATED);
	assert_int_equal(parse_sized(length - 1), -ERR_TRUNCATED);
	assert_non_null(problem);
	total = 7;
	memcpy(buffer, &total, sizeof(total));
	assert_int_equal(parse(), -ERR_INVALID);
	total = 8; /* no end tag */
	memcpy(buffer, &total, sizeof(total));
	assert_int_equal(parse(), -ERR_INVALID);
	assert_non_null(strstr(problem, "end tag"));
}

static void test_impossible_tag_lengths(void **state)
{
	static const uint32_t sizes[] = {0, 7, 17, 0x7fffffff, 0xfffffff8, 0xffffffff};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		setup(state);
		put32(1);
		put32(sizes[i]);
		finish();
		assert_int_equal(parse(), -ERR_INVALID);
		assert_non_null(strstr(problem, "length"));
	}
}

static void test_broken_tags(void **state)
{
	/* clang-format off */
	static const struct {
		uint32_t type, size;
		uint8_t data[40];
	} cases[] = {
		{1,  4,  "abcd"}, /* no NUL */
		{1,  0,  ""},
		{2,  4,  "abcd"},
		{3,  7,  ""},     /* no room for the addresses */
		{3,  8,  ""},     /* no name at all */
		{3,  9,  {1}},    /* ends before it starts */
		{3,  10, {0, 0, 0, 0, 0, 0, 0, 0, 'a', 'b'}},
		{6,  7,  ""},
		{6,  8,  {0}},    /* entry size 0 */
		{6,  8,  {20}},
		{6,  8,  {25}},
		{6,  32, {24, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0x80, /* wraps */
	                 0,  0, 0, 0, 0, 0, 0, 0x80, 1}},
		{8,  23, ""},
		{14, 19, "RSD PTR "},
		{14, 20, "RSD PTR!"},
		{17, 7,  ""},
		{17, 8,  {39}},
		{17, 8,  {41}},
	};
	/* clang-format on */

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t at;

		setup(state);
		at = tag_start(cases[i].type);
		put(cases[i].data, cases[i].size);
		tag_end(at);
		finish();
		if (parse() != -ERR_INVALID || !problem)
			fail_msg("case %zu was accepted", i);
	}
}

static void test_efi_pages_wrap(void **state)
{
	uint32_t at;

	(void)state;
	at = tag_start(17);
	put32(40);
	put32(1);
	put32(7);
	put32(0);
	put64(0);
	put64(0);
	put64(1ULL << 52);
	put64(0);
	tag_end(at);
	finish();
	assert_int_equal(parse(), -ERR_INVALID);
}

static void test_unknown_tags_are_skipped(void **state)
{
	(void)state;
	put_string_tag(77, "something new, of odd length");
	put_string_tag(2, "loader");
	finish();
	assert_int_equal(parse(), 0);
	assert_string_equal(info.loader, "loader");
}

/*
 * Every prefix of good information, with its length field made to match: an error or not, never a
 * bad read.
 */
static void test_every_prefix(void **state)
{
	uint32_t whole;

	(void)state;
	put_string_tag(1, "a b c");
	put_module(1, 2, "name");
	put_plain_framebuffer(2);
	put_rsdp(15, 2, 36);
	put_efi_map();
	finish();
	whole = length;
	for (uint32_t size = 8; size < whole; size++) {
		memcpy(buffer, &size, sizeof(size));
		assert_int_equal(parse_sized(size), -ERR_INVALID);
	}
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_strings_and_modules),
		TEST(test_module_quoting),
		TEST(test_long_strings_are_cut),
		TEST(test_memory_map),
		TEST(test_efi_memory_map_alone),
		TEST(test_efi_memory_map_beside_another),
		TEST(test_framebuffer_rgb),
		TEST(test_framebuffer_text),
		TEST(test_framebuffer_unusable),
		TEST(test_rsdp),
		TEST(test_efi_marks),
		TEST(test_more_than_fits),
		TEST(ranges_that_touch_are_one),
		TEST(of_too_many_ranges_the_smallest_are_dropped),
		TEST(test_broken_headers),
		TEST(test_impossible_tag_lengths),
		TEST(test_broken_tags),
		TEST(test_efi_pages_wrap),
		TEST(test_unknown_tags_are_skipped),
		TEST(test_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
