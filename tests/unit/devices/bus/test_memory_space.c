/* SPDX-License-Identifier: MIT */
/* Memory space: claims, widths, accesses that cross registers and regions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "devices/bus/device.h"
#include "lib/errors.h"

static struct memory_space space;
static struct memory_binding binding[4];
static char trace[512]; /* "[rw]UNIT:OFFSET:SIZE(=VALUE) ..." */

static uint64_t probe_read(struct device *device, unsigned offset, unsigned size)
{
	size_t length = strlen(trace);

	snprintf(trace + length, sizeof(trace) - length, "r%u:%u:%u ", device->unit, offset, size);
	return 0x8877665544332211 << (8 * device->unit); /* more bytes than were asked for */
}

static void probe_write(struct device *device, unsigned offset, unsigned size, uint64_t value)
{
	size_t length = strlen(trace);

	snprintf(trace + length, sizeof(trace) - length, "w%u:%u:%u=%lX ", device->unit, offset, size, value);
}

static const struct memory_region wide = {
	.base = 0x1000, .size = 16, .width = 8, .read = probe_read, .write = probe_write};
static const struct memory_region narrow = {
	.base = 0x1010, .size = 4, .width = 1, .read = probe_read, .write = probe_write};
static struct device device[2] = {{.unit = 0}, {.unit = 1}};

static int setup(void **state)
{
	(void)state;
	memset(&space, 0, sizeof(space));
	assert_int_equal(memory_space_claim(&space, &binding[0], &device[0], &wide, wide.base), 0);
	assert_int_equal(memory_space_claim(&space, &binding[1], &device[1], &narrow, narrow.base), 0);
	trace[0] = '\0';
	return 0;
}

static void expect_trace(const char *expected)
{
	assert_string_equal(trace, expected);
	trace[0] = '\0';
}

static uint64_t read(gpa_t gpa, size_t size)
{
	uint64_t value = 0;

	memory_read(&space, gpa, &value, size);
	return value;
}

static void write(gpa_t gpa, size_t size, uint64_t value)
{
	memory_write(&space, gpa, &value, size);
}

static void an_access_inside_a_register_is_one_cycle(void **state)
{
	(void)state;
	assert_int_equal(read(0x1000, 8), 0x8877665544332211);
	assert_int_equal(read(0x100C, 4), 0x44332211);
	assert_int_equal(read(0x1003, 2), 0x2211); /* not aligned, but inside */
	assert_int_equal(read(0x1007, 1), 0x11);
	expect_trace("r0:0:8 r0:12:4 r0:3:2 r0:7:1 ");
	write(0x1008, 8, 0x0102030405060708);
	write(0x1005, 2, 0xFFFFABCD);
	expect_trace("w0:8:8=102030405060708 w0:5:2=ABCD ");
	assert_int_equal(space.unclaimed_reads + space.unclaimed_writes, 0);
}

static void what_is_wider_than_a_register_is_cut(void **state)
{
	(void)state;
	assert_int_equal(read(0x1010, 4), 0x00000000); /* unit 1 answers with a zero byte */
	expect_trace("r1:0:1 r1:1:1 r1:2:1 r1:3:1 ");
	write(0x1011, 2, 0xBEEF);
	expect_trace("w1:1:1=EF w1:2:1=BE ");
}

static void an_access_across_registers_is_cut_at_the_boundary(void **state)
{
	(void)state;
	assert_int_equal(read(0x1006, 4), 0x22112211);
	expect_trace("r0:6:2 r0:8:2 ");
	write(0x1003, 8, 0x1122334455667788);
	expect_trace("w0:3:5=4455667788 w0:8:3=112233 ");
}

static void an_access_across_regions_gives_each_its_part(void **state)
{
	(void)state;
	write(0x100E, 4, 0xAABBCCDD);
	expect_trace("w0:14:2=CCDD w1:0:1=BB w1:1:1=AA ");
	assert_int_equal(read(0x100F, 2), 0x0011);
	expect_trace("r0:15:1 r1:0:1 ");
}

static void sixteen_bytes_are_two_registers(void **state)
{
	uint8_t bytes[16] = {0};

	(void)state;
	memory_read(&space, 0x1000, bytes, sizeof(bytes));
	expect_trace("r0:0:8 r0:8:8 ");
	assert_int_equal(bytes[0], 0x11);
	assert_int_equal(bytes[15], 0x88);
}

static void nobody_there_reads_as_ones_and_counts_once(void **state)
{
	(void)state;
	assert_int_equal(read(0x2000, 4), 0xFFFFFFFF);
	assert_int_equal(space.unclaimed_reads, 1);
	assert_int_equal(space.last_unclaimed, 0x2000);
	assert_int_equal(read(0xFFE, 4), 0x2211FFFF);
	expect_trace("r0:0:2 ");
	assert_int_equal(space.unclaimed_reads, 2);
	write(0x1013, 4, 0x12345678);
	expect_trace("w1:3:1=78 ");
	assert_int_equal(space.unclaimed_writes, 1);
	assert_int_equal(space.last_unclaimed, 0x1014);
	assert_int_equal(read(UINT64_MAX, 2), 0xFFFF);
}

static int claim(const struct memory_region *region)
{
	return memory_space_claim(&space, &binding[2], &device[0], region, region->base);
}

