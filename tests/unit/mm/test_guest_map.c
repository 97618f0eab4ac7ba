/* SPDX-License-Identifier: MIT */
/* Guest memory: mm/guest_map.c, mm/guest_access.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/errors.h"
#include "lib/string.h"
#include "memory.h"
#include "mm/guest_map.h"

#define VM FRAME_OWNER_FIRST_VM

static struct guest_map map;
static uint64_t free_before;

static int setup(void **state)
{
	(void)state;
	fake_memory_init(MIB(64));
	free_before = frames_stat().free;
	assert_int_equal(guest_map_create(&map, VM), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	guest_map_destroy(&map);
	assert_int_equal(map.ram, 0);
	assert_int_equal(frames_owned(VM), 0);
	assert_int_equal(frames_stat().free, free_before);
	return 0;
}

static bool is_ram(gpa_t gpa, uint64_t size)
{
	for (gpa_t end = gpa + size; gpa < end;) {
		struct guest_extent extent = guest_map_find(&map, gpa);

		if (extent.type != GUEST_RAM)
			return false;
		gpa = extent.gpa + extent.size;
	}
	return true;
}

static void add(gpa_t gpa, uint64_t size, enum guest_type type)
{
	assert_int_equal(guest_map_add(&map, gpa, size, type), 0);
}

static void assert_extent(gpa_t gpa, enum guest_type type, gpa_t start, uint64_t size)
{
	struct guest_extent extent = guest_map_find(&map, gpa);

	assert_int_equal(extent.type, type);
	assert_int_equal(extent.gpa, start);
	assert_int_equal(extent.size, size);
	if (type == GUEST_RAM || type == GUEST_ROM) {
		assert_int_equal(frame_owner(extent.hpa), VM);
		assert_int_equal(frame_type(extent.hpa + extent.size - 1), FRAME_GUEST);
		assert_int_equal(extent.hpa % extent.size, 0);
	} else {
		assert_int_equal(extent.hpa, 0);
	}
}

static void test_find(void **state)
{
	(void)state;
	assert_extent(0x1234, GUEST_NONE, 0x1000, PAGE_SIZE);
	add(0, 0xa0000, GUEST_RAM);
	add(0xf0000, 0x10000, GUEST_ROM);
	add(MIB(1), MIB(11), GUEST_RAM);
	add(0xfee00000, PAGE_SIZE, GUEST_DEVICE);
	assert_extent(0x5432, GUEST_RAM, 0x5000, PAGE_SIZE);
	assert_extent(0x9ffff, GUEST_RAM, 0x9f000, PAGE_SIZE);
	assert_extent(0xa0000, GUEST_NONE, 0xa0000, PAGE_SIZE);
	assert_extent(0xfffff, GUEST_ROM, 0xff000, PAGE_SIZE);
	assert_extent(MIB(1), GUEST_RAM, MIB(1), PAGE_SIZE);
	assert_extent(MIB(5), GUEST_RAM, MIB(4), MIB(2));
	assert_extent(MIB(12), GUEST_NONE, MIB(12), PAGE_SIZE);
	assert_extent(0xfee00800, GUEST_DEVICE, 0xfee00000, PAGE_SIZE);
	assert_extent(BIT(48) + 0x5432, GUEST_NONE, BIT(48) + 0x5000, PAGE_SIZE);
	assert_extent(UINT64_MAX, GUEST_NONE, -PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(map.ram, 0xa0000 + MIB(11));
	assert_int_equal(frames_owned(VM), ((map.ram + 0x10000) >> PAGE_SHIFT) + map.tree.tables);
}

static void test_one_gib(void **state)
{
	(void)state;
	teardown(NULL);
	fake_memory_init(GIB(2));
	free_before = frames_stat().free;
	assert_int_equal(guest_map_create(&map, VM), 0);
	add(GIB(3), GIB(1), GUEST_RAM);
	assert_extent(GIB(4) - 1, GUEST_RAM, GIB(3), GIB(1));
	assert_int_equal(guest_map_protect(&map, GIB(3) + MIB(5), PAGE_SIZE, GUEST_ROM), 0);
	assert_extent(GIB(3) + MIB(5), GUEST_ROM, GIB(3) + MIB(5), PAGE_SIZE);
	assert_extent(GIB(3) + MIB(6), GUEST_RAM, GIB(3) + MIB(6), MIB(2));
}

static void test_fallback_to_smaller(void **state)
{
	static hpa_t held[MIB(64) >> PAGE_SHIFT];
	size_t count = 0;

	(void)state;
	/* Only every other frame is left. */
	while ((held[count] = frames_alloc(0, VM + 1, FRAME_GUEST)))
		count++;
	for (size_t i = 0; i < count; i++)
		if (held[i] >> PAGE_SHIFT & 1)
			frames_free(held[i], 0);
	add(MIB(2), MIB(4), GUEST_RAM);
	assert_extent(MIB(2), GUEST_RAM, MIB(2), PAGE_SIZE);
	assert_true(is_ram(MIB(2), MIB(4)));
	for (size_t i = 0; i < count; i++)
		if (!(held[i] >> PAGE_SHIFT & 1))
			frames_free(held[i], 0);
}

