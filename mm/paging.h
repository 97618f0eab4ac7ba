/*
 * One page-table walker and editor; the formats are data.
 *
 * Formats: the monitor's own tables, EPT, the guest map's radix tree, and, for
 * reading only, the guest's 32-bit, PAE and 4-level tables.
 */
#ifndef MM_PAGING_H
#define MM_PAGING_H

#include "lib/types.h"

#define PAGING_LEVELS_MAX 4

/* What a mapping allows and how memory behaves; each format turns it into bits. */
struct page_attributes {
	bool read, write, execute;
	uint8_t memory_type; /* MEMORY_TYPE_*; EPT: bits 5:3, host: PAT index chosen by the format */
	uint8_t software;    /* guest map: enum guest_type */
};

#define MEMORY_TYPE_UC 0
#define MEMORY_TYPE_WC 1
#define MEMORY_TYPE_WT 4
#define MEMORY_TYPE_WP 5
#define MEMORY_TYPE_WB 6

struct paging_format {
	const char *name;
	uint8_t levels;             /* 2, 3 or 4 */
	uint8_t entry_size;         /* 4 or 8 bytes */
	uint8_t page_levels;        /* bit n: a leaf may stand at level n (0 = 4 KiB) */
	uint8_t shift[PAGING_LEVELS_MAX]; /* bits below the index of level n */
	uint8_t index_bits[PAGING_LEVELS_MAX];
	bool (*present)(uint64_t entry);
	bool (*leaf)(uint64_t entry, unsigned level);
	uint64_t (*address)(uint64_t entry, unsigned level);
	/* For tables that we write: */
	uint64_t (*make_leaf)(hpa_t address, unsigned level, struct page_attributes attributes);
	uint64_t (*make_table)(hpa_t address);
	struct page_attributes (*attributes)(uint64_t entry, unsigned level);
};

extern struct paging_format paging_host; /* page_levels is trimmed at boot if the CPU lacks 1 GiB pages */
extern struct paging_format paging_ept;  /* likewise for EPT */
extern const struct paging_format paging_guest_map;

/* A tree of tables in one format. */
struct page_table {
	const struct paging_format *format;
	hpa_t root;
	uint16_t owner;      /* of the frames that hold tables */
	uint64_t tables;     /* frames in use, the root included */
};

struct page_mapping {
	bool present;
	unsigned level;  /* where the walk ended; a leaf if present */
	uint64_t entry;
	uint64_t virt;   /* start of the page or hole */
	hpa_t phys;      /* of `virt`, if present */
	uint64_t size;   /* of the page or hole */
	struct page_attributes attributes;
};

/*
 * Said by every change that takes a permission or a mapping away: who may still
 * hold it in a TLB must be flushed before a frame is reused.
 */
struct must_check_flush {
	bool owed;
};
typedef struct must_check_flush flush_t;

int must_check page_table_create(struct page_table *table, const struct paging_format *format, uint16_t owner);

/* Free all table frames (not what leaves point to). */
void page_table_destroy(struct page_table *table);

/*
 * Map [virt, virt + size) to [phys, ...), in the largest pages that alignment and the
 * format allow; splits larger pages in the way, replaces what was there. Page-aligned arguments.
 * -ERR_NO_MEMORY leaves the range partly mapped (callers drop or retry); `flush` may be null
 * when nothing was mapped before.
 */
int must_check page_table_map(struct page_table *table, uint64_t virt, hpa_t phys, uint64_t size,
			      struct page_attributes attributes, flush_t *flush);

/* Remove [virt, virt + size); frees tables that become empty only when destroyed. */
int must_check page_table_unmap(struct page_table *table, uint64_t virt, uint64_t size, flush_t *flush);

/* Look up one address. */
struct page_mapping page_table_find(const struct page_table *table, uint64_t virt);

#endif
