/* SPDX-License-Identifier: MIT */
/* The guest map's radix tree: read by the monitor alone, so the bits are our own. */
#include "mm/paging.h"

#define PRESENT BIT(0)
#define LARGE   BIT(1)

#define SOFTWARE_SHIFT 2

const struct paging_format paging_guest_map = {
	.name = "guest map",
	.present = PRESENT,
	.large = LARGE,
	.table = PRESENT,
	.leaf = PRESENT,
	.software_shift = SOFTWARE_SHIFT,
	.software_mask = 0xffUL << SOFTWARE_SHIFT,
};
