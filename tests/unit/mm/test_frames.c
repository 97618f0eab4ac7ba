/* SPDX-License-Identifier: MIT */
/* The frame allocator: mm/frames.c, mm/frames_init.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/errors.h"
#include "lib/string.h"
#include "memory.h"
#include "mm/layout.h"

#define VM FRAME_OWNER_FIRST_VM

static int init_512m(void **state)
{
	(void)state;
	fake_memory_init(MIB(512));
	return 0;
}

static hpa_t alloc(unsigned order)
{
	return frames_alloc(order, VM, FRAME_GUEST);
}

static void assert_zero(hpa_t hpa, uint64_t size)
{
	const uint64_t *words = hpa_to_pointer(hpa);

	for (uint64_t i = 0; i < size / 8; i++)
		assert_int_equal(words[i], 0);
}

static void test_fresh(void **state)
{
	struct frames_stat stat = frames_stat();

	(void)state;
	assert_int_equal(stat.total, MIB(512) >> PAGE_SHIFT);
	/* 4 bytes a frame, and the chunk table. */
	assert_int_equal(stat.bookkeeping, (MIB(512) >> PAGE_SHIFT) * 4 / PAGE_SIZE + 1);
	assert_int_equal(stat.free, stat.total - stat.bookkeeping - 1);
	assert_int_equal(stat.largest, FRAME_ORDER_1G - 3);
	assert_int_equal(frame_type(0), FRAME_RESERVED);
	assert_int_equal(frame_type(MIB(512)), FRAME_RESERVED);
	assert_int_equal(frame_type(GIB(700)), FRAME_RESERVED);
	assert_int_equal(frame_owner(GIB(700)), FRAME_OWNER_NONE);
	assert_int_equal(frame_type(MIB(1)), FRAME_FREE);
	assert_int_equal(frame_owner(MIB(1)), FRAME_OWNER_NONE);
	assert_int_equal(frame_type(MIB(512) - PAGE_SIZE), FRAME_DATA);
	assert_int_equal(frame_owner(MIB(512) - PAGE_SIZE), FRAME_OWNER_MONITOR);
}

static void test_alloc_free_each_order(void **state)
{
	struct frames_stat before = frames_stat();

	(void)state;
	for (unsigned order = 0; order <= before.largest; order++) {
		hpa_t hpa = alloc(order);

		assert_int_not_equal(hpa, 0);
		assert_int_equal(hpa % (PAGE_SIZE << order), 0);
		assert_int_equal(frames_owned(VM), BIT(order));
		assert_int_equal(frames_stat().free, before.free - BIT(order));
		assert_int_equal(frame_owner(hpa), VM);
		assert_int_equal(frame_type(hpa + (PAGE_SIZE << order) - 1), FRAME_GUEST);
		frames_free(hpa, order);
		assert_int_equal(frame_type(hpa), FRAME_FREE);
		assert_int_equal(frames_owned(VM), 0);
		assert_int_equal(frames_stat().free, before.free);
		assert_int_equal(frames_stat().largest, before.largest);
	}
	assert_int_equal(alloc(FRAME_ORDER_1G), 0);
}

static void test_one_gib(void **state)
{
	hpa_t hpa;

	(void)state;
	/* The bookkeeping of all is in the first GiB, so that the second is whole. */
	fake_memory_init(GIB(2));
	assert_int_equal(frames_stat().largest, FRAME_ORDER_1G);
	hpa = alloc(FRAME_ORDER_1G);
	assert_int_equal(hpa, GIB(1));
	assert_int_equal(frame_owner(GIB(2) - 1), VM);
	assert_int_equal(alloc(FRAME_ORDER_1G), 0);
	frames_free(hpa, FRAME_ORDER_1G);
	assert_int_equal(frames_stat().largest, FRAME_ORDER_1G);
	fake_memory_init(MIB(8));
}

