/* SPDX-License-Identifier: MIT */
/*
 * EPT: SDM Vol. 3C "The Extended Page Table Mechanism (EPT)", Tables "Format of an EPT
 * Page-Table Entry that Maps a 4-KByte Page" and its likes. Ignore-PAT is set, so that
 * the entry alone decides the memory type of a guest's RAM: a guest that
 * maps RAM uncached slows itself down, but cannot break coherence with the monitor's view.
 */
#include "mm/paging.h"

#define READ           BIT(0)
#define WRITE          BIT(1)
#define EXECUTE        BIT(2)
#define MEMORY_TYPE(n) ((uint64_t)(n) << 3)
#define IGNORE_PAT     BIT(6)
#define PAGE_SIZE_BIT  BIT(7)
#define ACCESSED       BIT(8)
#define DIRTY          BIT(9)

const struct paging_format paging_ept = {
	.name = "EPT",
	.present = READ | WRITE | EXECUTE,
	.large = PAGE_SIZE_BIT,
	.table = READ | WRITE | EXECUTE,
	.leaf = IGNORE_PAT,
	.read = READ,
	.write = WRITE,
	.execute = EXECUTE,
	.status = ACCESSED | DIRTY,
	.memory_type_mask = MEMORY_TYPE(7),
	/* clang-format off */
	.memory_type = {
		[MEMORY_TYPE_UC] = MEMORY_TYPE(MEMORY_TYPE_UC),
		[MEMORY_TYPE_WC] = MEMORY_TYPE(MEMORY_TYPE_WC),
		[2]              = ~0UL,
		[3]              = ~0UL,
		[MEMORY_TYPE_WT] = MEMORY_TYPE(MEMORY_TYPE_WT),
		[MEMORY_TYPE_WP] = MEMORY_TYPE(MEMORY_TYPE_WP),
		[MEMORY_TYPE_WB] = MEMORY_TYPE(MEMORY_TYPE_WB),
		[7]              = ~0UL,
	},
	/* clang-format on */
};
