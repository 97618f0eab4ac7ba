/* SPDX-License-Identifier: MIT */
/*
 * One page-table walker and editor for 4-level tables of 512 entries; the
 * formats are data. Used for the monitor's own tables, EPT, and the guest
 * map's radix tree. (The guest's own tables are read by mm/guest_paging.h: they
 * live in guest memory and come in other shapes.)
 *
 * Locking: the table's owner serialises changes. The processor, and
 * page_table_find(), may read at any time: entries change in one store.
 */
#ifndef MM_PAGING_H
#define MM_PAGING_H

#include "lib/types.h"

#define PAGING_LEVELS       4
#define PAGING_INDEX_BITS   9
#define PAGING_ENTRIES      512
#define PAGING_SHIFT(level) (PAGE_SHIFT + PAGING_INDEX_BITS * (level))
#define PAGING_SIZE(level)  BIT(PAGING_SHIFT(level)) /* of a page at `level`: 4 KiB, 2 MiB, 1 GiB */

#define PAGING_ADDRESS 0x000ffffffffff000UL /* bits 51:12 in every format */

/* Levels at which a leaf may stand, or-ed. */
#define PAGES_4K BIT(0)
#define PAGES_2M BIT(1)
#define PAGES_1G BIT(2)

/* SDM Vol. 3A "Memory Types That Can Be Encoded in MTRRs", Vol. 3C "EPT and Memory Typing". */
#define MEMORY_TYPE_UC 0
#define MEMORY_TYPE_WC 1
#define MEMORY_TYPE_WT 4
#define MEMORY_TYPE_WP 5
#define MEMORY_TYPE_WB 6

/* What a mapping allows and how memory behaves; each format turns it into bits. */
struct page_attributes {
	bool read, write, execute;
	uint8_t memory_type; /* MEMORY_TYPE_* */
	uint8_t software;    /* guest map: enum guest_type */
};

struct paging_format {
	const char *name;
	bool sign_extended; /* addresses are canonical linear ones; else they lie below 2^48 */
	uint64_t present;   /* an entry with any of these bits is present */
	uint64_t large;     /* tells a leaf from a table above level 0 */
	uint64_t table;     /* bits of an entry that points to a table */
	uint64_t leaf;      /* bits of every leaf, beside those below */
	uint64_t read, write, execute, no_execute; /* bits for what is allowed, and for what is not */
	uint64_t status;                           /* bits that the processor sets: accessed, dirty */
	uint64_t memory_type_mask;
	uint64_t memory_type[8]; /* bits for each MEMORY_TYPE_*; ~0: not to be had */
	uint8_t software_shift;  /* where page_attributes.software stands ... */
	uint64_t software_mask;  /* ... and its bits there; 0: the format has none */
};

extern const struct paging_format paging_host;
extern const struct paging_format paging_ept;
extern const struct paging_format paging_guest_map;

/* A tree of tables in one format. */
struct page_table {
	const struct paging_format *format;
	unsigned pages; /* PAGES_*: the sizes to use */
	hpa_t root;
	hpa_t retired;   /* tables that were taken out and wait for a flush, linked through entry 0 */
	uint16_t owner;  /* of the frames that hold tables */
	hpa_t spare;     /* tables that page_table_reserve() took, linked in the same way */
	bool keeps;      /* it keeps those that it needs no more */
	uint64_t tables; /* frames in use, the root, retired and spare ones included */
};

struct page_mapping {
	bool present;
	unsigned level; /* where the walk ended; a leaf if present */
	uint64_t entry;
	uint64_t virt; /* start of the page or hole */
	hpa_t phys;    /* of `virt`, if present */
	uint64_t size; /* of the page or hole */
};

/*
 * Said by every change that takes a permission, a mapping or a table away: what TLBs
 * may still hold must be flushed on all processors before page_table_flushed(), and
 * before any frame that was mapped is reused.
 */
typedef struct {
	bool owed;
} flush_t;

#define FLUSH_NONE ((flush_t){false})

int must_check page_table_create(struct page_table *table, const struct paging_format *format, unsigned pages,
                                 uint16_t owner);

/*
 * Take `count` frames now, so that so many tables can be made later whatever others take. From then
 * on tables that are given back stay with their owner. -ERR_NO_MEMORY: it may have some of them.
 */
int must_check page_table_reserve(struct page_table *table, uint64_t count);

/* Free all table frames (not what leaves point to). No processor uses the table any more. */
void page_table_destroy(struct page_table *table);

/*
 * Map [virt, virt + size) to [phys, ...), in the largest pages that alignment and
 * table->pages allow; splits larger pages in the way, replaces what was there. A table
 * in the place of a large page is retired: see page_table_flushed(). Page-aligned arguments.
 * `flush` becomes owed when something that was present changed, and stays as it is otherwise.
 *
 * -ERR_INVALID: misaligned. -ERR_OUT_OF_RANGE: not inside the format's address space.
 * -ERR_UNSUPPORTED: a memory type that the format lacks. -ERR_NO_MEMORY leaves the
 * range partly mapped (callers drop it or retry).
 */
int must_check page_table_map(struct page_table *table, uint64_t virt, hpa_t phys, uint64_t size,
                              struct page_attributes attributes, flush_t *flush);

/* Remove exactly [virt, virt + size). Errors as page_table_map(); splitting may need memory. */
int must_check page_table_unmap(struct page_table *table, uint64_t virt, uint64_t size, flush_t *flush);

/*
 * Remove every page that touches [virt, virt + size), whole. For caches, which refill: cannot fail.
 */
flush_t must_check page_table_drop(struct page_table *table, uint64_t virt, uint64_t size);

/* The flush that was owed is done, on every processor: give retired tables back. */
void page_table_flushed(struct page_table *table);

/*
 * Cut the large page at `virt`, if there is one, into pages of the next smaller size, which may
 * also be executed if `execute`. -ERR_NO_MEMORY.
 */
int must_check page_table_split(struct page_table *table, uint64_t virt, bool execute);

/*
 * The leaf for one address, and its level; 0: nothing is present there, and PAGING_SIZE(level) is
 * the hole's size. The short form of the next.
 */
uint64_t page_table_entry(const struct page_table *table, uint64_t virt, unsigned *level);

/* Look up one address. Outside of the format's address space nothing is present. */
struct page_mapping page_table_find(const struct page_table *table, uint64_t virt);

/* The format's own bits of a leaf: page_attributes.software. */
static inline uint8_t page_entry_software(const struct paging_format *format, uint64_t entry)
{
	return (entry & format->software_mask) >> format->software_shift;
}

#endif
