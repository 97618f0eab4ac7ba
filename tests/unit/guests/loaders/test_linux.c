/* SPDX-License-Identifier: MIT */
/* The Linux boot protocol: where everything goes, what the kernel is told, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guests/loaders/loader.h"
#include "rigs/guest_ram.h"

#define SETUP_SECTS 3
#define SETUP_SIZE  ((SETUP_SECTS + 1) * 512)
#define CODE_SIZE   0x3000
#define KERNEL_SIZE (SETUP_SIZE + CODE_SIZE)

/* Offsets in the header, as in the protocol's own table. */
#define SYSSIZE     0x1f4
#define VERSION     0x206
#define LOADFLAGS   0x211
#define CODE32      0x214
#define INITRD_MAX  0x22c
#define ALIGNMENT   0x230
#define RELOCATABLE 0x234
#define XLOADFLAGS  0x236
#define CMDLINE_MAX 0x238
#define PAYLOAD     0x248
#define PAYLOAD_LEN 0x24c
#define PREFERRED   0x258
#define INIT_SIZE   0x260

#define PARAMS GUEST_LINUX_PARAMS

static uint8_t kernel[KERNEL_SIZE];
static uint8_t initrd[0x12345];
static struct guest_config config;
static struct guest_image image;
static struct vcpu_start start;
static char problem[256];

static void put(size_t at, uint64_t value, size_t size)
{
	memcpy(kernel + at, &value, size);
}

/* A relocatable 64-bit kernel of protocol 2.15 with 64 MiB for it, and an initrd. */
static void make(void)
{
	for (size_t i = 0; i < KERNEL_SIZE; i++)
		kernel[i] = i < SETUP_SIZE ? 0 : (uint8_t)(i * 7);
	for (size_t i = 0; i < sizeof(initrd); i++)
		initrd[i] = (uint8_t)(i * 13 + 1);
	put(0x1f1, SETUP_SECTS, 1);
	put(SYSSIZE, CODE_SIZE / 16, 4);
	put(0x1fe, 0xaa55, 2);
	put(0x200, 0x6aeb, 2); /* jmp to 26Ch: the header's end */
	memcpy(kernel + 0x202, "HdrS", 4);
	put(VERSION, 0x20f, 2);
	put(LOADFLAGS, 0x81, 1);
	put(CODE32, 0x100000, 4);
	put(0x224, 0x5555, 2);
	put(INITRD_MAX, 0x7fffffff, 4);
	put(ALIGNMENT, 0x200000, 4);
	put(RELOCATABLE, 1, 1);
	put(XLOADFLAGS, 0x3f, 2);
	put(CMDLINE_MAX, 2047, 4);
	put(PAYLOAD, 0x100, 4);
	put(PAYLOAD_LEN, 0x2000, 4);
	put(PREFERRED, 0x1000000, 8);
	put(INIT_SIZE, 0x800000, 4);
	put(0x268, 0x77777777, 4);
	put(0x26c, 0x99, 1); /* after the header */
	config = (struct guest_config){
		.vm.machine = {.memory = MIB(64), .uarts = 1, .acpi = true},
		.type = VM_TYPE_AUTO,
		.cmdline = "console=ttyS0 quiet",
	};
	image = (struct guest_image){
		.config = &config,
		.kernel = {kernel, sizeof(kernel)},
		.initrd = {initrd, sizeof(initrd)},
		.map = &guest_ram_map,
		.defer = guest_ram_copy,
	};
}

/* Load out of a copy that ends where the kernel does, so that reading past it is seen. */
static int load(void)
{
	uint8_t *copy = malloc(image.kernel.size);
	struct guest_image i = image;
	int error;

	memcpy(copy, kernel, image.kernel.size);
	i.kernel.data = copy;
	guest_ram_create(config.vm.machine.memory);
	guest_ram_add_firmware(&config.vm.machine);
	memset(&start, 0xee, sizeof(start));
	error = guest_load_image(&i, &start, problem, sizeof(problem));
	free(copy);
	return error;
}

