/* SPDX-License-Identifier: MIT */
/* What no loader takes, and images that ask for more work than a load may be. */
#include "rigs/multiboot_rig.h"
#include "guests/loaders/budget.h"

#define BIG MIB(8)

static uint8_t *file; /* BIG bytes */
static unsigned copies;

/* As the monitor does it: later. */
static bool defer_all(void *context, gpa_t gpa, const void *data, uint64_t size)
{
	(void)context;
	(void)gpa;
	(void)data;
	(void)size;
	copies++;
	return true;
}

static int setup(void **state)
{
	(void)state;
	file = calloc(1, BIG);
	make_common();
	image.defer = defer_all;
	image.kernel = (struct image_file){file, BIG};
	config.vm.machine.memory = GIB(2);
	copies = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(file);
	return 0;
}

static void put_in(size_t at, uint64_t value, size_t size)
{
	memcpy(file + at, &value, size);
}

static int load_file(void)
{
	guest_ram_create(config.vm.machine.memory);
	guest_ram_add_firmware(&config.vm.machine);
	guest_ram_loaded = 0;
	return guest_load_image(&image, &start, problem, sizeof(problem));
}

/* ELF64 with `segments` program headers and `sections` section headers, all zero. */
static void make_elf(unsigned segments, unsigned sections)
{
	memcpy(file, "\177ELF\2\1\1", 7);
	put_in(0x10, 2, 2);
	put_in(0x12, 62, 2);
	put_in(0x20, 0x40, 8);
	put_in(0x28, MIB(1), 8);
	put_in(0x36, 56, 2);
	put_in(0x38, segments, 2);
	put_in(0x3a, 64, 2);
	put_in(0x3c, sections, 2);
}

static void put_program(unsigned n, unsigned type, uint64_t offset, uint64_t at, uint64_t size,
                        uint64_t memory_size)
{
	const uint64_t fields[] = {offset, at, at, size, memory_size, 4};

	put_in(PH64(n), type, 4);
	memcpy(file + PH64(n) + 8, fields, sizeof(fields));
}

static void put_multiboot(size_t at)
{
	const uint32_t header[] = {0x1badb002, 3, -(0x1badb002u + 3)};

	memcpy(file + at, header, sizeof(header));
}

/* Refused in one sentence, before it has cost more than one load may. */
static void assert_too_much_work(void)
{
	assert_int_equal(load_file(), -ERR_INVALID);
	assert_non_null(strstr(problem, "more notes, segments, sections or tags than can be loaded"));
	assert_non_null(strstr(problem, "strip it"));
	assert_in_range(guest_ram_loaded, 0, BUDGET_LOAD);
}

/* Zeroes are notes of 12 bytes. */
static void notes_times_segments_are_bounded(void **state)
{
	(void)state;
	make_elf(63, 0);
	put_program(0, 1, MIB(2), MIB(2), KIB(64), KIB(64));
	for (unsigned n = 1; n < 63; n++)
		put_program(n, 4, KIB(4), 0, BIG - KIB(4), BIG);
	assert_too_much_work();
	config.type = VM_TYPE_PVH;
	assert_too_much_work();
}

static void copies_are_bounded(void **state)
{
	(void)state;
	make_elf(60, 0);
	put_multiboot(0x2000 - 12);
	put_in(0x18, MIB(16), 8);
	/* Each brings 64 KiB and has as many zeroes: 120 pieces. */
	for (unsigned n = 0; n < 60; n++)
		put_program(n, 1, MIB(2), MIB(16) + n * MIB(1), KIB(64), KIB(128));
	assert_too_much_work();
	assert_int_equal(copies, GUEST_COPIES_MAX);
	/* The first 48 take all places; the last is huge. */
	make_elf(49, 0);
	put_program(48, 1, MIB(2), MIB(100), 1, GIB(1));
	copies = 0;
	assert_too_much_work();
	/* As many as there are places. */
	make_elf(48, 0);
	copies = 0;
	assert_int_equal(load_file(), 0);
}

