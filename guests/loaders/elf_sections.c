/* SPDX-License-Identifier: MIT */
#include "guests/loaders/elf_sections.h"
#include "lib/checked.h"
#include "lib/string.h"

#define SHT_NULL   0
#define SHT_NOBITS 8
#define SHF_ALLOC  2

#define SECTIONS_AT_ONCE 16 /* headers in one copy */

struct packed elf32_section {
	uint32_t name, type, flags, address, offset, size, link, info, alignment, entry_size;
};

struct packed elf64_section {
	uint32_t name, type;
	uint64_t flags, address, offset, size;
	uint32_t link, info;
	uint64_t alignment, entry_size;
};

_Static_assert(sizeof(struct elf32_section) == 40 && sizeof(struct elf64_section) == 64, "section headers");

bool elf_has_sections(const struct elf_image *elf)
{
	size_t size = elf->is_64 ? sizeof(struct elf64_section) : sizeof(struct elf32_section);

	return elf->sections && elf->section_count && elf->section_size == size &&
	       range_within(elf->sections, elf->section_count * size, elf->size);
}

/* Put a section's contents where there is room; `*address` is 0 if the file does not have it. */
static int elf_section_load_contents(struct loading *loading, const struct elf_image *elf, uint64_t offset,
                                     uint64_t size, uint64_t alignment, struct extent *room, gpa_t *address)
{
	bool usable = alignment && alignment <= PAGE_SIZE && !(alignment & (alignment - 1));
	int error;

	*address = 0;
	if (!size || !range_within(offset, size, elf->size))
		return 0;
	error = placing_take(loading, room, "kernel's symbol table", size, usable ? alignment : 16, address);
	return error ? error : loading_copy(loading, *address, elf->data + offset, size);
}

static bool elf_section_needs_place(uint32_t type, uint64_t flags)
{
	return type != SHT_NULL && type != SHT_NOBITS && !(flags & SHF_ALLOC);
}

static int elf_section_load(struct loading *loading, const struct elf_image *elf, unsigned index,
                            struct extent *room, uint8_t *header)
{
	const uint8_t *at = elf->data + elf->sections + (size_t)index * elf->section_size;
	struct elf64_section s64;
	struct elf32_section s32;
	gpa_t address;
	int error = 0;

	memcpy(header, at, elf->section_size);
	if (elf->is_64) {
		memcpy(&s64, at, sizeof(s64));
		if (!elf_section_needs_place(s64.type, s64.flags))
			return 0;
		error = elf_section_load_contents(loading, elf, s64.offset, s64.size, s64.alignment, room,
		                                  &address);
		s64.address = address;
		memcpy(header, &s64, sizeof(s64));
		return error;
	}
	memcpy(&s32, at, sizeof(s32));
	if (!elf_section_needs_place(s32.type, s32.flags))
		return 0;
	error = elf_section_load_contents(loading, elf, s32.offset, s32.size, s32.alignment, room, &address);
	s32.address = (uint32_t)address;
	memcpy(header, &s32, sizeof(s32));
	return error;
}

int elf_sections_load(struct loading *loading, const struct elf_image *elf, struct extent *room, gpa_t table)
{
	uint8_t headers[SECTIONS_AT_ONCE * sizeof(struct elf64_section)];
	size_t filled = 0;
	int error = 0;

	for (unsigned i = 0; i < elf->section_count && !error; i++) {
		if (!budget_draw(&loading->budget, BUDGET_SECTION))
			return -ERR_INVALID;
		error = elf_section_load(loading, elf, i, room, headers + filled);
		filled += elf->section_size;
		if (!error && (filled + elf->section_size > sizeof(headers) || i + 1 == elf->section_count)) {
			error = loading_copy(loading, table, headers, filled);
			table += filled;
			filled = 0;
		}
	}
	return error;
}
