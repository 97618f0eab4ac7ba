/* SPDX-License-Identifier: MIT */
/*
 * A VM's extended page tables: a cache of its guest map. Starts empty; EPT
 * violations fill it (ept_fault), and throwing any part or all of it away is
 * always correct. What is mapped is always what the guest map says: as a listener
 * of the map, it drops a range before that changes.
 *
 * Locking: the VM's owner serialises.
 */
#ifndef MM_EPT_H
#define MM_EPT_H

#include "mm/guest_map.h"
#include "mm/paging.h"

/* What the CPU can do: SDM Vol. 3D "VPID and EPT Capabilities", IA32_VMX_EPT_VPID_CAP. */
struct ept_features {
	bool pages_2m, pages_1g;
	bool accessed_dirty; /* maintain accessed and dirty flags */
	bool small_code;     /* it must not execute large pages: iTLB multihit, CVE-2018-12207 */
};

struct ept {
	struct page_table table;
	struct guest_map_listener listener; /* to the map that it caches */
	bool accessed_dirty;
	uint64_t faults; /* served by ept_fault() */
};

/*
 * At boot, before the first ept_create(), with what the CPUs have. Until then only 4 KiB pages are
 * used.
 */
void ept_setup(struct ept_features cpu);

/*
 * A cache of `map`, whose owner owns its frames too: for what is RAM or ROM now, it takes all the
 * tables at once that it can ever need. -ERR_NO_MEMORY.
 */
int must_check ept_create(struct ept *ept, struct guest_map *map);

/* No processor uses or caches the tables any more. */
void ept_destroy(struct ept *ept);

/*
 * Map the largest page around `gpa` that the guest map's extent and the CPU allow: RAM
 * readable, writable and executable, ROM readable and executable, both write-back. No flush
 * is owed, and doing it again is harmless. -ERR_NOT_FOUND: no RAM or ROM there. -ERR_NO_MEMORY.
 *
 * A write to ROM faults again after this: the caller looks at guest_map_find() first. With
 * `small_code`, a fetch from a large page does, too: see ept_fetch().
 */
int must_check ept_fault(struct ept *ept, const struct guest_map *map, gpa_t gpa);

/*
 * The same for an instruction fetch. With `small_code`, the 2 MiB around `gpa` become executable
 * pages of 4 KiB. At most two tables are made, and never more than 4 KiB pages need in any case.
 */
int must_check ept_fetch(struct ept *ept, const struct guest_map *map, gpa_t gpa);

/*
 * Throw away every page that touches [gpa, gpa + size): multiples of PAGE_SIZE, below 2^48. A flush
 * is also owed for tables that ept_fault() has replaced since the last ept_flushed().
 */
flush_t must_check ept_drop(struct ept *ept, gpa_t gpa, uint64_t size);

/* After INVEPT on every processor that ran the VM: free the tables that were thrown away. */
void ept_flushed(struct ept *ept);

/*
 * The VMCS field: SDM Vol. 3C "Extended-Page-Table Pointer (EPTP)". Constant for the life of `ept`.
 */
uint64_t ept_pointer(const struct ept *ept);

#endif
