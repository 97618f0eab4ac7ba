/* SPDX-License-Identifier: MIT */
/*
 * The monitor's own tables: SDM Vol. 3A "4-Level Paging and 5-Level Paging". With HOST_PAT
 * (mm/host_map.h) PWT and PCD alone choose the type. So the PAT bit, which moves with the page
 * size, stays clear.
 */
#include "mm/paging.h"

#define PRESENT       BIT(0)
#define WRITABLE      BIT(1)
#define WRITE_THROUGH BIT(3) /* PWT */
#define CACHE_DISABLE BIT(4) /* PCD */
#define ACCESSED      BIT(5)
#define DIRTY         BIT(6)
#define PAGE_SIZE_BIT BIT(7)
#define NO_EXECUTE    BIT(63)

const struct paging_format paging_host = {
	.name = "host",
	.sign_extended = true,
	.present = PRESENT,
	.large = PAGE_SIZE_BIT,
	.table = PRESENT | WRITABLE,
	.leaf = PRESENT,
	.write = WRITABLE,
	.no_execute = NO_EXECUTE,
	.status = ACCESSED | DIRTY,
	.memory_type_mask = WRITE_THROUGH | CACHE_DISABLE,
	/* clang-format off */
	.memory_type = {
		[MEMORY_TYPE_UC] = WRITE_THROUGH | CACHE_DISABLE,
		[MEMORY_TYPE_WC] = WRITE_THROUGH,
		[2]              = ~0UL,
		[3]              = ~0UL,
		[MEMORY_TYPE_WT] = ~0UL,
		[MEMORY_TYPE_WP] = ~0UL,
		[MEMORY_TYPE_WB] = 0,
		[7]              = ~0UL,
	},
	/* clang-format on */
};
