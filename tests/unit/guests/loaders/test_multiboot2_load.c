/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 2 kernels: the header's tags, relocation, the information's tags, and what is refused.
 */
#include "rigs/multiboot_rig.h"

#define MAGIC 0xe85250d6u

static size_t tags_end; /* where the next tag goes */

/* Finish the header: its length and checksum. */
static void close_header(void)
{
	uint32_t length = (uint32_t)(tags_end - HEADER_AT);
	const uint32_t words[4] = {MAGIC, 0, length, -(MAGIC + length)};

	put_words(HEADER_AT, words, 4);
}

#define OPTIONAL 1

/* One more header tag, with `count` words after its head. */
static void tag(unsigned type, unsigned flags, unsigned count, ...)
{
	va_list args;

	put(tags_end, type | flags << 16, 4);
	put(tags_end + 4, 8 + 4 * count, 4);
	va_start(args, count);
	for (unsigned i = 0; i < count; i++)
		put(tags_end + 8 + 4 * i, va_arg(args, uint32_t), 4);
	va_end(args);
	tags_end = (tags_end + 8 + 4 * count + 7) & ~7ul;
	close_header();
}

static void make(void)
{
	make_elf32();
	tags_end = HEADER_AT + 16;
	close_header();
}

/* The information tag of this type, at or after `at` (0: from the start); 0 if there is none. */
static gpa_t find_after(gpa_t at, unsigned type)
{
	gpa_t end = INFO + U32(INFO) - 8; /* the end tag */

	for (at = at ? (at + U32(at + 4) + 7) & ~7ul : INFO + 8; at < end;
	     at = (at + U32(at + 4) + 7) & ~7ul) {
		if (U32(at) == type)
			return at;
		assert_int_not_equal(U32(at), 0);
	}
	return 0;
}

static gpa_t find(unsigned type)
{
	return find_after(0, type);
}

static void test_start(void **state)
{
	(void)state;
	make();
	assert_int_equal(load(), 0);
	assert_int_equal(start.mode, START_PROTECTED);
	assert_int_equal(start.rip, TEXT_GPA + ENTRY);
	assert_int_equal(start.gpr[RAX], 0x36d76289);
	assert_int_equal(start.gpr[RBX], INFO);
	assert_segments_at(TEXT_GPA);
	make_elf64();
	tags_end = HEADER_AT + 16;
	tag(0, 0, 0);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, TEXT_GPA + ENTRY);
	assert_segments_at(TEXT_GPA);
}

static void test_information(void **state)
{
	gpa_t at;

	(void)state;
	make();
	image.initrd.data = initrd;
	image.initrd.size = sizeof(initrd);
	set_module(0, sizeof(module), "one two");
	config.module_count = 1;
	assert_int_equal(load(), 0);
	assert_int_equal(U32(INFO + 4), 0);
	assert_string_equal((char *)guest_ram + find(1) + 8, "console=com0");
	assert_int_equal(U32(find(1) + 4), 8 + 13);
	assert_string_equal((char *)guest_ram + find(2) + 8, "Nacre");
	at = find(4);
	assert_int_equal(U32(at + 4), 16);
	assert_int_equal(U32(at + 8), 639);
	assert_int_equal(U32(at + 12), 63 * 1024);
	at = find(6);
	assert_int_equal(U32(at + 4), 16 + 4 * 24);
	assert_int_equal(U32(at + 8), 24);
	assert_int_equal(U32(at + 12), 0);
	assert_int_equal(U64(at + 16 + 72), 0x100000);
	assert_int_equal(U64(at + 16 + 80), MIB(63));
	assert_int_equal(U32(at + 16 + 88), 1);
	at = find(3);
	assert_int_equal(U32(at + 8), KERNEL_END);
	assert_int_equal(U32(at + 12), KERNEL_END + sizeof(initrd));
	assert_memory_equal(guest_ram + KERNEL_END, initrd, sizeof(initrd));
	assert_string_equal((char *)guest_ram + at + 16, "");
	at = find_after(at, 3);
	assert_memory_equal(guest_ram + U32(at + 8), module, sizeof(module));
	assert_string_equal((char *)guest_ram + at + 16, "one two");
	assert_int_equal(U32(at + 4), 16 + 8);
	assert_int_equal(find_after(at, 3), 0);
	/* The root pointer, both forms. */
	assert_memory_equal(guest_ram + find(14) + 8, "RSD PTR ", 8);
	assert_int_equal(U32(find(14) + 4), 8 + 20);
	at = find(15);
	assert_int_equal(U32(at + 4), 8 + 36);
	assert_int_equal(U32(at + 8 + 20), 36);
	/* What is not there. */
	assert_int_equal(find(8), 0);
	assert_int_equal(find(9), 0);
	assert_int_equal(find(21), 0);
	/* The end is the last. */
	at = INFO + U32(INFO) - 8;
	assert_int_equal(U32(at), 0);
	assert_int_equal(U32(at + 4), 8);
	config.vm.machine.acpi = false;
	assert_int_equal(load(), 0);
	assert_int_equal(find(14), 0);
	assert_int_equal(find(15), 0);
}

