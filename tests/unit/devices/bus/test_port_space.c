/* SPDX-License-Identifier: MIT */
/* Port space: claims, widths, accesses that cross regions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "devices/bus/port_space.h"
#include "lib/errors.h"

static struct port_space space;
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
	assert_int_equal(port_space_claim(&space, &device[0], &byte_region, 0x100), 0);
	assert_int_equal(port_space_claim(&space, &device[1], &word_region, 0x102), 0);
	assert_int_equal(port_space_claim(&space, &device[2], &dword_region, 0x1FE), 0);
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
	assert_int_equal(port_space_claim(&space, &device[0], &byte_region, 0xFFFE), 0);
	assert_int_equal(port_space_claim(&space, &device[1], &byte_region, 0), 0);
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
	static const struct port_region page = {
		.count = 256, .width = 1, .read = probe_read, .write = probe_write};
	struct port_space before;

	(void)state;
	before = space;
	assert_int_equal(port_space_claim(&space, &device[0], &byte_region, 0xFF), -ERR_EXISTS);
	assert_int_equal(port_space_claim(&space, &device[0], &byte_region, 0x201), -ERR_EXISTS);
	assert_int_equal(port_space_claim(&space, &device[0], &byte_region, 0xFFFF), -ERR_OUT_OF_RANGE);
	assert_int_equal(port_space_claim(&space, &device[0], &empty, 0x300), -ERR_OUT_OF_RANGE);
	assert_memory_equal(&before, &space, sizeof(space));
	/* Leaves: 0 is the empty one, pages 1 and 2 are in use. */
	for (unsigned i = 3; i < PORT_SPACE_LEAVES; i++)
		assert_int_equal(port_space_claim(&space, &device[0], &page, (uint16_t)(i << 8)), 0);
	before = space;
	assert_int_equal(port_space_claim(&space, &device[0], &byte_region, 0xF000), -ERR_NO_MEMORY);
	assert_memory_equal(&before, &space, sizeof(space));
	assert_int_equal(port_read(&space, 0x3FF, 1) & 0xFF, 0x9F);
	/* Regions. */
	port_space_init(&space);
	for (unsigned i = 1; i < PORT_SPACE_REGIONS; i++)
		assert_int_equal(port_space_claim(&space, &device[0], &byte_region, (uint16_t)(i * 2)), 0);
	assert_int_equal(port_space_claim(&space, &device[0], &byte_region, 0x200), -ERR_NO_MEMORY);
	assert_int_equal(port_read(&space, 0x200, 1), 0xFF);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
