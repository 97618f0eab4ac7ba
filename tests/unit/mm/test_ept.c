/* SPDX-License-Identifier: MIT */
/*
 * EPT as a cache of the guest map: mm/ept.c. The tables are read here by a walker of the test's
 * own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/errors.h"
#include "memory.h"
#include "mm/ept.h"

#define VM FRAME_OWNER_FIRST_VM

static struct guest_map map;
static struct ept ept;
static uint64_t free_before;

static bool small_code; /* of the features */

static void start(uint64_t memory, struct ept_features features)
{
	small_code = features.small_code;
	fake_memory_init(memory);
	free_before = frames_stat().free;
	ept_setup(features);
	assert_int_equal(guest_map_create(&map, VM), 0);
	assert_int_equal(ept_create(&ept, &map), 0);
}

static void stop(void)
{
	guest_map_destroy(&map);
	ept_destroy(&ept);
	assert_int_equal(frames_owned(VM), 0);
	assert_int_equal(frames_stat().free, free_before);
}

static void flush(flush_t owed, bool expected)
{
	assert_int_equal(owed.owed, expected);
	ept_flushed(&ept);
}

/* SDM Vol. 3C "EPT Translation Mechanism": the entry that maps `gpa`, 0 if none; its page size. */
static uint64_t leaf_of(gpa_t gpa, uint64_t *size)
{
	uint64_t table = ept_pointer(&ept) & ~0xfffUL;

	for (int shift = 39;; shift -= 9) {
		uint64_t entry = ((uint64_t *)hpa_to_pointer(table))[gpa >> shift & 511];

		*size = 1UL << shift;
		if (!(entry & 7) || shift == 12 || entry & 0x80) {
			assert_true(shift < 39 || !(entry & 0x80));
			return entry & 7 ? entry : 0;
		}
		assert_int_equal(entry & 0xfff, 7);
		table = entry & 0xffffffffff000;
	}
}

/*
 * Every leaf in [0, end) says what the map says, and stays inside one extent. Returns the bytes
 * mapped.
 */
static uint64_t check(gpa_t end)
{
	uint64_t mapped = 0;

	for (gpa_t gpa = 0; gpa < end; gpa += PAGE_SIZE) {
		uint64_t size, entry = leaf_of(gpa, &size);
		struct guest_extent extent = guest_map_find(&map, gpa);
		hpa_t hpa = (entry & 0xffffffffff000) + gpa % size;

		if (!entry)
			continue;
		mapped += PAGE_SIZE;
		assert_true(extent.type == GUEST_RAM || extent.type == GUEST_ROM);
		assert_int_equal(entry & 3, extent.type == GUEST_RAM ? 3 : 1);
		assert_int_equal(!!(entry & 4), !small_code || size == PAGE_SIZE);
		assert_int_equal(entry >> 3 & 7, MEMORY_TYPE_WB);
		assert_true(entry & 0x40);
		assert_int_equal(entry >> 52, 0);
		assert_int_equal(hpa, extent.hpa + (gpa - extent.gpa));
	}
	return mapped;
}

static void a_fault_maps_what_the_map_says(void **state)
{
	uint64_t size;

	(void)state;
	start(MIB(64), (struct ept_features){.pages_2m = true, .pages_1g = true});
	assert_int_equal(guest_map_add(&map, 0, MIB(8), GUEST_RAM), 0);
	assert_int_equal(guest_map_add(&map, MIB(8), PAGE_SIZE, GUEST_ROM), 0);
	assert_int_equal(guest_map_add(&map, MIB(9), PAGE_SIZE, GUEST_DEVICE), 0);
	assert_int_equal(leaf_of(MIB(3), &size), 0);
	assert_int_equal(ept_fault(&ept, &map, MIB(3) + 5), 0);
	assert_int_not_equal(leaf_of(MIB(3), &size), 0);
	assert_int_equal(size, MIB(2));
	assert_int_equal(ept_fault(&ept, &map, MIB(8) + 0x123), 0);
	assert_int_equal(leaf_of(MIB(8), &size) & 0xfff, 0x75);
	assert_int_equal(size, PAGE_SIZE);
	assert_int_equal(ept_fault(&ept, &map, MIB(9)), -ERR_NOT_FOUND);
	assert_int_equal(ept_fault(&ept, &map, MIB(10)), -ERR_NOT_FOUND);
	assert_int_equal(ept_fault(&ept, &map, BIT(48)), -ERR_NOT_FOUND);
	assert_int_equal(ept_fault(&ept, &map, MIB(3)), 0);
	assert_int_equal(ept.faults, 3);
	assert_int_equal(check(MIB(16)), MIB(2) + PAGE_SIZE);
	stop();
}