static void overlapping_segments_are_found_within_the_budget(void **state)
{
	(void)state;
	make_elf(64, 0);
	put_multiboot(0x1ff0);
	put_in(0x18, MIB(80), 8);
	for (unsigned n = 0; n < 64; n++) /* none is above all before it */
		put_program(n, 1, MIB(2), MIB(80) - n * MIB(1), 4, 4);
	assert_too_much_work();
	make_elf(48, 0);
	for (unsigned n = 0; n < 48; n++) /* each is */
		put_program(n, 1, MIB(2), MIB(80) + n * MIB(1), 4, 4);
	assert_int_equal(load_file(), 0);
}

static void sections_are_bounded(void **state)
{
	(void)state;
	for (unsigned version = 1; version <= 2; version++) {
		make_elf(1, 16000);
		put_multiboot(0x1000);
		put_program(0, 1, MIB(2), MIB(16), KIB(64), KIB(64));
		put_in(0x18, MIB(16), 8);
		for (unsigned n = 0; n < 16000; n++) { /* all over the same bytes */
			put_in(MIB(1) + n * 64 + 4, 1, 4);
			put_in(MIB(1) + n * 64 + 0x18, 0x3000, 8);
			put_in(MIB(1) + n * 64 + 0x20, version == 1 ? KIB(60) : 60, 8);
		}
		copies = 0;
		assert_too_much_work();
	}
}

/* Two hundred sections are what kernels have. */
static void a_kernel_with_many_sections_is_loaded(void **state)
{
	(void)state;
	make_elf(1, 250);
	put_multiboot(0x1000);
	put_program(0, 1, MIB(2), MIB(16), KIB(64), KIB(64));
	put_in(0x18, MIB(16), 8);
	for (unsigned n = 1; n < 250; n++) {
		put_in(MIB(1) + n * 64 + 4, 1, 4);
		put_in(MIB(1) + n * 64 + 8, n < 230 ? 2 : 0, 8);
		put_in(MIB(1) + n * 64 + 0x18, 0x3000, 8);
		put_in(MIB(1) + n * 64 + 0x20, n < 240 ? 300 : KIB(20), 8);
	}
	assert_int_equal(load_file(), 0);
}

static void header_searches_are_bounded(void **state)
{
	(void)state;
	for (size_t at = 0; at < 32768; at += 8) { /* magic numbers whose headers are none */
		put_in(at, 0xe85250d6, 4);
		put_in(at + 4, 0x1badb002, 4);
	}
	assert_too_much_work();
}

static void header_tags_are_bounded(void **state)
{
	const uint32_t header[] = {0xe85250d6, 0, 32768, -(0xe85250d6u + 32768)};

	(void)state;
	memcpy(file, header, sizeof(header));
	for (size_t at = sizeof(header); at < 32768; at += 8) {
		put_in(at, 6, 2);
		put_in(at + 4, 8, 4);
	}
	assert_too_much_work();
	/* One demand for information, of 8000 types: this much is read. It is no ELF file. */
	memset(file + 16, 0, 32768 - 16);
	put_in(16, 1, 4);
	put_in(20, 32768 - 16 - 8, 4);
	put_in(32768 - 4, 8, 4);
	assert_int_equal(load_file(), -ERR_UNSUPPORTED);
}

/* ---- What is no kernel ---- */

static void assert_told_to(const char *what, const char *remedy)
{
	assert_int_equal(load_file(), -ERR_UNSUPPORTED);
	assert_non_null(strstr(problem, what));
	assert_non_null(strstr(problem, remedy));
	assert_in_range(strlen(problem), 20, sizeof(problem) - 2);
}

