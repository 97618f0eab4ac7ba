/* SPDX-License-Identifier: MIT */
/*
 * ELF images as kernels are: System V ABI, "Object Files" and "Program Loading". Both
 * classes, x86 only, little endian. Nothing is trusted: every accessor checks.
 */
#ifndef GUESTS_LOADERS_ELF_H
#define GUESTS_LOADERS_ELF_H

#include "guests/loaders/budget.h"
#include "lib/types.h"

#define ELF_SEGMENTS_MAX 64

struct elf_image {
	struct budget *budget;
	const uint8_t *data;
	size_t size;
	bool is_64;
	uint64_t entry;      /* e_entry: a virtual address */
	uint64_t table;      /* file offset of the program headers */
	uint16_t entry_size; /* bytes from one to the next */
	uint16_t count;      /* at most ELF_SEGMENTS_MAX */
	uint64_t
		sections; /* file offset of the section headers, as found; see guests/loaders/elf_sections.h */
	uint16_t section_size, section_count, section_names;
};

#define ELF_PT_LOAD 1
#define ELF_PT_NOTE 4

struct elf_segment {
	uint32_t type;
	uint64_t offset, file_size; /* inside the file, unless the file is truncated */
	uint64_t physical, virtual, memory_size;
	uint64_t alignment;
};

/* Does `data` begin like an ELF file? */
bool elf_probe(const void *data, size_t size);

/*
 * Check the file header. All looks at the image draw from `budget`. Returns 0, -ERR_TRUNCATED,
 * -ERR_UNSUPPORTED or -ERR_INVALID; `*problem` is then a sentence.
 */
int must_check elf_open(const void *data, size_t size, struct budget *budget, struct elf_image *elf,
                        const char **problem);

/*
 * Program header `index` (below elf->count). Offsets and sizes are as found. All zero, which is no
 * type of interest, when the budget is used up.
 */
struct elf_segment elf_segment(const struct elf_image *elf, unsigned index);

/*
 * Find note `type` of `owner` in the PT_NOTE segments and return its descriptor's first
 * 4 or 8 bytes as a number. -ERR_NOT_FOUND; -ERR_INVALID if it is shorter than 4 bytes.
 */
int must_check elf_note_number(const struct elf_image *elf, const char *owner, uint32_t type,
                               uint64_t *value);

#endif