static void page_sizes_follow_the_processor(void **state)
{
	/* clang-format off */
	static const struct {
		struct ept_features features;
		uint64_t size;
	} rows[] = {
		{{0},                                     PAGE_SIZE},
		{{.pages_2m = true},                      MIB(2)},
		{{.pages_2m = true, .pages_1g = true},    GIB(1)},
		{{.pages_1g = true},                      GIB(1)},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t size, entry;
		gpa_t gpa = GIB(4) + MIB(37) + 0x5678;

		start(GIB(2), rows[i].features);
		assert_int_equal(guest_map_add(&map, GIB(4), GIB(1), GUEST_RAM), 0);
		assert_int_equal(guest_map_find(&map, gpa).size, GIB(1));
		assert_int_equal(ept_fault(&ept, &map, gpa), 0);
		entry = leaf_of(gpa, &size);
		assert_int_equal((entry & 0xffffffffff000) + gpa % size,
		                 guest_map_find(&map, gpa).hpa + gpa - GIB(4));
		assert_int_equal(size, rows[i].size);
		stop();
	}
}

static void no_large_page_holds_code_where_sizes_must_not_change(void **state)
{
	const struct ept_features features = {.pages_2m = true, .pages_1g = true, .small_code = true};
	uint64_t size, entry;

	(void)state;
	start(GIB(2), features);
	assert_int_equal(guest_map_add(&map, GIB(4), GIB(1), GUEST_RAM), 0);
	assert_int_equal(ept_fault(&ept, &map, GIB(4) + 8), 0);
	assert_int_equal(leaf_of(GIB(4), &size) & 7, 3);
	assert_int_equal(size, GIB(1));

	/* A fetch makes executable pages of the 2 MiB around it, and leaves the rest large. */
	assert_int_equal(ept_fetch(&ept, &map, GIB(4) + MIB(7) + 0x123), 0);
	for (gpa_t gpa = GIB(4) + MIB(6); gpa < GIB(4) + MIB(8); gpa += PAGE_SIZE) {
		entry = leaf_of(gpa, &size);
		assert_int_equal(size, PAGE_SIZE);
		assert_int_equal(entry & 7, 7);
		assert_int_equal(entry & 0xffffffffff000, guest_map_find(&map, gpa).hpa + (gpa - GIB(4)));
	}
	assert_int_equal(leaf_of(GIB(4) + MIB(6) - 1, &size) & 7, 3);
	assert_int_equal(size, MIB(2));
	assert_int_equal(ept.table.tables, 4);

	/* Doing either again changes nothing. */
	assert_int_equal(ept_fault(&ept, &map, GIB(4) + MIB(7)), 0);
	assert_int_equal(ept_fetch(&ept, &map, GIB(4) + MIB(7)), 0);
	assert_int_equal(leaf_of(GIB(4) + MIB(7), &size) & 7, 7);
	assert_int_equal(size, PAGE_SIZE);
	assert_int_equal(ept.table.tables, 4);
	stop();

	/* Where nothing was mapped, and where the next fault lies beside it. */
	start(MIB(64), features);
	assert_int_equal(guest_map_add(&map, 0, MIB(8), GUEST_RAM), 0);
	assert_int_equal(ept_fetch(&ept, &map, MIB(3)), 0);
	assert_int_equal(ept_fault(&ept, &map, MIB(4)), 0);
	assert_int_equal(check(MIB(8)), MIB(4));
	assert_int_equal(ept_fetch(&ept, &map, MIB(9)), -ERR_NOT_FOUND);
	flush(ept_drop(&ept, MIB(3), PAGE_SIZE), true);
	assert_int_equal(ept_fault(&ept, &map, MIB(3)), 0);
	assert_int_equal(leaf_of(MIB(3), &size) & 7, 7);
	assert_int_equal(leaf_of(MIB(2), &size) & 7, 7); /* no large page took its place */
	assert_int_equal(size, PAGE_SIZE);
	stop();
}

