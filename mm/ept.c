/* SPDX-License-Identifier: MIT */
#include "mm/ept.h"
#include "lib/errors.h"
#include "lib/panic.h"

/* SDM Vol. 3C "Extended-Page-Table Pointer (EPTP)". */
#define EPTP_WALK_LENGTH    ((PAGING_LEVELS - 1) << 3)
#define EPTP_ACCESSED_DIRTY BIT(6)

#define RESERVE_STEP 32 /* tables between two pauses */

static struct ept_features ept_features;

void ept_setup(struct ept_features cpu)
{
	ept_features = cpu;
}

static flush_t ept_listener_drop(struct guest_map_listener *listener, gpa_t gpa, uint64_t size)
{
	return ept_drop(container_of(listener, struct ept, listener), gpa, size);
}

static void ept_listener_flushed(struct guest_map_listener *listener)
{
	ept_flushed(container_of(listener, struct ept, listener));
}

static int ept_reserve(struct ept *ept, const struct guest_map *map)
{
	int error = 0;

	for (uint64_t left = guest_map_tables(map), step; left && !error; left -= step) {
		step = MIN(left, RESERVE_STEP);
		error = page_table_reserve(&ept->table, step);
		if (map->pause)
			map->pause();
	}
	return error;
}

int ept_create(struct ept *ept, struct guest_map *map)
{
	unsigned pages =
		PAGES_4K | (ept_features.pages_2m ? PAGES_2M : 0) | (ept_features.pages_1g ? PAGES_1G : 0);
	int error;

	*ept = (struct ept){
		.accessed_dirty = ept_features.accessed_dirty,
		.listener = {.drop = ept_listener_drop, .flushed = ept_listener_flushed},
	};
	error = page_table_create(&ept->table, &paging_ept, pages, map->tree.owner);
	if (error)
		return error;
	error = ept_reserve(ept, map);
	if (error)
		page_table_destroy(&ept->table);
	else
		guest_map_listen(map, &ept->listener);
	return error;
}

void ept_destroy(struct ept *ept)
{
	guest_map_unlisten(&ept->listener);
	page_table_destroy(&ept->table);
}

/* The largest page size that the table may use, not above `limit`. */
static uint64_t ept_page_size(const struct page_table *table, uint64_t limit)
{
	unsigned level = PAGING_LEVELS - 1;

	while (level && (!(table->pages & BIT(level)) || PAGING_SIZE(level) > limit))
		level--;
	return PAGING_SIZE(level);
}

int ept_fault(struct ept *ept, const struct guest_map *map, gpa_t gpa)
{
	struct guest_extent extent = guest_map_find(map, gpa);
	struct page_attributes attributes = {
		.read = true,
		.write = extent.type == GUEST_RAM,
		.memory_type = MEMORY_TYPE_WB,
	};
	/*
	 * Owed only for pages and tables that said the same as the new, larger page: by the
	 * invariant nothing else is in its place. Tables wait for the next ept_drop(), which owes
	 * the flush, and ept_flushed().
	 */
	flush_t same = FLUSH_NONE;
	uint64_t limit = extent.size, size;

	assert_monitor(!map->changing);
	if (extent.type != GUEST_RAM && extent.type != GUEST_ROM)
		return -ERR_NOT_FOUND;
	ept->faults++;
	if (ept_features.small_code) /* around pages that hold code, the tables stay */
		limit = MIN(limit, page_table_find(&ept->table, gpa).size);
	size = ept_page_size(&ept->table, limit);
	attributes.execute = size == PAGE_SIZE || !ept_features.small_code;
	gpa = ALIGN_DOWN(gpa, size);
	return page_table_map(&ept->table, gpa, extent.hpa + (gpa - extent.gpa), size, attributes, &same);
}

/*
 * The fault has made this processor forget the translation that it used, and another may forbid the
 * fetch once more: SDM Vol. 3C "Operations that Invalidate Cached Mappings". So no flush is owed.
 */
int ept_fetch(struct ept *ept, const struct guest_map *map, gpa_t gpa)
{
	int error = ept_fault(ept, map, gpa);
	unsigned level = error ? 0 : page_table_find(&ept->table, gpa).level;

	for (; ept_features.small_code && level && !error; level--)
		error = page_table_split(&ept->table, gpa, level == 1);
	return error;
}

/*
 * Nothing has flushed the tables that ept_fault() replaced, and the next ept_flushed() frees them.
 */
flush_t ept_drop(struct ept *ept, gpa_t gpa, uint64_t size)
{
	bool replaced = ept->table.retired;
	flush_t flush = page_table_drop(&ept->table, gpa, size);

	flush.owed |= replaced;
	return flush;
}

void ept_flushed(struct ept *ept)
{
	page_table_flushed(&ept->table);
}

uint64_t ept_pointer(const struct ept *ept)
{
	return ept->table.root | MEMORY_TYPE_WB | EPTP_WALK_LENGTH |
	       (ept->accessed_dirty ? EPTP_ACCESSED_DIRTY : 0);
}
