/* SPDX-License-Identifier: MIT */
/* Multiboot 1 kernels: header, both kinds of image, the information, and what is refused. */
#include "rigs/multiboot_rig.h"

#define MAGIC 0x1badb002u

/* Put a header with these flags at `at`. */
static void header_at(size_t at, uint32_t flags)
{
	const uint32_t words[3] = {MAGIC, flags, -(MAGIC + flags)};

	put_words(at, words, 3);
}

static void make(void)
{
	make_elf32();
	header_at(HEADER_AT, 3);
}

/* A file without ELF: header with addresses in its text, which is all that is loaded. */
#define RAW_LOAD 0x100000
enum { RAW_HEADER, RAW_START, RAW_LOAD_END, RAW_BSS_END, RAW_ENTRY };

static void make_raw(void)
{
	const uint32_t addresses[] = {RAW_LOAD + 0x10, RAW_LOAD, RAW_LOAD + 0x2000, RAW_LOAD + 0x3000,
	                              RAW_LOAD + 0x24};

	make_common();
	header_at(TEXT_AT + 0x10, 0x10003);
	put_words(TEXT_AT + 0x10 + 12, addresses, 5);
}

static void put_address(unsigned which, uint32_t value)
{
	put(TEXT_AT + 0x10 + 12 + which * 4, value, 4);
}

static void assert_started(gpa_t entry)
{
	assert_int_equal(start.mode, START_PROTECTED);
	assert_int_equal(start.rip, entry);
	assert_int_equal(start.gpr[RAX], 0x2badb002);
	assert_int_equal(start.gpr[RBX], INFO);
	assert_int_equal(start.cr3, 0);
	assert_int_equal(guest_ram_number(start.gdt + start.cs, 8), 0x00cf9b000000ffff);
	assert_int_equal(guest_ram_number(start.gdt + start.ds, 8), 0x00cf93000000ffff);
}

static void test_elf32(void **state)
{
	(void)state;
	make();
	assert_int_equal(load(), 0);
	assert_started(TEXT_GPA + ENTRY); /* given as a virtual address */
	assert_segments_at(TEXT_GPA);
	put(0x18, TEXT_GPA + ENTRY, 4); /* and as a physical one */
	assert_int_equal(load(), 0);
	assert_started(TEXT_GPA + ENTRY);
}

static void test_elf64(void **state)
{
	(void)state;
	make_elf64();
	header_at(HEADER_AT, 3);
	assert_int_equal(load(), 0);
	assert_started(TEXT_GPA + ENTRY);
	assert_segments_at(TEXT_GPA);
	put(0x18, 0xffffffff80000000 + TEXT_GPA + ENTRY, 8);
	assert_int_equal(load(), 0);
	assert_started(TEXT_GPA + ENTRY);
}

static void test_information(void **state)
{
	gpa_t map;

	(void)state;
	make();
	assert_int_equal(load(), 0);
	/* Memory, command line, modules, map, name. */
	assert_int_equal(U32(INFO), 1 << 0 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9);
	assert_int_equal(U32(INFO + 4), 639);
	assert_int_equal(U32(INFO + 8), 63 * 1024);
	assert_string_equal((char *)guest_ram + U32(INFO + 16), "console=com0");
	assert_int_equal(U32(INFO + 20), 0);
	assert_string_equal((char *)guest_ram + U32(INFO + 64), "Nacre");
	map = U32(INFO + 48);
	assert_int_equal(U32(INFO + 44), 4 * 24);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(U32(map + i * 24), 20);
	assert_int_equal(U64(map + 4), 0);
	assert_int_equal(U64(map + 12), 0x9fc00);
	assert_int_equal(U32(map + 20), 1);
	assert_int_equal(U64(map + 24 + 4), 0x9fc00);
	assert_int_equal(U32(map + 24 + 20), 2);
	assert_int_equal(U64(map + 72 + 4), 0x100000);
	assert_int_equal(U64(map + 72 + 12), MIB(63));
	/* Everything that is not said to be there is zero. */
	for (gpa_t at = INFO + 68; at < INFO + 116; at++)
		assert_int_equal(U8(at), 0);
}