static void assert_problem(int error, const char *text)
{
	assert_int_equal(load(), -error);
	assert_string_equal(problem, text);
}

static void assert_descriptors(bool long_mode)
{
	assert_int_equal(start.gdt, GUEST_LINUX_GDT);
	assert_int_equal(start.gdt_limit, 0x2f);
	assert_int_equal(start.cs, 0x10);
	assert_int_equal(start.ds, 0x18);
	assert_int_equal(start.tr, 0x20);
	assert_int_equal(guest_ram_number(GUEST_LINUX_GDT, 8), 0);
	assert_int_equal(guest_ram_number(GUEST_LINUX_GDT + 0x10, 8),
	                 long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff);
	assert_int_equal(guest_ram_number(GUEST_LINUX_GDT + 0x18, 8), 0x00cf93000000ffff);
	assert_int_equal(guest_ram_number(GUEST_LINUX_GDT + 0x20, 8), 0x00008b0000000067);
	assert_int_equal(guest_ram_number(GUEST_LINUX_GDT + 0x28, 8), 0);
}

static void test_entry_64(void **state)
{
	const gpa_t initrd_at = (MIB(64) - sizeof(initrd)) & ~0xfffUL;
	uint8_t zero[64] = {0};

	(void)state;
	make();
	assert_int_equal(load(), 0);
	assert_string_equal(problem, "");
	assert_int_equal(start.mode, START_LONG);
	assert_int_equal(start.rip, 0x1000200);
	assert_int_equal(start.gpr[RSI], PARAMS);
	assert_int_equal(start.rsp, GUEST_STACK_TOP);
	assert_int_equal(start.gpr[RSP], start.rsp);
	assert_int_equal(start.cr3, GUEST_PAGE_TABLES);
	assert_descriptors(true);
	assert_memory_equal(guest_ram + 0x1000000, kernel + SETUP_SIZE, CODE_SIZE);
	assert_memory_equal(guest_ram + initrd_at, initrd, sizeof(initrd));
	assert_string_equal((char *)guest_ram + GUEST_LINUX_CMDLINE, "console=ttyS0 quiet");

	/* The zero page: zeroes, the header as it was in the image, and our fields. */
	assert_int_equal(guest_ram_number(PARAMS, 2), 0); /* screen_info, which has ext_mem_k in it */
	assert_memory_equal(guest_ram + PARAMS + 4, zero, sizeof(zero));
	assert_int_equal(guest_ram_number(PARAMS + 0x1ef, 1), 0); /* sentinel */
	assert_int_equal(guest_ram_number(PARAMS + 0x1fe, 2), 0xaa55);
	assert_int_equal(guest_ram_number(PARAMS + 0x202, 4), 0x53726448);
	assert_int_equal(guest_ram_number(PARAMS + VERSION, 2), 0x20f);
	assert_int_equal(guest_ram_number(PARAMS + 0x210, 1), 0xff);
	assert_int_equal(guest_ram_number(PARAMS + LOADFLAGS, 1), 0x01);
	assert_int_equal(guest_ram_number(PARAMS + CODE32, 4), 0x1000000);
	assert_int_equal(guest_ram_number(PARAMS + 0x218, 4), initrd_at);
	assert_int_equal(guest_ram_number(PARAMS + 0x21c, 4), sizeof(initrd));
	assert_int_equal(guest_ram_number(PARAMS + 0x224, 2), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x228, 4), GUEST_LINUX_CMDLINE);
	assert_int_equal(guest_ram_number(PARAMS + 0x250, 8), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x268, 4), 0x77777777);
	assert_int_equal(guest_ram_number(PARAMS + 0x26c, 4), 0);
	assert_memory_equal(guest_ram + guest_ram_number(PARAMS + 0x70, 8), "RSD PTR ", 8);
}

static void test_screen_info(void **state)
{
	(void)state;
	make();
	config.vm.machine.screen = true;
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(PARAMS, 8), 0x50030000fc000000);
	assert_int_equal(guest_ram_number(PARAMS + 0x08, 8), 0x0119000000030000);
	assert_int_equal(guest_ram_number(PARAMS + 0x10, 2), 16);
}

