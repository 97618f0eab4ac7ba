/* SPDX-License-Identifier: MIT */
/* 8254: formats, latches, status; port 61h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "devices/pc/pit_channel.h"
#include "lib/errors.h"
#include "pit_bench.h"

static void formats(void **test)
{
	(void)test;
	pit_gate2(true);
	pc_out(PIT_COMMAND, 0x90); /* channel 2, low byte, mode 0 */
	pc_out(PIT_CHANNEL(2), 200);
	pc_at(101);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 100);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 100);
	pc_out(PIT_COMMAND, 0xA4); /* high byte, mode 2 */
	pc_out(PIT_CHANNEL(2), 0x20);
	pc_at(102);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x20);
	pc_at(103);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x1F);
	/* Both bytes, not latched: each comes from its own moment. */
	pc_at(200);
	pit_program(2, 0x0, 0x1234);
	pc_at(201);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x34);
	pc_at(201 + 0x35);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x11);
	/* Reads and writes have byte pointers of their own: 8254 datasheet "Write Operations". */
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0xFF);
	pc_out(PIT_CHANNEL(2), 0x78);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x11);
	pc_out(PIT_CHANNEL(2), 0x56);
	pc_at(300);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), (0x5678 - (300 - (201 + 0x35 + 1))) & 0xFF);
	assert_int_equal(pc_in(PIT_COMMAND), 0xFF);
}

static void latch_command(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x4, 1000);
	pc_at(101);
	pc_out(PIT_COMMAND, 0x80);
	pc_at(201);
	pc_out(PIT_COMMAND, 0x80); /* ignored: the first is still to be read */
	assert_int_equal(pit_read16(2), 900);
	assert_int_equal(pit_read16(2), 800);
	/* A control word drops the latch. */
	pc_out(PIT_COMMAND, 0x80);
	pit_program(2, 0x4, 50);
	pc_at(202);
	assert_int_equal(pit_read16(2), 50);
	/* One byte wide. */
	pc_out(PIT_COMMAND, 0x94);
	pc_out(PIT_CHANNEL(2), 77);
	pc_at(203);
	pc_out(PIT_COMMAND, 0x80);
	pc_at(210);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 77);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 70);
}

static void read_back_command(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(0, 0x4, 1000);
	pit_program(1, 0x6, 500);
	pc_out(PIT_COMMAND, 0x98); /* channel 2: low byte, mode 4 */
	pc_out(PIT_COMMAND, 0xEE); /* status of all three */
	assert_int_equal(pc_in(PIT_CHANNEL(0)), 0x80 | 0x40 | 0x34);
	assert_int_equal(pc_in(PIT_CHANNEL(1)), 0x80 | 0x40 | 0x36);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x80 | 0x40 | 0x18); /* null: no count was written */
	pc_out(PIT_CHANNEL(2), 5);
	pc_at(1);
	pc_out(PIT_COMMAND, 0xE8);
	pc_at(6); /* meanwhile OUT is low; the status was latched before, and stays so */
	pc_out(PIT_COMMAND, 0xE8);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x80 | 0x18);
	pc_out(PIT_COMMAND, 0xE8);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x18);
	/* Counts of channels 0 and 1 at one moment. */
	pc_at(101);
	pc_out(PIT_COMMAND, 0xD6);
	pc_at(150);
	assert_int_equal(pit_read16(0), 900);
	assert_int_equal(pit_read16(1), 300);
	/* Status and count: the status comes first, whatever the order of the commands. */
	pc_at(201);
	pc_out(PIT_COMMAND, 0xD2);
	pc_at(202);
	pc_out(PIT_COMMAND, 0xE2);
	assert_int_equal(pc_in(PIT_CHANNEL(0)), 0x80 | 0x34);
	assert_int_equal(pit_read16(0), 800);
	pc_at(203);
	assert_int_equal(pit_read16(0), 798);
	/* Mode codes 6 and 7 are modes 2 and 3, and read back as they were written. */
	pc_out(PIT_COMMAND, 0xBC);
	pc_out(PIT_COMMAND, 0xE8);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x80 | 0x40 | 0x3C);
}

