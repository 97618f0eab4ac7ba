/* SPDX-License-Identifier: MIT */
/* ELF kernels with a PVH note: loading, the start info, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guests/loaders/loader.h"
#include "rigs/guest_ram.h"

#define TEXT_AT   0x1000
#define TEXT_SIZE 0x1800
#define DATA_AT   (TEXT_AT + TEXT_SIZE)
#define DATA_SIZE 0x123
#define NOTE_AT   (DATA_AT + DATA_SIZE)
#define FILE_SIZE (NOTE_AT + 24)

#define TEXT_GPA 0x1000000
#define DATA_GPA 0x1400000
#define BSS      0x20abc

/* Fields of program header `n`, ELF64. */
#define PH(n)     (0x40 + 56 * (n))
#define TYPE(n)   PH(n)
#define OFFSET(n) (PH(n) + 8)
#define PADDR(n)  (PH(n) + 24)
#define FILESZ(n) (PH(n) + 32)
#define MEMSZ(n)  (PH(n) + 40)
#define ENTRY     (NOTE_AT + 16)

#define INFO GUEST_INFORMATION

static uint8_t kernel[FILE_SIZE];
static uint8_t initrd[0x2345];
static struct guest_config config;
static struct guest_image image;
static struct vcpu_start start;
static char problem[256];

static void put(size_t at, uint64_t value, size_t size)
{
	memcpy(kernel + at, &value, size);
}

static void segment(unsigned n, uint32_t type, uint64_t offset, uint64_t paddr, uint64_t filesz,
                    uint64_t memsz)
{
	put(TYPE(n), type, 4);
	put(OFFSET(n), offset, 8);
	put(PADDR(n), paddr, 8);
	put(FILESZ(n), filesz, 8);
	put(MEMSZ(n), memsz, 8);
	put(PH(n) + 48, 4, 8);
}

static void make(void)
{
	for (size_t i = 0; i < FILE_SIZE; i++)
		kernel[i] = i < TEXT_AT ? 0 : (uint8_t)(i * 11);
	memset(initrd, 0x3c, sizeof(initrd));
	memcpy(kernel, "\177ELF\2\1\1", 7);
	put(0x10, 2, 2);
	put(0x12, 62, 2);
	put(0x18, 0xffffffff81000000, 8);
	put(0x20, 0x40, 8);
	put(0x36, 56, 2);
	put(0x38, 3, 2);
	segment(0, 1, TEXT_AT, TEXT_GPA, TEXT_SIZE, TEXT_SIZE);
	segment(1, 1, DATA_AT, DATA_GPA, DATA_SIZE, DATA_SIZE + BSS);
	segment(2, 4, NOTE_AT, 0, 24, 24);
	put(NOTE_AT, 4, 4);
	put(NOTE_AT + 4, 8, 4);
	put(NOTE_AT + 8, 18, 4);
	memcpy(kernel + NOTE_AT + 12, "Xen", 4);
	put(ENTRY, TEXT_GPA + 0x370, 8);
	config = (struct guest_config){
		.vm.machine = {.memory = MIB(64), .uarts = 2, .acpi = true},
		.type = VM_TYPE_AUTO,
		.cmdline = "console=ttyS0",
	};
	image = (struct guest_image){
		.config = &config,
		.kernel = {kernel, sizeof(kernel)},
		.initrd = {initrd, sizeof(initrd)},
		.map = &guest_ram_map,
		.defer = guest_ram_copy,
	};
}

static int load_in(uint64_t memory)
{
	uint8_t *copy = malloc(image.kernel.size);
	struct guest_image i = image;
	int error;

	memcpy(copy, kernel, image.kernel.size);
	i.kernel.data = copy;
	guest_ram_create(memory);
	guest_ram_add_firmware(&config.vm.machine);
	if (memory > DATA_GPA + MIB(1))
		memset(guest_ram + DATA_GPA, 0xa5, MIB(1));
	memset(&start, 0xee, sizeof(start));
	error = guest_load_image(&i, &start, problem, sizeof(problem));
	free(copy);
	return error;
}

static int load(void)
{
	return load_in(config.vm.machine.memory);
}

static void assert_problem(int error, const char *text)
{
	assert_int_equal(load(), -error);
	assert_string_equal(problem, text);
}

