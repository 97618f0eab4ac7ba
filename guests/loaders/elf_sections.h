/* SPDX-License-Identifier: MIT */
/*
 * An ELF kernel's section headers for the guest, which finds its symbols by them: System V ABI,
 * "Sections". Used by guests/ alone.
 */
#ifndef GUESTS_LOADERS_ELF_SECTIONS_H
#define GUESTS_LOADERS_ELF_SECTIONS_H

#include "guests/loaders/elf.h"
#include "guests/loaders/placing.h"

/* Has the file section headers, all of them in the file and of the size that the class has? */
bool elf_has_sections(const struct elf_image *elf);

/*
 * Write all headers to `table`, as the guest is to see them. A section that no segment brings is
 * put into `room`, and its header names the place; what does not lie in the file gets address 0.
 * Negative error with a sentence when there is no room.
 */
int must_check elf_sections_load(struct loading *loading, const struct elf_image *elf, struct extent *room,
                                 gpa_t table);

#endif
