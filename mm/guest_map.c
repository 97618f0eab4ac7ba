/* SPDX-License-Identifier: MIT */
#include "mm/guest_map.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/panic.h"
#include "mm/frames.h"

#define GPA_LIMIT BIT(48)
/* What a step may cost, in units that a hole takes. */
#define RELEASE_STEP  30
#define RELEASE_BLOCK 10
#define RELEASE_HOLE  1

static unsigned order_of_level(unsigned level)
{
	return PAGING_INDEX_BITS * level;
}

static bool type_is_backed(enum guest_type type)
{
	return type == GUEST_RAM || type == GUEST_ROM;
}

static enum guest_type mapping_type(const struct page_mapping *mapping)
{
	return mapping->present ? page_entry_software(&paging_guest_map, mapping->entry) : GUEST_NONE;
}

/* Only the monitor reads the tree, so nothing is owed to a TLB. */
static int guest_map_set(struct guest_map *map, gpa_t gpa, hpa_t hpa, uint64_t size, enum guest_type type)
{
	flush_t flush = FLUSH_NONE;
	int error = page_table_map(&map->tree, gpa, hpa, size, (struct page_attributes){.software = type},
	                           &flush);

	page_table_flushed(&map->tree);
	map->end = MAX(map->end, gpa + size);
	return error;
}

int guest_map_create(struct guest_map *map, uint16_t owner)
{
	*map = (struct guest_map){0};
	list_init(&map->listeners);
	return page_table_create(&map->tree, &paging_guest_map, PAGES_4K | PAGES_2M | PAGES_1G, owner);
}

/*
 * Take [gpa, gpa + size), which no page crosses the edge of, out of the map, and free its frames.
 * In a change.
 */
static void guest_map_remove(struct guest_map *map, gpa_t gpa, uint64_t size)
{
	gpa_t at = gpa, end = MIN(gpa + size, map->end);

	assert_monitor(map->changing);
	while (at < end) {
		struct page_mapping mapping = page_table_find(&map->tree, at);
		enum guest_type type = mapping_type(&mapping);

		if (type_is_backed(type))
			frames_free(mapping.phys, order_of_level(mapping.level));
		if (type == GUEST_RAM)
			map->ram -= mapping.size;
		at = mapping.virt + mapping.size;
	}
	if (size)
		(void)page_table_drop(&map->tree, gpa, size).owed;
	page_table_flushed(&map->tree);
}

/* A block of 1 GiB is freed in pieces of 2 MiB, unless there is no memory for a table of them. */
static struct page_mapping guest_map_divide(struct guest_map *map, gpa_t gpa)
{
	struct page_mapping mapping = page_table_find(&map->tree, gpa);

	if (mapping.level < 2 || !type_is_backed(mapping_type(&mapping)) ||
	    page_table_split(&map->tree, gpa, false))
		return mapping;
	frames_split(mapping.phys, order_of_level(mapping.level), order_of_level(mapping.level - 1));
	return page_table_find(&map->tree, gpa);
}

bool guest_map_release(struct guest_map *map, gpa_t *from)
{
	gpa_t gpa = *from;

	for (unsigned cost = 0; cost < RELEASE_STEP && gpa < map->end;) {
		struct page_mapping mapping = guest_map_divide(map, gpa);

		cost += mapping.present ? RELEASE_BLOCK : RELEASE_HOLE;
		gpa = mapping.virt + mapping.size;
	}
	if (gpa > *from) {
		guest_map_begin_change(map, *from, gpa - *from);
		guest_map_remove(map, *from, gpa - *from);
		guest_map_commit(map);
	}
	*from = gpa;
	if (gpa < map->end)
		return false;
	map->end = 0;
	return true;
}

void guest_map_destroy(struct guest_map *map)
{
	if (map->end) { /* else all was released */
		guest_map_begin_change(map, 0, GPA_LIMIT);
		guest_map_remove(map, 0, GPA_LIMIT);
		guest_map_commit(map);
	}
	page_table_destroy(&map->tree);
}

static int guest_map_check_range(gpa_t gpa, uint64_t size)
{
	if (!size || (gpa | size) % PAGE_SIZE)
		return -ERR_INVALID;
	return range_within(gpa, size, GPA_LIMIT) ? 0 : -ERR_OUT_OF_RANGE;
}

/* Is all of [gpa, gpa + size) of `type`, or of `or_type`? */
static bool guest_map_is_all(const struct guest_map *map, gpa_t gpa, uint64_t size, enum guest_type type,
                             enum guest_type or_type)
{
	if (!range_within(gpa, size, GPA_LIMIT))
		return false;
	for (gpa_t at = gpa; at < gpa + size;) {
		struct page_mapping mapping = page_table_find(&map->tree, at);
		enum guest_type found = mapping_type(&mapping);

		if (found != type && found != or_type)
			return false;
		at = mapping.virt + mapping.size;
	}
	return true;
}

/*
 * Add the largest block to be had at the start of [gpa, gpa + size). Returns its size, or 0: no
 * memory.
 */
static uint64_t guest_map_add_block(struct guest_map *map, gpa_t gpa, uint64_t size, enum guest_type type)
{
	unsigned level = 2;
	hpa_t hpa = 0;

	for (;; level--) {
		if (gpa % PAGING_SIZE(level) == 0 && size >= PAGING_SIZE(level))
			hpa = type == GUEST_RAM
			              ? frames_alloc_uncleared(order_of_level(level), map->tree.owner,
			                                       FRAME_GUEST)
			              : frames_alloc(order_of_level(level), map->tree.owner, FRAME_GUEST);
		if (hpa || !level)
			break;
	}
	if (!hpa)
		return 0;
	if (guest_map_set(map, gpa, hpa, PAGING_SIZE(level), type)) {
		frames_free(hpa, order_of_level(level));
		return 0;
	}
	map->ram += type == GUEST_RAM ? PAGING_SIZE(level) : 0;
	return PAGING_SIZE(level);
}