static void test_load(void **state)
{
	const gpa_t initrd_at = (MIB(64) - sizeof(initrd)) & ~0xfffUL;
	gpa_t modules, map;

	(void)state;
	make();
	assert_int_equal(load(), 0);
	assert_int_equal(start.mode, START_PROTECTED);
	assert_int_equal(start.rip, TEXT_GPA + 0x370);
	assert_int_equal(start.gpr[RBX], INFO);
	assert_int_equal(start.cr3, 0);
	assert_int_equal(start.cs, 0x10);
	assert_int_equal(start.ds, 0x18);
	assert_int_equal(start.tr, 0x20);
	assert_int_equal(guest_ram_number(GUEST_GDT + 0x10, 8), 0x00cf9b000000ffff);
	assert_memory_equal(guest_ram + TEXT_GPA, kernel + TEXT_AT, TEXT_SIZE);
	assert_memory_equal(guest_ram + DATA_GPA, kernel + DATA_AT, DATA_SIZE);
	for (size_t i = 0; i < BSS; i++)
		assert_int_equal(guest_ram[DATA_GPA + DATA_SIZE + i], 0);
	assert_int_equal(guest_ram[DATA_GPA + DATA_SIZE + BSS], 0xa5);

	assert_int_equal(guest_ram_number(INFO, 4), 0x336ec578);
	assert_int_equal(guest_ram_number(INFO + 4, 4), 1);
	assert_int_equal(guest_ram_number(INFO + 8, 4), 0);
	assert_int_equal(guest_ram_number(INFO + 12, 4), 1);
	modules = guest_ram_number(INFO + 16, 8);
	assert_int_equal(guest_ram_number(modules, 8), initrd_at);
	assert_int_equal(guest_ram_number(modules + 8, 8), sizeof(initrd));
	assert_int_equal(guest_ram_number(modules + 16, 8), 0);
	assert_int_equal(guest_ram_number(modules + 24, 8), 0);
	assert_memory_equal(guest_ram + initrd_at, initrd, sizeof(initrd));
	assert_string_equal((char *)guest_ram + guest_ram_number(INFO + 24, 8), "console=ttyS0");
	assert_memory_equal(guest_ram + guest_ram_number(INFO + 32, 8), "RSD PTR ", 8);
	map = guest_ram_number(INFO + 40, 8);
	assert_int_equal(guest_ram_number(INFO + 48, 4), 4);
	assert_int_equal(guest_ram_number(INFO + 52, 4), 0);
	assert_int_equal(guest_ram_number(map, 8), 0);
	assert_int_equal(guest_ram_number(map + 8, 8), 0x9fc00);
	assert_int_equal(guest_ram_number(map + 16, 4), 1);
	assert_int_equal(guest_ram_number(map + 24, 8), 0x9fc00);
	assert_int_equal(guest_ram_number(map + 40, 4), 2);
	assert_int_equal(guest_ram_number(map + 72, 8), 0x100000);
	assert_int_equal(guest_ram_number(map + 80, 8), MIB(63));
}

static void test_without_extras(void **state)
{
	(void)state;
	make();
	config.type = VM_TYPE_PVH;
	image.initrd.data = NULL;
	config.vm.machine.acpi = false;
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(INFO + 12, 4), 0);
	assert_int_equal(guest_ram_number(INFO + 16, 8), 0);
	assert_int_equal(guest_ram_number(INFO + 32, 8), 0);
}