static void test_cleared(void **state)
{
	hpa_t hpa = alloc(4);

	(void)state;
	memset(hpa_to_pointer(hpa), 0xa5, PAGE_SIZE << 4);
	frames_free(hpa, 4);
	/* Until that memory comes round again, everything that is given out is clear. */
	for (;;) {
		hpa_t other = frames_alloc(1, VM + 1, FRAME_GUEST);

		assert_int_not_equal(other, 0);
		assert_zero(other, PAGE_SIZE << 1);
		if (other == hpa)
			break;
	}
}

static void test_exhaust(void **state)
{
	static hpa_t held[MIB(8) >> PAGE_SHIFT];
	struct frames_stat before;
	size_t count = 0;
	hpa_t hpa;

	(void)state;
	fake_memory_init(MIB(8));
	before = frames_stat();
	while ((hpa = alloc(0)))
		held[count++] = hpa;
	assert_int_equal(count, before.free);
	assert_int_equal(frames_stat().free, 0);
	assert_int_equal(frames_owned(VM), count);
	srand(1);
	while (count) {
		size_t i = (size_t)rand() % count;

		frames_free(held[i], 0);
		held[i] = held[--count];
	}
	assert_memory_equal(&before, &(struct frames_stat){0}, 0);
	assert_int_equal(frames_stat().free, before.free);
	assert_int_equal(frames_stat().largest, before.largest);
}

/* Random allocations never overlap, and all comes back. */
static void test_random(void **state)
{
	static uint8_t taken[MIB(32) >> PAGE_SHIFT];
	struct {
		hpa_t hpa;
		unsigned order;
	} held[256];
	unsigned count = 0;
	struct frames_stat before;

	(void)state;
	fake_memory_init(MIB(32));
	before = frames_stat();
	memset(taken, 0, sizeof(taken));
	srand(7);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned order = (unsigned)rand() % 8;

		if (count < 256 && rand() % 2) {
			hpa_t hpa = alloc(order);

			if (!hpa)
				continue;
			for (hfn_t i = 0; i < BIT(order); i++)
				assert_int_equal(taken[(hpa >> PAGE_SHIFT) + i]++, 0);
			held[count].hpa = hpa;
			held[count++].order = order;
		} else if (count) {
			unsigned pick = (unsigned)rand() % count;

			for (hfn_t i = 0; i < BIT(held[pick].order); i++)
				taken[(held[pick].hpa >> PAGE_SHIFT) + i]--;
			frames_free(held[pick].hpa, held[pick].order);
			held[pick] = held[--count];
		}
	}
	while (count--)
		frames_free(held[count].hpa, held[count].order);
	assert_int_equal(frames_stat().free, before.free);
	assert_int_equal(frames_stat().largest, before.largest);
	assert_int_equal(frames_owned(VM), 0);
}

static void test_panics(void **state)
{
	hpa_t hpa = alloc(3);

	(void)state;
	expect_assert_failure(frames_free(hpa, 2));
	expect_assert_failure(frames_free(hpa, 4));
	expect_assert_failure(frames_free(hpa + PAGE_SIZE, 0));
	expect_assert_failure(frames_free(hpa + 8, 3));
	expect_assert_failure(frames_free(GIB(700), 0));
	expect_assert_failure(frames_free(0, 0));
	frames_free(hpa, 3);
	expect_assert_failure(frames_free(hpa, 3));
	expect_assert_failure((void)!frames_alloc(FRAME_ORDERS, VM, FRAME_GUEST));
	expect_assert_failure((void)!frames_alloc(0, FRAME_OWNER_NONE, FRAME_GUEST));
	expect_assert_failure((void)!frames_alloc(0, FRAME_OWNERS, FRAME_GUEST));
	expect_assert_failure((void)!frames_alloc(0, VM, FRAME_RESERVED));
	expect_assert_failure((void)frames_owned(FRAME_OWNERS));
}