static void test_e820(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t start, size;
		uint32_t type;
	} expected[] = {
		{0,        0x9fc00, 1},
		{0x9fc00,  0x400,   2},
		{0xe0000,  0x20000, 2},
		{0x100000, MIB(63), 1},
	};
	/* clang-format on */

	(void)state;
	make();
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x1e8, 1), ARRAY_SIZE(expected));
	for (unsigned i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(guest_ram_number(PARAMS + 0x2d0 + i * 20, 8), expected[i].start);
		assert_int_equal(guest_ram_number(PARAMS + 0x2d8 + i * 20, 8), expected[i].size);
		assert_int_equal(guest_ram_number(PARAMS + 0x2e0 + i * 20, 4), expected[i].type);
	}
	config.vm.machine.memory = GIB(5);
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x1e8, 1), 5);
	assert_int_equal(guest_ram_number(PARAMS + 0x2d0 + 3 * 20 + 8, 8), GIB(3) - MIB(1));
	assert_int_equal(guest_ram_number(PARAMS + 0x2d0 + 4 * 20, 8), GIB(4));
	assert_int_equal(guest_ram_number(PARAMS + 0x2d0 + 4 * 20 + 8, 8), GIB(2));
	/* initrd_addr_max is what limits it now. */
	assert_int_equal(guest_ram_number(PARAMS + 0x218, 4), (GIB(2) - sizeof(initrd)) & ~0xfffUL);
}

/* Walk the tables as a processor would. */
static uint64_t translate(uint64_t linear)
{
	uint64_t entry = guest_ram_number(start.cr3 + (linear >> 39 & 511) * 8, 8);

	if (!(entry & 1))
		return UINT64_MAX;
	entry = guest_ram_number((entry & ~0xfffUL) + (linear >> 30 & 511) * 8, 8);
	if (!(entry & 1))
		return UINT64_MAX;
	entry = guest_ram_number((entry & ~0xfffUL) + (linear >> 21 & 511) * 8, 8);
	if ((entry & 0x83) != 0x83)
		return UINT64_MAX;
	return (entry & ~0x1fffffUL) | (linear & 0x1fffff);
}

static void test_identity_map(void **state)
{
	(void)state;
	make();
	assert_int_equal(load(), 0);
	for (uint64_t linear = 0x1234; linear < GIB(4); linear += 0x200000)
		assert_int_equal(translate(linear), linear);
	assert_int_equal(translate(GIB(4)), UINT64_MAX);
	assert_int_equal(translate(GIB(512)), UINT64_MAX);
}

static void test_entry_32(void **state)
{
	(void)state;
	make();
	config.type = VM_TYPE_LINUX32;
	assert_int_equal(load(), 0);
	assert_int_equal(start.mode, START_PROTECTED);
	assert_int_equal(start.rip, 0x1000000);
	assert_int_equal(start.cr3, 0);
	assert_int_equal(start.gpr[RSI], PARAMS);
	for (unsigned i = 0; i < 16; i++)
		if (i != 4 && i != 6)
			assert_int_equal(start.gpr[i], 0);
	assert_descriptors(false);
	/* A 32-bit kernel, and one too old to say. */
	make();
	put(XLOADFLAGS, 0x3e, 2);
	assert_int_equal(load(), 0);
	assert_int_equal(start.mode, START_PROTECTED);
	make();
	put(VERSION, 0x20b, 2);
	config.type = VM_TYPE_LINUX;
	assert_int_equal(load(), 0);
	assert_int_equal(start.mode, START_PROTECTED);
	assert_int_equal(guest_ram_number(PARAMS + 0x70, 8), 0); /* acpi_rsdp_addr came with 2.14 */
}

static void test_no_initrd_no_acpi(void **state)
{
	(void)state;
	make();
	image.initrd.data = NULL;
	image.initrd.size = 0;
	config.cmdline = "";
	config.vm.machine.acpi = false;
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x218, 8), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x70, 8), 0);
	assert_int_equal(guest_ram_number(GUEST_LINUX_CMDLINE, 1), 0);
	for (gpa_t at = 0xe0000; at < 0x100000; at += 16)
		assert_memory_not_equal(guest_ram + at, "RSD PTR ", 8);
}

