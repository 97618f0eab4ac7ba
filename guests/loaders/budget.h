/* SPDX-License-Identifier: MIT */
/*
 * What the loading of one image may cost. Every loop whose length an image chooses draws from the
 * budget, so one load stays below a millisecond whatever the image says. Once the budget is used
 * up, all loops end, and guest_load_image() refuses the image.
 */
#ifndef GUESTS_LOADERS_BUDGET_H
#define GUESTS_LOADERS_BUDGET_H

#include "lib/types.h"

struct budget {
	uint32_t left; /* 0: used up, for good */
};

/*
 * Costs are instructions, about: 100,000 take a millisecond on the slowest machine at hand. The
 * rest is for what costs the same for every image.
 */
#define BUDGET_LOAD    80000
#define BUDGET_WORD    6   /* one word looked at in a search */
#define BUDGET_HEADER  45  /* one program header, note or tag */
#define BUDGET_SECTION 80  /* one section header */
#define BUDGET_COPY    300 /* one copy into a guest's memory, and one more for each byte */

/* False: there is not so much left. */
static inline bool must_check budget_draw(struct budget *budget, uint64_t cost)
{
	bool enough = cost < budget->left;

	budget->left = enough ? budget->left - (uint32_t)cost : 0;
	return enough;
}

#endif
