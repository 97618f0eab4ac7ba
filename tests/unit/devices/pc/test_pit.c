/* SPDX-License-Identifier: MIT */
/* 8254: each mode against the datasheet's figures, on channel 2 and its GATE. */
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

struct sample {
	uint64_t tick;
	uint16_t count;
	bool out;
};

static void expect_all(const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pit_expect(samples[i].tick, samples[i].count, samples[i].out);
}
#define EXPECT(...)                                                                                          \
	do {                                                                                                 \
		static const struct sample s_[] = {__VA_ARGS__};                                             \
		expect_all(s_, ARRAY_SIZE(s_));                                                              \
	} while (0)

static void mode0_counts_down_once(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x0, 4);
	assert_false(pc_in(PORT_B) & PORT_B_OUT2);
	EXPECT({1, 4, 0}, {2, 3, 0}, {4, 1, 0}, {5, 0, 1}, {6, 0xFFFF, 1}, {7, 0xFFFE, 1}, {5 + 65536, 0, 1});
	/* A new count: the first byte stops counting and takes OUT low, the second one starts. */
	pc_at(70000);
	pc_out(PIT_CHANNEL(2), 2);
	pit_expect(70003, (uint16_t)(4 - (70000 - 1)), 0);
	pc_out(PIT_CHANNEL(2), 0);
	EXPECT({70004, 2, 0}, {70005, 1, 0}, {70006, 0, 1});
}

static void mode0_gate_holds_the_count(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x0, 10);
	pit_expect(3, 8, 0);
	pit_gate2(false);
	pit_expect(50, 8, 0);
	pc_at(100);
	pit_gate2(true);
	EXPECT({100, 8, 0}, {101, 7, 0}, {107, 1, 0}, {108, 0, 1});
	/* Written while GATE is low: loaded, and OUT rises count ticks after GATE. */
	pit_gate2(false);
	pit_program(2, 0x0, 3);
	pit_expect(150, 3, 0);
	pit_gate2(true);
	EXPECT({152, 1, 0}, {153, 0, 1});
}

static void mode1_one_shot(void **test)
{
	(void)test;
	pit_program(2, 0x2, 3);
	pit_expect(10, 0, 1); /* armed, waits for the trigger */
	pit_gate2(true);
	EXPECT({10, 0, 1}, {11, 3, 0}, {12, 2, 0}, {13, 1, 0});
	pit_gate2(false); /* a low level changes nothing */
	EXPECT({14, 0, 1}, {15, 0xFFFF, 1});
	pc_at(20);
	pit_gate2(true);
	pit_expect(22, 2, 0);
	pit_gate2(false);
	pit_gate2(true); /* retriggered */
	EXPECT({23, 3, 0}, {24, 2, 0}, {25, 1, 0}, {26, 0, 1});
	/* A new count waits for the next trigger. */
	pc_at(30);
	pit_gate2(false);
	pit_gate2(true);
	pc_at(32);
	pc_out(PIT_CHANNEL(2), 9);
	pc_out(PIT_CHANNEL(2), 0);
	EXPECT({33, 1, 0}, {34, 0, 1});
	pit_gate2(false);
	pit_gate2(true);
	EXPECT({35, 9, 0}, {43, 1, 0}, {44, 0, 1});
}

static void mode2_divides(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x4, 3);
	assert_true(pc_in(PORT_B) & PORT_B_OUT2);
	EXPECT({1, 3, 1}, {2, 2, 1}, {3, 1, 0}, {4, 3, 1}, {5, 2, 1}, {6, 1, 0}, {7, 3, 1}, {3000001, 3, 1});
	/* A new count takes its turn when the cycle ends. */
	pc_at(3000002);
	pc_out(PIT_CHANNEL(2), 5);
	pc_out(PIT_CHANNEL(2), 0);
	EXPECT({3000002, 2, 1}, {3000003, 1, 0}, {3000004, 5, 1}, {3000008, 1, 0}, {3000009, 5, 1});
	/* GATE low: OUT high, no counting; the rising edge loads. */
	pc_at(3000013);
	assert_false(pc_in(PORT_B) & PORT_B_OUT2);
	pit_gate2(false);
	EXPECT({3000013, 1, 1}, {3000020, 1, 1});
	pit_gate2(true);
	EXPECT({3000021, 5, 1}, {3000025, 1, 0});
	/* A count written meanwhile is loaded by the trigger. */
	pit_gate2(false);
	pc_out(PIT_CHANNEL(2), 4);
	pc_out(PIT_CHANNEL(2), 0);
	pit_expect(3000040, 1, 1);
	pit_gate2(true);
	EXPECT({3000041, 4, 1}, {3000044, 1, 0}, {3000045, 4, 1});
}

