/* SPDX-License-Identifier: MIT */
#include "mm/paging.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/panic.h"
#include "mm/frames.h"

#define ADDRESS_BITS PAGING_SHIFT(PAGING_LEVELS)
#define TOP          (PAGING_LEVELS - 1)

static uint64_t *table_entries(hpa_t table)
{
	return hpa_to_pointer(table);
}

static uint64_t *slot_of(hpa_t table, uint64_t virt, unsigned level)
{
	return &table_entries(table)[virt >> PAGING_SHIFT(level) & (PAGING_ENTRIES - 1)];
}

/* The processor may walk the tables at any moment: one store, after everything that it leads to. */
static void entry_store(uint64_t *slot, uint64_t entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

static bool entry_is_present(const struct paging_format *format, uint64_t entry)
{
	return entry & format->present;
}

static bool entry_is_leaf(const struct paging_format *format, uint64_t entry, unsigned level)
{
	return level == 0 || entry & format->large;
}

static bool valid_address(const struct paging_format *format, uint64_t virt)
{
	if (format->sign_extended)
		return (uint64_t)((int64_t)(virt << (64 - ADDRESS_BITS)) >> (64 - ADDRESS_BITS)) == virt;
	return virt >> ADDRESS_BITS == 0;
}

static int table_check_range(const struct paging_format *format, uint64_t virt, uint64_t size)
{
	uint64_t last;

	if (!size || (virt | size) % PAGE_SIZE)
		return -ERR_INVALID;
	if (add_overflows(virt, size - 1, &last) || !valid_address(format, virt) ||
	    !valid_address(format, last) || (virt ^ last) >> 63)
		return -ERR_OUT_OF_RANGE;
	return 0;
}

static hpa_t table_alloc(struct page_table *table)
{
	hpa_t hpa = table->spare;

	if (hpa) {
		table->spare = table_entries(hpa)[0];
		frames_clear(hpa, PAGE_SIZE);
		return hpa;
	}
	hpa = frames_alloc(FRAME_ORDER_4K, table->owner, FRAME_TABLE);
	if (hpa)
		table->tables++;
	return hpa;
}

int page_table_reserve(struct page_table *table, uint64_t count)
{
	table->keeps |= count > 0;
	while (count--) {
		hpa_t hpa = frames_alloc(FRAME_ORDER_4K, table->owner, FRAME_TABLE);

		if (!hpa)
			return -ERR_NO_MEMORY;
		table->tables++;
		table_entries(hpa)[0] = table->spare;
		table->spare = hpa;
	}
	return 0;
}

static void table_free_list(struct page_table *table, hpa_t *list)
{
	while (*list) {
		hpa_t hpa = *list;

		*list = table_entries(hpa)[0];
		frames_free(hpa, FRAME_ORDER_4K);
		table->tables--;
	}
}

static uint64_t entry_make_leaf(const struct paging_format *format, hpa_t phys, unsigned level,
                                struct page_attributes attributes)
{
	return phys | format->leaf | (level ? format->large : 0) | (attributes.read ? format->read : 0) |
	       (attributes.write ? format->write : 0) |
	       (attributes.execute ? format->execute : format->no_execute) |
	       (format->memory_type[attributes.memory_type & 7] & format->memory_type_mask) |
	       ((uint64_t)attributes.software << format->software_shift & format->software_mask);
}

/*
 * Set the tables below `entry` aside until they are flushed. Each is linked through
 * its entry 0, with a value that no format takes for present. Recursion ends with the levels.
 */
static void table_retire(struct page_table *table, uint64_t entry, unsigned level)
{
	uint64_t *sub;

	if (!entry_is_present(table->format, entry) || entry_is_leaf(table->format, entry, level))
		return;
	sub = table_entries(entry & PAGING_ADDRESS);
	for (unsigned i = 0; i < PAGING_ENTRIES && level > 1; i++) /* level 0 has leaves alone */
		table_retire(table, sub[i], level - 1);
	entry_store(&sub[0], table->retired);
	table->retired = entry & PAGING_ADDRESS;
}

/* Replace what `slot` holds. The processor's own bits do not count as a change. */
static void entry_replace(struct page_table *table, uint64_t *slot, unsigned level, uint64_t entry,
                          flush_t *flush)
{
	uint64_t old = __atomic_exchange_n(slot, entry, __ATOMIC_ACQ_REL);

	if (entry_is_present(table->format, old) && (old ^ entry) & ~table->format->status)
		flush->owed = true;
	table_retire(table, old, level);
}

/* The pages also get the bits `more`. */
static int entry_split(struct page_table *table, uint64_t *slot, unsigned level, uint64_t more)
{
	uint64_t leaf = *slot | more;
	hpa_t hpa = table_alloc(table);
	uint64_t *sub;

	if (!hpa)
		return -ERR_NO_MEMORY;
	if (level == 1)
		leaf &= ~table->format->large;
	sub = table_entries(hpa);
	for (unsigned i = 0; i < PAGING_ENTRIES; i++)
		sub[i] = leaf + i * PAGING_SIZE(level - 1);
	entry_store(slot, hpa | table->format->table);
	return 0;
}

/*
 * The slot for `virt` at `level`, with tables made, and large pages split, on the way. Null: no
 * memory.
 */
static uint64_t *slot_at(struct page_table *table, uint64_t virt, unsigned level)
{
	unsigned at = TOP;
	uint64_t *slot = slot_of(table->root, virt, at);

	while (at > level) {
		if (!entry_is_present(table->format, *slot)) {
			hpa_t hpa = table_alloc(table);

			if (!hpa)
				return NULL;
			entry_store(slot, hpa | table->format->table);
		} else if (entry_is_leaf(table->format, *slot, at) && entry_split(table, slot, at, 0)) {
			return NULL;
		}
		at--;
		slot = slot_of(*slot & PAGING_ADDRESS, virt, at);
	}
	return slot;
}

/* Once: another processor may change it between two looks. */
static uint64_t entry_load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_RELAXED);
}

