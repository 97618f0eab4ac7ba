/* SPDX-License-Identifier: MIT */
/* The generic page tables: mm/paging.c and its formats. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/errors.h"
#include "lib/string.h"
#include "memory.h"
#include "mm/paging.h"

#define OWNER FRAME_OWNER_FIRST_VM
#define ALL   (PAGES_4K | PAGES_2M | PAGES_1G)

static const struct page_attributes rwx = {
	.read = true, .write = true, .execute = true, .memory_type = MEMORY_TYPE_WB};
static const struct page_attributes ro = {.read = true, .memory_type = MEMORY_TYPE_WB};

static struct page_table table;
static uint64_t free_before;

/* What an entry that is a leaf allows. */
static struct page_attributes attributes_of(const struct paging_format *format, uint64_t entry)
{
	struct page_attributes attributes = {
		.read = (entry & format->read) == format->read,
		.write = (entry & format->write) == format->write,
		.execute = (entry & format->execute) == format->execute && !(entry & format->no_execute),
		.software = page_entry_software(format, entry),
	};

	while (attributes.memory_type < 7 &&
	       format->memory_type[attributes.memory_type] != (entry & format->memory_type_mask))
		attributes.memory_type++;
	return attributes;
}

static void create(const struct paging_format *format, unsigned pages)
{
	fake_memory_init(MIB(16));
	free_before = frames_stat().free;
	assert_int_equal(page_table_create(&table, format, pages, OWNER), 0);
}

static void destroy(void)
{
	page_table_destroy(&table);
	assert_int_equal(table.tables, 0);
	assert_int_equal(frames_owned(OWNER), 0);
	assert_int_equal(frames_stat().free, free_before);
}

static void map(uint64_t virt, hpa_t phys, uint64_t size, struct page_attributes attributes, bool owed)
{
	flush_t flush = FLUSH_NONE;

	assert_int_equal(page_table_map(&table, virt, phys, size, attributes, &flush), 0);
	assert_int_equal(flush.owed, owed);
}

static void unmap(uint64_t virt, uint64_t size, bool owed)
{
	flush_t flush = FLUSH_NONE;

	assert_int_equal(page_table_unmap(&table, virt, size, &flush), 0);
	assert_int_equal(flush.owed, owed);
}

/* The short form says the same. */
static void assert_entry(uint64_t virt, const struct page_mapping *mapping)
{
	unsigned level = PAGING_LEVELS;

	assert_true(page_table_entry(&table, virt, &level) == (mapping->present ? mapping->entry : 0));
	assert_int_equal(level, mapping->level);
}

static void assert_mapped(uint64_t virt, hpa_t phys, uint64_t size)
{
	struct page_mapping mapping = page_table_find(&table, virt);

	assert_entry(virt, &mapping);
	assert_true(mapping.present);
	assert_int_equal(mapping.size, size);
	assert_int_equal(mapping.virt, virt & ~(size - 1));
	assert_int_equal(mapping.phys, phys & ~(size - 1));
}

static void assert_hole(uint64_t virt, uint64_t size)
{
	struct page_mapping mapping = page_table_find(&table, virt);

	assert_entry(virt, &mapping);
	assert_false(mapping.present);
	assert_int_equal(mapping.size, size);
	assert_int_equal(mapping.virt, virt & ~(size - 1));
}

static void test_sizes(void **state)
{
	(void)state;
	create(&paging_ept, ALL);
	assert_hole(0x1234, GIB(512));
	/* 4 KiB up to 2 MiB, 2 MiB up to 1 GiB, then 1 GiB, and down again. */
	map(GIB(1) - MIB(2) - PAGE_SIZE, GIB(8) - MIB(2) - PAGE_SIZE, GIB(1) + MIB(4) + 2 * PAGE_SIZE, rwx,
	    false);
	assert_hole(GIB(1) - MIB(2) - 2 * PAGE_SIZE, PAGE_SIZE);
	assert_mapped(GIB(1) - MIB(2) - PAGE_SIZE, GIB(8) - MIB(2) - PAGE_SIZE, PAGE_SIZE);
	assert_mapped(GIB(1) - MIB(1), GIB(8) - MIB(1), MIB(2));
	assert_mapped(GIB(1) + 77777, GIB(8) + 77777, GIB(1));
	assert_mapped(GIB(2) + 4096, GIB(9) + 4096, MIB(2));
	assert_mapped(GIB(2) + MIB(2), GIB(9) + MIB(2), PAGE_SIZE);
	assert_hole(GIB(2) + MIB(2) + PAGE_SIZE, PAGE_SIZE);
	assert_hole(GIB(2) + MIB(4), MIB(2));
	assert_hole(GIB(3), GIB(1));
	assert_int_equal(table.tables, 6);
	assert_int_equal(frames_owned(OWNER), 6);
	destroy();
}