static void null_count(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x4, 100);
	pc_at(11);
	pc_out(PIT_CHANNEL(2), 50);
	pc_out(PIT_COMMAND, 0xE8);
	assert_int_equal(pc_in(PIT_CHANNEL(2)) & 0x40, 0); /* the first byte alone does not count */
	pc_out(PIT_CHANNEL(2), 0);
	pc_at(100);
	pc_out(PIT_COMMAND, 0xE8);
	assert_int_equal(pc_in(PIT_CHANNEL(2)) & 0x40, 0x40);
	pc_at(101);
	pc_out(PIT_COMMAND, 0xE8);
	assert_int_equal(pc_in(PIT_CHANNEL(2)) & 0x40, 0);
	pit_gate2(false);
	pit_program(2, 0x2, 7);
	pc_at(150);
	pc_out(PIT_COMMAND, 0xE8);
	assert_int_equal(pc_in(PIT_CHANNEL(2)) & 0x40, 0x40); /* waits for the trigger */
	pit_gate2(true);
	pc_at(151);
	pc_out(PIT_COMMAND, 0xE8);
	assert_int_equal(pc_in(PIT_CHANNEL(2)) & 0x40, 0);
}

static void mode_change_resets(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x4, 100);
	pc_at(41);
	pc_out(PIT_CHANNEL(2), 9); /* half a count, to be forgotten */
	pc_out(PIT_COMMAND, 0xB0);
	assert_false(pc_in(PORT_B) & PORT_B_OUT2);
	pit_expect(60, 60, 0); /* the element stands still */
	pc_out(PIT_CHANNEL(2), 3);
	pc_out(PIT_CHANNEL(2), 1);
	pit_expect(61, 0x103, 0);
	pit_expect(62, 0x102, 0);
}

static void port_b(void **test)
{
	(void)test;
	pc_out(PORT_B, 0xFF);
	assert_int_equal(pc_in(PORT_B) & 0xCF, 0x0F);
	pc_out(PORT_B, 0x02);
	assert_int_equal(pc_in(PORT_B) & 0xCF, 0x02);
	/* The refresh bit: 18 ticks up, 18 down; 15.085 us. */
	pc_origin = 0;
	for (unsigned i = 0; i < 200; i++) {
		pc_at(2000016 + i);
		assert_int_equal(!!(pc_in(PORT_B) & PORT_B_REFRESH), (2000016 + i) / 18 % 2);
	}
}

static void errors_give_nmi(void **test)
{
	(void)test;
	machine_report_error(&pc, PORT_B_IOCHK);
	assert_int_equal(fake_platform.nmis, 1);
	assert_int_equal(pc_in(PORT_B) & 0xC0, 0x40);
	machine_report_error(&pc, PORT_B_PARITY); /* the line is up already */
	assert_int_equal(fake_platform.nmis, 1);
	assert_int_equal(pc_in(PORT_B) & 0xC0, 0xC0);
	pc_out(PORT_B, PORT_B_IOCHK_CLEAR);
	assert_int_equal(pc_in(PORT_B) & 0xC0, 0x80);
	pc_out(PORT_B, PORT_B_IOCHK_CLEAR | PORT_B_PARITY_CLEAR);
	machine_report_error(&pc, PORT_B_PARITY | PORT_B_IOCHK);
	assert_int_equal(pc_in(PORT_B) & 0xC0, 0);
	assert_int_equal(fake_platform.nmis, 1);
	pc_out(PORT_B, 0);
	pc_out(0x70, 0x80); /* NMI disabled */
	machine_report_error(&pc, PORT_B_PARITY);
	assert_int_equal(pc_in(PORT_B) & 0xC0, 0x80);
	assert_int_equal(fake_platform.nmis, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(formats, pc_setup),
		cmocka_unit_test_setup(latch_command, pc_setup),
		cmocka_unit_test_setup(read_back_command, pc_setup),
		cmocka_unit_test_setup(null_count, pc_setup),
		cmocka_unit_test_setup(mode_change_resets, pc_setup),
		cmocka_unit_test_setup(port_b, pc_setup),
		cmocka_unit_test_setup(errors_give_nmi, pc_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
