/* SPDX-License-Identifier: MIT */
/* Port space: claims, widths, accesses that cross regions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "devices/bus/device.h"
#include "lib/errors.h"

static struct port_space space;
static struct port_binding binding[5];
static char trace[256]; /* "[rw]UNIT:OFFSET:SIZE(=VALUE) ..." */

static uint32_t probe_read(struct device *device, unsigned offset, unsigned size)
{
	size_t length = strlen(trace);

	snprintf(trace + length, sizeof(trace) - length, "r%u:%u:%u ", device->unit, offset, size);
	return 0xA0A0A0A0u + 0x01010101u * offset + 0x10u * device->unit; /* more bits than were asked for */
}

static void probe_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	size_t length = strlen(trace);

	snprintf(trace + length, sizeof(trace) - length, "w%u:%u:%u=%X ", device->unit, offset, size, value);
}

static const struct port_region byte_region = {
	.count = 2, .width = 1, .read = probe_read, .write = probe_write};
static const struct port_region word_region = {
	.count = 4, .width = 2, .read = probe_read, .write = probe_write};
static const struct port_region dword_region = {
	.count = 4, .width = 4, .read = probe_read, .write = probe_write};
static struct device device[3] = {{.unit = 0}, {.unit = 1}, {.unit = 2}};

static int setup(void **state)
{
	(void)state;
	port_space_init(&space);
	assert_int_equal(port_space_claim(&space, &binding[0], &device[0], &byte_region, 0x100), 0);
	assert_int_equal(port_space_claim(&space, &binding[1], &device[1], &word_region, 0x102), 0);
	assert_int_equal(port_space_claim(&space, &binding[2], &device[2], &dword_region, 0x1FE), 0);
	trace[0] = '\0';
	return 0;
}

static void expect_trace(const char *expected)
{
	assert_string_equal(trace, expected);
	trace[0] = '\0';
}

static void fits_in_one_cycle(void **state)
{
	(void)state;
	assert_int_equal(port_read(&space, 0x101, 1) & 0xFF, 0xA1);
	expect_trace("r0:1:1 ");
	port_read(&space, 0x103, 2); /* not aligned, but inside */
	expect_trace("r1:1:2 ");
	assert_int_equal(port_read(&space, 0x1FE, 4), 0xA0A0A0C0);
	expect_trace("r2:0:4 ");
	port_write(&space, 0x104, 2, 0x1234);
	expect_trace("w1:2:2=1234 ");
	port_write(&space, 0x1FE, 4, 0x12345678);
	expect_trace("w2:0:4=12345678 ");
	assert_int_equal(space.unclaimed_reads + space.unclaimed_writes, 0);
}

static void wide_accesses_are_split(void **state)
{
	(void)state;
	assert_int_equal(port_read(&space, 0x100, 2), 0xA1A0);
	expect_trace("r0:0:1 r0:1:1 ");
	port_write(&space, 0x102, 4, 0xAABBCCDD);
	expect_trace("w1:0:2=CCDD w1:2:2=AABB ");
	/* Across two devices with different widths. */
	assert_int_equal(port_read(&space, 0x101, 2), 0xB0A1);
	expect_trace("r0:1:1 r1:0:1 ");
	port_write(&space, 0x101, 4, 0x44332211);
	expect_trace("w0:1:1=11 w1:0:2=3322 w1:2:1=44 ");
	/* Three bytes left in a region of width 4: two and one. */
	port_write(&space, 0x1FF, 4, 0x44332211);
	expect_trace("w2:1:2=2211 w2:3:1=33 ");
	assert_int_equal(space.unclaimed_writes, 1);
	assert_int_equal(space.missed[0].port, 0x202);
}

static void unclaimed_ports(void **state)
{
	(void)state;
	assert_int_equal(port_read(&space, 0x80, 1), 0xFF);
	assert_int_equal(port_read(&space, 0x81, 2), 0xFFFF);
	assert_int_equal(port_read(&space, 0xCF8, 4), 0xFFFFFFFF);
	assert_int_equal(space.unclaimed_reads, 3); /* accesses, not bytes */
	assert_int_equal(space.missed[0].port, 0xCF8);
	port_write(&space, 0x80, 4, 0);
	assert_int_equal(space.unclaimed_writes, 1);
	assert_int_equal(space.missed[0].port, 0x80);
	expect_trace("");
	/* Partly claimed, at either end. */
	assert_int_equal(port_read(&space, 0xFF, 4), 0xB0A1A0FF);
	expect_trace("r0:0:1 r0:1:1 r1:0:1 ");
	assert_int_equal(port_read(&space, 0x105, 2), 0xFFB3);
	assert_int_equal(space.unclaimed_reads, 5);
	assert_int_equal(space.missed[0].port, 0x106);
}

static void the_last_unclaimed_ports_are_known(void **state)
{
	(void)state;
	port_read(&space, 0, 1); /* port 0 is one like the others */
	assert_int_equal(space.missed[0].count, 1);
	for (unsigned i = 0; i < 5; i++)
		port_read(&space, 0x80, 1);
	port_write(&space, 0, 1, 0);
	assert_int_equal(space.missed[0].port, 0);
	assert_int_equal(space.missed[0].count, 2);
	assert_int_equal(space.missed[1].port, 0x80);
	assert_int_equal(space.missed[1].count, 5);
	assert_int_equal(space.missed[2].count, 0);
	for (uint16_t i = 0; i < PORT_SPACE_MISSED - 1; i++)
		port_read(&space, (uint16_t)(0xC00 + i), 1);
	assert_int_equal(space.missed[0].port, 0xC00 + PORT_SPACE_MISSED - 2);
	assert_int_equal(space.missed[PORT_SPACE_MISSED - 1].port, 0); /* 80h had to go */
	port_read(&space, 0x80, 1);
	assert_int_equal(space.missed[0].port, 0x80);
	assert_int_equal(space.missed[0].count, 1);
	assert_int_equal(space.missed[PORT_SPACE_MISSED - 1].port, 0xC00);
}