static void claims_are_checked(void **state)
{
	struct memory_region region = wide;

	(void)state;
	assert_int_equal(claim(&region), -ERR_EXISTS);
	region.base = 0xFF8;
	assert_int_equal(claim(&region), -ERR_EXISTS); /* its end */
	region = (struct memory_region){.base = 0x800, .size = 0x1000, .width = 8};
	assert_int_equal(claim(&region), -ERR_EXISTS); /* all inside */
	region = (struct memory_region){.base = 0x2004, .size = 8, .width = 8};
	assert_int_equal(claim(&region), -ERR_INVALID);
	region = (struct memory_region){.base = 0x2000, .size = 12, .width = 8};
	assert_int_equal(claim(&region), -ERR_INVALID);
	region = (struct memory_region){.base = 0x2000, .size = 0, .width = 8};
	assert_int_equal(claim(&region), -ERR_INVALID);
	for (unsigned width = 0; width < 20; width++) {
		region = (struct memory_region){.base = 0x2000, .size = 720720, .width = (uint8_t)width};
		if (width != 1 && width != 2 && width != 4 && width != 8)
			assert_int_equal(claim(&region), -ERR_INVALID);
	}
	region = (struct memory_region){.base = -8UL, .size = 16, .width = 8};
	assert_int_equal(claim(&region), -ERR_INVALID);
}

/* No number of regions is too large, and they are found in any order. */
static void there_is_room_for_many(void **state)
{
	static struct memory_binding many[300];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(many); i++) {
		gpa_t base = 0x10000 + 16UL * (i * 7 % ARRAY_SIZE(many));

		assert_int_equal(memory_space_claim(&space, &many[i], &device[0], &wide, base), 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(many); i += 13) {
		read(0x10008 + 16UL * i, 4);
		expect_trace("r0:8:4 ");
	}
	assert_int_equal(space.unclaimed_reads, 0);
}

static void what_is_released_is_unclaimed(void **state)
{
	(void)state;
	read(0x1000, 1);
	expect_trace("r0:0:1 ");
	memory_space_release(&space, &binding[0]);
	assert_int_equal(read(0x1000, 1), 0xFF);
	read(0x1010, 1);
	expect_trace("r1:0:1 ");
	memory_space_release(&space, &binding[0]); /* harmless */
	assert_int_equal(memory_space_claim(&space, &binding[0], &device[0], &wide, 0xE0000000), 0);
	read(0xE0000008, 8);
	expect_trace("r0:8:8 ");
}

static void all_regions_are_visited_by_address(void **state)
{
	const struct memory_binding *at = NULL;

	(void)state;
	assert_int_equal(memory_space_claim(&space, &binding[2], &device[0], &wide, 0x500), 0);
	at = memory_space_next(&space, at);
	assert_ptr_equal(at, &binding[2]);
	at = memory_space_next(&space, at);
	assert_ptr_equal(at, &binding[0]);
	at = memory_space_next(&space, at);
	assert_ptr_equal(at, &binding[1]);
	assert_null(memory_space_next(&space, at));
}

/* ---- The listener ---- */

static int refusal;

static int note_claimed(struct memory_listener *listener, const struct memory_binding *region)
{
	size_t length = strlen(trace);

	(void)listener;
	snprintf(trace + length, sizeof(trace) - length, "+%lX ", region->base);
	return refusal;
}

static void note_released(struct memory_listener *listener, const struct memory_binding *region)
{
	size_t length = strlen(trace);

	(void)listener;
	snprintf(trace + length, sizeof(trace) - length, "-%lX ", region->base);
}

static struct memory_listener listener = {note_claimed, note_released};

static void the_listener_follows_all_changes(void **state)
{
	(void)state;
	refusal = 0;
	assert_int_equal(memory_space_listen(&space, &listener), 0);
	expect_trace("+1000 +1010 ");
	assert_int_equal(memory_space_claim(&space, &binding[2], &device[0], &wide, 0x2000), 0);
	memory_space_release(&space, &binding[0]);
	memory_space_release(&space, &binding[0]);
	expect_trace("+2000 -1000 ");
}

static void what_the_listener_refuses_is_not_claimed(void **state)
{
	(void)state;
	refusal = -ERR_NO_MEMORY;
	assert_int_equal(memory_space_listen(&space, &listener), -ERR_NO_MEMORY);
	expect_trace("+1000 ");
	refusal = 0;
	assert_int_equal(memory_space_listen(&space, &listener), 0);
	refusal = -ERR_NO_MEMORY;
	trace[0] = '\0';
	assert_int_equal(memory_space_claim(&space, &binding[2], &device[0], &wide, 0x2000), -ERR_NO_MEMORY);
	expect_trace("+2000 ");
	assert_int_equal(read(0x2000, 1), 0xFF);
	refusal = 0;
	assert_int_equal(memory_space_claim(&space, &binding[2], &device[0], &wide, 0x2000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_access_inside_a_register_is_one_cycle, setup),
		cmocka_unit_test_setup(what_is_wider_than_a_register_is_cut, setup),
		cmocka_unit_test_setup(an_access_across_registers_is_cut_at_the_boundary, setup),
		cmocka_unit_test_setup(an_access_across_regions_gives_each_its_part, setup),
		cmocka_unit_test_setup(sixteen_bytes_are_two_registers, setup),
		cmocka_unit_test_setup(nobody_there_reads_as_ones_and_counts_once, setup),
		cmocka_unit_test_setup(claims_are_checked, setup),
		cmocka_unit_test_setup(there_is_room_for_many, setup),
		cmocka_unit_test_setup(what_is_released_is_unclaimed, setup),
		cmocka_unit_test_setup(all_regions_are_visited_by_address, setup),
		cmocka_unit_test_setup(the_listener_follows_all_changes, setup),
		cmocka_unit_test_setup(what_the_listener_refuses_is_not_claimed, setup),
	};

	return cmocka_run_group_tests_name("memory_space", tests, NULL, NULL);
}