static void test_page_levels(void **state)
{
	(void)state;
	create(&paging_ept, PAGES_4K | PAGES_2M);
	map(GIB(1), GIB(1), GIB(1), rwx, false);
	assert_mapped(GIB(1), GIB(1), MIB(2));
	destroy();
	create(&paging_ept, PAGES_4K);
	map(MIB(2), MIB(2), MIB(2), rwx, false);
	assert_mapped(MIB(2), MIB(2), PAGE_SIZE);
	destroy();
	/* Without alignment of both sides no large page. */
	create(&paging_ept, ALL);
	map(MIB(2), MIB(2) + PAGE_SIZE, MIB(2), rwx, false);
	assert_mapped(MIB(2), MIB(2) + PAGE_SIZE, PAGE_SIZE);
	destroy();
}

static void test_entry_bits(void **state)
{
	/* clang-format off */
	static const struct {
		const struct paging_format *format;
		uint64_t size;
		struct page_attributes attributes;
		uint64_t bits;
	} rows[] = {
		{&paging_ept,  PAGE_SIZE, {true, true, true, MEMORY_TYPE_WB, 0},   0x77},
		{&paging_ept,  MIB(2),    {true, true, true, MEMORY_TYPE_WB, 0},   0xf7},
		{&paging_ept,  GIB(1),    {true, false, true, MEMORY_TYPE_WB, 0},  0xf5},
		{&paging_ept,  PAGE_SIZE, {true, true, false, MEMORY_TYPE_UC, 0},  0x43},
		{&paging_ept,  PAGE_SIZE, {true, false, false, MEMORY_TYPE_WC, 0}, 0x49},
		{&paging_ept,  PAGE_SIZE, {true, false, false, MEMORY_TYPE_WT, 0}, 0x61},
		{&paging_ept,  PAGE_SIZE, {true, false, false, MEMORY_TYPE_WP, 0}, 0x69},
		{&paging_host, PAGE_SIZE, {true, true, true, MEMORY_TYPE_WB, 0},   0x3},
		{&paging_host, PAGE_SIZE, {true, false, true, MEMORY_TYPE_WB, 0},  0x1},
		{&paging_host, MIB(2),    {true, true, false, MEMORY_TYPE_WB, 0},  0x8000000000000083},
		{&paging_host, GIB(1),    {true, false, false, MEMORY_TYPE_UC, 0}, 0x8000000000000099},
		{&paging_host, PAGE_SIZE, {true, true, false, MEMORY_TYPE_WC, 0},  0x800000000000000b},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct page_attributes want = rows[i].attributes, got;
		uint64_t entry;

		create(rows[i].format, ALL);
		map(GIB(1), GIB(2), rows[i].size, want, false);
		entry = page_table_find(&table, GIB(1)).entry;
		assert_int_equal(entry, GIB(2) | rows[i].bits);
		got = attributes_of(rows[i].format, entry);
		assert_true(got.read == want.read && got.write == want.write && got.execute == want.execute &&
		            got.memory_type == want.memory_type && got.software == want.software);
		destroy();
	}
}

static void test_software_bits(void **state)
{
	struct page_attributes attributes = {.software = 0xa5};
	uint64_t entry;

	(void)state;
	create(&paging_guest_map, ALL);
	map(MIB(2), MIB(4), MIB(2), attributes, false);
	entry = page_table_find(&table, MIB(2)).entry;
	assert_int_equal(attributes_of(&paging_guest_map, entry).software, 0xa5);
	assert_mapped(MIB(3), MIB(5), MIB(2));
	destroy();
}