static void a_fetch_needs_no_table_where_large_pages_may_hold_code(void **state)
{
	uint64_t size;

	(void)state;
	start(MIB(64), (struct ept_features){.pages_2m = true});
	assert_int_equal(guest_map_add(&map, 0, MIB(8), GUEST_RAM), 0);
	assert_int_equal(ept_fetch(&ept, &map, MIB(3)), 0);
	assert_int_equal(leaf_of(MIB(3), &size) & 7, 7);
	assert_int_equal(size, MIB(2));
	stop();
}

static void the_pointer_holds_root_type_and_walk_length(void **state)
{
	(void)state;
	start(MIB(16), (struct ept_features){.pages_2m = true});
	assert_int_equal(ept_pointer(&ept), ept.table.root | 0x1e);
	stop();
	start(MIB(16), (struct ept_features){.accessed_dirty = true});
	assert_int_equal(ept_pointer(&ept), ept.table.root | 0x5e);
	stop();
}

static void a_drop_takes_whole_pages_out(void **state)
{
	uint64_t pointer;

	(void)state;
	start(MIB(64), (struct ept_features){.pages_2m = true});
	pointer = ept_pointer(&ept);
	assert_int_equal(guest_map_add(&map, 0, MIB(8), GUEST_RAM), 0);
	for (gpa_t gpa = 0; gpa < MIB(8); gpa += MIB(1))
		assert_int_equal(ept_fault(&ept, &map, gpa), 0);
	assert_int_equal(check(MIB(8)), MIB(8));
	flush(ept_drop(&ept, MIB(16), MIB(1)), false);
	flush(ept_drop(&ept, MIB(5), PAGE_SIZE), true);
	assert_int_equal(check(MIB(8)), MIB(6));
	flush(ept_drop(&ept, 0, BIT(48)), true);
	assert_int_equal(check(MIB(8)), 0);
	assert_int_equal(ept.table.tables, 1);
	assert_int_equal(ept_pointer(&ept), pointer);
	flush(ept_drop(&ept, 0, BIT(48)), false);
	stop();
}

/* Frames of tables stay out of circulation until the flush is done. */
static void tables_wait_for_the_flush(void **state)
{
	uint64_t owned;
	flush_t owed;

	(void)state;
	start(MIB(64), (struct ept_features){.pages_2m = true});
	assert_int_equal(guest_map_add(&map, 0, PAGE_SIZE, GUEST_RAM), 0);
	assert_int_equal(ept_fault(&ept, &map, 0), 0);
	owned = frames_owned(VM);
	owed = ept_drop(&ept, 0, BIT(48));
	assert_true(owed.owed);
	assert_int_equal(frames_owned(VM), owned);
	assert_int_equal(ept_fault(&ept, &map, 0), 0);
	assert_int_equal(frames_owned(VM), owned + 3);
	ept_flushed(&ept);
	assert_int_equal(frames_owned(VM), owned);
	stop();
}

/* A large page took the place of a table, which the processor may still walk. */
static void a_table_that_a_fault_replaced_owes_a_flush(void **state)
{
	struct guest_map small;

	(void)state;
	start(MIB(64), (struct ept_features){.pages_2m = true});
	assert_int_equal(guest_map_create(&small, VM), 0);
	assert_int_equal(guest_map_add(&small, MIB(2), PAGE_SIZE, GUEST_RAM), 0);
	assert_int_equal(ept_fault(&ept, &small, MIB(2)), 0);
	flush(ept_drop(&ept, MIB(2), PAGE_SIZE), true);
	guest_map_destroy(&small);

	assert_int_equal(guest_map_add(&map, MIB(2), MIB(2), GUEST_RAM), 0);
	assert_int_equal(ept_fault(&ept, &map, MIB(2)), 0);
	flush(ept_drop(&ept, MIB(32), PAGE_SIZE), true);
	flush(ept_drop(&ept, MIB(32), PAGE_SIZE), false);
	stop();
}

static void a_fault_without_memory_maps_nothing(void **state)
{
	struct ept other;

	(void)state;
	start(MIB(8), (struct ept_features){.pages_2m = true});
	assert_int_equal(guest_map_add(&map, MIB(2), MIB(2), GUEST_RAM), 0);
	while (frames_alloc(0, VM, FRAME_GUEST))
		;
	assert_int_equal(ept_create(&other, &map), -ERR_NO_MEMORY);
	assert_int_equal(ept_fault(&ept, &map, MIB(2)), -ERR_NO_MEMORY);
	assert_int_equal(check(MIB(8)), 0);
}

/*
 * Adds, protects, faults, unmaps and drops in random order; the cache never says what the map does
 * not.
 */
