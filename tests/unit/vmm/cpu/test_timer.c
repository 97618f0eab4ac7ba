/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "vmm/cpu/timer.h"

static struct timer_queue queue;
static struct timer timers[4];
static unsigned fired[8], fired_count;
static struct timer *again;
static uint64_t again_at;

static void note(struct timer *timer)
{
	if (fired_count < ARRAY_SIZE(fired))
		fired[fired_count] = (unsigned)(timer - timers);
	fired_count++;
	if (timer == again)
		timer_arm(&queue, timer, again_at);
}

static int setup(void **state)
{
	(void)state;
	timer_queue_init(&queue);
	for (unsigned i = 0; i < ARRAY_SIZE(timers); i++)
		timer_init(&timers[i], note);
	fired_count = 0;
	again = NULL;
	return 0;
}

static void test_order(void **state)
{
	(void)state;
	assert_true(timer_queue_next(&queue) == TIMER_NEVER);
	timer_arm(&queue, &timers[0], 300);
	timer_arm(&queue, &timers[1], 100);
	timer_arm(&queue, &timers[2], 200);
	timer_arm(&queue, &timers[3], 100);
	assert_int_equal(timer_queue_next(&queue), 100);
	timer_queue_run(&queue, 99);
	assert_int_equal(fired_count, 0);
	timer_queue_run(&queue, 200);
	assert_int_equal(fired_count, 3);
	assert_int_equal(fired[0], 1); /* equal deadlines: in the order of arming */
	assert_int_equal(fired[1], 3);
	assert_int_equal(fired[2], 2);
	assert_int_equal(timer_queue_next(&queue), 300);
	assert_false(timer_armed(&timers[1]));
	assert_true(timer_armed(&timers[0]));
}

static void test_rearm_and_cancel(void **state)
{
	(void)state;
	timer_arm(&queue, &timers[0], 100);
	timer_arm(&queue, &timers[1], 200);
	timer_arm(&queue, &timers[0], 300); /* replaces */
	assert_int_equal(timer_queue_next(&queue), 200);
	timer_cancel(&timers[1]);
	timer_cancel(&timers[1]); /* harmless */
	assert_int_equal(timer_queue_next(&queue), 300);
	timer_arm(&queue, &timers[0], TIMER_NEVER);
	assert_false(timer_armed(&timers[0]));
	timer_queue_run(&queue, UINT64_MAX - 1);
	assert_int_equal(fired_count, 0);
	timer_queue_run(&queue, UINT64_MAX);
	assert_int_equal(fired_count, 0);
}

static void test_periodic(void **state)
{
	(void)state;
	again = &timers[0];
	again_at = 200;
	timer_arm(&queue, &timers[0], 100);
	timer_queue_run(&queue, 150);
	assert_int_equal(fired_count, 1);
	assert_int_equal(timer_queue_next(&queue), 200);
}

static void test_past_is_bounded(void **state)
{
	(void)state;
	again = &timers[0];
	again_at = 1;
	timer_arm(&queue, &timers[0], 1);
	timer_queue_run(&queue, 1000);
	assert_int_equal(fired_count, TIMER_RUN_MAX);
	assert_int_equal(timer_queue_next(&queue), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_order, setup),
		cmocka_unit_test_setup(test_rearm_and_cancel, setup),
		cmocka_unit_test_setup(test_periodic, setup),
		cmocka_unit_test_setup(test_past_is_bounded, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