static void test_placement(void **state)
{
	(void)state;
	/* The preferred address is rounded up to the alignment. */
	make();
	put(PREFERRED, 0x1000001, 8);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x1200200);
	/* Not relocatable: code32_start, whatever it prefers. */
	make();
	put(RELOCATABLE, 0, 1);
	put(CODE32, 0x300000, 4);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x300200);
	/* No preference, and before there was one. */
	make();
	put(PREFERRED, 0, 8);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x200200);
	make();
	put(VERSION, 0x205, 2);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x200000);
	make();
	put(VERSION, 0x204, 2);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x100000);
}

static void test_old_protocols(void **state)
{
	char cmdline[300];

	(void)state;
	make();
	put(VERSION, 0x202, 2);
	put(INITRD_MAX, 0, 4); /* has no meaning yet */
	put(SYSSIZE, 0xffff, 4);
	put(0x1f1, 0, 1); /* means four sectors */
	config.vm.machine.memory = GIB(1);
	assert_int_equal(load(), 0);
	assert_int_equal(start.rip, 0x100000);
	assert_memory_equal(guest_ram + 0x100000, kernel + 5 * 512, KERNEL_SIZE - 5 * 512);
	assert_int_equal(guest_ram_number(PARAMS + 0x218, 4), (0x38000000 - sizeof(initrd)) & ~0xfffUL);
	memset(cmdline, 'x', sizeof(cmdline));
	cmdline[255] = '\0';
	config.cmdline = cmdline;
	assert_int_equal(load(), 0);
	cmdline[255] = 'x';
	cmdline[256] = '\0';
	assert_problem(ERR_INVALID,
	               "the command line has 256 characters, but this kernel takes 255; shorten it");
}

/* i386 Linux 2.4, and 2.6 up to 2.6.19: for 1 MiB only, and unpacked by way of low memory. */
static void make_old(unsigned version)
{
	make();
	put(0x201, 0x2e, 1); /* the header's end: 230h */
	put(VERSION, version, 2);
	memset(kernel + 0x230, 0xcc, 0x40); /* code */
}

/*
 * arch/i386/boot/compressed there is satisfied with no less than 3 MiB in the larger of the two
 * fields.
 */
static void test_extended_memory(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t memory;
		uint32_t ext_mem_k, alt_mem_k;
	} cases[] = {
		{MIB(4),           3 * 1024,  3 * 1024},
		{MIB(64),          63 * 1024, 63 * 1024},
		{MIB(64) + 0x1000, 63 * 1024, 63 * 1024 + 4},
		{GIB(1),           63 * 1024, 1023 * 1024},
		{GIB(5),           63 * 1024, 3 * 1048576 - 1024},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make_old(0x203);
		config.vm.machine.memory = cases[i].memory;
		assert_int_equal(load(), 0);
		assert_int_equal(guest_ram_number(PARAMS + 0x002, 2), cases[i].ext_mem_k);
		assert_int_equal(guest_ram_number(PARAMS + 0x1e0, 4), cases[i].alt_mem_k);
	}
	make(); /* newer ones have the map, but the fields are theirs, too */
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x002, 2), 63 * 1024);
	assert_int_equal(guest_ram_number(PARAMS + 0x1e0, 4), 63 * 1024);
}

/*
 * The same code unpacks from 2000h up to the parameters' address, rounded down to a page, but at
 * most to 90000h. It jumps to a routine at 1000h through selector 10h: nothing that is still needed
 * may lie below 90000h.
 */