static void test_screen(void **state)
{
	gpa_t at;

	(void)state;
	make();
	config.vm.machine.screen = true;
	assert_int_equal(load(), 0);
	at = find(8);
	assert_int_equal(U32(at + 4), 32);
	assert_int_equal(U64(at + 8), 0xb8000);
	assert_int_equal(U32(at + 16), 160);
	assert_int_equal(U32(at + 20), 80);
	assert_int_equal(U32(at + 24), 25);
	assert_int_equal(U8(at + 28), 16);
	assert_int_equal(U8(at + 29), 2);
}

static void test_sections(void **state)
{
	gpa_t at;

	(void)state;
	make();
	add_sections32();
	assert_int_equal(load(), 0);
	at = find(9);
	assert_int_equal(U32(at + 4), 20 + 3 * 40);
	assert_int_equal(U32(at + 8), 3);
	assert_int_equal(U32(at + 12), 40);
	assert_int_equal(U32(at + 16), 2);
	assert_int_equal(U32(at + 20 + 40 + 12), TEXT_GVA);
	assert_memory_equal(guest_ram + U32(at + 20 + 80 + 12), kernel + NAMES_AT, NAMES_SIZE);
	/* More of them than there is room to tell. */
	put(0x20, 0x100, 4);
	put(0x30, 800, 2);
	kernel[FILE_SIZE - 1] = 0;
	image.kernel.size = FILE_SIZE;
	assert_int_equal(load(), 0); /* they do not lie in the file */
	assert_int_equal(find(9), 0);
}

static void test_addresses(void **state)
{
	(void)state;
	/* From the header's own place on. */
	make();
	kernel[0] = 0;
	tag(2, 0, 4, 0x300000, 0x300000, 0x300000 + FILE_SIZE - HEADER_AT, 0x310000);
	tag(3, 0, 1, 0x300000 + TEXT_AT);
	tag(0, 0, 0);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x300000 + TEXT_AT);
	assert_memory_equal(guest_ram + 0x300000, kernel + HEADER_AT, FILE_SIZE - HEADER_AT);
	assert_int_equal(U32(0x310000 - 4), 0);
	/* All ones: from the file's beginning on. */
	make();
	kernel[0] = 0;
	tag(2, 0, 4, 0x300000 + HEADER_AT, UINT32_MAX, 0, 0);
	tag(3, 0, 1, 0x300000 + TEXT_AT);
	assert_int_equal(load(), 0);
	assert_memory_equal(guest_ram + 0x300000, kernel, FILE_SIZE);
	/* Addresses without an entry. */
	make();
	tag(2, 0, 4, 0x300000, 0x300000, 0, 0);
	assert_problem(ERR_INVALID, "its entry lies outside of it");
	/* An entry alone takes the place of ELF's. */
	make();
	tag(3, 0, 1, TEXT_GPA + 0x99);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, TEXT_GPA + 0x99);
	make();
	tag(3, 0, 1, TEXT_GVA + 0x99); /* which must be a physical address */
	assert_problem(ERR_INVALID, "its entry 0xc0100099 lies in no segment");
}