int guest_map_add(struct guest_map *map, gpa_t gpa, uint64_t size, enum guest_type type)
{
	int error = guest_map_check_range(gpa, size);
	uint64_t done = 0;

	if (error)
		return error;
	if (!type_is_backed(type) && type != GUEST_DEVICE)
		return -ERR_INVALID;
	if (!guest_map_is_all(map, gpa, size, GUEST_NONE, GUEST_NONE))
		return -ERR_EXISTS;
	if (type == GUEST_DEVICE) {
		error = guest_map_set(map, gpa, gpa, size, type);
		done = size;
	}
	while (done < size && !error) {
		uint64_t step = guest_map_add_block(map, gpa + done, size - done, type);

		error = step ? 0 : -ERR_NO_MEMORY;
		done += step;
		if (map->pause)
			map->pause();
	}
	if (error) {
		guest_map_begin_change(map, gpa, size);
		guest_map_remove(map, gpa, done);
		guest_map_commit(map);
	}
	return error;
}

void guest_map_remove_device(struct guest_map *map, gpa_t gpa, uint64_t size)
{
	assert_monitor(guest_map_is_all(map, gpa, size, GUEST_DEVICE, GUEST_DEVICE));
	guest_map_begin_change(map, gpa, size);
	guest_map_remove(map, gpa, size);
	guest_map_commit(map);
}

bool guest_map_clear(const struct guest_map *map, gpa_t *from, uint64_t bytes)
{
	while (bytes && *from < map->end) {
		struct page_mapping mapping = page_table_find(&map->tree, *from);
		uint64_t offset = *from - mapping.virt, size = mapping.size - offset;

		if (mapping_type(&mapping) == GUEST_RAM) {
			size = MIN(size, bytes);
			frames_clear(mapping.phys + offset, size);
			bytes -= size;
		}
		*from += size;
	}
	return *from >= map->end;
}

/* Make sure that no page reaches from below `gpa` to above. What is there is RAM or ROM. */
static int guest_map_split_at(struct guest_map *map, gpa_t gpa)
{
	struct page_mapping mapping = page_table_find(&map->tree, gpa);

	while (mapping.present && mapping.virt != gpa) {
		int error = page_table_split(&map->tree, gpa, false);

		if (error)
			return error;
		frames_split(mapping.phys, order_of_level(mapping.level), order_of_level(mapping.level - 1));
		mapping = page_table_find(&map->tree, gpa);
	}
	return 0;
}

int guest_map_protect(struct guest_map *map, gpa_t gpa, uint64_t size, enum guest_type type)
{
	int error = guest_map_check_range(gpa, size);

	if (error)
		return error;
	if (!type_is_backed(type))
		return -ERR_INVALID;
	if (!guest_is_backed(map, gpa, size))
		return -ERR_NOT_FOUND;
	error = guest_map_split_at(map, gpa);
	if (!error)
		error = guest_map_split_at(map, gpa + size);
	if (error)
		return error;
	guest_map_begin_change(map, gpa, size);
	for (gpa_t at = gpa; at < gpa + size;) {
		struct page_mapping mapping = page_table_find(&map->tree, at);

		map->ram -= mapping_type(&mapping) == GUEST_RAM ? mapping.size : 0;
		map->ram += type == GUEST_RAM ? mapping.size : 0;
		/* A page in the place of one of its size: needs no memory. */
		error = guest_map_set(map, at, mapping.phys, mapping.size, type);
		assert_monitor(!error);
		at += mapping.size;
	}
	guest_map_commit(map);
	return 0;
}

uint64_t guest_map_tables(const struct guest_map *map)
{
	gpa_t counted[PAGING_LEVELS] = {0}; /* tables for memory below are */
	uint64_t count = 0;

	for (gpa_t at = 0; at < map->end;) {
		struct page_mapping mapping = page_table_find(&map->tree, at);

		at = mapping.virt + mapping.size;
		if (!type_is_backed(mapping_type(&mapping)))
			continue;
		for (unsigned level = 1; level < PAGING_LEVELS; level++) {
			uint64_t span = PAGING_SIZE(level);
			gpa_t from = MAX(ALIGN_DOWN(mapping.virt, span), counted[level]);

			counted[level] = ALIGN_UP(at, span);
			count += (counted[level] - from) / span;
		}
		at = MAX(at, counted[1]);
	}
	return count;
}

struct guest_extent guest_map_find(const struct guest_map *map, gpa_t gpa)
{
	struct page_mapping mapping = page_table_find(&map->tree, gpa);
	enum guest_type type = mapping_type(&mapping);

	if (type == GUEST_NONE)
		return (struct guest_extent){GUEST_NONE, ALIGN_DOWN(gpa, PAGE_SIZE), 0, PAGE_SIZE};
	return (struct guest_extent){type, mapping.virt, type_is_backed(type) ? mapping.phys : 0,
	                             mapping.size};
}

bool guest_is_backed(const struct guest_map *map, gpa_t gpa, uint64_t size)
{
	return guest_map_is_all(map, gpa, size, GUEST_RAM, GUEST_ROM);
}