static void test_all_or_nothing(void **state)
{
	uint64_t owned;
	struct guest_extent extent;

	(void)state;
	add(MIB(2), MIB(2), GUEST_RAM);
	owned = frames_owned(VM);
	extent = guest_map_find(&map, MIB(2));
	assert_int_equal(guest_map_add(&map, MIB(1), MIB(2), GUEST_RAM), -ERR_EXISTS);
	assert_int_equal(guest_map_add(&map, MIB(3), PAGE_SIZE, GUEST_DEVICE), -ERR_EXISTS);
	assert_int_equal(guest_map_add(&map, 0, GIB(1), GUEST_DEVICE), -ERR_EXISTS);
	assert_int_equal(frames_owned(VM), owned);
	assert_int_equal(guest_map_add(&map, MIB(5), MIB(63), GUEST_RAM), -ERR_NO_MEMORY);
	assert_extent(MIB(5), GUEST_NONE, MIB(5), PAGE_SIZE);
	assert_extent(MIB(20), GUEST_NONE, MIB(20), PAGE_SIZE);
	assert_int_equal(map.ram, MIB(2));
	/* Nothing but tables of the tree may have stayed. */
	assert_int_equal(frames_owned(VM), (MIB(2) >> PAGE_SHIFT) + map.tree.tables);
	assert_int_equal(guest_map_find(&map, MIB(2)).hpa, extent.hpa);
	/* All but a few bytes of what is free fits: the failure above was no leak. */
	add(MIB(6), MIB(50), GUEST_RAM);
}

static void test_arguments(void **state)
{
	(void)state;
	assert_int_equal(guest_map_add(&map, 1, PAGE_SIZE, GUEST_RAM), -ERR_INVALID);
	assert_int_equal(guest_map_add(&map, 0, PAGE_SIZE + 1, GUEST_RAM), -ERR_INVALID);
	assert_int_equal(guest_map_add(&map, 0, 0, GUEST_RAM), -ERR_INVALID);
	assert_int_equal(guest_map_add(&map, 0, PAGE_SIZE, GUEST_NONE), -ERR_INVALID);
	assert_int_equal(guest_map_add(&map, BIT(48), PAGE_SIZE, GUEST_RAM), -ERR_OUT_OF_RANGE);
	assert_int_equal(guest_map_add(&map, PAGE_SIZE, -PAGE_SIZE, GUEST_RAM), -ERR_OUT_OF_RANGE);
	assert_int_equal(guest_map_add(&map, BIT(48) - PAGE_SIZE, PAGE_SIZE, GUEST_DEVICE), 0);
	assert_extent(BIT(48) - 1, GUEST_DEVICE, BIT(48) - PAGE_SIZE, PAGE_SIZE);
	assert_int_equal(guest_map_protect(&map, BIT(48) - PAGE_SIZE, PAGE_SIZE, GUEST_ROM), -ERR_NOT_FOUND);
	assert_int_equal(guest_map_protect(&map, 0, PAGE_SIZE, GUEST_ROM), -ERR_NOT_FOUND);
	assert_int_equal(guest_map_protect(&map, 0, PAGE_SIZE, GUEST_DEVICE), -ERR_INVALID);
	assert_int_equal(guest_map_protect(&map, 0, 1, GUEST_RAM), -ERR_INVALID);
	assert_int_equal(guest_map_protect(&map, BIT(50), PAGE_SIZE, GUEST_RAM), -ERR_OUT_OF_RANGE);
}