static void test_split(void **state)
{
	struct frames_stat before = frames_stat();
	hpa_t hpa = alloc(9);

	(void)state;
	expect_assert_failure(frames_split(hpa, 8, 0));
	expect_assert_failure(frames_split(hpa, 9, 10));
	frames_split(hpa, 9, 3);
	expect_assert_failure(frames_free(hpa, 9));
	assert_int_equal(frames_owned(VM), 512);
	for (hpa_t i = 0; i < MIB(2); i += PAGE_SIZE << 3)
		frames_free(hpa + i, 3);
	assert_int_equal(frames_stat().free, before.free);
	assert_int_equal(frames_owned(VM), 0);
}

/* Unsorted, overlapping, unaligned ranges: compare frame by frame with a map made byte-wise. */
static void test_ranges(void **state)
{
	/* clang-format off */
	static const struct memory_range usable[] = {
		{MIB(6) + 100, MIB(12) + 5000},
		{0,            0x9fc00},
		{MIB(2),       MIB(7)},
		{MIB(1),       MIB(1) + 0x10},
		{MIB(14),      MIB(13)},
		{MIB(31),      MIB(40)},
	};
	/* clang-format on */
	/* clang-format off */
	static const struct memory_range reserved[] = {
		{MIB(11) + 10,   MIB(11) + 20},
		{MIB(3) + 0x800, MIB(4) + 1},
		{MIB(3),         MIB(3) + 0x1000},
		{MIB(5),         MIB(5)},
		{0,              0x500},
		{MIB(20),        MIB(22)},
	};
	/* clang-format on */
	hpa_t hpa;
	uint64_t expected = 0, bookkeeping = 0;

	(void)state;
	fake_memory_arena(MIB(64));
	assert_int_equal(frames_init(usable, ARRAY_SIZE(usable), reserved, ARRAY_SIZE(reserved), MIB(32)), 0);
	for (hpa = 0; hpa < MIB(64); hpa += PAGE_SIZE) {
		hpa_t end = hpa + PAGE_SIZE;
		bool ram = false, taken = hpa == 0;

		for (size_t i = 0; i < ARRAY_SIZE(usable); i++)
			ram = ram || (hpa >= usable[i].start && end <= MIN(usable[i].end, MIB(32)));
		for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
			taken = taken || (reserved[i].start < reserved[i].end && reserved[i].start < end &&
			                  reserved[i].end > hpa);
		if (ram && !taken && frame_type(hpa) == FRAME_DATA)
			bookkeeping++;
		else
			assert_int_equal(frame_type(hpa), ram && !taken ? FRAME_FREE : FRAME_RESERVED);
		expected += ram && !taken;
	}
	assert_int_equal(bookkeeping, frames_stat().bookkeeping);
	assert_int_equal(frames_stat().free, expected - bookkeeping);
	while ((hpa = alloc(0)))
		expected--;
	assert_int_equal(expected, bookkeeping);
}

static void test_bookkeeping_avoids_reserved(void **state)
{
	/* clang-format off */
	static const struct memory_range usable[] = {
		{MIB(1),                         MIB(16)}
        };
	static const struct memory_range reserved[] = {
		{MIB(8),                         MIB(16)},
		{MIB(7) + 0x800,                 MIB(8)}
        };

	(void)state;
	fake_memory_arena(MIB(16));
	memset(hpa_to_pointer(MIB(7) + 0x800), 0x5a, MIB(9) - 0x800);
	assert_int_equal(frames_init(usable, 1, reserved, 2, MIB(16)), 0);
	for (uint8_t *byte = hpa_to_pointer(MIB(7) + 0x800), *end = byte + MIB(9) - 0x800; byte < end; byte++)
		assert_int_equal(*byte, 0x5a);
	assert_int_equal(frame_type(MIB(7) - 1), FRAME_DATA);
}