static void test_low_memory_is_free(void **state)
{
	static char cmdline[] = "root=/dev/ram0";

	(void)state;
	for (unsigned version = 0x202; version <= 0x204; version++) {
		make_old(version);
		config.cmdline = cmdline;
		assert_int_equal(load(), 0);
		assert_int_equal(start.mode, START_PROTECTED);
		assert_int_equal(start.rip, 0x100000);
		assert_int_equal(start.gpr[RSI], 0x90000);
		assert_in_range(guest_ram_number(PARAMS + 0x228, 4), 0x91000, GUEST_EBDA - 0x1000);
		assert_string_equal((char *)guest_ram + guest_ram_number(PARAMS + 0x228, 4), cmdline);
		assert_in_range(start.gdt, 0x91000, GUEST_EBDA - 1 - start.gdt_limit);
		assert_descriptors(false);
	}
}

/*
 * The header of such a kernel has AA55h where setup.S says whether there is a mouse: AAh means yes.
 */
static void test_no_pointing_device(void **state)
{
	(void)state;
	make_old(0x204);
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x1ff, 1), 0);
	put(VERSION, 0x205, 2);
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x1ff, 1), 0xaa);
}

static void test_cmdline_limits(void **state)
{
	static char cmdline[5000];

	(void)state;
	make();
	put(CMDLINE_MAX, 19, 4);
	assert_int_equal(load(), 0);
	put(CMDLINE_MAX, 18, 4);
	assert_problem(ERR_INVALID,
	               "the command line has 19 characters, but this kernel takes 18; shorten it");
	put(CMDLINE_MAX, 0xffffffff, 4);
	memset(cmdline, 'x', sizeof(cmdline) - 1);
	config.cmdline = cmdline;
	assert_problem(ERR_INVALID,
	               "the command line has 4999 characters, but this kernel takes 4095; shorten it");
}

static void test_truncated(void **state)
{
	(void)state;
	make();
	for (size_t size = 0x206; size < KERNEL_SIZE - 15; size += 61) {
		image.kernel.size = size;
		assert_int_equal(load(), -ERR_TRUNCATED);
		assert_non_null(strstr(problem, "truncated"));
	}
	image.kernel.size = KERNEL_SIZE - 15; /* builds that did not pad */
	assert_int_equal(load(), 0);
	make();
	image.kernel.size = KERNEL_SIZE - 16;
	assert_problem(ERR_TRUNCATED, "the Linux kernel is truncated: it has 14320 bytes of 14336; "
	                              "fetch or build it again");
	make();
	put(SYSSIZE, 0x20, 4);
	put(PAYLOAD_LEN, 0, 4);
	assert_problem(ERR_TRUNCATED,
	               "the Linux kernel is truncated before its entry; fetch or build it again");
}

static void test_corrupt(void **state)
{
	/* clang-format off */
	static const struct {
		size_t at, size;
		uint64_t value;
		int error;
		const char *text; /* within the sentence */
	} cases[] = {
		{0x1fe,       2, 0xaa54,      ERR_INVALID,     "header is corrupt"},
		{0x201,       1, 0x8f,        ERR_INVALID,     "header is corrupt"},
		{0x201,       1, 0,           ERR_UNSUPPORTED, "older than boot protocol 2.02"},
		{VERSION,     2, 0x201,       ERR_UNSUPPORTED, "older than boot protocol 2.02"},
		{LOADFLAGS,   1, 0x80,        ERR_UNSUPPORTED, "zImage"},
		{PAYLOAD_LEN, 4, 0x2f01,      ERR_INVALID,     "payload"},
		{PAYLOAD,     4, 0xffffffff,  ERR_INVALID,     "payload"},
		{ALIGNMENT,   4, 0,           ERR_INVALID,     "alignment"},
		{ALIGNMENT,   4, 0x300000,    ERR_INVALID,     "alignment"},
		{ALIGNMENT,   4, 0x80000000,  ERR_NO_MEMORY,   "needs memory up to"},
		{PREFERRED,   8, 0x100000000, ERR_INVALID,     "load address"},
		{PREFERRED,   8, 0xffffffff,  ERR_NO_MEMORY,   "needs memory up to"},
		{INIT_SIZE,   4, 0xffffffff,  ERR_NO_MEMORY,   "needs memory up to"},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		make();
		put(cases[i].at, cases[i].value, cases[i].size);
		assert_int_equal(load(), -cases[i].error);
		assert_non_null(strstr(problem, cases[i].text));
	}
	make();
	put(RELOCATABLE, 0, 1);
	put(CODE32, 0xfffff, 4);
	assert_int_equal(load(), -ERR_INVALID);
}