static void test_split(void **state)
{
	(void)state;
	create(&paging_ept, ALL);
	map(GIB(1), GIB(4), GIB(1), rwx, false);
	/* Punch a hole of one page into 1 GiB. */
	unmap(GIB(1) + MIB(4) + PAGE_SIZE, PAGE_SIZE, true);
	assert_mapped(GIB(1), GIB(4), MIB(2));
	assert_mapped(GIB(2) - 1, GIB(5) - 1, MIB(2));
	assert_mapped(GIB(1) + MIB(4), GIB(4) + MIB(4), PAGE_SIZE);
	assert_hole(GIB(1) + MIB(4) + PAGE_SIZE, PAGE_SIZE);
	assert_mapped(GIB(1) + MIB(4) + 2 * PAGE_SIZE, GIB(4) + MIB(4) + 2 * PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(page_table_find(&table, GIB(1)).entry & 0xfff, 0xf7);
	assert_int_equal(page_table_find(&table, GIB(1) + MIB(4)).entry & 0xfff, 0x77);
	/* By name: one step at a time, nothing for a small page, a hole, or outside. */
	assert_int_equal(page_table_split(&table, GIB(1) + MIB(8), false), 0);
	assert_mapped(GIB(1) + MIB(8), GIB(4) + MIB(8), PAGE_SIZE);
	assert_int_equal(page_table_split(&table, GIB(1) + MIB(8), false), 0);
	assert_int_equal(page_table_split(&table, 0, false), 0);
	assert_int_equal(page_table_split(&table, BIT(50), false), 0);
	assert_int_equal(table.tables, 5);
	destroy();
}

static void test_collapse_retires(void **state)
{
	uint64_t free_frames;

	(void)state;
	create(&paging_ept, ALL);
	map(GIB(1), GIB(4), MIB(2) + PAGE_SIZE, rwx, false);
	assert_int_equal(table.tables, 4);
	map(GIB(1), GIB(4), GIB(1), rwx, true);
	assert_mapped(GIB(1) + MIB(2), GIB(4) + MIB(2), GIB(1));
	/* The two tables are kept, and read as empty at the link, until the flush is done. */
	assert_int_equal(table.tables, 4);
	assert_int_not_equal(table.retired, 0);
	assert_int_equal(*(uint64_t *)hpa_to_pointer(table.retired) & 7, 0);
	free_frames = frames_stat().free;
	page_table_flushed(&table);
	assert_int_equal(table.retired, 0);
	assert_int_equal(table.tables, 2);
	assert_int_equal(frames_stat().free, free_frames + 2);
	/* Destroyed with tables still waiting. */
	unmap(GIB(1), PAGE_SIZE, true);
	map(GIB(1), GIB(4), GIB(1), rwx, true);
	destroy();
}

static void test_flush_owed(void **state)
{
	uint64_t *entry;

	(void)state;
	create(&paging_host, ALL);
	map(MIB(2), MIB(2), PAGE_SIZE, rwx, false);
	map(MIB(2), MIB(2), PAGE_SIZE, rwx, false);
	/* What the processor set itself is no change. */
	entry = hpa_to_pointer(table.root);
	for (unsigned level = 3; level; level--)
		entry = hpa_to_pointer(entry[level == 1] & 0xffffffffff000);
	entry[0] |= 0x60;
	map(MIB(2), MIB(2), PAGE_SIZE, rwx, false);
	map(MIB(2), MIB(2), PAGE_SIZE, ro, true);
	map(MIB(2), MIB(4), PAGE_SIZE, ro, true);
	unmap(MIB(2), PAGE_SIZE, true);
	unmap(MIB(2), PAGE_SIZE, false);
	unmap(GIB(3), GIB(600), false);
	destroy();
}

static void test_unmap_whole_tables(void **state)
{
	(void)state;
	create(&paging_ept, ALL);
	map(GIB(1) - MIB(4), MIB(4), MIB(8) + PAGE_SIZE, rwx, false);
	map(GIB(600), 0, GIB(2), rwx, false);
	unmap(0, GIB(1024), true);
	assert_hole(0, GIB(512));
	assert_hole(GIB(600), GIB(512));
	page_table_flushed(&table);
	assert_int_equal(table.tables, 1);
	destroy();
}

static void test_drop(void **state)
{
	flush_t flush;

	(void)state;
	create(&paging_ept, ALL);
	map(MIB(2), MIB(2), MIB(4), rwx, false);
	map(GIB(1), GIB(1), GIB(2), rwx, false);
	flush = page_table_drop(&table, 0, MIB(2));
	assert_false(flush.owed);
	/* One page asked for: the large page that holds it goes whole, and only that. */
	flush = page_table_drop(&table, MIB(3), PAGE_SIZE);
	assert_true(flush.owed);
	assert_hole(MIB(2), MIB(2));
	assert_mapped(MIB(4), MIB(4), MIB(2));
	flush = page_table_drop(&table, MIB(4) - PAGE_SIZE, GIB(1));
	assert_true(flush.owed);
	assert_hole(MIB(4), MIB(2));
	assert_hole(GIB(1), GIB(1));
	assert_mapped(GIB(2), GIB(2), GIB(1));
	flush = page_table_drop(&table, 0, GIB(512));
	assert_true(flush.owed);
	assert_hole(GIB(2), GIB(512));
	flush = page_table_drop(&table, 0, BIT(48));
	assert_false(flush.owed);
	map(MIB(2), MIB(2), MIB(4), rwx, false);
	flush = page_table_drop(&table, 0, BIT(48));
	assert_true(flush.owed);
	assert_hole(MIB(2), GIB(512));
	page_table_flushed(&table);
	assert_int_equal(table.tables, 1);
	expect_assert_failure((void)page_table_drop(&table, 1, PAGE_SIZE).owed);
	destroy();
}

static int try_map(uint64_t virt, hpa_t phys, uint64_t size)
{
	flush_t flush = FLUSH_NONE;

	return page_table_map(&table, virt, phys, size, rwx, &flush);
}

static void test_errors(void **state)
{
	flush_t flush = FLUSH_NONE;
	struct page_attributes write_through = rwx;

	(void)state;
	create(&paging_ept, ALL);
	assert_int_equal(try_map(1, 0, PAGE_SIZE), -ERR_INVALID);
	assert_int_equal(try_map(0, 1, PAGE_SIZE), -ERR_INVALID);
	assert_int_equal(try_map(0, 0, 1), -ERR_INVALID);
	assert_int_equal(try_map(0, 0, 0), -ERR_INVALID);
	assert_int_equal(try_map(BIT(48), 0, PAGE_SIZE), -ERR_OUT_OF_RANGE);
	assert_int_equal(try_map(BIT(48) - PAGE_SIZE, 0, 2 * PAGE_SIZE), -ERR_OUT_OF_RANGE);
	assert_int_equal(try_map(BIT(48) - PAGE_SIZE, 0, PAGE_SIZE), 0);
	assert_int_equal(try_map(PAGE_SIZE, 0, -PAGE_SIZE), -ERR_OUT_OF_RANGE);
	assert_int_equal(try_map(0, BIT(52), PAGE_SIZE), -ERR_OUT_OF_RANGE);
	assert_int_equal(try_map(0, BIT(52) - PAGE_SIZE, 2 * PAGE_SIZE), -ERR_OUT_OF_RANGE);
	assert_int_equal(page_table_unmap(&table, 5, PAGE_SIZE, &flush), -ERR_INVALID);
	/* No alias of what lies 2^48 below. */
	assert_hole(BIT(49) - PAGE_SIZE, PAGE_SIZE);
	destroy();

	create(&paging_host, ALL);
	write_through.memory_type = MEMORY_TYPE_WT;
	assert_int_equal(page_table_map(&table, 0, 0, PAGE_SIZE, write_through, &flush), -ERR_UNSUPPORTED);
	assert_int_equal(try_map(BIT(47), 0, PAGE_SIZE), -ERR_OUT_OF_RANGE);
	assert_int_equal(try_map(BIT(47) - PAGE_SIZE, 0, PAGE_SIZE), 0);
	assert_int_equal(try_map(-BIT(47), 0, PAGE_SIZE), 0);
	assert_int_equal(try_map(-PAGE_SIZE, 0, PAGE_SIZE), 0);
	/* From one half of the space to the other. */
	assert_int_equal(try_map(-BIT(47), 0, BIT(47) + PAGE_SIZE), -ERR_OUT_OF_RANGE);
	assert_int_equal(try_map(0, 0, -PAGE_SIZE), -ERR_OUT_OF_RANGE);
	assert_mapped(-BIT(47), 0, PAGE_SIZE);
	unmap(-PAGE_SIZE, PAGE_SIZE, true);
	assert_hole(-PAGE_SIZE, PAGE_SIZE);
	assert_false(flush.owed);
	destroy();
}

static void test_no_memory(void **state)
{
	flush_t flush = FLUSH_NONE;
	struct page_table other;
	hpa_t last = 0, hpa;

	(void)state;
	create(&paging_ept, ALL);
	map(0, 0, GIB(1), rwx, false);
	while ((hpa = frames_alloc(0, OWNER + 1, FRAME_GUEST)))
		last = hpa;
	assert_int_equal(page_table_create(&other, &paging_ept, ALL, OWNER), -ERR_NO_MEMORY);
	assert_int_equal(try_map(GIB(512), 0, PAGE_SIZE), -ERR_NO_MEMORY);
	assert_int_equal(page_table_unmap(&table, PAGE_SIZE, PAGE_SIZE, &flush), -ERR_NO_MEMORY);
	assert_int_equal(page_table_split(&table, 0, false), -ERR_NO_MEMORY);
	assert_mapped(0, 0, GIB(1));
	/* Enough for the first step of two: what was mapped stays mapped. */
	frames_free(last, 0);
	assert_int_equal(page_table_unmap(&table, PAGE_SIZE, PAGE_SIZE, &flush), -ERR_NO_MEMORY);
	assert_false(flush.owed);
	assert_mapped(PAGE_SIZE, 0, MIB(2));
	/* Dropping needs none. */
	flush = page_table_drop(&table, PAGE_SIZE, PAGE_SIZE);
	assert_true(flush.owed);
	assert_hole(0, MIB(2));
	page_table_destroy(&table);
	assert_int_equal(frames_owned(OWNER), 0);
}

/* Random maps, unmaps and splits against a flat array of what each page should be. */
#define PAGES (MIB(16) >> PAGE_SHIFT)

static void test_random(void **state)
{
	static struct {
		hpa_t phys;
		bool present, write;
	} model[PAGES];

	(void)state;
	memset(model, 0, sizeof(model));
	create(&paging_ept, ALL);
	srand(3);
	for (unsigned step = 0; step < 3000; step++) {
		uint64_t granule = rand() % 2 ? 512 : 1 + (uint64_t)rand() % 64;
		uint64_t first = (uint64_t)rand() % PAGES / granule * granule;
		uint64_t wish = granule * (1 + (uint64_t)rand() % 2), count = MIN(wish, PAGES - first);
		hpa_t phys = GIB(1) + (first + (rand() % 4 ? 0 : (uint64_t)rand() % 1024)) * PAGE_SIZE;
		bool write = rand() % 2, owed = false;
		flush_t flush = FLUSH_NONE;
		int action = rand() % 3;

		for (uint64_t i = first; i < first + count; i++) {
			hpa_t next = phys + (i - first) * PAGE_SIZE;

			if (action == 0) {
				owed = owed || model[i].present;
				model[i].present = false;
			} else if (action == 1) {
				owed = owed || (model[i].present &&
				                (model[i].phys != next || model[i].write != write));
				model[i].present = true;
				model[i].phys = next;
				model[i].write = write;
			}
		}
		if (action == 0)
			assert_int_equal(
				page_table_unmap(&table, first * PAGE_SIZE, count * PAGE_SIZE, &flush), 0);
		else if (action == 1)
			assert_int_equal(page_table_map(&table, first * PAGE_SIZE, phys, count * PAGE_SIZE,
			                                write ? rwx : ro, &flush),
			                 0);
		else
			assert_int_equal(page_table_split(&table, first * PAGE_SIZE, false), 0);
		assert_true(flush.owed || !owed);
		if (rand() % 4 == 0)
			page_table_flushed(&table);
		for (uint64_t i = 0; i < PAGES; i++) {
			struct page_mapping found = page_table_find(&table, i * PAGE_SIZE);

			assert_int_equal(found.present, model[i].present);
			if (!found.present)
				continue;
			assert_int_equal(found.phys + i * PAGE_SIZE - found.virt, model[i].phys);
			assert_int_equal(attributes_of(&paging_ept, found.entry).write, model[i].write);
		}
	}
	destroy();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),      cmocka_unit_test(test_page_levels),
		cmocka_unit_test(test_entry_bits), cmocka_unit_test(test_software_bits),
		cmocka_unit_test(test_split),      cmocka_unit_test(test_collapse_retires),
		cmocka_unit_test(test_flush_owed), cmocka_unit_test(test_unmap_whole_tables),
		cmocka_unit_test(test_drop),       cmocka_unit_test(test_errors),
		cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("paging", tests, NULL, NULL);
}
