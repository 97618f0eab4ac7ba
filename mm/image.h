/* The parts of the monitor's image, as linker.ld lays them out, and their rights: W^X. */
#ifndef MM_IMAGE_H
#define MM_IMAGE_H

#include "lib/types.h"

struct image_section {
	uintptr_t start, end; /* linear, page-aligned: IMAGE_BASE + host-physical address */
	bool write, execute;
};

#define IMAGE_SECTIONS 3

/* Host tests bring their own. */
extern const struct image_section image_sections[IMAGE_SECTIONS];

#endif