static void test_does_not_fit(void **state)
{
	(void)state;
	make();
	image.initrd.data = NULL;
	config.vm.machine.memory = MIB(24);
	assert_int_equal(load(), 0);
	config.vm.machine.memory = MIB(24) - 4096;
	assert_problem(ERR_NO_MEMORY,
	               "the Linux kernel needs memory up to 24576 KiB, and the guest's ends at "
	               "24572 KiB; raise 'memory'");
	make();
	config.vm.machine.memory = MIB(24) + 0x13000;
	assert_int_equal(load(), 0);
	assert_int_equal(guest_ram_number(PARAMS + 0x218, 4), MIB(24));
	config.vm.machine.memory -= 4096;
	assert_problem(ERR_NO_MEMORY,
	               "the initrd of 73 KiB does not fit between the kernel's end at 24576 KiB "
	               "and 24648 KiB; raise 'memory' or use a smaller initrd");
	make();
	put(INITRD_MAX, 0xffffff, 4); /* below the kernel */
	assert_int_equal(load(), -ERR_NO_MEMORY);
	make();
	config.vm.machine.memory = MIB(1);
	assert_int_equal(load(), -ERR_NO_MEMORY);
}

static void test_which_loader(void **state)
{
	(void)state;
	make();
	config.type = VM_TYPE_PVH;
	assert_problem(ERR_UNSUPPORTED, "the kernel is no ELF file; correct 'kernel', or write type = auto");
	make();
	kernel[0x202] = 'h';
	kernel[0x1ff] = 0; /* nor a boot sector */
	assert_problem(ERR_UNSUPPORTED, "the kernel has an unknown format; use a Linux bzImage, "
	                                "an ELF file with a PVH note, or a Multiboot kernel");
	config.type = VM_TYPE_LINUX32;
	assert_problem(ERR_UNSUPPORTED, "the kernel is no Linux kernel (bzImage); correct "
	                                "'kernel', or write type = auto");
	make();
	config.type = VM_TYPE_LINUX;
	image.kernel.size = 0x205;
	assert_int_equal(load(), -ERR_UNSUPPORTED);
	make();
	config.module_count = 1;
	assert_problem(ERR_INVALID, "this kernel takes no modules, only an initrd; remove "
	                            "'module', or put a Multiboot type");
	image.kernel.size = 0;
	assert_problem(ERR_TRUNCATED, "the kernel is empty; fetch or build it again");
	/* The sentence is cut to the room that there is. */
	assert_int_equal(guest_load_image(&image, &start, problem, 4), -ERR_TRUNCATED);
	assert_string_equal(problem, "the");
	assert_int_equal(guest_load_image(&image, &start, NULL, 0), -ERR_TRUNCATED);
}

static void test_map_without_memory(void **state)
{
	(void)state;
	make();
	guest_ram_create(MIB(16)); /* less than the image claims */
	assert_int_equal(guest_load_image(&image, &start, problem, sizeof(problem)), -ERR_OUT_OF_RANGE);
	assert_string_equal(problem, "the guest has no memory at 0x1000000, where 12288 bytes "
	                             "must go; raise 'memory'");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry_64),           cmocka_unit_test(test_e820),
		cmocka_unit_test(test_screen_info),        cmocka_unit_test(test_identity_map),
		cmocka_unit_test(test_entry_32),           cmocka_unit_test(test_no_initrd_no_acpi),
		cmocka_unit_test(test_placement),          cmocka_unit_test(test_old_protocols),
		cmocka_unit_test(test_extended_memory),    cmocka_unit_test(test_low_memory_is_free),
		cmocka_unit_test(test_no_pointing_device), cmocka_unit_test(test_cmdline_limits),
		cmocka_unit_test(test_truncated),          cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_does_not_fit),       cmocka_unit_test(test_which_loader),
		cmocka_unit_test(test_map_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
