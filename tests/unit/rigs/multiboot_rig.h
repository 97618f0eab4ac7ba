/* SPDX-License-Identifier: MIT */
/*
 * Kernels for the tests of the Multiboot loaders, made byte by byte. Include it in one file of a
 * program.
 */
#ifndef TESTS_UNIT_RIGS_MULTIBOOT_RIG_H
#define TESTS_UNIT_RIGS_MULTIBOOT_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guests/loaders/loader.h"
#include "rigs/guest_ram.h"

#define UNUSED __attribute__((unused))

/* The file: ELF header, program headers, the Multiboot header, text and data, section headers. */
#define HEADER_AT   0x400
#define TEXT_AT     0x1000
#define TEXT_SIZE   0x1800
#define DATA_AT     (TEXT_AT + TEXT_SIZE)
#define DATA_SIZE   0x123
#define NAMES_AT    0x3000
#define NAMES_SIZE  0x20
#define SECTIONS_AT 0x3100
#define FILE_SIZE   0x3400

#define TEXT_GPA 0x100000
#define TEXT_GVA 0xc0100000
#define DATA_GPA (TEXT_GPA + TEXT_SIZE)
#define DATA_GVA (TEXT_GVA + TEXT_SIZE)
#define BSS      0x20abc
#define ENTRY    0x40 /* in the text */

/* After text, data and bss, in whole pages. */
#define KERNEL_END ((DATA_GPA + DATA_SIZE + BSS + 0xfffUL) & ~0xfffUL)

#define INFO GUEST_INFORMATION

static uint8_t kernel[FILE_SIZE];
static uint8_t initrd[0x2345], module[0x1001];
static struct config_module modules[CONFIG_MODULES_MAX];
static struct guest_config config;
static struct guest_image image;
static struct vcpu_start start;
static char problem[GUEST_PROBLEM_MAX];

UNUSED static void set_module(unsigned index, size_t size, const char *arguments)
{
	image.module[index] = (struct image_file){module, size};
	modules[index].arguments = arguments;
}

UNUSED static void put(size_t at, uint64_t value, size_t size)
{
	memcpy(kernel + at, &value, size);
}

UNUSED static void put_words(size_t at, const uint32_t *words, size_t count)
{
	memcpy(kernel + at, words, count * sizeof(words[0]));
}

static void make_common(void)
{
	memset(kernel, 0, sizeof(kernel));
	for (size_t i = TEXT_AT; i < FILE_SIZE; i++)
		kernel[i] = (uint8_t)(i * 11);
	memset(initrd, 0x3c, sizeof(initrd));
	memset(module, 0x4d, sizeof(module));
	config = (struct guest_config){
		.vm.machine = {.memory = MIB(64), .uarts = 1, .acpi = true},
		.type = VM_TYPE_AUTO,
		.cmdline = "console=com0",
		.module = modules,
	};
	image = (struct guest_image){
		.config = &config,
		.kernel = {kernel, sizeof(kernel)},
		.map = &guest_ram_map,
		.defer = guest_ram_copy,
	};
}

/* Program header `n`, and where its fields are. */
#define PH32(n) (0x34 + 32 * (n))
#define PH64(n) (0x40 + 56 * (n))

/* ELF32, two segments, entry as a virtual address. Without a Multiboot header. */
UNUSED static void make_elf32(void)
{
	/* clang-format off */
	const uint32_t programs[2][8] = {
		{1, TEXT_AT, TEXT_GVA, TEXT_GPA, TEXT_SIZE, TEXT_SIZE,       5, 0x1000},
		{1, DATA_AT, DATA_GVA, DATA_GPA, DATA_SIZE, DATA_SIZE + BSS, 6, 0x1000},
	};
	/* clang-format on */

	make_common();
	memcpy(kernel, "\177ELF\1\1\1", 7);
	put(0x10, 2, 2);
	put(0x12, 3, 2);
	put(0x18, TEXT_GVA + ENTRY, 4);
	put(0x1c, 0x34, 4);
	put(0x2a, 32, 2);
	put(0x2c, 2, 2);
	memcpy(kernel + PH32(0), programs, sizeof(programs));
}

/* The same as ELF64. */
UNUSED static void make_elf64(void)
{
	make_common();
	memcpy(kernel, "\177ELF\2\1\1", 7);
	put(0x10, 2, 2);
	put(0x12, 62, 2);
	put(0x18, TEXT_GPA + ENTRY, 8);
	put(0x20, 0x40, 8);
	put(0x36, 56, 2);
	put(0x38, 2, 2);
	for (unsigned n = 0; n < 2; n++) {
		const uint64_t fields[] = {
			n ? DATA_AT : TEXT_AT,           0xffffffff80000000 + (n ? DATA_GPA : TEXT_GPA),
			n ? DATA_GPA : TEXT_GPA,         n ? DATA_SIZE : TEXT_SIZE,
			n ? DATA_SIZE + BSS : TEXT_SIZE, 0x1000,
		};

		put(PH64(n), 1, 4);
		memcpy(kernel + PH64(n) + 8, fields, sizeof(fields));
	}
}

/* Three sections of the ELF32 file: none, .text (a segment's), .shstrtab (nowhere). */
UNUSED static void add_sections32(void)
{
	/* clang-format off */
	const uint32_t headers[3][10] = {
		{0},
		{1, 1, 6, TEXT_GVA, TEXT_AT,  TEXT_SIZE,  0, 0, 16, 0},
		{7, 3, 0, 0,        NAMES_AT, NAMES_SIZE, 0, 0, 1,  0},
	};
	/* clang-format on */

	put(0x20, SECTIONS_AT, 4);
	put(0x2e, 40, 2);
	put(0x30, 3, 2);
	put(0x32, 2, 2);
	memcpy(kernel + SECTIONS_AT, headers, sizeof(headers));
}

UNUSED static void add_sections64(void)
{
	const uint64_t names[8] = {3ULL << 32 | 7, 0, 0, NAMES_AT, NAMES_SIZE, 0, 1, 0};

	put(0x28, SECTIONS_AT, 8);
	put(0x3a, 64, 2);
	put(0x3c, 2, 2);
	put(0x3e, 1, 2);
	memset(kernel + SECTIONS_AT, 0, 64);
	memcpy(kernel + SECTIONS_AT + 64, names, sizeof(names));
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
	if (config.vm.machine.memory >= MIB(16))
		memset(guest_ram + TEXT_GPA, 0xa5, MIB(1));
	memset(&start, 0xee, sizeof(start));
	error = guest_load_image(&i, &start, problem, sizeof(problem));
	free(copy);
	return error;
}

UNUSED static void assert_problem(int error, const char *text)
{
	assert_int_equal(load(), -error);
	assert_non_null(strstr(problem, text));
}

#define U8(gpa)  guest_ram_number(gpa, 1)
#define U16(gpa) guest_ram_number(gpa, 2)
#define U32(gpa) guest_ram_number(gpa, 4)
#define U64(gpa) guest_ram_number(gpa, 8)

/* Text, data and cleared bss, from `base` on. */
UNUSED static void assert_segments_at(gpa_t base)
{
	assert_memory_equal(guest_ram + base, kernel + TEXT_AT, TEXT_SIZE);
	assert_memory_equal(guest_ram + base + TEXT_SIZE, kernel + DATA_AT, DATA_SIZE);
	for (size_t i = 0; i < BSS; i++)
		assert_int_equal(guest_ram[base + TEXT_SIZE + DATA_SIZE + i], 0);
	if (base == TEXT_GPA)
		assert_int_equal(guest_ram[base + TEXT_SIZE + DATA_SIZE + BSS], 0xa5);
}

#endif