static void test_memory_above_4g(void **state)
{
	(void)state;
	make();
	config.vm.machine.memory = GIB(4);
	config.cmdline = "";
	assert_int_equal(load(), 0);
	assert_int_equal(U32(INFO + 8), GIB(3) / 1024 - 1024);
	assert_int_equal(U32(INFO + 44), 5 * 24);
	assert_int_equal(U64(U32(INFO + 48) + 4 * 24 + 4), GIB(4));
	assert_int_equal(U8(U32(INFO + 16)), 0);
}

static void test_screen(void **state)
{
	(void)state;
	make();
	header_at(HEADER_AT, 7); /* it wants a video mode */
	config.vm.machine.screen = true;
	assert_int_equal(load(), 0);
	assert_true(U32(INFO) & 1 << 12);
	assert_int_equal(U64(INFO + 88), 0xb8000);
	assert_int_equal(U32(INFO + 96), 160);
	assert_int_equal(U32(INFO + 100), 80);
	assert_int_equal(U32(INFO + 104), 25);
	assert_int_equal(U8(INFO + 108), 16);
	assert_int_equal(U8(INFO + 109), 2);
	config.vm.machine.screen = false;
	assert_int_equal(load(), 0);
	assert_false(U32(INFO) & 1 << 12);
}

static void test_modules(void **state)
{
	gpa_t list, at[3];

	(void)state;
	make();
	image.initrd.data = initrd;
	image.initrd.size = sizeof(initrd);
	set_module(0, sizeof(module), "ext2fs --readonly \"a b\"");
	set_module(1, 0, "");
	config.module_count = 2;
	assert_int_equal(load(), 0);
	assert_true(U32(INFO) & 1 << 3);
	assert_int_equal(U32(INFO + 20), 3);
	list = U32(INFO + 24);
	for (unsigned i = 0; i < 3; i++) {
		at[i] = U32(list + i * 16);
		assert_int_equal(at[i] & 0xfff, 0);
		assert_int_equal(U32(list + i * 16 + 12), 0);
	}
	assert_int_equal(at[0], KERNEL_END);
	assert_int_equal(U32(list + 4) - at[0], sizeof(initrd));
	assert_memory_equal(guest_ram + at[0], initrd, sizeof(initrd));
	assert_string_equal((char *)guest_ram + U32(list + 8), "");
	assert_true(at[1] >= at[0] + sizeof(initrd));
	assert_int_equal(U32(list + 20) - at[1], sizeof(module));
	assert_memory_equal(guest_ram + at[1], module, sizeof(module));
	assert_string_equal((char *)guest_ram + U32(list + 24), "ext2fs --readonly \"a b\"");
	assert_int_equal(U32(list + 36), at[2]);
	assert_string_equal((char *)guest_ram + U32(list + 40), "");
	/* Below a kernel that sits at the top. */
	put(PH32(0) + 12, MIB(60), 4);
	put(PH32(1) + 12, MIB(61), 4);
	assert_int_equal(load(), 0);
	assert_int_equal(U32(U32(INFO + 24)), MIB(1));
}

static void test_sections(void **state)
{
	gpa_t table, names;

	(void)state;
	make();
	add_sections32();
	assert_int_equal(load(), 0);
	assert_true(U32(INFO) & 1 << 5);
	assert_int_equal(U32(INFO + 28), 3);
	assert_int_equal(U32(INFO + 32), 40);
	assert_int_equal(U32(INFO + 40), 2);
	table = U32(INFO + 36);
	assert_in_range(table, KERNEL_END, MIB(64));
	assert_int_equal(U32(table + 40 + 12), TEXT_GVA);
	names = U32(table + 80 + 12);
	assert_in_range(names, table + 120, MIB(64));
	assert_memory_equal(guest_ram + names, kernel + NAMES_AT, NAMES_SIZE);
	/* The modules follow. */
	image.initrd.data = initrd;
	image.initrd.size = sizeof(initrd);
	assert_int_equal(load(), 0);
	assert_in_range(U32(U32(INFO + 24)), names + NAMES_SIZE, MIB(64));

	make_elf64();
	header_at(HEADER_AT, 3);
	add_sections64();
	assert_int_equal(load(), 0);
	assert_int_equal(U32(INFO + 28), 2);
	assert_int_equal(U32(INFO + 32), 64);
	names = U64(U32(INFO + 36) + 64 + 16);
	assert_memory_equal(guest_ram + names, kernel + NAMES_AT, NAMES_SIZE);
}

