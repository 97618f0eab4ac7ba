/* SPDX-License-Identifier: MIT */
/* Where in a guest's memory the loaders may put what. Used by guests/ alone. */
#ifndef GUESTS_LOADERS_PLACING_H
#define GUESTS_LOADERS_PLACING_H

#include "guests/loaders/loading.h"

/* Does [start, end) lie in RAM that is free for images? `memory` as in guest_memory_layout(). */
bool placing_is_free(uint64_t memory, gpa_t start, gpa_t end);

/*
 * It does not: -ERR_NO_MEMORY, and a sentence about the `what` that says what the operator can do.
 */
int must_check placing_refuse(struct loading *loading, const char *what, gpa_t start, gpa_t end);

/*
 * The lowest free address below 4 GiB that is a multiple of `alignment` (a power of two) and has
 * `size` bytes in [within.start, within.end); with `highest`, the highest. -ERR_NO_MEMORY: none.
 */
int must_check placing_find(uint64_t memory, struct extent within, uint64_t size, uint64_t alignment,
                            bool highest, gpa_t *address);

/* The image takes [start, end): note what is below 1 MiB for placing_move_handover(). */
void placing_note_low(struct loading *loading, gpa_t start, gpa_t end);

/*
 * All of the image is in its place, `used` as elf_load() leaves it. If it takes what the loaders
 * use to hand things over, find another place for that: loading_handover(). A place above 1 MiB is
 * added to `used`. -ERR_NO_MEMORY with a sentence: there is none.
 */
int must_check placing_move_handover(struct loading *loading, struct extent *used);

/* The larger of what is free below and above `image` between 1 MiB and 3 GiB, in whole pages. */
struct extent placing_room_beside(uint64_t memory, struct extent image);

/*
 * Take `size` bytes for the `what` from the start of `room`, at a multiple of `alignment` (a power
 * of two up to 4 KiB). -ERR_NO_MEMORY with a sentence when they do not fit.
 */
int must_check placing_take(struct loading *loading, struct extent *room, const char *what, uint64_t size,
                            uint64_t alignment, gpa_t *address);

#endif