static void test_no_memory_for_tables(void **state)
{
	static hpa_t held[MIB(64) >> PAGE_SHIFT];
	struct guest_map other;
	size_t count = 0;

	(void)state;
	add(MIB(2), MIB(4), GUEST_RAM);
	while ((held[count] = frames_alloc(0, VM + 1, FRAME_GUEST)))
		count++;
	assert_int_equal(guest_map_create(&other, VM), -ERR_NO_MEMORY);
	assert_int_equal(guest_map_add(&map, 0, PAGE_SIZE, GUEST_DEVICE), -ERR_NO_MEMORY);
	assert_int_equal(guest_map_protect(&map, MIB(3), PAGE_SIZE, GUEST_ROM), -ERR_NO_MEMORY);
	/* One frame: enough for the first split of two, so nothing may change its type. */
	frames_free(held[--count], 0);
	assert_int_equal(guest_map_protect(&map, MIB(3), MIB(2), GUEST_ROM), -ERR_NO_MEMORY);
	assert_true(is_ram(MIB(2), MIB(4)));
	/* The page is to be had, the table for it is not. */
	frames_free(held[--count], 0);
	assert_int_equal(guest_map_add(&map, GIB(1), PAGE_SIZE, GUEST_RAM), -ERR_NO_MEMORY);
	assert_int_equal(map.ram, MIB(4));
	while (count)
		frames_free(held[--count], 0);
}

static void test_protect(void **state)
{
	uint8_t byte = 0x11;

	(void)state;
	add(0, MIB(8), GUEST_RAM);
	assert_extent(MIB(3), GUEST_RAM, MIB(2), MIB(2));
	assert_int_equal(guest_map_protect(&map, MIB(3), MIB(4), GUEST_ROM), 0);
	assert_extent(MIB(3) - 1, GUEST_RAM, MIB(3) - PAGE_SIZE, PAGE_SIZE);
	assert_extent(MIB(3), GUEST_ROM, MIB(3), PAGE_SIZE);
	assert_extent(MIB(5), GUEST_ROM, MIB(4), MIB(2));
	assert_extent(MIB(7) - 1, GUEST_ROM, MIB(7) - PAGE_SIZE, PAGE_SIZE);
	assert_extent(MIB(7), GUEST_RAM, MIB(7), PAGE_SIZE);
	assert_int_equal(map.ram, MIB(4));
	assert_true(is_ram(0, MIB(3)));
	assert_false(is_ram(0, MIB(3) + 1));
	assert_true(guest_is_backed(&map, 0, MIB(8)));
	guest_write(&map, MIB(3), &byte, 1);
	guest_read(&map, MIB(3), &byte, 1);
	assert_int_equal(byte, 0);
	assert_int_equal(guest_map_protect(&map, 0, MIB(8), GUEST_RAM), 0);
	assert_true(is_ram(0, MIB(8)));
	assert_int_equal(map.ram, MIB(8));
}

static void test_is_backed(void **state)
{
	(void)state;
	add(PAGE_SIZE, 2 * PAGE_SIZE, GUEST_RAM);
	assert_true(guest_is_backed(&map, PAGE_SIZE, 2 * PAGE_SIZE));
	assert_true(guest_is_backed(&map, 3 * PAGE_SIZE - 1, 1));
	assert_true(guest_is_backed(&map, 7, 0));
	assert_false(guest_is_backed(&map, PAGE_SIZE - 1, 2));
	assert_false(guest_is_backed(&map, PAGE_SIZE, 2 * PAGE_SIZE + 1));
	assert_false(guest_is_backed(&map, PAGE_SIZE, UINT64_MAX));
	assert_false(guest_is_backed(&map, UINT64_MAX, 2));
}