static void test_where_segments_may_lie(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t start, size;
		int error;
	} cases[] = {
		{GUEST_HANDOVER_END,       0x1000,                  0},
		{GUEST_IMAGES_START,       0x1000,                  0},
		{GUEST_IMAGES_START - 1,   0x1000,                  -ERR_NO_MEMORY},
		{0,                        0x1000,                  -ERR_NO_MEMORY},
		{0x9f000,                  0xc00,                   0},
		{0x9f000,                  0xc01,                   -ERR_NO_MEMORY},
		{0xb8000,                  0x1000,                  -ERR_NO_MEMORY},
		{0xe0000,                  0x1000,                  -ERR_NO_MEMORY},
		{0xff000,                  0x2000,                  -ERR_NO_MEMORY},
		{0x100000,                 0x1000,                  0},
		{0x100000,                 TEXT_GPA - 0x100000,     0},
		{0x100000,                 TEXT_GPA - 0x100000 + 1, -ERR_INVALID}, /* overlaps segment 0 */
		{TEXT_GPA + TEXT_SIZE,     1,                       0},
		{TEXT_GPA + TEXT_SIZE - 1, 1,                       -ERR_INVALID},
		{GIB(3) - 0x1000,          0x1000,                  0},
		{GIB(3) - 0x1000,          0x1001,                  -ERR_NO_MEMORY},
		{GIB(4) - 1,               0x1000,                  -ERR_NO_MEMORY},
		{GIB(4),                   0x1000,                  0},
		{GIB(5) - 0x1000,          0x1000,                  0},
		{GIB(5) - 0x1000,          0x1001,                  -ERR_NO_MEMORY},
		{UINT64_MAX,               1,                       -ERR_INVALID},
		{UINT64_MAX - 0x10,        0x10,                    -ERR_NO_MEMORY},
		{0x100000,                 UINT64_MAX,              -ERR_INVALID},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make();
		config.vm.machine.memory = GIB(4);
		image.initrd.data = NULL;
		put(PADDR(1), cases[i].start, 8);
		put(MEMSZ(1), cases[i].size, 8);
		put(FILESZ(1), 1, 8);
		assert_int_equal(load(), cases[i].error);
	}
}

/* What the kernel is told moves out of its way. */
static void a_kernel_in_low_memory_keeps_its_place(void **state)
{
	(void)state;
	for (gpa_t at = 0x500; at < 0x11000; at += 0xb00) {
		make();
		put(PADDR(1), at, 8);
		put(MEMSZ(1), DATA_SIZE, 8);
		assert_int_equal(load(), 0);
		assert_memory_equal(guest_ram + at, kernel + DATA_AT, DATA_SIZE);
		assert_int_equal(guest_ram_number(start.gpr[RBX], 4), 0x336ec578);
		assert_string_equal((char *)guest_ram + guest_ram_number(start.gpr[RBX] + 24, 8),
		                    config.cmdline);
		assert_int_equal(guest_ram_number(start.gdt + 0x10, 8), 0x00cf9b000000ffff);
		assert_true(start.rsp <= at || start.rsp >= at + DATA_SIZE + 0x1000);
	}
}

static void test_initrd(void **state)
{
	(void)state;
	/* Just room for it. */
	make();
	config.vm.machine.memory = DATA_GPA + 0x21000 + 0x3000;
	assert_int_equal(load(), 0);
	config.vm.machine.memory -= 0x1000;
	assert_problem(ERR_NO_MEMORY,
	               "the initrd of 9 KiB does not fit between the kernel's end at 20612 KiB and "
	               "20620 KiB; raise 'memory' or use a smaller initrd");
	/* Below 3 GiB, even where the kernel has parts above 4 GiB. */
	make();
	config.vm.machine.memory = GIB(4);
	put(PADDR(1), GIB(4), 8);
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(guest_ram_number(INFO + 16, 8), 8), GIB(3) - 0x3000);
}

/* The same as 32-bit ELF: text and note only. */
static void make_32(void)
{
	/* clang-format off */
	static const uint32_t programs[2][8] = {
		{1, TEXT_AT, 0xc1000000, TEXT_GPA, TEXT_SIZE, TEXT_SIZE, 5, 0x1000},
		{4, NOTE_AT, 0,          0,        20,        20,        4, 4},
	};
	/* clang-format on */

	make();
	memset(kernel, 0, TEXT_AT);
	memcpy(kernel, "\177ELF\1\1\1", 7);
	put(0x10, 2, 2);
	put(0x12, 3, 2);
	put(0x18, 0xc1000000, 4);
	put(0x1c, 0x34, 4);
	put(0x2a, 32, 2);
	put(0x2c, 2, 2);
	memcpy(kernel + 0x34, programs, sizeof(programs));
	put(NOTE_AT + 4, 4, 4);
}

static void test_elf32(void **state)
{
	(void)state;
	make_32();
	config.vm.machine.memory = GIB(2);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, TEXT_GPA + 0x370);
	assert_memory_equal(guest_ram + TEXT_GPA, kernel + TEXT_AT, TEXT_SIZE);
	/* Within what a 32-bit kernel maps. */
	assert_int_equal(guest_ram_number(guest_ram_number(INFO + 16, 8), 8), 0x38000000 - 0x3000);
}

