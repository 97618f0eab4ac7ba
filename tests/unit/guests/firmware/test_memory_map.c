/* SPDX-License-Identifier: MIT */
/* The guest's memory map at its edges: 1 MiB, 3 GiB, and beyond 4 GiB. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "guests/firmware/memory_map.h"

static const uint64_t sizes[] = {
	MIB(1), MIB(1) + 4096, MIB(256), GIB(3) - 4096, GIB(3), GIB(3) + 4096, GIB(4), GIB(1024),
};

static uint64_t high_ram(const struct guest_range *ranges, unsigned count)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < count; i++)
		if (ranges[i].start >= GUEST_HIGH_START)
			total += ranges[i].size;
	return total;
}

static void test_layout(void **state)
{
	(void)state;
	for (unsigned n = 0; n < ARRAY_SIZE(sizes); n++) {
		struct guest_range ranges[GUEST_RANGES_MAX];
		unsigned count = guest_memory_layout(sizes[n], ranges);

		assert_in_range(count, 2, GUEST_RANGES_MAX);
		assert_int_equal(ranges[0].start, 0);
		assert_int_equal(ranges[0].size, 0xa0000);
		assert_int_equal(ranges[1].start, 0xe0000);
		assert_int_equal(ranges[1].size, 0x20000);
		assert_int_equal(ranges[1].kind, GUEST_RANGE_BIOS);
		for (unsigned i = 0; i < count; i++) {
			uint64_t end = ranges[i].start + ranges[i].size;

			assert_true(ranges[i].size > 0 && ranges[i].size % 4096 == 0);
			if (i)
				assert_true(ranges[i].start >= ranges[i - 1].start + ranges[i - 1].size);
			assert_true(end <= GIB(3) || ranges[i].start >= GIB(4));
		}
		/* All of it is there, except what the legacy hole hides. */
		assert_int_equal(high_ram(ranges, count), sizes[n] - MIB(1));
	}
}

static void test_high_end(void **state)
{
	(void)state;
	assert_int_equal(guest_high_ram_end(MIB(1)), MIB(1));
	assert_int_equal(guest_high_ram_end(MIB(256)), MIB(256));
	assert_int_equal(guest_high_ram_end(GIB(3)), GIB(3));
	assert_int_equal(guest_high_ram_end(GIB(64)), GIB(3));
}

static void test_e820(void **state)
{
	(void)state;
	for (unsigned n = 0; n < ARRAY_SIZE(sizes); n++) {
		struct guest_range ranges[GUEST_RANGES_MAX];
		struct guest_e820 entries[GUEST_E820_MAX];
		unsigned range_count = guest_memory_layout(sizes[n], ranges);
		unsigned count = guest_memory_e820(sizes[n], entries);
		uint64_t layout = 0, told = 0;

		assert_int_equal(count, range_count + 1);
		for (unsigned i = 0; i < range_count; i++)
			layout += ranges[i].size;
		for (unsigned i = 0; i < count; i++) {
			told += entries[i].size;
			if (i)
				assert_true(entries[i].start >= entries[i - 1].start + entries[i - 1].size);
			assert_int_equal(entries[i].type,
			                 entries[i].start >= GUEST_EBDA && entries[i].start < GUEST_HIGH_START
			                         ? E820_RESERVED
			                         : E820_RAM);
		}
		assert_int_equal(told, layout);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_high_end),
		cmocka_unit_test(test_e820),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