static void test_relocation(void **state)
{
	/* clang-format off */
	static const struct {
		uint32_t lowest, highest, alignment, preference;
		gpa_t base; /* 0: it does not fit */
	} cases[] = {
		{0,          UINT32_MAX,         0x1000,     0, TEXT_GPA}, /* no preference: as linked */
		{0x200000,   UINT32_MAX,         0x1000,     0, 0x200000},
		{0,          UINT32_MAX,         0x200000,   0, 0x200000},
		{0,          UINT32_MAX,         0x200000,   1, 0x200000},
		{0,          UINT32_MAX,         0x1000,     1, GUEST_HANDOVER_END},
		{0x10001,    UINT32_MAX,         0x1000,     1, 0x11000},
		{0,          UINT32_MAX,         0x200000,   2, MIB(62)},
		{0,          MIB(32) - 1,        0x200000,   2, MIB(30)},
		{0x123456,   UINT32_MAX,         0,          1, 0x123456},
		{MIB(62),    MIB(62) + KERNEL_END - TEXT_GPA - 1, 0x1000,     2, MIB(62)},
		{MIB(62),    MIB(62) + TEXT_SIZE + DATA_SIZE + BSS - 1, 1,          0, MIB(62)},
		{MIB(62),    MIB(62) + TEXT_SIZE + DATA_SIZE + BSS - 2, 1,          0, 0},
		{MIB(64),    UINT32_MAX,         1,          0, 0},
		{UINT32_MAX, 0,                  1,          0, 0},
		{0,          UINT32_MAX,         0x80000000, 1, 0},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make();
		tag(10, 0, 4, cases[i].lowest, cases[i].highest, cases[i].alignment, cases[i].preference);
		if (!cases[i].base) {
			assert_problem(ERR_NO_MEMORY, "which are not free; raise 'memory'");
			continue;
		}
		assert_int_equal(load(), 0);
		assert_segments_at(cases[i].base);
		assert_int_equal(start.rip, cases[i].base + ENTRY);
		assert_int_equal(U32(find(21) + 4), 12);
		assert_int_equal(U32(find(21) + 8), cases[i].base);
	}
	make();
	tag(10, 0, 4, 0, UINT32_MAX, 0x3000, 1);
	assert_problem(ERR_INVALID, "its alignment is no power of two");
	/* Together with addresses. */
	make();
	kernel[0] = 0;
	tag(2, 0, 4, 0x300000, 0x300000, 0, 0x310000);
	tag(3, 0, 1, 0x300000 + TEXT_AT);
	tag(10, 0, 4, 0x500000, UINT32_MAX, 0x1000, 1);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x500000 + TEXT_AT);
	assert_memory_equal(guest_ram + 0x500000, kernel + HEADER_AT, FILE_SIZE - HEADER_AT);
	/* The modules find room below. */
	make();
	tag(10, 0, 4, 0, UINT32_MAX, 0x1000, 2);
	image.initrd.data = initrd;
	image.initrd.size = sizeof(initrd);
	assert_int_equal(load(), 0);
	assert_int_equal(U32(find(3) + 8), MIB(1));
}