static void mode3_even_and_odd(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x6, 4);
	EXPECT({1, 4, 1}, {2, 2, 1}, {3, 4, 0}, {4, 2, 0}, {5, 4, 1}, {8, 2, 0}, {9, 4, 1});
	pit_program(2, 0x6, 5);
	EXPECT({10, 4, 1}, {11, 2, 1}, {12, 0, 1}, {13, 4, 0}, {14, 2, 0}, {15, 4, 1}, {17, 0, 1},
	       {18, 4, 0});
	/* A new count takes its turn when the half cycle ends: here it starts with its low half. */
	pc_at(21);
	pit_expect(21, 2, 1);
	pc_out(PIT_CHANNEL(2), 6);
	pc_out(PIT_CHANNEL(2), 0);
	EXPECT({22, 0, 1}, {23, 6, 0}, {24, 4, 0}, {25, 2, 0}, {26, 6, 1}, {28, 2, 1}, {29, 6, 0});
	/* And here with the high one. */
	pc_out(PIT_CHANNEL(2), 3);
	pc_out(PIT_CHANNEL(2), 0);
	EXPECT({31, 2, 0}, {32, 2, 1}, {33, 0, 1}, {34, 2, 0}, {35, 2, 1});
	pit_gate2(false);
	pit_expect(36, 2, 1);
	pit_gate2(true);
	EXPECT({37, 2, 1}, {38, 0, 1}, {39, 2, 0});
}

static void mode4_strobe(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x8, 3);
	EXPECT({1, 3, 1}, {3, 1, 1}, {4, 0, 0}, {5, 0xFFFF, 1}, {6, 0xFFFE, 1});
	/* Retriggered by a new count; its first byte has no effect. */
	pc_out(PIT_CHANNEL(2), 2);
	pit_expect(7, 0xFFFD, 1);
	pc_out(PIT_CHANNEL(2), 0);
	EXPECT({8, 2, 1}, {9, 1, 1});
	pit_gate2(false);
	pit_expect(20, 1, 1);
	pit_gate2(true);
	EXPECT({21, 0, 0}, {22, 0xFFFF, 1});
}

static void mode5_strobe_by_trigger(void **test)
{
	(void)test;
	pit_program(2, 0xA, 3);
	pit_expect(9, 0, 1);
	pit_gate2(true);
	EXPECT({10, 3, 1}, {12, 1, 1}, {13, 0, 0}, {14, 0xFFFF, 1});
	pit_gate2(false);
	pit_gate2(true);
	pit_expect(16, 2, 1);
	pit_gate2(false);
	pit_gate2(true);
	EXPECT({17, 3, 1}, {20, 0, 0}, {21, 0xFFFF, 1});
}

static void count_0_is_the_largest(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x0, 0);
	EXPECT({1, 0, 0}, {2, 0xFFFF, 0}, {65536, 1, 0}, {65537, 0, 1});
	pit_program(2, 0x4, 0);
	EXPECT({65538, 0, 1}, {65539, 0xFFFF, 1}, {65538 + 65535, 1, 0}, {65538 + 65536, 0, 1});
	pit_program(2, 0x1, 0); /* mode 0, BCD: 10000 */
	pc_at(200000);
	pit_program(2, 0x1, 0);
	EXPECT({200001, 0, 0}, {200002, 0x9999, 0}, {200001 + 9999, 1, 0}, {200001 + 10000, 0, 1},
	       {200001 + 10001, 0x9999, 1});
	pc_at(300000);
	pit_program(2, 0x7, 0); /* mode 3, BCD */
	EXPECT({300001, 0, 1}, {300002, 0x9998, 1}, {305000, 2, 1}, {305001, 0, 0}, {310001, 0, 1});
}

static void bcd_counts_in_decimal(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x1, 0x1002);
	EXPECT({1, 0x1002, 0}, {3, 0x1000, 0}, {4, 0x999, 0}, {1002, 1, 0}, {1003, 0, 1}, {1004, 0x9999, 1});
	pit_program(2, 0x5, 0x0012);
	EXPECT({1005, 0x12, 1}, {1008, 0x09, 1}, {1016, 1, 0}, {1017, 0x12, 1});
}

static void count_of_1_in_periodic_modes(void **test)
{
	(void)test;
	pit_gate2(true);
	pit_program(2, 0x4, 1);
	EXPECT({1, 1, 0}, {2, 1, 0}, {100, 1, 0});
	pit_program(2, 0x6, 1);
	EXPECT({101, 0, 1}, {102, 0, 1});
	pc_at(200);
	pit_program(0, 0x4, 1);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	/* A larger one ends it. */
	pc_at(250);
	pc_out(PIT_CHANNEL(0), 100);
	pc_out(PIT_CHANNEL(0), 0);
	assert_int_equal(machine_deadline(&pc), pc_ns(251));
	assert_int_equal(pc_run_to(451), 3); /* OUT rises at 251, 351, 451 */
	pit_program(0, 0x6, 1);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(mode0_counts_down_once, pc_setup),
		cmocka_unit_test_setup(mode0_gate_holds_the_count, pc_setup),
		cmocka_unit_test_setup(mode1_one_shot, pc_setup),
		cmocka_unit_test_setup(mode2_divides, pc_setup),
		cmocka_unit_test_setup(mode3_even_and_odd, pc_setup),
		cmocka_unit_test_setup(mode4_strobe, pc_setup),
		cmocka_unit_test_setup(mode5_strobe_by_trigger, pc_setup),
		cmocka_unit_test_setup(count_0_is_the_largest, pc_setup),
		cmocka_unit_test_setup(bcd_counts_in_decimal, pc_setup),
		cmocka_unit_test_setup(count_of_1_in_periodic_modes, pc_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