static void test_no_room(void **state)
{
	static const struct memory_range usable[] = {
		{MIB(1), MIB(1) + 2 * PAGE_SIZE}
        };
	static const struct memory_range reserved[] = {
		{0, GIB(1)}
        };

	(void)state;
	fake_memory_arena(MIB(16));
	assert_int_equal(frames_init(usable, 0, NULL, 0, MIB(16)), -ERR_NO_MEMORY);
	assert_int_equal(frames_init(usable, 1, NULL, 0, MIB(1)), -ERR_NO_MEMORY);
	assert_int_equal(frames_init(usable, 1, reserved, 1, MIB(16)), -ERR_NO_MEMORY);
	/* Two frames: the chunk table and the bookkeeping, and nothing to give. */
	assert_int_equal(frames_init(usable, 1, NULL, 0, MIB(16)), -ERR_NO_MEMORY);
	assert_int_equal(alloc(0), 0);
}

static void test_extend(void **state)
{
	static const struct memory_range usable[] = {
		{GIB(4),                 GIB(5)            },
		{MIB(1),                 MIB(64)           },
		{GIB(7) - 2 * PAGE_SIZE, GIB(7)            },
		{GIB(6),                 GIB(6) + PAGE_SIZE},
		{GIB(9),                 GIB(9) + MIB(4)   },
	};
	/* clang-format on */
	struct frames_stat before;

	(void)state;
	fake_memory_arena(GIB(10));
	assert_int_equal(frames_init(usable, ARRAY_SIZE(usable), NULL, 0, GIB(9)), 0);
	before = frames_stat();
	assert_int_equal(before.total, MIB(63) >> PAGE_SHIFT);
	assert_int_equal(frame_type(GIB(4) + MIB(1)), FRAME_RESERVED);
	frames_extend();
	assert_int_equal(frames_stat().total, before.total + (GIB(1) >> PAGE_SHIFT) + 3);
	assert_int_equal(frame_type(GIB(4) + MIB(1)), FRAME_FREE);
	assert_int_equal(frame_type(GIB(6)), FRAME_FREE);
	assert_int_equal(frame_type(GIB(6) + PAGE_SIZE), FRAME_RESERVED);
	assert_int_equal(frame_type(GIB(7) - 1), FRAME_FREE);
	assert_int_equal(frame_type(GIB(9)), FRAME_RESERVED);
	assert_int_equal(alloc(FRAME_ORDER_1G), GIB(4));
	/* A second time changes nothing. */
	before = frames_stat();
	frames_extend();
	assert_int_equal(frames_stat().free, before.free);
	assert_int_equal(frame_owner(GIB(4)), VM);
}

/* A sliver that gets no frames lent is left out, without harm. */
static void test_sliver_left_out(void **state)
{
	/* clang-format off */
	static const struct memory_range usable[] = {
		{MIB(1),             MIB(1) + 16 * PAGE_SIZE},
		{GIB(5),             GIB(5) + PAGE_SIZE},
		{GIB(6) - PAGE_SIZE, GIB(6)}
        };
	struct frames_stat before;

	(void)state;
	fake_memory_arena(GIB(6));
	assert_int_equal(frames_init(usable, 3, NULL, 0, GIB(6)), 0);
	before = frames_stat();
	frames_extend();
	assert_memory_equal(&before.total, &(uint64_t){16}, 8);
	assert_int_equal(frames_stat().total, 16);
	assert_int_equal(frames_stat().free, before.free);
	assert_int_equal(frame_type(GIB(5)), FRAME_RESERVED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_fresh, init_512m),
		cmocka_unit_test_setup(test_alloc_free_each_order, init_512m),
		cmocka_unit_test_setup(test_one_gib, init_512m),
		cmocka_unit_test_setup(test_cleared, init_512m),
		cmocka_unit_test_setup(test_exhaust, init_512m),
		cmocka_unit_test_setup(test_random, init_512m),
		cmocka_unit_test_setup(test_panics, init_512m),
		cmocka_unit_test_setup(test_split, init_512m),
		cmocka_unit_test_setup(test_ranges, init_512m),
		cmocka_unit_test_setup(test_bookkeeping_avoids_reserved, init_512m),
		cmocka_unit_test_setup(test_no_room, init_512m),
		cmocka_unit_test_setup(test_extend, init_512m),
		cmocka_unit_test_setup(test_sliver_left_out, init_512m),
	};
	/* clang-format on */

	return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
