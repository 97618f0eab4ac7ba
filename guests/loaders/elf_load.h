/* SPDX-License-Identifier: MIT */
/* An ELF kernel's segments into a guest's memory, by physical address. Used by guests/ alone. */
#ifndef GUESTS_LOADERS_ELF_LOAD_H
#define GUESTS_LOADERS_ELF_LOAD_H

#include "guests/loaders/elf.h"
#include "guests/loaders/placing.h"

/* Is every segment whole in the file? -ERR_INVALID or -ERR_TRUNCATED with a sentence. */
int must_check elf_check_file(struct loading *loading, const struct elf_image *elf);

/*
 * Where the segments that are loaded lie, from the first to the last address; { 0, 0 } if there is
 * none.
 */
struct extent elf_span(const struct elf_image *elf);

/*
 * Check and load all segments, `shift` bytes above their physical addresses, modulo 2^64. They have
 * passed elf_check_file(). `*used` becomes what they take between 1 MiB and 3 GiB, in whole pages;
 * it begins and ends at 1 MiB if that is nothing. -ERR_INVALID or -ERR_NO_MEMORY with a sentence.
 */
int must_check elf_load(struct loading *loading, const struct elf_image *elf, uint64_t shift,
                        struct extent *used);

/* Does the physical address lie in a segment? */
bool elf_has_physical(const struct elf_image *elf, uint64_t address);

/* The physical address of virtual address `*address`, if a segment has that. */
bool must_check elf_translate(const struct elf_image *elf, uint64_t *address);

#endif