static void test_broken(void **state)
{
	/* clang-format off */
	static const struct {
		size_t at, size;
		uint64_t value;
		int error;
		const char *text;
	} cases[] = {
		{TYPE(2),     4, 5,                         ERR_UNSUPPORTED, "has no PVH note"},
		{NOTE_AT + 8, 4, 17,                        ERR_UNSUPPORTED, "has no PVH note"},
		{ENTRY,       8, TEXT_GPA - 1,              ERR_INVALID,     "its PVH entry 0xffffff lies in no segment"},
		{ENTRY,       8, TEXT_GPA + TEXT_SIZE,      ERR_INVALID,     "lies in no segment"},
		{ENTRY,       8, DATA_GPA + DATA_SIZE + BSS, ERR_INVALID,     "lies in no segment"},
		{FILESZ(1),   8, DATA_SIZE + BSS + 1,       ERR_INVALID,
	         "segment 1 is larger in the file than in memory"                                                       },
		{OFFSET(1),   8, FILE_SIZE - DATA_SIZE + 1, ERR_TRUNCATED,   "truncated: segment 1 ends after"          },
		{OFFSET(0),   8, UINT64_MAX,                ERR_TRUNCATED,   "truncated: segment 0 ends after"          },
		{PADDR(1),    8, TEXT_GPA,                  ERR_INVALID,     "segment 1 overlaps another"},
		{MEMSZ(1),    8, UINT64_MAX,                ERR_INVALID,     "segment 1 ends after the last address"    },
		{MEMSZ(1),    8, MIB(44) + 1,               ERR_NO_MEMORY,
	         "needs memory up to 65537 KiB, and the guest's ends at 65536 KiB"                                      },
		{0x12,        2, 40,                        ERR_UNSUPPORTED, "not for an x86 processor"},
		{0x38,        2, 0,                         ERR_INVALID,     "header is corrupt"},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make();
		put(cases[i].at, cases[i].value, cases[i].size);
		assert_int_equal(load(), -cases[i].error);
		assert_non_null(strstr(problem, cases[i].text));
	}
	/* An entry that 32 bits cannot reach. */
	make();
	config.vm.machine.memory = GIB(4);
	put(PADDR(1), GIB(4), 8);
	put(ENTRY, GIB(4), 8);
	assert_int_equal(load(), -ERR_INVALID);
	/* An empty segment is nowhere. */
	make();
	segment(1, 1, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0);
	assert_int_equal(load(), 0);
}

static void test_truncated(void **state)
{
	(void)state;
	make();
	for (size_t size = 4; size < FILE_SIZE; size += 7) {
		image.kernel.size = size;
		assert_in_range(-load(), 1, 100);
		assert_true(problem[0]);
	}
	make();
	image.kernel.size = NOTE_AT + 23;
	assert_int_equal(load(), -ERR_UNSUPPORTED);
}

static void test_cmdline(void **state)
{
	static char cmdline[4097];

	(void)state;
	make();
	memset(cmdline, 'x', 4095);
	config.cmdline = cmdline;
	assert_int_equal(load(), 0);
	assert_string_equal((char *)guest_ram + GUEST_CMDLINE, cmdline);
	cmdline[4095] = 'x';
	assert_problem(ERR_INVALID,
	               "the command line has 4096 characters, but this kernel takes 4095; shorten it");
}

static void test_map_without_memory(void **state)
{
	(void)state;
	make();
	assert_int_equal(load_in(MIB(4)), -ERR_OUT_OF_RANGE);
	assert_non_null(strstr(problem, "has no memory at 0x1000000"));
	make();
	assert_int_equal(load_in(MIB(20) + 0x1000), -ERR_OUT_OF_RANGE); /* ends inside the bss */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_without_extras),
		cmocka_unit_test(test_where_segments_may_lie),
		cmocka_unit_test(a_kernel_in_low_memory_keeps_its_place),
		cmocka_unit_test(test_initrd),
		cmocka_unit_test(test_elf32),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_cmdline),
		cmocka_unit_test(test_map_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