/* The slot where a walk for `virt` ends: a leaf or nothing. */
static uint64_t *table_walk(const struct page_table *table, uint64_t virt, unsigned *level)
{
	unsigned at = TOP;
	uint64_t *slot = slot_of(table->root, virt, at);
	uint64_t entry = entry_load(slot);

	while (entry_is_present(table->format, entry) && !entry_is_leaf(table->format, entry, at)) {
		slot = slot_of(entry & PAGING_ADDRESS, virt, --at);
		entry = entry_load(slot);
	}
	*level = at;
	return slot;
}

/*
 * The highest level whose pages are among `pages`, aligned as `address`, and not larger than
 * `size`.
 */
static unsigned best_level(unsigned pages, uint64_t address, uint64_t size)
{
	unsigned level = TOP;

	while (level && (!(pages & BIT(level)) || address % PAGING_SIZE(level) || size < PAGING_SIZE(level)))
		level--;
	return level;
}

int page_table_create(struct page_table *table, const struct paging_format *format, unsigned pages,
                      uint16_t owner)
{
	*table = (struct page_table){.format = format, .pages = pages, .owner = owner};
	table->root = table_alloc(table);
	return table->root ? 0 : -ERR_NO_MEMORY;
}

void page_table_destroy(struct page_table *table)
{
	table_retire(table, table->root | table->format->table, PAGING_LEVELS);
	table->root = 0;
	table_free_list(table, &table->retired);
	table_free_list(table, &table->spare);
}

int page_table_map(struct page_table *table, uint64_t virt, hpa_t phys, uint64_t size,
                   struct page_attributes attributes, flush_t *flush)
{
	const struct paging_format *format = table->format;
	int error = table_check_range(format, virt, size);

	if (error)
		return error;
	if (phys % PAGE_SIZE)
		return -ERR_INVALID;
	if (phys & ~PAGING_ADDRESS || (phys + size - 1) & ~(PAGING_ADDRESS | (PAGE_SIZE - 1)))
		return -ERR_OUT_OF_RANGE;
	if (format->memory_type[attributes.memory_type & 7] & ~format->memory_type_mask)
		return -ERR_UNSUPPORTED;
	while (size) {
		unsigned level = best_level(table->pages, virt | phys, size);
		uint64_t *slot = slot_at(table, virt, level);

		if (!slot)
			return -ERR_NO_MEMORY;
		entry_replace(table, slot, level, entry_make_leaf(format, phys, level, attributes), flush);
		virt += PAGING_SIZE(level);
		phys += PAGING_SIZE(level);
		size -= PAGING_SIZE(level);
	}
	return 0;
}

/*
 * Take out what touches [virt, virt + size): to the page if `exact`, else whatever page it is part
 * of.
 */
static int table_take_out(struct page_table *table, uint64_t virt, uint64_t size, bool exact, flush_t *flush)
{
	while (size) {
		unsigned wanted = best_level(PAGES_4K | PAGES_2M | PAGES_1G | BIT(TOP), virt, size), level;
		uint64_t *slot = table_walk(table, virt, &level), step;

		if (level < wanted || (exact && entry_is_present(table->format, *slot))) {
			level = wanted;
			slot = slot_at(table, virt, level);
			if (!slot)
				return -ERR_NO_MEMORY;
		}
		entry_replace(table, slot, level, 0, flush);
		step = PAGING_SIZE(level) - virt % PAGING_SIZE(level);
		virt += MIN(step, size);
		size -= MIN(step, size);
	}
	return 0;
}

int page_table_unmap(struct page_table *table, uint64_t virt, uint64_t size, flush_t *flush)
{
	int error = table_check_range(table->format, virt, size);

	return error ? error : table_take_out(table, virt, size, true, flush);
}

flush_t page_table_drop(struct page_table *table, uint64_t virt, uint64_t size)
{
	flush_t flush = FLUSH_NONE;
	int error = table_check_range(table->format, virt, size);

	if (!error)
		error = table_take_out(table, virt, size, false,
		                       &flush); /* makes no tables: there is always memory */
	assert_monitor(!error);
	return flush;
}

void page_table_flushed(struct page_table *table)
{
	if (!table->keeps)
		table_free_list(table, &table->retired);
	while (table->retired) {
		hpa_t hpa = table->retired;

		table->retired = table_entries(hpa)[0];
		table_entries(hpa)[0] = table->spare;
		table->spare = hpa;
	}
}

int page_table_split(struct page_table *table, uint64_t virt, bool execute)
{
	unsigned level;
	uint64_t *slot;

	if (!valid_address(table->format, virt))
		return 0;
	slot = table_walk(table, virt, &level);
	if (level == 0 || !entry_is_present(table->format, *slot))
		return 0;
	return entry_split(table, slot, level, execute ? table->format->execute : 0);
}

uint64_t page_table_entry(const struct page_table *table, uint64_t virt, unsigned *level)
{
	uint64_t entry;

	*level = 0;
	if (!valid_address(table->format, virt))
		return 0;
	entry = entry_load(table_walk(table, virt, level));
	return entry_is_present(table->format, entry) ? entry : 0;
}

struct page_mapping page_table_find(const struct page_table *table, uint64_t virt)
{
	unsigned level;
	uint64_t entry = page_table_entry(table, virt, &level), size = PAGING_SIZE(level);

	return (struct page_mapping){
		.present = entry,
		.level = level,
		.entry = entry,
		.virt = ALIGN_DOWN(virt, size),
		.phys = entry & PAGING_ADDRESS,
		.size = size,
	};
}