static void a_foreign_file_is_told_with_a_remedy(void **state)
{
	/* clang-format off */
	static const struct {
		size_t at;
		const char *bytes, *what, *remedy;
	} cases[] = {
		{0,      "\x1f\x8b\x08",     "packed by gzip",  "\"gzip -dc FILE > NEW\""},
		{0,      "\xfd" "7zXZ",      "packed by xz",    "\"xz -dc FILE > NEW\""},
		{0,      "\x28\xb5\x2f\xfd", "packed by zstd",  "\"zstd -dc FILE > NEW\""},
		{0,      "\x04\x22\x4d\x18", "packed by lz4",   "\"lz4 -dc FILE > NEW\""},
		{0,      "BZh9",             "packed by bzip2", "\"bzip2 -dc FILE > NEW\""},
		{0x8001, "CD001",            "a CD image",      "name the kernel that is in it"},
		{0,      "MZ",               "an EFI program",  "use a kernel that starts without"},
		{0,      "\x55\xaa\x40",     "an adapter's ROM", "use a kernel"},
		{0,      "\x27\x05\x19\x56", "a U-Boot image",  "name the kernel that was put into it"},
		{0,      "\xd0\x0d\xfe\xed", "a device tree",   "name the kernel that was put into it"},
		{510,    "\x55\xaa",         "a disk image",    "name the kernel that is in it"},
		{BIG - 16, "\xea\x5b\xe0",   "is firmware",     "name the kernel that it would boot"}, /* SeaBIOS */
		{BIG - 16, "\xfa\xfc\xe9",   "is firmware",     "name the kernel that it would boot"}, /* U-Boot */
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		memcpy(file + cases[i].at, cases[i].bytes, strlen(cases[i].bytes));
		config.type = VM_TYPE_AUTO;
		assert_told_to(cases[i].what, cases[i].remedy);
		config.type = VM_TYPE_MULTIBOOT; /* which the operator thought it was */
		assert_told_to(cases[i].what, cases[i].remedy);
		memset(file + cases[i].at, 0, strlen(cases[i].bytes));
	}
	config.type = VM_TYPE_AUTO;
	assert_told_to("unknown format", "use a Linux bzImage");
	config.type = VM_TYPE_PVH;
	assert_told_to("is no ELF file", "write type = auto");
}

static void a_file_too_short_for_a_mark_is_read_within(void **state)
{
	(void)state;
	for (size_t size = 1; size < 16; size++) {
		uint8_t *copy = calloc(1, size);

		image.kernel = (struct image_file){copy, size};
		assert_told_to("unknown format", "use a Linux bzImage");
		free(copy);
	}
}

static void an_elf_file_without_an_entry_is_told_so(void **state)
{
	(void)state;
	make_elf(1, 0);
	put_program(0, 1, MIB(2), MIB(16), KIB(64), KIB(64));
	put_multiboot(8192 - 8); /* four bytes too far */
	assert_told_to("no PVH note, and no Multiboot header at a multiple of 4 in its first 8 KiB",
	               "link the header's section first");
	put_multiboot(0x1002);
	assert_told_to("no Multiboot header", "(version 2: of 8 in 32 KiB)");
	config.type = VM_TYPE_PVH;
	assert_told_to("has no PVH note, so its entry is unknown", "CONFIG_PVH");
}

/* iPXE's .lkrn and memdisk. */
static void real_mode_code_in_a_linux_header_is_told_so(void **state)
{
	(void)state;
	put_in(0x1fe, 0xaa55, 2);
	put_in(0x200, 0x65eb, 2);
	memcpy(file + 0x202, "HdrS", 4);
	put_in(0x206, 0x207, 2);
	put_in(0x211, 1, 1);
	assert_told_to("calls a BIOS (as iPXE and memdisk are)", "name the kernel that it would start");
	put_in(0x206, 0x203, 2);
	put_in(0x20e, 0x3b0, 2);
	put_in(0x214, 0x100000, 4);
	memcpy(file + 0x5b0, "MEMDISK 6.04", 12);
	assert_told_to("calls a BIOS (as iPXE and memdisk are)", "name the kernel that it would start");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(notes_times_segments_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(copies_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(overlapping_segments_are_found_within_the_budget, setup,
	                                        teardown),
		cmocka_unit_test_setup_teardown(sections_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kernel_with_many_sections_is_loaded, setup, teardown),
		cmocka_unit_test_setup_teardown(header_searches_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(header_tags_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(a_foreign_file_is_told_with_a_remedy, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_too_short_for_a_mark_is_read_within, setup, teardown),
		cmocka_unit_test_setup_teardown(an_elf_file_without_an_entry_is_told_so, setup, teardown),
		cmocka_unit_test_setup_teardown(real_mode_code_in_a_linux_header_is_told_so, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
