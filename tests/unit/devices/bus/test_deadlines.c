/* SPDX-License-Identifier: MIT */
/* Deadlines of a machine's devices: what is told, and who is called when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "devices/bus/device.h"
#include "lib/x86.h"

#define MANY 100

static struct clock clock;
static struct deadlines deadlines;
static struct device device[MANY];
static uint64_t told;
static unsigned tellings, calls, order[MANY + 1];
static void (*hook)(struct device *device);

static void note_told(void *context, uint64_t earliest)
{
	assert_ptr_equal(context, &told);
	told = earliest;
	tellings++;
}

static const struct platform_events events = {.deadline_changed = note_told};
static const struct platform platform = {&clock, &events, &told};

static void note_reached(struct device *which)
{
	assert_int_equal(which->deadline.at, DEADLINE_NONE);
	order[calls++] = (unsigned)(which - device);
	if (hook)
		hook(which);
}

static int setup(void **state)
{
	(void)state;
	clock = (struct clock){.multiplier = 1UL << 63, .shift = 1, .stopped_at = CLOCK_RUNS};
	fake_x86.tsc = 0;
	told = DEADLINE_NONE;
	tellings = calls = 0;
	hook = NULL;
	deadlines_init(&deadlines, &platform);
	for (unsigned i = 0; i < MANY; i++)
		deadline_init(&device[i].deadline, note_reached, &device[i]);
	return 0;
}

static void arm(unsigned index, uint64_t at)
{
	deadline_arm(&deadlines, &device[index].deadline, at);
}

static void only_a_change_of_the_earliest_is_told(void **state)
{
	(void)state;
	arm(0, 500);
	arm(1, 700);
	arm(2, 500);
	arm(2, 500);
	assert_int_equal(tellings, 1);
	arm(0, DEADLINE_NONE);
	assert_int_equal(told, 500);
	arm(2, 900);
	assert_int_equal(told, 700);
	arm(1, DEADLINE_NONE);
	assert_int_equal(told, 900);
	arm(2, DEADLINE_NONE);
	assert_int_equal(told, DEADLINE_NONE);
	assert_int_equal(tellings, 4);
}

static void nothing_is_told_while_deferred(void **state)
{
	(void)state;
	arm(0, 500);
	deadlines_defer(&deadlines);
	arm(1, 100);
	arm(1, DEADLINE_NONE);
	assert_int_equal(tellings, 1);
	deadlines_tell(&deadlines);
	assert_int_equal(tellings, 1);
	deadlines_defer(&deadlines);
	arm(1, 100);
	deadlines_tell(&deadlines);
	assert_int_equal(told, 100);
}

static void all_that_are_due_run_in_the_order_of_their_times(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		arm(i, 1000 - i);
	fake_x86.tsc = 1000 - 50;
	deadlines_run(&deadlines);
	assert_int_equal(calls, 50);
	for (unsigned i = 0; i < calls; i++)
		assert_int_equal(order[i], MANY - 1 - i);
	assert_int_equal(told, 951);
	deadlines_run(&deadlines);
	assert_int_equal(calls, 50);
}

static void arm_for_the_past(struct device *which)
{
	deadline_arm(&deadlines, &which->deadline, 0);
}

static void one_that_asks_again_waits_for_the_next_run(void **state)
{
	(void)state;
	hook = arm_for_the_past;
	arm(0, 10);
	arm(1, 10);
	fake_x86.tsc = 10;
	deadlines_run(&deadlines);
	assert_int_equal(calls, 2);
	assert_int_equal(told, 0);
	deadlines_run(&deadlines);
	assert_int_equal(calls, 4);
}

static void disarm_the_other(struct device *which)
{
	deadline_arm(&deadlines, &device[which == &device[0]].deadline, DEADLINE_NONE);
}

static void one_that_is_disarmed_by_another_does_not_run(void **state)
{
	(void)state;
	hook = disarm_the_other;
	arm(0, 10);
	arm(1, 11);
	fake_x86.tsc = 20;
	deadlines_run(&deadlines);
	assert_int_equal(calls, 1);
	assert_int_equal(told, DEADLINE_NONE);
}

static void a_stopped_clock_reaches_nothing(void **state)
{
	(void)state;
	arm(0, 10);
	fake_x86.tsc = 9;
	clock_stop(&clock, 9);
	fake_x86.tsc = 1000;
	deadlines_run(&deadlines);
	assert_int_equal(calls, 0);
	assert_int_equal(clock_go_on(&clock, 1000), 991);
	deadlines_run(&deadlines);
	assert_int_equal(calls, 0);
	fake_x86.tsc = 1001;
	deadlines_run(&deadlines);
	assert_int_equal(calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_a_change_of_the_earliest_is_told, setup),
		cmocka_unit_test_setup(nothing_is_told_while_deferred, setup),
		cmocka_unit_test_setup(all_that_are_due_run_in_the_order_of_their_times, setup),
		cmocka_unit_test_setup(one_that_asks_again_waits_for_the_next_run, setup),
		cmocka_unit_test_setup(one_that_is_disarmed_by_another_does_not_run, setup),
		cmocka_unit_test_setup(a_stopped_clock_reaches_nothing, setup),
	};

	return cmocka_run_group_tests_name("deadlines", tests, NULL, NULL);
}
