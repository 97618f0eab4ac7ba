/* SPDX-License-Identifier: MIT */
/* What both versions of Multiboot share: the entry, and images in low memory. */
#include "rigs/multiboot_rig.h"

#define MAGIC_1 0x1badb002u
#define MAGIC_2 0xe85250d6u

static void put_header(unsigned version)
{
	const uint32_t first[] = {MAGIC_1, 3, -(MAGIC_1 + 3)};
	const uint32_t second[] = {MAGIC_2, 0, 24, -(MAGIC_2 + 24), 0, 8};

	put_words(HEADER_AT, version == 1 ? first : second, version == 1 ? 3 : 6);
}

static void make(unsigned version, bool is_64)
{
	if (is_64)
		make_elf64();
	else
		make_elf32();
	put_header(version);
}

/* The fields of segment `n`, and the entry. */
static void put_segment(bool is_64, unsigned n, uint64_t virtual, uint64_t physical, uint64_t memory_size)
{
	if (is_64) {
		put(PH64(n) + 16, virtual, 8);
		put(PH64(n) + 24, physical, 8);
		put(PH64(n) + 40, memory_size, 8);
	} else {
		put(PH32(n) + 8, virtual, 4);
		put(PH32(n) + 12, physical, 4);
		put(PH32(n) + 20, memory_size, 4);
	}
}

static void put_entry(bool is_64, uint64_t entry)
{
	put(0x18, entry, is_64 ? 8 : 4);
}

#define KINDS 4 /* both versions, both classes */

/* Both addresses are in the segment, which is longer than they are apart. */
static void an_entry_is_virtual_where_a_segment_holds_it(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		unsigned version = 1 + kind / 2;
		bool is_64 = kind % 2;

		make(version, is_64);
		put_segment(is_64, 0, 0x200000, 0x100000, 0x180000);
		put_segment(is_64, 1, 0x400000, 0x300000, DATA_SIZE);
		put_entry(is_64, 0x200040);
		assert_int_equal(load(), 0);
		assert_int_equal(start.rip, 0x100040);
		put_entry(is_64, 0x100040); /* virtual nowhere */
		assert_int_equal(load(), 0);
		assert_int_equal(start.rip, 0x100040);
	}
}

static void an_entry_may_lie_in_a_segments_zero_part(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		unsigned version = 1 + kind / 2;
		bool is_64 = kind % 2;

		make(version, is_64);
		put_segment(is_64, 1, 0x80000000, DATA_GPA, DATA_SIZE + BSS);
		put_entry(is_64, 0x80000000 + DATA_SIZE + 4);
		assert_int_equal(load(), 0);
		assert_int_equal(start.rip, DATA_GPA + DATA_SIZE + 4);
		put_entry(is_64, DATA_GPA + DATA_SIZE + BSS - 1);
		assert_int_equal(load(), 0);
		assert_int_equal(start.rip, DATA_GPA + DATA_SIZE + BSS - 1);
		put_entry(is_64, DATA_GPA + DATA_SIZE + BSS);
		assert_problem(ERR_INVALID, "lies in no segment");
	}
}

/* The command line's address in the information; of version 2 that of the tag's text. */
static gpa_t told_cmdline(unsigned version)
{
	gpa_t info = start.gpr[RBX];

	return version == 1 ? U32(info + 16) : info + 16;
}

static void assert_apart(gpa_t at, size_t size, gpa_t image_start, gpa_t image_end)
{
	assert_true(at + size <= image_start || at >= image_end);
	assert_true(guest_ram_has(at, size));
}

/* All that is handed over is whole, and beside [image_start, image_end). */
static void assert_told(unsigned version, gpa_t image_start, gpa_t image_end)
{
	assert_string_equal((char *)guest_ram + told_cmdline(version), config.cmdline);
	assert_apart(told_cmdline(version), strlen(config.cmdline) + 1, image_start, image_end);
	assert_apart(start.gpr[RBX], version == 1 ? 0x400 : U32(start.gpr[RBX]), image_start, image_end);
	assert_apart(start.gdt, start.gdt_limit + 1u, image_start, image_end);
	assert_apart(start.rsp - 0x1000, 0x1000, image_start, image_end);
	assert_int_equal(U64(start.gdt + start.cs), 0x00cf9b000000ffff);
}