/* Sections are an extra: where they are broken, the kernel runs without them. */
static void test_broken_sections(void **state)
{
	(void)state;
	make();
	add_sections32();
	put(0x20, FILE_SIZE - 119, 4);
	assert_int_equal(load(), 0);
	assert_false(U32(INFO) & 1 << 5);
	put(0x20, UINT32_MAX, 4);
	assert_int_equal(load(), 0);
	assert_false(U32(INFO) & 1 << 5);
	make();
	add_sections32();
	put(0x2e, 39, 2);
	assert_int_equal(load(), 0);
	assert_false(U32(INFO) & 1 << 5);
	make();
	add_sections32();
	put(SECTIONS_AT + 80 + 20, FILE_SIZE, 4); /* longer than the file */
	assert_int_equal(load(), 0);
	assert_int_equal(U32(U32(INFO + 36) + 80 + 12), 0);
	make();
	add_sections32();
	put(SECTIONS_AT + 80 + 32, 0x30000, 4); /* a wild alignment does not count */
	assert_int_equal(load(), 0);
	assert_in_range(U32(U32(INFO + 36) + 80 + 12), KERNEL_END, KERNEL_END + 0x1000);
	config.vm.machine.memory = KERNEL_END; /* no room for them */
	assert_problem(ERR_NO_MEMORY,
	               "the kernel's symbol table of 1 KiB does not fit into the 0 KiB beside");
}

static void test_where_the_header_may_lie(void **state)
{
	(void)state;
	make();
	memset(kernel + HEADER_AT, 0, 12);
	header_at(8192 - 12, 3);
	assert_int_equal(load(), 0);
	make();
	memset(kernel + HEADER_AT, 0, 12);
	header_at(8192 - 8, 3);
	config.type = VM_TYPE_MULTIBOOT;
	assert_problem(ERR_UNSUPPORTED,
	               "the kernel is no Multiboot kernel (it has no header in its first 8 KiB)");
	make();
	config.type = VM_TYPE_MULTIBOOT;
	memset(kernel + HEADER_AT, 0, 12);
	header_at(HEADER_AT + 2, 3); /* not at a multiple of 4 */
	assert_int_equal(load(), -ERR_UNSUPPORTED);
	make();
	put(HEADER_AT + 8, 0, 4); /* wrong checksum */
	config.type = VM_TYPE_MULTIBOOT;
	assert_int_equal(load(), -ERR_UNSUPPORTED);
	/* A header that is cut off is none; one with addresses is longer. */
	make_raw();
	config.type = VM_TYPE_MULTIBOOT;
	image.kernel.size = TEXT_AT + 0x10 + 31;
	assert_int_equal(load(), -ERR_UNSUPPORTED);
	image.kernel.size = 11;
	assert_int_equal(load(), -ERR_UNSUPPORTED);
}

static void test_demands(void **state)
{
	(void)state;
	make();
	header_at(HEADER_AT, 0x0007);
	assert_int_equal(load(), 0);
	header_at(HEADER_AT, 0xfffe0000); /* what may be ignored */
	assert_int_equal(load(), 0);
	header_at(HEADER_AT, 0x8);
	assert_problem(ERR_UNSUPPORTED, "demands features 0x8, which Multiboot 1 does not define");
	header_at(HEADER_AT, 0x8007);
	assert_problem(ERR_UNSUPPORTED, "demands features 0x8000,");
}