static void ports_wrap(void **state)
{
	(void)state;
	assert_int_equal(port_space_claim(&space, &binding[3], &device[0], &byte_region, 0xFFFE), 0);
	assert_int_equal(port_space_claim(&space, &binding[4], &device[1], &byte_region, 0), 0);
	trace[0] = '\0';
	assert_int_equal(port_read(&space, 0xFFFF, 4), 0xFFB1B0A1);
	expect_trace("r0:1:1 r1:0:1 r1:1:1 ");
	port_write(&space, 0xFFFE, 4, 0x44332211);
	expect_trace("w0:0:1=11 w0:1:1=22 w1:0:1=33 w1:1:1=44 ");
}

static void claims_that_fail(void **state)
{
	static const struct port_region empty = {
		.count = 0, .width = 1, .read = probe_read, .write = probe_write};
	struct port_space before;

	(void)state;
	before = space;
	assert_int_equal(port_space_claim(&space, &binding[3], &device[0], &byte_region, 0xFF), -ERR_EXISTS);
	assert_int_equal(port_space_claim(&space, &binding[3], &device[0], &byte_region, 0x201), -ERR_EXISTS);
	assert_int_equal(port_space_claim(&space, &binding[3], &device[0], &byte_region, 0x104), -ERR_EXISTS);
	assert_int_equal(port_space_claim(&space, &binding[3], &device[0], &byte_region, 0xFFFF),
	                 -ERR_OUT_OF_RANGE);
	assert_int_equal(port_space_claim(&space, &binding[3], &device[0], &empty, 0x300), -ERR_OUT_OF_RANGE);
	assert_memory_equal(&before, &space, sizeof(space));
}

/* A region can be at every port: no number of them is too large. */
static void all_ports_can_be_claimed_one_by_one(void **state)
{
	static const struct port_region one = {
		.count = 1, .width = 1, .read = probe_read, .write = probe_write};
	static struct port_binding all[0x2000];

	(void)state;
	port_space_init(&space);
	/* From the end, since each is put in front of the rest. */
	for (unsigned i = ARRAY_SIZE(all); i--;)
		assert_int_equal(port_space_claim(&space, &all[i], &device[i % 3], &one, (uint16_t)(8 * i)),
		                 0);
	for (unsigned i = 0; i < ARRAY_SIZE(all); i += 1009) {
		trace[0] = '\0';
		port_read(&space, (uint16_t)(8 * i), 1);
		assert_int_equal(trace[1] - '0', i % 3);
		assert_int_equal(port_read(&space, (uint16_t)(8 * i + 1), 1), 0xFF);
	}
}

/* Ports whose low ten bits are equal share a slot of the table, and nothing else. */
static void ports_that_share_a_slot_are_kept_apart(void **state)
{
	(void)state;
	assert_int_equal(port_space_claim(&space, &binding[3], &device[2], &byte_region, 0x500), 0);
	for (unsigned i = 0; i < 2; i++) {
		port_read(&space, 0x100, 1);
		port_read(&space, 0x501, 1);
		port_read(&space, 0x101, 1);
		assert_int_equal(port_read(&space, 0x900, 1), 0xFF);
		expect_trace("r0:0:1 r2:1:1 r0:1:1 ");
	}
}

static void what_is_released_is_unclaimed(void **state)
{
	(void)state;
	port_read(&space, 0x101, 1);
	port_read(&space, 0x102, 1);
	trace[0] = '\0';
	port_space_release(&space, &binding[0]);
	assert_int_equal(port_read(&space, 0x101, 1), 0xFF);
	port_write(&space, 0x100, 2, 0x1234);
	assert_int_equal(space.unclaimed_reads + space.unclaimed_writes, 2);
	expect_trace("");
	port_read(&space, 0x102, 2); /* its neighbour is still there */
	expect_trace("r1:0:2 ");
	port_space_release(&space, &binding[0]); /* harmless */
	/* It moves, and another takes its place. */
	assert_int_equal(port_space_claim(&space, &binding[0], &device[0], &byte_region, 0xC000), 0);
	assert_int_equal(port_space_claim(&space, &binding[3], &device[2], &byte_region, 0x100), 0);
	port_read(&space, 0xC001, 1);
	port_read(&space, 0x101, 1);
	expect_trace("r0:1:1 r2:1:1 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(fits_in_one_cycle, setup),
		cmocka_unit_test_setup(wide_accesses_are_split, setup),
		cmocka_unit_test_setup(unclaimed_ports, setup),
		cmocka_unit_test_setup(the_last_unclaimed_ports_are_known, setup),
		cmocka_unit_test_setup(ports_wrap, setup),
		cmocka_unit_test_setup(claims_that_fail, setup),
		cmocka_unit_test_setup(all_ports_can_be_claimed_one_by_one, setup),
		cmocka_unit_test_setup(ports_that_share_a_slot_are_kept_apart, setup),
		cmocka_unit_test_setup(what_is_released_is_unclaimed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