static void a_kernel_in_low_memory_keeps_its_place(void **state)
{
	static const gpa_t places[] = {0x500,  0x1000, 0x2fff, 0x8000, 0x9000,
	                               0xb123, 0xbfff, 0xc000, 0x20000};

	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		unsigned version = 1 + kind / 2;
		bool is_64 = kind % 2;

		for (unsigned i = 0; i < ARRAY_SIZE(places); i++) {
			gpa_t text = places[i], data = text + TEXT_SIZE, end = data + DATA_SIZE + 0x100;

			make(version, is_64);
			put_segment(is_64, 0, TEXT_GVA, text, TEXT_SIZE);
			put_segment(is_64, 1, DATA_GVA, data, DATA_SIZE + 0x100);
			put_entry(is_64, TEXT_GVA + ENTRY);
			assert_int_equal(load(), 0);
			assert_int_equal(start.rip, text + ENTRY);
			assert_memory_equal(guest_ram + text, kernel + TEXT_AT, TEXT_SIZE);
			assert_memory_equal(guest_ram + data, kernel + DATA_AT, DATA_SIZE);
			assert_told(version, text, end);
		}
		make(version, is_64);
		put_segment(is_64, 0, TEXT_GVA, 0x4ff, TEXT_SIZE);
		put_entry(is_64, TEXT_GVA + ENTRY);
		assert_problem(ERR_NO_MEMORY, "wants to be loaded at 0x4ff, which is in use");
	}
}

/* Then what is handed over lies above 1 MiB, and modules beside it. */
static void a_kernel_may_fill_low_memory(void **state)
{
	const gpa_t end = GUEST_EBDA - 0x1000;

	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		unsigned version = 1 + kind / 2;
		bool is_64 = kind % 2;

		make(version, is_64);
		image.initrd.data = initrd;
		image.initrd.size = sizeof(initrd);
		put_segment(is_64, 0, TEXT_GVA, 0x600, TEXT_SIZE);
		put_segment(is_64, 1, DATA_GVA, 0x600 + TEXT_SIZE, end - 0x600 - TEXT_SIZE);
		put_entry(is_64, TEXT_GVA + ENTRY);
		assert_int_equal(load(), 0);
		assert_told(version, 0x600, end);
		assert_in_range(start.gdt, GUEST_HIGH_START, GUEST_HIGH_START + KIB(64));
		assert_int_equal(guest_ram[GUEST_HIGH_START + 0xb000], 0x3c); /* the initrd, after it */
		config.vm.machine.memory = MIB(1) + KIB(40);
		image.initrd.size = 0;
		assert_problem(ERR_NO_MEMORY, "leaves no 44 KiB for what it must be told; raise 'memory'");
	}
}

/* Two headers; the first loader that is asked cannot do what its header demands. */
static void where_one_version_refuses_the_other_is_tried(void **state)
{
	const uint32_t unknown[] = {MAGIC_2, 0, 32, -(MAGIC_2 + 32), 99, 8, 0, 8};
	const uint32_t first[] = {MAGIC_1, 3, -(MAGIC_1 + 3)};

	(void)state;
	make_elf32();
	put_words(HEADER_AT, unknown, 8);
	assert_problem(ERR_UNSUPPORTED, "demands header tag 99");
	put_words(HEADER_AT + 0x40, first, 3);
	assert_int_equal(load(), 0);
	assert_int_equal(start.gpr[RAX], 0x2badb002);
	put(HEADER_AT + 0x44, 0x8003, 4);
	put(HEADER_AT + 0x48, -(MAGIC_1 + 0x8003u), 4);
	assert_problem(ERR_UNSUPPORTED, "demands header tag 99"); /* both refuse: what the first says */
	config.type = VM_TYPE_MULTIBOOT;
	assert_problem(ERR_UNSUPPORTED, "demands features 0x8000");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_virtual_where_a_segment_holds_it),
		cmocka_unit_test(an_entry_may_lie_in_a_segments_zero_part),
		cmocka_unit_test(a_kernel_in_low_memory_keeps_its_place),
		cmocka_unit_test(a_kernel_may_fill_low_memory),
		cmocka_unit_test(where_one_version_refuses_the_other_is_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
