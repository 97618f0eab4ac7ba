/* SPDX-License-Identifier: MIT */
/* ELF headers and notes: both classes, and what is said about broken ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guests/loaders/elf.h"
#include "lib/errors.h"

static uint8_t file[1024];
static const char *problem;
static struct budget budget;

static void put(size_t at, uint64_t value, size_t size)
{
	memcpy(file + at, &value, size);
}

/* A file with two program headers: PT_LOAD, and PT_NOTE of `size` bytes at 200h. */
static size_t make(bool is_64, uint64_t note_alignment, size_t size)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF", 4);
	file[4] = is_64 ? 2 : 1;
	file[5] = file[6] = 1;
	put(0x10, 2, 2);              /* ET_EXEC */
	put(0x12, is_64 ? 62 : 3, 2); /* EM_X86_64 or EM_386 */
	if (is_64) {
		put(0x18, 0xffffffff81000000, 8);
		put(0x20, 0x40, 8);
		put(0x36, 56, 2);
		put(0x38, 2, 2);
		put(0x40, 1, 4);
		put(0x48, 0x100, 8);
		put(0x58, 0x123456789a, 8);
		put(0x60, 0x80, 8);
		put(0x68, 0x90, 8);
		put(0x70, 0x1000, 8);
		put(0x78, 4, 4);
		put(0x80, 0x200, 8);
		put(0x98, size, 8);
		put(0xa0, size, 8);
		put(0xa8, note_alignment, 8);
	} else {
		put(0x18, 0xc1000000, 4);
		put(0x1c, 0x40, 4);
		put(0x2a, 32, 2);
		put(0x2c, 2, 2);
		put(0x40, 1, 4);
		put(0x44, 0x100, 4);
		put(0x4c, 0x1234567, 4);
		put(0x50, 0x80, 4);
		put(0x54, 0x90, 4);
		put(0x5c, 0x1000, 4);
		put(0x60, 4, 4);
		put(0x64, 0x200, 4);
		put(0x70, size, 4);
		put(0x74, size, 4);
		put(0x7c, note_alignment, 4);
	}
	return 0x200 + size;
}

/* Append a note at `at`; returns where the next one begins. */
static size_t note(size_t at, unsigned alignment, const char *owner, uint32_t type, const void *desc,
                   uint32_t size)
{
	uint32_t name_size = (uint32_t)strlen(owner) + 1;
	size_t body = (12 + name_size + alignment - 1) / alignment * alignment;

	put(at, name_size, 4);
	put(at + 4, size, 4);
	put(at + 8, type, 4);
	memcpy(file + at + 12, owner, name_size);
	memcpy(file + at + body, desc, size);
	return at + (body + size + alignment - 1) / alignment * alignment;
}

/* Open exactly `size` bytes, so that reading past them is seen. */
static int open_file(size_t size, struct elf_image *elf)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(size ? size : 1);
	memcpy(copy, file, size);
	problem = NULL;
	budget.left = BUDGET_LOAD;
	return elf_open(copy, size, &budget, elf, &problem);
}

static void test_probe(void **state)
{
	(void)state;
	assert_true(elf_probe("\177ELF", 4));
	assert_false(elf_probe("\177ELF", 3));
	assert_false(elf_probe("\177ELG", 4));
}

static void test_both_classes(void **state)
{
	struct elf_segment segment;
	struct elf_image elf;

	(void)state;
	assert_int_equal(open_file(make(true, 4, 0), &elf), 0);
	assert_true(elf.is_64);
	assert_int_equal(elf.count, 2);
	assert_int_equal(elf.entry, 0xffffffff81000000);
	segment = elf_segment(&elf, 0);
	assert_int_equal(segment.type, ELF_PT_LOAD);
	assert_int_equal(segment.offset, 0x100);
	assert_int_equal(segment.physical, 0x123456789a);
	assert_int_equal(segment.file_size, 0x80);
	assert_int_equal(segment.memory_size, 0x90);
	assert_int_equal(segment.alignment, 0x1000);

	assert_int_equal(open_file(make(false, 4, 0), &elf), 0);
	assert_false(elf.is_64);
	assert_int_equal(elf.entry, 0xc1000000);
	segment = elf_segment(&elf, 0);
	assert_int_equal(segment.type, ELF_PT_LOAD);
	assert_int_equal(segment.offset, 0x100);
	assert_int_equal(segment.physical, 0x1234567);
	assert_int_equal(segment.file_size, 0x80);
	assert_int_equal(segment.memory_size, 0x90);
	assert_int_equal(segment.alignment, 0x1000);
	assert_int_equal(elf_segment(&elf, 1).type, ELF_PT_NOTE);
}

static void test_truncated_headers(void **state)
{
	struct elf_image elf;

	(void)state;
	for (unsigned is_64 = 0; is_64 < 2; is_64++) {
		size_t needed = is_64 ? 0x40 + 2 * 56 : 0x40 + 2 * 32;

		make(is_64, 4, 0);
		for (size_t size = 4; size < needed; size++) {
			assert_int_equal(open_file(size, &elf), -ERR_TRUNCATED);
			assert_non_null(strstr(problem, "truncated"));
		}
		assert_int_equal(open_file(needed, &elf), 0);
	}
}