static void test_raw(void **state)
{
	(void)state;
	make_raw();
	assert_int_equal(load(), 0);
	assert_started(RAW_LOAD + 0x24);
	assert_memory_equal(guest_ram + RAW_LOAD, kernel + TEXT_AT, 0x2000);
	for (gpa_t at = RAW_LOAD + 0x2000; at < RAW_LOAD + 0x3000; at++)
		assert_int_equal(U8(at), 0);
	assert_int_equal(U8(RAW_LOAD + 0x3000), 0xa5);
	assert_false(U32(INFO) & 1 << 5);
	/* No end: the whole file, and no bss. */
	put_address(RAW_LOAD_END, 0);
	put_address(RAW_BSS_END, 0);
	assert_int_equal(load(), 0);
	assert_memory_equal(guest_ram + RAW_LOAD, kernel + TEXT_AT, FILE_SIZE - TEXT_AT);
	assert_int_equal(U8(RAW_LOAD + FILE_SIZE - TEXT_AT), 0xa5);
	/* The addresses count even in an ELF file. */
	make_raw();
	memcpy(kernel, "\177ELF\1\1\1", 7);
	assert_int_equal(load(), 0);
	assert_started(RAW_LOAD + 0x24);
}

static void make_raw_at(uint32_t base)
{
	make_raw();
	put_address(RAW_HEADER, base + 0x10);
	put_address(RAW_START, base);
	put_address(RAW_LOAD_END, base + 0x2000);
	put_address(RAW_BSS_END, base + 0x2000);
	put_address(RAW_ENTRY, base + 0x24);
}

static void test_hostile_addresses(void **state)
{
	/* clang-format off */
	static const struct {
		unsigned which;
		uint32_t value;
		int error;
		const char *text;
	} cases[] = {
		{RAW_HEADER,   RAW_LOAD - 1, ERR_INVALID,  "its header lies before its load address"},
		{RAW_HEADER,   RAW_LOAD + 0x1011, ERR_INVALID,  "its header lies before its load address"},
		{RAW_HEADER,   UINT32_MAX,   ERR_INVALID,  "its header lies before its load address"},
		{RAW_START,    UINT32_MAX,   ERR_INVALID,  "its header lies before its load address"},
		{RAW_START,    0,            ERR_INVALID,  "its header lies before its load address"},
		{RAW_LOAD_END, RAW_LOAD - 1, ERR_INVALID,  "its addresses do not ascend"},
		{RAW_LOAD_END, RAW_LOAD + 0x3001, ERR_INVALID,  "its addresses do not ascend"},
		{RAW_LOAD_END, RAW_LOAD + 0x2401, ERR_TRUNCATED, "is truncated: it has 13312 bytes of 13313"},
		{RAW_BSS_END,  RAW_LOAD + 0x1fff, ERR_INVALID,  "its addresses do not ascend"},
		{RAW_BSS_END,  MIB(64) + 1,  ERR_NO_MEMORY, "needs memory up to 65537 KiB, and the guest's"},
		{RAW_BSS_END,  UINT32_MAX,   ERR_NO_MEMORY, "needs memory up to 4194304 KiB"},
		{RAW_ENTRY,    RAW_LOAD - 1, ERR_INVALID,  "its entry lies outside of it"},
		{RAW_ENTRY,    RAW_LOAD + 0x3000, ERR_INVALID,  "its entry lies outside of it"},
		{RAW_ENTRY,    UINT32_MAX,   ERR_INVALID,  "its entry lies outside of it"},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make_raw();
		put_address(cases[i].which, cases[i].value);
		if (cases[i].which == RAW_LOAD_END && cases[i].error == ERR_TRUNCATED)
			put_address(RAW_BSS_END, 0);
		assert_problem(cases[i].error, cases[i].text);
	}
	/* Where the firmware keeps its own things. */
	make_raw_at(0x4f0);
	assert_problem(ERR_NO_MEMORY, "wants to be loaded at 0x4f0, which is in use");
}

static void a_raw_kernel_may_lie_where_things_are_handed_over(void **state)
{
	(void)state;
	make_raw_at(0x2000);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x2024);
	assert_memory_equal(guest_ram + 0x2000, kernel + TEXT_AT, 0x2000);
	assert_in_range(start.gpr[RBX], 0x5000, GUEST_EBDA);
	assert_string_equal((char *)guest_ram + U32(start.gpr[RBX] + 16), config.cmdline);
	assert_in_range(start.rsp, 0x6000, GUEST_EBDA);
}