static void test_access_across(void **state)
{
	uint8_t out[3 * PAGE_SIZE], in[3 * PAGE_SIZE];

	(void)state;
	/* RAM, ROM, hole, RAM, device. */
	add(0, PAGE_SIZE, GUEST_RAM);
	add(PAGE_SIZE, PAGE_SIZE, GUEST_ROM);
	add(3 * PAGE_SIZE, PAGE_SIZE, GUEST_RAM);
	add(4 * PAGE_SIZE, PAGE_SIZE, GUEST_DEVICE);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7 + 1) & 0x7f;
	guest_write(&map, PAGE_SIZE / 2, out, sizeof(out));
	guest_read(&map, PAGE_SIZE / 2, in, sizeof(in));
	for (size_t i = 0; i < sizeof(in); i++) {
		gpa_t page = (PAGE_SIZE / 2 + i) / PAGE_SIZE;

		assert_int_equal(in[i], page == 1 ? 0 : page == 2 ? 0xff : out[i]);
	}
	guest_write(&map, 5 * PAGE_SIZE - 8, out, 16);
	guest_read(&map, 5 * PAGE_SIZE - 8, in, 16);
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(in[i], 0xff);
	/* The loaders may write ROM, but only where all of it exists. */
	assert_int_equal(guest_load(&map, PAGE_SIZE - 4, out, 8), 0);
	guest_read(&map, PAGE_SIZE - 4, in, 8);
	assert_memory_equal(in, out, 8);
	assert_int_equal(guest_load(&map, 2 * PAGE_SIZE - 4, out + 100, 8), -ERR_OUT_OF_RANGE);
	guest_read(&map, 2 * PAGE_SIZE - 4, in, 4);
	assert_memory_equal(in, "\0\0\0\0", 4);
	assert_int_equal(guest_load(&map, 4 * PAGE_SIZE, out, 1), -ERR_OUT_OF_RANGE);
	assert_int_equal(guest_load(&map, 0, out, 0), 0);
}

static void test_wrap(void **state)
{
	uint8_t data[16];

	(void)state;
	add(0, PAGE_SIZE, GUEST_RAM);
	memset(data, 0, sizeof(data));
	guest_read(&map, UINT64_MAX - 7, data, sizeof(data));
	for (size_t i = 0; i < sizeof(data); i++)
		assert_int_equal(data[i], 0xff);
	guest_write(&map, UINT64_MAX - 7, data, sizeof(data));
	guest_read(&map, 0, data, 8);
	assert_int_equal(data[0], 0);
	guest_read(&map, UINT64_MAX - 7, data, 8);
	assert_int_equal(data[7], 0xff);
}

static void test_pointer(void **state)
{
	uint64_t *word, value;

	(void)state;
	add(0, 2 * PAGE_SIZE, GUEST_RAM);
	add(2 * PAGE_SIZE, PAGE_SIZE, GUEST_ROM);
	add(MIB(2), MIB(2), GUEST_RAM);
	word = guest_pointer(&map, 0x1ff8, 8, true);
	assert_non_null(word);
	*word = 0x1122334455667788;
	guest_read(&map, 0x1ff8, &value, 8);
	assert_int_equal(value, 0x1122334455667788);
	assert_null(guest_pointer(&map, 0xffc, 8, false));
	assert_non_null(guest_pointer(&map, MIB(2) + PAGE_SIZE - 4, 8, true));
	assert_non_null(guest_pointer(&map, 0x2000, 8, false));
	assert_null(guest_pointer(&map, 0x2000, 8, true));
	assert_null(guest_pointer(&map, 0x3000, 8, false));
	assert_null(guest_pointer(&map, MIB(4) - 4, 8, false));
}

static bool clear(gpa_t *from, uint64_t bytes)
{
	return guest_map_clear(&map, from, bytes);
}

/* A VM's memory holds nothing of the one before. */
static void test_cleared_is_zero(void **state)
{
	static uint8_t data[MIB(4)];

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		gpa_t from = 0;

		add(0, sizeof(data), round ? GUEST_ROM : GUEST_RAM);
		if (!round)
			assert_true(clear(&from, UINT64_MAX & ~7UL));
		guest_read(&map, 0, data, sizeof(data));
		for (size_t i = 0; i < sizeof(data); i++)
			assert_int_equal(data[i], 0);
		memset(data, 0xcc, sizeof(data));
		guest_write(&map, 0, data, sizeof(data));
		guest_map_destroy(&map);
		assert_int_equal(guest_map_create(&map, VM), 0);
	}
}

