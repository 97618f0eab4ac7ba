/* SPDX-License-Identifier: MIT */
#include "mm/guest_paging.h"
#include "lib/registers.h"

/*
 * Entry bits: SDM Vol. 3A, Tables "Format of a Page-Table Entry" and their likes, the same in every
 * mode.
 */
#define ENTRY_PRESENT    BIT(0)
#define ENTRY_WRITE      BIT(1)
#define ENTRY_USER       BIT(2)
#define ENTRY_ACCESSED   BIT(5)
#define ENTRY_DIRTY      BIT(6)
#define ENTRY_PAGE_SIZE  BIT(7)
#define ENTRY_NO_EXECUTE BIT(63)

/* Bits high:low. Empty if low > high. */
#define BITS(high, low) ((low) > (high) ? 0 : (~0UL >> (63 - (high)) & ~0UL << (low)))

#define ENTRY_ADDRESS BITS(51, 12)

/* Other processors may change an entry between the walk and the setting of its bits. */
#define WALKS_MAX 8

enum paging_mode { PAGING_32, PAGING_PAE, PAGING_4_LEVEL };

struct walk_format {
	uint8_t levels; /* PAE: below the four cached entries */
	uint8_t index_bits;
	uint8_t entry_size;
};

/* clang-format off */
static const struct walk_format formats[] = {
	[PAGING_32] =      {.levels = 2, .index_bits = 10, .entry_size = 4},
	[PAGING_PAE] =     {.levels = 2, .index_bits = 9,  .entry_size = 8},
	[PAGING_4_LEVEL] = {.levels = 4, .index_bits = 9,  .entry_size = 8},
};
/* clang-format on */

struct walk {
	const struct guest_map *map;
	const struct guest_paging *paging;
	enum paging_mode mode;
	gva_t address;
	unsigned access;

	/* What the walk went through; `level` is the leaf's. */
	struct {
		gpa_t gpa;
		uint64_t entry;
	} step[4];
	unsigned level;
};

static enum paging_mode mode_of(const struct guest_paging *paging)
{
	if (!(paging->cr4 & CR4_PAE))
		return PAGING_32;
	return paging->efer & EFER_LMA ? PAGING_4_LEVEL : PAGING_PAE;
}

static unsigned shift_of(const struct walk *walk, unsigned level)
{
	return PAGE_SHIFT + formats[walk->mode].index_bits * level;
}

static bool is_user_access(const struct walk *walk)
{
	return walk->paging->cpl == 3 && !(walk->access & ACCESS_SYSTEM);
}

/* SDM Vol. 3A "Page-Fault Exceptions". `cause` is PRESENT and RESERVED. */
static struct guest_translation walk_fault(const struct walk *walk, uint32_t cause)
{
	uint64_t cr4 = walk->paging->cr4;
	bool fetch_is_told = cr4 & CR4_SMEP || (cr4 & CR4_PAE && walk->paging->efer & EFER_NXE);

	if (walk->access & ACCESS_WRITE)
		cause |= PAGE_FAULT_WRITE;
	if (is_user_access(walk))
		cause |= PAGE_FAULT_USER;
	if (walk->access & ACCESS_EXECUTE && fetch_is_told)
		cause |= PAGE_FAULT_FETCH;
	return (struct guest_translation){.error_code = cause};
}

/* Is this entry, which is no page-table entry, a page where its PS bit is set? */
static bool may_be_page(const struct walk *walk, unsigned level)
{
	if (walk->mode == PAGING_32)
		return walk->paging->cr4 & CR4_PSE;
	return level == 1 || (level == 2 && walk->paging->has_1g_pages);
}

/*
 * Bits that must be 0 in a present entry. SDM Vol. 3A, the tables of "32-Bit Paging", "PAE Paging"
 * and "4-Level Paging and 5-Level Paging".
 */
static uint64_t reserved_bits(const struct walk *walk, unsigned level, bool page)
{
	unsigned physical_bits = walk->paging->physical_bits;
	uint64_t reserved = walk->paging->efer & EFER_NXE ? 0 : ENTRY_NO_EXECUTE;

	if (walk->mode == PAGING_32) {
		/* PSE-36: bits 20:13 are address bits 39:32, as far as the processor has them. */
		return page && level ? BITS(21, MIN(physical_bits, 40U) - 19) : 0;
	}
	reserved |= walk->mode == PAGING_PAE ? BITS(62, physical_bits) : BITS(51, physical_bits);
	if (level && page)
		reserved |= BITS(shift_of(walk, level) - 1, 13);
	if (level >= 2 && !page)
		reserved |= ENTRY_PAGE_SIZE;
	return reserved;
}

/* Tables where nothing is read as all ones, as any other read there. */
static uint64_t walk_read_entry(const struct walk *walk, gpa_t gpa)
{
	unsigned size = formats[walk->mode].entry_size;
	const void *entry = guest_pointer(walk->map, gpa, size, false);

	if (size == 4)
		return entry ? __atomic_load_n((const uint32_t *)entry, __ATOMIC_RELAXED) : UINT32_MAX;
	return entry ? __atomic_load_n((const uint64_t *)entry, __ATOMIC_RELAXED) : UINT64_MAX;
}