static void random_changes_leave_no_stale_page(void **state)
{
	const uint64_t end = MIB(32);

	(void)state;
	srand(11);
	for (unsigned round = 0; round < 6; round++) {
		start(MIB(128), (struct ept_features){.pages_2m = round % 3,
		                                      .pages_1g = round % 2,
		                                      .small_code = round > 2});
		for (unsigned step = 0; step < 600; step++) {
			uint64_t granule = rand() % 2 ? MIB(2) : PAGE_SIZE;
			gpa_t gpa = (uint64_t)rand() % (end / granule) * granule;
			uint64_t wish = granule * (1 + (uint64_t)rand() % 3), size = MIN(wish, end - gpa);
			enum guest_type type = GUEST_RAM + (unsigned)rand() % 3;
			flush_t owed;
			int error, action = rand() % 16;

			if (action == 0) {
				error = guest_map_add(&map, gpa, size, type);
				assert_true(error == 0 || error == -ERR_EXISTS);
			} else if (action == 1) {
				/* Takes the range out of the cache first. */
				error = guest_map_protect(&map, gpa, size, type);
				assert_true(error == 0 || error == -ERR_NOT_FOUND || error == -ERR_INVALID);
			} else if (action == 2 && rand() % 4 == 0) {
				owed = ept_drop(&ept, 0, BIT(48));
				ept_flushed(&ept);
				(void)owed;
				assert_int_equal(check(end), 0);
			} else {
				enum guest_type found = guest_map_find(&map, gpa).type;

				gpa += (uint64_t)rand() % PAGE_SIZE;
				error = rand() % 4 ? ept_fault(&ept, &map, gpa) : ept_fetch(&ept, &map, gpa);
				assert_int_equal(
					error, found == GUEST_RAM || found == GUEST_ROM ? 0 : -ERR_NOT_FOUND);
			}
			if (step % 8 == 0)
				check(end);
		}
		stop();
	}
}

/* With no frame left in the machine, each page can be mapped, and again after a drop. */
static void a_cache_owns_the_tables_that_it_can_need(void **state)
{
	static const struct {
		gpa_t gpa;
		uint64_t size;
	} pieces[] = {
		{0, MIB(1)}, {MIB(3), MIB(5)}, {GIB(1) - PAGE_SIZE, 2 * PAGE_SIZE}, {GIB(600), PAGE_SIZE}};
	hpa_t held = 0, hpa;

	(void)state;
	start(MIB(64), (struct ept_features){0});
	ept_destroy(&ept);
	for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++)
		assert_int_equal(guest_map_add(&map, pieces[i].gpa, pieces[i].size, GUEST_RAM), 0);
	assert_int_equal(guest_map_tables(&map), 7 + 3 + 2); /* for 2 MiB, 1 GiB and 512 GiB each */
	assert_int_equal(ept_create(&ept, &map), 0);
	while ((hpa = frames_alloc(FRAME_ORDER_4K, FRAME_OWNER_MONITOR, FRAME_DATA))) {
		*(hpa_t *)hpa_to_pointer(hpa) = held;
		held = hpa;
	}
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++)
			for (uint64_t at = 0; at < pieces[i].size; at += PAGE_SIZE)
				assert_int_equal(ept_fault(&ept, &map, pieces[i].gpa + at), 0);
		flush(ept_drop(&ept, 0, BIT(48)), true);
	}
	while ((hpa = held)) {
		held = *(hpa_t *)hpa_to_pointer(hpa);
		frames_free(hpa, FRAME_ORDER_4K);
	}
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_maps_what_the_map_says),
		cmocka_unit_test(page_sizes_follow_the_processor),
		cmocka_unit_test(no_large_page_holds_code_where_sizes_must_not_change),
		cmocka_unit_test(a_fetch_needs_no_table_where_large_pages_may_hold_code),
		cmocka_unit_test(the_pointer_holds_root_type_and_walk_length),
		cmocka_unit_test(a_drop_takes_whole_pages_out),
		cmocka_unit_test(a_table_that_a_fault_replaced_owes_a_flush),
		cmocka_unit_test(a_fault_without_memory_maps_nothing),
		cmocka_unit_test(tables_wait_for_the_flush),
		cmocka_unit_test(a_cache_owns_the_tables_that_it_can_need),
		cmocka_unit_test(random_changes_leave_no_stale_page),
	};

	return cmocka_run_group_tests_name("ept", tests, NULL, NULL);
}
