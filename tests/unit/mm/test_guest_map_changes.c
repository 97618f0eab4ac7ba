/* SPDX-License-Identifier: MIT */
/*
 * The order of a change of guest memory: out of the caches, out of the TLBs, and only then out of
 * the map and back to the frame allocator. mm/guest_map_changes.c, with listeners that look on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/errors.h"
#include "lib/panic.h"
#include "memory.h"
#include "mm/ept.h"

#define VM FRAME_OWNER_FIRST_VM

#define RAM MIB(2)

static struct guest_map map;
static hpa_t ram; /* of the page at 0 */

/*
 * What happened, a letter each: d drop, f flush of CPUs, F listeners told. Capital D: the second's.
 */
static char order[32];
static uint64_t flushed_cpus;
static bool owed; /* by the listeners' drops */

/* What each step finds: the map and its frames as they were before the change. */
static void note(char step)
{
	size_t length = strlen(order);

	assert_true(length + 1 < sizeof(order));
	order[length] = step;
	order[length + 1] = 0;
	assert_int_equal(guest_map_find(&map, 0).type, GUEST_RAM);
	assert_int_equal(guest_map_find(&map, 0).hpa, ram);
	assert_int_equal(frame_owner(ram), VM);
}

struct observer {
	struct guest_map_listener listener;
	char name;
	gpa_t gpa;
	uint64_t size;
};

static flush_t observer_drop(struct guest_map_listener *listener, gpa_t gpa, uint64_t size)
{
	struct observer *observer = container_of(listener, struct observer, listener);

	note(observer->name);
	observer->gpa = gpa;
	observer->size = size;
	return (flush_t){owed};
}

static void observer_flushed(struct guest_map_listener *listener)
{
	(void)listener;
	note('F');
}

static struct observer first, second;

static void flush(struct guest_map *which, uint64_t cpus)
{
	assert_ptr_equal(which, &map);
	note('f');
	flushed_cpus = cpus;
}

static struct observer observe(char name)
{
	return (struct observer){.name = name,
	                         .listener = {.drop = observer_drop, .flushed = observer_flushed}};
}

static int setup(void **state)
{
	(void)state;
	fake_memory_init(MIB(64));
	assert_int_equal(guest_map_create(&map, VM), 0);
	assert_int_equal(guest_map_add(&map, 0, RAM, GUEST_RAM), 0);
	ram = guest_map_find(&map, 0).hpa;
	map.flush = flush;
	first = observe('d');
	second = observe('D');
	guest_map_listen(&map, &first.listener);
	guest_map_listen(&map, &second.listener);
	order[0] = 0;
	flushed_cpus = 0;
	owed = true;
	guest_map_enter_cpu(&map, 1);
	guest_map_enter_cpu(&map, 5);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (map.tree.root)
		guest_map_destroy(&map);
	assert_int_equal(frames_owned(VM), 0);
	return 0;
}

#define change_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void memory_is_freed_after_drop_and_flush(void **state)
{
	(void)state;
	guest_map_destroy(&map);
	assert_string_equal(order, "dDfFF");
	assert_int_equal(flushed_cpus, BIT(1) | BIT(5));
	assert_int_equal(first.gpa, 0);
	assert_int_equal(first.size, BIT(48));
	assert_int_equal(frames_owned(VM), 0);
}

static void rights_change_after_drop_and_flush(void **state)
{
	(void)state;
	assert_int_equal(guest_map_protect(&map, PAGE_SIZE, PAGE_SIZE, GUEST_ROM), 0);
	assert_string_equal(order, "dDfFF");
	assert_int_equal(second.gpa, PAGE_SIZE);
	assert_int_equal(second.size, PAGE_SIZE);
	assert_int_equal(guest_map_find(&map, PAGE_SIZE).type, GUEST_ROM);
}

static void a_change_that_is_refused_drops_nothing(void **state)
{
	(void)state;
	assert_int_equal(guest_map_protect(&map, RAM, PAGE_SIZE, GUEST_ROM), -ERR_NOT_FOUND);
	assert_int_equal(guest_map_protect(&map, 1, PAGE_SIZE, GUEST_ROM), -ERR_INVALID);
	assert_string_equal(order, "");
}

static void no_cpu_flushes_for_what_no_cache_held(void **state)
{
	(void)state;
	owed = false;
	assert_int_equal(guest_map_protect(&map, 0, PAGE_SIZE, GUEST_RAM), 0);
	assert_string_equal(order, "dDFF");
}

static void a_cpu_is_flushed_as_long_as_one_vcpu_is_there(void **state)
{
	(void)state;
	guest_map_enter_cpu(&map, 5);
	guest_map_leave_cpu(&map, 5);
	guest_map_leave_cpu(&map, 1);
	assert_int_equal(guest_map_protect(&map, 0, PAGE_SIZE, GUEST_RAM), 0);
	assert_int_equal(flushed_cpus, BIT(5));
	guest_map_leave_cpu(&map, 5);
	order[0] = 0;
	assert_int_equal(guest_map_protect(&map, 0, PAGE_SIZE, GUEST_RAM), 0);
	assert_string_equal(order, "dDFF");
}

static void a_listener_that_left_hears_nothing(void **state)
{
	(void)state;
	guest_map_unlisten(&first.listener);
	assert_int_equal(guest_map_protect(&map, 0, PAGE_SIZE, GUEST_RAM), 0);
	assert_string_equal(order, "DfF");
}

/* EPT is one of the listeners: its pages go before the map changes, its tables after the flush. */
static void ept_drops_the_range_before_the_map_changes(void **state)
{
	struct ept ept;
	uint64_t tables;

	(void)state;
	assert_int_equal(ept_create(&ept, &map), 0);
	assert_int_equal(ept_fault(&ept, &map, 0), 0);
	tables = ept.table.tables;
	assert_true(tables > 1);
	guest_map_begin_change(&map, 0, RAM);
	assert_false(page_table_find(&ept.table, 0).present);
	guest_map_commit(&map);
	assert_int_equal(ept_fault(&ept, &map, 0), 0);
	guest_map_destroy(&map);
	assert_int_equal(ept.table.tables, tables); /* they stay its own */
	ept_destroy(&ept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		change_test(memory_is_freed_after_drop_and_flush),
		change_test(rights_change_after_drop_and_flush),
		change_test(a_change_that_is_refused_drops_nothing),
		change_test(no_cpu_flushes_for_what_no_cache_held),
		change_test(a_cpu_is_flushed_as_long_as_one_vcpu_is_there),
		change_test(a_listener_that_left_hears_nothing),
		change_test(ept_drops_the_range_before_the_map_changes),
	};

	return cmocka_run_group_tests_name("guest map changes", tests, NULL, NULL);
}
