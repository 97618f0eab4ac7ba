/* SPDX-License-Identifier: MIT */
/* Where the log survives a restart, in memory maps of real machines. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "boot/log_place.h"
#include "vmm/observe/log.h"

static const struct memory_range bochs[] = {{0, 0x9f000}, {0x100000, 0x1fff0000}};
static const struct memory_range server[] = {
	{0, 0x9e000}, {0x100000, 0x69a9f000}, {0x6c1ff000, 0x6c800000}, {0x100000000, 0x2080000000}};
/* The next start of the same firmware, which keeps 23 pages more. */
static const struct memory_range server_again[] = {
	{0, 0x9e000}, {0x100000, 0x69a88000}, {0x6c1ff000, 0x6c800000}, {0x100000000, 0x2080000000}};

#define FIND(map, used, count) log_place_find(map, ARRAY_SIZE(map), used, count)

static void a_place_is_usable_memory_and_the_same_again(void **state)
{
	hpa_t place = FIND(server, NULL, 0);

	(void)state;
	assert_in_range(place, 0x100000, 0x69a9f000 - LOG_PLACE_SIZE);
	assert_int_equal(place % PAGE_SIZE, 0);
	assert_int_equal(FIND(server_again, NULL, 0), place);
	assert_in_range(FIND(bochs, NULL, 0), 0x100000, 0x1fff0000 - LOG_PLACE_SIZE);
}

static void modules_are_not_overwritten(void **state)
{
	hpa_t place = FIND(bochs, NULL, 0);
	const struct memory_range large = {0x29b000, place + 1}, apart = {0x29b000, place};

	(void)state;
	assert_int_equal(FIND(bochs, &large, 1), 0);
	assert_int_equal(FIND(bochs, &apart, 1), place);
}

static void a_small_machine_has_none(void **state)
{
	static const struct memory_range small[] = {{0, 0x9f000}, {0x100000, 0x1000000}};
	static const struct memory_range high[] = {{0x100000000, 0x200000000}};

	(void)state;
	assert_int_equal(FIND(small, NULL, 0), 0);
	assert_int_equal(FIND(high, NULL, 0), 0); /* the first page tables end at 4 GiB */
	assert_int_equal(log_place_find(NULL, 0, NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_usable_memory_and_the_same_again),
		cmocka_unit_test(modules_are_not_overwritten),
		cmocka_unit_test(a_small_machine_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