static void test_broken_headers(void **state)
{
	/* clang-format off */
	static const struct {
		size_t at, size;
		uint64_t value;
		int error;
	} cases[] = {
		{4,    1, 0,               -ERR_INVALID},
		{4,    1, 3,               -ERR_INVALID},
		{5,    1, 2,               -ERR_UNSUPPORTED},
		{6,    1, 0,               -ERR_UNSUPPORTED},
		{0x10, 2, 1,               -ERR_UNSUPPORTED},
		{0x10, 2, 4,               -ERR_UNSUPPORTED},
		{0x12, 2, 183,             -ERR_UNSUPPORTED}, /* EM_AARCH64 */
		{0x36, 2, 55,              -ERR_INVALID},
		{0x38, 2, 0,               -ERR_INVALID},
		{0x38, 2, 65,              -ERR_INVALID},
		{0x38, 2, 0xffff,          -ERR_INVALID},
		{0x36, 2, 0xffff,          -ERR_TRUNCATED},
		{0x20, 8, UINT64_MAX - 15, -ERR_TRUNCATED},
	};
	/* clang-format on */
	struct elf_image elf;
	size_t size;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		size = make(true, 4, 0);
		put(cases[i].at, cases[i].value, cases[i].size);
		assert_int_equal(open_file(size, &elf), cases[i].error);
		assert_non_null(problem);
	}
	size = make(true, 4, 0);
	put(0x10, 3, 2); /* ET_DYN is what relocatable kernels are */
	assert_int_equal(open_file(size, &elf), 0);
}

static void test_note(void **state)
{
	static const uint32_t entry = 0x1000370, other = 0xdeadbeef;
	static const uint64_t entry_64 = 0x8000000001000370;
	struct elf_image elf;
	uint64_t value;
	size_t end;

	(void)state;
	for (unsigned is_64 = 0; is_64 < 2; is_64++) {
		/* Padding as p_align says, and as it does not say. */
		for (unsigned real = 4; real <= 8; real += 4) {
			for (unsigned said = 0; said <= 8; said += 4) {
				make(is_64, said, 0x100);
				end = note(0x200, real, "GNU", 18, "abcdefghi", 9);
				end = note(end, real, "Xen", 6, "linux", 6);
				end = note(end, real, "Xen", 18, is_64 ? (const void *)&entry_64 : &entry,
				           is_64 ? 8 : 4);
				note(end, real, "Xen", 18, &other, 4);
				assert_int_equal(open_file(0x300, &elf), 0);
				assert_int_equal(elf_note_number(&elf, "Xen", 18, &value), 0);
				assert_int_equal(value, is_64 ? entry_64 : entry);
			}
		}
	}
}

static void test_broken_notes(void **state)
{
	struct elf_image elf;
	uint64_t value;
	size_t end;

	(void)state;
	make(true, 4, 0x40);
	end = note(0x200, 4, "Xen", 18, "ab", 2);
	assert_int_equal(open_file(0x240, &elf), 0);
	assert_int_equal(elf_note_number(&elf, "Xen", 18, &value), -ERR_INVALID);
	assert_int_equal(elf_note_number(&elf, "Xen", 17, &value), -ERR_NOT_FOUND);
	assert_int_equal(elf_note_number(&elf, "Xe", 18, &value), -ERR_NOT_FOUND);
	put(0x204, 0xffffffff, 4); /* descriptor longer than the segment */
	assert_int_equal(open_file(0x240, &elf), 0);
	assert_int_equal(elf_note_number(&elf, "Xen", 18, &value), -ERR_NOT_FOUND);
	put(0x204, 2, 4);
	put(0x200, 0xfffffff0, 4); /* so is the name */
	assert_int_equal(open_file(0x240, &elf), 0);
	assert_int_equal(elf_note_number(&elf, "Xen", 18, &value), -ERR_NOT_FOUND);
	/* The note ends with the segment. */
	end = make(true, 4, 12 + 4 + 4);
	note(0x200, 4, "Xen", 18, "abcd", 4);
	assert_int_equal(open_file(end, &elf), 0);
	assert_int_equal(elf_note_number(&elf, "Xen", 18, &value), 0);
	assert_int_equal(value, 0x64636261);
	/* The segment ends after the file, or lies nowhere near it. */
	put(0x80, UINT64_MAX, 8);
	assert_int_equal(open_file(end, &elf), 0);
	assert_int_equal(elf_note_number(&elf, "Xen", 18, &value), -ERR_NOT_FOUND);
	put(0x80, 0x200, 8);
	assert_int_equal(open_file(end - 1, &elf), 0);
	assert_int_equal(elf_note_number(&elf, "Xen", 18, &value), -ERR_NOT_FOUND);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
		cmocka_unit_test(test_both_classes),
		cmocka_unit_test(test_truncated_headers),
		cmocka_unit_test(test_broken_headers),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_broken_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