/* In steps of any size, across holes and pages of any kind; what is not RAM stays. */
static void test_clear_in_steps(void **state)
{
	static const uint64_t steps[] = {8, 4096, 4104, KIB(256), MIB(16)};
	static uint8_t data[MIB(2)];
	const uint64_t ram = MIB(2) + 3 * PAGE_SIZE;

	(void)state;
	add(MIB(2), MIB(2), GUEST_RAM);
	add(MIB(6), 2 * PAGE_SIZE, GUEST_RAM);
	add(MIB(6) + 2 * PAGE_SIZE, PAGE_SIZE, GUEST_ROM);
	add(GIB(4), PAGE_SIZE, GUEST_RAM);
	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		uint64_t count = 0, wanted = (ram + steps[i] - 1) / steps[i];
		gpa_t from = 0;

		memset(data, 0xcc, sizeof(data));
		guest_write(&map, MIB(2), data, MIB(2));
		guest_write(&map, MIB(6), data, 2 * PAGE_SIZE);
		guest_write(&map, GIB(4), data, PAGE_SIZE);
		assert_int_equal(guest_load(&map, MIB(6) + 2 * PAGE_SIZE, data, PAGE_SIZE), 0);
		while (!clear(&from, steps[i]))
			count++;
		assert_in_range(count, wanted - 1, wanted);
		guest_read(&map, MIB(2), data, MIB(2));
		for (size_t at = 0; at < MIB(2); at++)
			assert_int_equal(data[at], 0);
		guest_read(&map, MIB(6), data, 3 * PAGE_SIZE);
		for (size_t at = 0; at < 3 * PAGE_SIZE; at++)
			assert_int_equal(data[at], at < 2 * PAGE_SIZE ? 0 : 0xcc);
		guest_read(&map, GIB(4), data, PAGE_SIZE);
		for (size_t at = 0; at < PAGE_SIZE; at++)
			assert_int_equal(data[at], 0);
	}
}

/* Each step gives some back; the last one all that was left. */
static void test_release_in_steps(void **state)
{
	uint64_t steps = 0, last;
	gpa_t from = 0;

	(void)state;
	add(0, MIB(1), GUEST_RAM);
	add(MIB(2), MIB(32), GUEST_RAM);
	last = frames_stat().free;
	while (!guest_map_release(&map, &from)) {
		assert_true(frames_stat().free - last <= 3 << FRAME_ORDER_2M);
		last = frames_stat().free;
		assert_true(steps++ < 100);
	}
	assert_true(steps > MIB(1) / PAGE_SIZE / 24);
	assert_int_equal(map.ram, 0);
	assert_int_equal(guest_map_find(&map, MIB(4)).type, GUEST_NONE);
}

static void test_release_cuts_large_blocks(void **state)
{
	uint64_t last;
	gpa_t from = 0;

	(void)state;
	teardown(NULL);
	fake_memory_init(GIB(2));
	free_before = frames_stat().free;
	assert_int_equal(guest_map_create(&map, VM), 0);
	add(0, GIB(1), GUEST_RAM);
	assert_extent(0, GUEST_RAM, 0, GIB(1));
	last = frames_stat().free;
	assert_false(guest_map_release(&map, &from));
	assert_int_equal(from, 3 * MIB(2));
	assert_int_equal(frames_stat().free - last, (3 << FRAME_ORDER_2M) - 1); /* a table came */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_find),
		TEST(test_one_gib),
		TEST(test_fallback_to_smaller),
		TEST(test_arguments),
		TEST(test_protect),
		TEST(test_all_or_nothing),
		TEST(test_is_backed),
		TEST(test_wrap),
		TEST(test_no_memory_for_tables),
		TEST(test_pointer),
		TEST(test_access_across),
		TEST(test_cleared_is_zero),
		TEST(test_clear_in_steps),
		TEST(test_release_in_steps),
		TEST(test_release_cuts_large_blocks),
	};

	return cmocka_run_group_tests_name("guest_map", tests, NULL, NULL);
}
