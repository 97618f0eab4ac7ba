/* SPDX-License-Identifier: MIT */
/*
 * Translate a guest-linear address through the guest's own tables, as the
 * processor would, with the fault it would raise.
 * SDM Vol. 3A "Paging", sections "32-Bit Paging", "PAE Paging", "4-Level Paging and
 * 5-Level Paging", "Access Rights" and "Page-Fault Exceptions".
 */
#ifndef MM_GUEST_PAGING_H
#define MM_GUEST_PAGING_H

#include "mm/guest_map.h"

/* The registers that steer translation. */
struct guest_paging {
	uint64_t cr0, cr3, cr4, efer, rflags;
	uint64_t pdpte[4]; /* PAE: the four cached entries, which were checked when they were loaded */
	uint8_t cpl;
	uint8_t physical_bits; /* MAXPHYADDR that the guest sees, 32..52 */
	bool has_1g_pages;
};

#define ACCESS_WRITE   0x1
#define ACCESS_EXECUTE 0x2
#define ACCESS_SYSTEM  0x4 /* implicit supervisor access (descriptor tables), whatever CPL is */

#define PAGE_FAULT_PRESENT  0x01
#define PAGE_FAULT_WRITE    0x02
#define PAGE_FAULT_USER     0x04
#define PAGE_FAULT_RESERVED 0x08
#define PAGE_FAULT_FETCH    0x10

struct guest_translation {
	bool ok;
	gpa_t gpa;           /* if ok */
	uint64_t page_size;  /* if ok: of the guest's page (4K, 2M, 4M, 1G; 4K with paging off) */
	uint32_t error_code; /* if not: the #PF error code; CR2 is the address asked for */
};

/*
 * Sets accessed and dirty bits as the processor does (only when the access is allowed).
 * The address is linear, already canonical or within 4 GiB. Reserved bits, SMEP, SMAP
 * (with RFLAGS.AC), WP, NX, and user/supervisor are all checked; CR4.PKE and CR4.LA57 are
 * not known here, so the guest does not see them. `access` is 0 for a read.
 */
struct guest_translation guest_translate(const struct guest_map *map, const struct guest_paging *paging,
                                         gva_t address, unsigned access);

#endif
