/* SPDX-License-Identifier: MIT */
#include "guests/loaders/elf.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/string.h"

#define EM_386    3
#define EM_X86_64 62
#define ET_EXEC   2
#define ET_DYN    3

struct packed elf32_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version, entry, phoff, shoff, flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct packed elf64_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct packed elf32_program {
	uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};

struct packed elf64_program {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct packed elf_note {
	uint32_t name_size, desc_size, type;
};

#define IDENT_CLASS   4
#define IDENT_DATA    5
#define IDENT_VERSION 6
#define CLASS_32      1
#define CLASS_64      2
#define DATA_LITTLE   1

bool elf_probe(const void *data, size_t size)
{
	return size >= 4 && memcmp(data, "\177ELF", 4) == 0;
}

static int elf_check_ident(const uint8_t *ident, uint16_t type, uint16_t machine, const char **problem)
{
	if (ident[IDENT_DATA] != DATA_LITTLE || ident[IDENT_VERSION] != 1 ||
	    (machine != EM_386 && machine != EM_X86_64)) {
		*problem = "the ELF file is not for an x86 processor; use a kernel built for x86";
		return -ERR_UNSUPPORTED;
	}
	if (type != ET_EXEC && type != ET_DYN) {
		*problem =
			"the ELF file is no executable (an object file or a core dump); use a linked kernel";
		return -ERR_UNSUPPORTED;
	}
	return 0;
}

int elf_open(const void *data, size_t size, struct budget *budget, struct elf_image *elf,
             const char **problem)
{
	const uint8_t *ident = data;
	struct elf64_header h64;
	struct elf32_header h32;
	size_t smallest;
	int error;

	*elf = (struct elf_image){.budget = budget, .data = data, .size = size};
	*problem = "the ELF file is truncated within its headers; fetch or build it again";
	if (size < sizeof(h32))
		return -ERR_TRUNCATED;
	elf->is_64 = ident[IDENT_CLASS] == CLASS_64;
	if (elf->is_64) {
		if (size < sizeof(h64))
			return -ERR_TRUNCATED;
		memcpy(&h64, data, sizeof(h64));
		error = elf_check_ident(ident, h64.type, h64.machine, problem);
		elf->entry = h64.entry;
		elf->table = h64.phoff;
		elf->entry_size = h64.phentsize;
		elf->count = h64.phnum;
		elf->sections = h64.shoff;
		elf->section_size = h64.shentsize;
		elf->section_count = h64.shnum;
		elf->section_names = h64.shstrndx;
		smallest = sizeof(struct elf64_program);
	} else {
		memcpy(&h32, data, sizeof(h32));
		error = elf_check_ident(ident, h32.type, h32.machine, problem);
		elf->entry = h32.entry;
		elf->table = h32.phoff;
		elf->entry_size = h32.phentsize;
		elf->count = h32.phnum;
		elf->sections = h32.shoff;
		elf->section_size = h32.shentsize;
		elf->section_count = h32.shnum;
		elf->section_names = h32.shstrndx;
		smallest = sizeof(struct elf32_program);
	}
	if (error)
		return error;
	if ((!elf->is_64 && ident[IDENT_CLASS] != CLASS_32) || elf->count == 0 ||
	    elf->count > ELF_SEGMENTS_MAX || elf->entry_size < smallest) {
		*problem = "the ELF file's header is corrupt; fetch or build it again";
		return -ERR_INVALID;
	}
	if (!range_within(elf->table, (uint64_t)elf->count * elf->entry_size, size))
		return -ERR_TRUNCATED;
	return 0;
}

struct elf_segment elf_segment(const struct elf_image *elf, unsigned index)
{
	const uint8_t *at = elf->data + elf->table + (size_t)index * elf->entry_size;
	struct elf64_program p64;
	struct elf32_program p32;

	if (!budget_draw(elf->budget, BUDGET_HEADER))
		return (struct elf_segment){0};
	if (elf->is_64) {
		memcpy(&p64, at, sizeof(p64));
		return (struct elf_segment){p64.type,  p64.offset, p64.filesz, p64.paddr,
		                            p64.vaddr, p64.memsz,  p64.align};
	}
	memcpy(&p32, at, sizeof(p32));
	return (struct elf_segment){p32.type,  p32.offset, p32.filesz, p32.paddr,
	                            p32.vaddr, p32.memsz,  p32.align};
}

/* Look through `size` bytes of notes whose parts are padded to `alignment`. */
static int elf_find_note(struct budget *budget, const uint8_t *notes, uint64_t size, uint64_t alignment,
                         const char *owner, uint32_t type, uint64_t *value)
{
	size_t owner_size = strlen(owner) + 1;
	uint64_t at = 0;

	while (range_within(at, sizeof(struct elf_note), size) && budget_draw(budget, BUDGET_HEADER)) {
		struct elf_note note;
		uint64_t desc;

		memcpy(&note, notes + at, sizeof(note));
		desc = ALIGN_UP(sizeof(note) + note.name_size, alignment);
		if (!range_within(desc, note.desc_size, size - at))
			break;
		if (note.type == type && note.name_size == owner_size &&
		    memcmp(notes + at + sizeof(note), owner, owner_size) == 0) {
			if (note.desc_size < 4)
				return -ERR_INVALID;
			*value = 0;
			memcpy(value, notes + at + desc, note.desc_size < 8 ? 4 : 8);
			return 0;
		}
		at += ALIGN_UP(desc + note.desc_size, alignment);
	}
	return -ERR_NOT_FOUND;
}

int elf_note_number(const struct elf_image *elf, const char *owner, uint32_t type, uint64_t *value)
{
	for (unsigned i = 0; i < elf->count; i++) {
		struct elf_segment segment = elf_segment(elf, i);
		const uint8_t *notes;
		uint64_t alignment = segment.alignment == 8 ? 8 : 4;
		int result;

		if (segment.type != ELF_PT_NOTE ||
		    !range_within(segment.offset, segment.file_size, elf->size))
			continue;
		notes = elf->data + segment.offset;
		result = elf_find_note(elf->budget, notes, segment.file_size, alignment, owner, type, value);
		/* Linkers put notes of 4 and of 8 into one segment and mark it with the larger. */
		if (result == -ERR_NOT_FOUND)
			result = elf_find_note(elf->budget, notes, segment.file_size, alignment ^ 12, owner,
			                       type, value);
		if (result != -ERR_NOT_FOUND)
			return result;
	}
	return -ERR_NOT_FOUND;
}
