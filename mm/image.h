/* SPDX-License-Identifier: MIT */
/* The parts of the monitor's image, as linker.ld lays them out, and their rights: W^X. */
#ifndef MM_IMAGE_H
#define MM_IMAGE_H

#include "lib/types.h"

extern const uint8_t image_start[], image_end[];
extern const uint8_t text_start[], text_end[], rodata_start[], rodata_end[], data_start[], data_end[];

struct image_section {
	uintptr_t start, end; /* linear, page-aligned: IMAGE_BASE + host-physical address */
	bool write, execute;
};

#define IMAGE_SECTIONS 3

/* Host tests bring their own. */
extern const struct image_section image_sections[IMAGE_SECTIONS];

#endif