/* False: the entry is no longer what the walk saw. Writes to tables in ROM are lost, as all are. */
static bool walk_set_bits(const struct walk *walk, unsigned level, uint64_t bits)
{
	unsigned size = formats[walk->mode].entry_size;
	uint64_t seen = walk->step[level].entry;
	uint32_t seen_32 = seen;
	void *entry;

	if ((seen & bits) == bits)
		return true;
	entry = guest_pointer(walk->map, walk->step[level].gpa, size, true);
	if (!entry)
		return true;
	if (size == 4)
		return __atomic_compare_exchange_n((uint32_t *)entry, &seen_32, seen_32 | bits, false,
		                                   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	return __atomic_compare_exchange_n((uint64_t *)entry, &seen, seen | bits, false, __ATOMIC_SEQ_CST,
	                                   __ATOMIC_RELAXED);
}

/* SDM Vol. 3A "Accessed and Dirty Flags". */
static bool set_accessed_and_dirty(const struct walk *walk)
{
	for (unsigned level = formats[walk->mode].levels; level-- > walk->level;) {
		bool dirty = level == walk->level && walk->access & ACCESS_WRITE;

		if (!walk_set_bits(walk, level, ENTRY_ACCESSED | (dirty ? ENTRY_DIRTY : 0)))
			return false;
	}
	return true;
}

/*
 * SDM Vol. 3A "Determination of Access Rights". `all`: what every entry allows; NX: what any
 * forbids.
 */
static bool walk_allows(const struct walk *walk, uint64_t all, bool no_execute)
{
	const struct guest_paging *paging = walk->paging;
	bool user_page = all & ENTRY_USER, writable = all & ENTRY_WRITE;
	bool write = walk->access & ACCESS_WRITE;

	if (walk->access & ACCESS_EXECUTE && no_execute)
		return false;
	if (is_user_access(walk))
		return user_page && (writable || !write);
	if (walk->access & ACCESS_EXECUTE)
		return !(user_page && paging->cr4 & CR4_SMEP);
	if (user_page && paging->cr4 & CR4_SMAP &&
	    (walk->access & ACCESS_SYSTEM || !(paging->rflags & RFLAGS_AC)))
		return false;
	return !write || writable || !(paging->cr0 & CR0_WP);
}

/* Where the tables begin. False: the PAE entry for this address is not present. */
static bool first_table(const struct walk *walk, gpa_t *table)
{
	const struct guest_paging *paging = walk->paging;
	uint64_t pdpte;

	switch (walk->mode) {
	case PAGING_32: *table = paging->cr3 & BITS(31, 12); return true;
	case PAGING_4_LEVEL: *table = paging->cr3 & ENTRY_ADDRESS; return true;
	case PAGING_PAE: break;
	}
	pdpte = paging->pdpte[walk->address >> 30 & 3];
	*table = pdpte & ENTRY_ADDRESS;
	return pdpte & ENTRY_PRESENT;
}

static gpa_t page_address(const struct walk *walk)
{
	uint64_t entry = walk->step[walk->level].entry, size = BIT(shift_of(walk, walk->level));
	gpa_t page = entry & ENTRY_ADDRESS & ~(size - 1);

	if (walk->mode == PAGING_32 && walk->level)
		page |= (entry & BITS(20, 13)) << 19;
	return page | (walk->address & (size - 1));
}

static struct guest_translation walk_once(struct walk *walk, bool *changed)
{
	/* cppcheck-suppress ctuuninitvar ; guest_translate() leaves out the steps alone */
	const struct walk_format *format = &formats[walk->mode];
	uint64_t all = ENTRY_USER | ENTRY_WRITE, any = 0;
	gpa_t table;

	if (!first_table(walk, &table))
		return walk_fault(walk, 0);
	for (unsigned level = format->levels - 1;; level--) {
		uint64_t index = walk->address >> shift_of(walk, level) & (BIT(format->index_bits) - 1);
		gpa_t gpa = table + index * format->entry_size;
		uint64_t entry = walk_read_entry(walk, gpa);
		bool page = level == 0 || (entry & ENTRY_PAGE_SIZE && may_be_page(walk, level));

		if (!(entry & ENTRY_PRESENT))
			return walk_fault(walk, 0);
		if (entry & reserved_bits(walk, level, page))
			return walk_fault(walk, PAGE_FAULT_PRESENT | PAGE_FAULT_RESERVED);
		all &= entry;
		any |= entry;
		walk->step[level].gpa = gpa;
		walk->step[level].entry = entry;
		walk->level = level;
		if (page)
			break;
		table = entry & ENTRY_ADDRESS;
	}
	if (!walk_allows(walk, all, any & ENTRY_NO_EXECUTE))
		return walk_fault(walk, PAGE_FAULT_PRESENT);
	*changed = !set_accessed_and_dirty(walk);
	return (struct guest_translation){
		.ok = true, .gpa = page_address(walk), .page_size = BIT(shift_of(walk, walk->level))};
}

struct guest_translation guest_translate(const struct guest_map *map, const struct guest_paging *paging,
                                         gva_t address, unsigned access)
{
	struct guest_translation translation;
	struct walk walk; /* its steps are not cleared: a walk reads those that it has written */
	bool changed = false;

	if (!(paging->cr0 & CR0_PG))
		return (struct guest_translation){.ok = true, .gpa = address, .page_size = PAGE_SIZE};
	walk.map = map;
	walk.paging = paging;
	walk.mode = mode_of(paging);
	walk.address = address;
	walk.access = access;
	/*
	 * A guest that keeps changing its entries gets the translation without the flags at last:
	 * the processor may do the same, from a TLB entry made before the change.
	 */
	for (unsigned i = 0; i < WALKS_MAX; i++) {
		translation = walk_once(&walk, &changed);
		if (!translation.ok || !changed)
			break;
	}
	return translation;
}