static void test_hostile_elf(void **state)
{
	/* clang-format off */
	static const struct {
		size_t at;
		uint32_t value;
		int error;
		const char *text;
	} cases[] = {
		{0x18,         0,                  ERR_INVALID,   "its entry 0x0 lies in no segment"},
		{0x18,         DATA_GVA + DATA_SIZE + BSS, ERR_INVALID,   "lies in no segment"},
		{0x18,         TEXT_GPA - 1,       ERR_INVALID,   "lies in no segment"},
		{0x18,         UINT32_MAX,         ERR_INVALID,   "lies in no segment"},
		{PH32(0) + 4,  UINT32_MAX,         ERR_TRUNCATED, "segment 0 ends after the file's end"},
		{PH32(0) + 16, FILE_SIZE,          ERR_INVALID,   "larger in the file than in memory"},
		{PH32(1) + 12, TEXT_GPA,           ERR_INVALID,   "segment 1 overlaps another"},
		{PH32(1) + 12, UINT32_MAX,         ERR_NO_MEMORY, "where a PC has devices and firmware"},
		{PH32(1) + 12, 0x400,              ERR_NO_MEMORY, "wants to be loaded at 0x400"},
		{PH32(1) + 20, UINT32_MAX,         ERR_NO_MEMORY, "needs memory up to"},
		{0x2c,         0xffff,             ERR_INVALID,   "header is corrupt"},
		{0x1c,         FILE_SIZE - 1,      ERR_TRUNCATED, "truncated within its headers"},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make();
		put(cases[i].at, cases[i].value, cases[i].at == 0x2c ? 2 : 4);
		assert_problem(cases[i].error, cases[i].text);
	}
	/* Neither ELF nor addresses. */
	make();
	kernel[0] = 0;
	assert_problem(ERR_UNSUPPORTED, "is no ELF file, and its header has no addresses");
	make();
	for (size_t size = HEADER_AT + 12; size < FILE_SIZE; size += 97) {
		image.kernel.size = size;
		if (size < DATA_AT + DATA_SIZE)
			assert_int_equal(load(), -ERR_TRUNCATED);
	}
	/* An entry above 4 GiB. */
	make_elf64();
	header_at(HEADER_AT, 3);
	config.vm.machine.memory = GIB(4);
	put(PH64(0) + 24, GIB(4), 8);
	put(0x18, GIB(4) + ENTRY, 8);
	assert_problem(ERR_INVALID, "its entry lies above 4 GiB");
}

static void test_no_room(void **state)
{
	static char text[2048];

	(void)state;
	make();
	config.vm.machine.memory = KERNEL_END + 0x2000;
	image.initrd.data = initrd;
	image.initrd.size = sizeof(initrd);
	assert_problem(ERR_NO_MEMORY, "the module of 9 KiB does not fit into the 8 KiB beside the kernel");
	config.vm.machine.memory += 0x1000;
	assert_int_equal(load(), 0);
	/* More words than there is room to tell. */
	make();
	memset(text, 'x', sizeof(text) - 1);
	for (config.module_count = 0; config.module_count < CONFIG_MODULES_MAX; config.module_count++)
		set_module(config.module_count, 1, text);
	assert_problem(ERR_NO_MEMORY,
	               "must be told does not fit into 28 KiB; shorten the modules' arguments");
	config.module_count = 13;
	assert_int_equal(load(), 0);
}

static void test_choice(void **state)
{
	(void)state;
	make();
	config.type = VM_TYPE_MULTIBOOT;
	assert_int_equal(load(), 0);
	config.type = VM_TYPE_PVH;
	assert_problem(ERR_UNSUPPORTED, "has no PVH note");
	config.type = VM_TYPE_MULTIBOOT2;
	assert_problem(ERR_UNSUPPORTED, "no Multiboot 2 kernel (it has no header in its first 32 KiB)");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf32),
		cmocka_unit_test(test_elf64),
		cmocka_unit_test(test_information),
		cmocka_unit_test(test_memory_above_4g),
		cmocka_unit_test(test_screen),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_sections),
		cmocka_unit_test(test_broken_sections),
		cmocka_unit_test(test_where_the_header_may_lie),
		cmocka_unit_test(test_demands),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_hostile_addresses),
		cmocka_unit_test(a_raw_kernel_may_lie_where_things_are_handed_over),
		cmocka_unit_test(test_hostile_elf),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