/* Information that is known but not there is left out; only what is unknown may be refused. */
static void test_requested_information(void **state)
{
	static const uint32_t given[] = {1, 2, 4, 6, 14, 15};
	static const uint32_t missing[] = {3, 5, 7, 8, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 21};
	static const uint32_t unknown[] = {22, 31, 32, 0x10001, UINT32_MAX};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(given); i++) {
		make();
		tag(1, 0, 1, given[i]);
		assert_int_equal(load(), 0);
		assert_int_not_equal(find(given[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(missing); i++) {
		make();
		tag(1, 0, 2, 4, missing[i]);
		assert_int_equal(load(), 0);
		assert_int_equal(find(missing[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
		make();
		tag(1, 0, 2, 4, unknown[i]);
		assert_problem(ERR_UNSUPPORTED, "demands information of type");
		make();
		tag(1, OPTIONAL, 2, 4, unknown[i]);
		assert_int_equal(load(), 0);
	}
	/* What depends on the guest. */
	make();
	tag(1, 0, 3, 8, 14, 15);
	config.vm.machine.screen = true;
	assert_int_equal(load(), 0);
	assert_int_not_equal(find(8), 0);
	config.vm.machine.screen = config.vm.machine.acpi = false;
	assert_int_equal(load(), 0);
	assert_int_equal(find(8), 0);
	assert_int_equal(find(14), 0);
	assert_int_equal(find(15), 0);
	make();
	tag(1, 0, 1, 9);
	add_sections32();
	assert_int_equal(load(), 0);
	assert_int_not_equal(find(9), 0);
	make();
	tag(1, 0, 1, 21);
	tag(10, 0, 4, 0, UINT32_MAX, 1, 0);
	assert_int_equal(load(), 0);
	assert_int_not_equal(find(21), 0);
}

/* A kernel that prefers pixels gets the screen that there is, and learns which. */
static void test_framebuffer(void **state)
{
	(void)state;
	make();
	tag(5, 0, 3, 1024, 768, 32);
	config.vm.machine.screen = true;
	assert_int_equal(load(), 0);
	assert_int_equal(U8(find(8) + 29), 2); /* EGA text */
	config.vm.machine.screen = false;
	assert_int_equal(load(), 0);
	assert_int_equal(find(8), 0);
	/* It is a preference, but to have no console at all may be refused. */
	tag(4, 0, 1, 3);
	assert_problem(ERR_UNSUPPORTED, "demands a screen; write screen = yes");
}

static void test_other_tags(void **state)
{
	/* clang-format off */
	static const struct {
		unsigned type, flags;
		uint32_t words[3];
		unsigned count;
		bool screen;
		const char *text; /* null: taken */
	} cases[] = {
		{4,     0,        {0},            1, false, NULL},
		{4,     0,        {2},            1, false, NULL},
		{4,     0,        {3},            1, true,  NULL},
		{4,     0,        {3},            1, false, "demands a screen; write screen = yes"},
		{4,     0,        {1},            1, true,  "cannot use a text screen"},
		{4,     OPTIONAL, {1},            1, false, NULL},
		{5,     0,        {0, 0, 0},      3, false, NULL},
		{5,     0,        {80, 25, 0},    3, true,  NULL},
		{5,     0,        {640, 480, 32}, 3, true,  NULL},
		{5,     OPTIONAL, {640, 480, 32}, 3, true,  NULL},
		{6,     0,        {0},            0, false, NULL},
		{7,     0,        {0},            0, false, NULL},
		{7,     OPTIONAL, {0},            0, false, NULL},
		{8,     0,        {0},            1, false, NULL},
		{9,     0,        {0x1234},       1, false, NULL},
		{11,    OPTIONAL, {0},            1, false, NULL},
		{11,    0,        {0},            1, false, "demands header tag 11, which is unknown"},
		{65535, 0,        {0},            1, false, "demands header tag 65535, which is unknown"},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make();
		config.vm.machine.screen = cases[i].screen;
		tag(cases[i].type, cases[i].flags, cases[i].count, cases[i].words[0], cases[i].words[1],
		    cases[i].words[2]);
		if (cases[i].text)
			assert_problem(ERR_UNSUPPORTED, cases[i].text);
		else
			assert_int_equal(load(), 0);
	}
}

static void test_hostile_tags(void **state)
{
	static char text[2048];
	static const unsigned short_ones[] = {2, 3, 4, 5, 10};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(short_ones); i++) {
		make();
		tag(short_ones[i], 0, 0);
		assert_problem(ERR_INVALID, "is too short; fetch or build it again");
	}
	/* Sizes that lead out of the header, or nowhere. */
	for (unsigned size = 0; size < 8; size++) {
		make();
		tag(6, 0, 0);
		put(HEADER_AT + 20, size, 4);
		assert_problem(ERR_INVALID, "header tag 6 is longer than the header");
	}
	make();
	tag(6, 0, 0);
	put(HEADER_AT + 20, 9, 4);
	assert_problem(ERR_INVALID, "longer than the header");
	put(HEADER_AT + 20, UINT32_MAX, 4);
	assert_problem(ERR_INVALID, "longer than the header");
	/* After the end nothing counts. */
	make();
	tag(0, 0, 0);
	tag(99, 0, 0);
	assert_int_equal(load(), 0);
	/* A header that is no header. */
	config.type = VM_TYPE_MULTIBOOT2;
	put(HEADER_AT + 8, 15, 4);
	put(HEADER_AT + 12, -(MAGIC + 15), 4);
	assert_problem(ERR_UNSUPPORTED, "no Multiboot 2 kernel");
	put(HEADER_AT + 8, UINT32_MAX, 4);
	put(HEADER_AT + 12, -(MAGIC + UINT32_MAX), 4);
	assert_problem(ERR_UNSUPPORTED, "no Multiboot 2 kernel");
	make();
	config.type = VM_TYPE_MULTIBOOT2;
	put(HEADER_AT + 4, 4, 4); /* MIPS */
	put(HEADER_AT + 12, -(MAGIC + 4 + 16), 4);
	assert_problem(ERR_UNSUPPORTED, "no Multiboot 2 kernel");
	make();
	config.type = VM_TYPE_MULTIBOOT2;
	image.kernel.size = HEADER_AT + 15;
	assert_problem(ERR_UNSUPPORTED, "no Multiboot 2 kernel");
	/* Too much to tell. */
	make();
	memset(text, 'x', sizeof(text) - 1);
	for (config.module_count = 0; config.module_count < CONFIG_MODULES_MAX; config.module_count++)
		set_module(config.module_count, 1, text);
	assert_problem(ERR_NO_MEMORY,
	               "must be told does not fit into 28 KiB; shorten the modules' arguments");
}

static void test_before_multiboot1(void **state)
{
	const uint32_t other[3] = {0x1badb002, 0, -0x1badb002u};

	(void)state;
	make();
	put_words(0x800, other, 3);
	assert_int_equal(load(), 0);
	assert_int_equal(start.gpr[RAX], 0x36d76289);
	config.type = VM_TYPE_MULTIBOOT;
	assert_int_equal(load(), 0);
	assert_int_equal(start.gpr[RAX], 0x2badb002);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_information),
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_relocation),
		cmocka_unit_test(test_requested_information),
		cmocka_unit_test(test_framebuffer),
		cmocka_unit_test(test_other_tags),
		cmocka_unit_test(test_hostile_tags),
		cmocka_unit_test(test_before_multiboot1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
