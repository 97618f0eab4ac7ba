/* SPDX-License-Identifier: MIT */
/*
 * Calls from one processor to another, and what a run loop also looks at: vmm/cpu/cpu_call.c,
 * cpu.c.
 */
#include "rigs/sched_bench.h"

static struct cpu_call calls[4];
static char order[64];

static void note(struct cpu_call *call)
{
	char text[8];

	snprintf(text, sizeof(text), "%u@%u ", (unsigned)(call - calls), this_cpu()->index);
	strcat(order, text);
}

static unsigned again;

static void note_and_queue_again(struct cpu_call *call)
{
	note(call);
	assert_false(call->queued);
	if (again) {
		again--;
		cpu_call(this_cpu(), call);
	}
}

/* What it is about has gone to the other processor. */
static void follow(struct cpu_call *call)
{
	note(call);
	call->run = note;
	cpu_call(cpu_get(1 - this_cpu()->index), call);
}

static void queue_another(struct cpu_call *call)
{
	note(call);
	cpu_call(this_cpu(), &calls[3]);
}

static int setup(void **state)
{
	bench_setup(state);
	memset(calls, 0, sizeof(calls));
	memset(order, 0, sizeof(order));
	for (unsigned i = 0; i < ARRAY_SIZE(calls); i++)
		calls[i].run = note;
	return 0;
}

#define call_test(f) cmocka_unit_test_setup(f, setup)

static void processors_have_their_numbers(void **state)
{
	(void)state;
	assert_int_equal(cpu_count, 2);
	for (unsigned i = 0; i < cpu_count; i++) {
		assert_ptr_equal(cpu_get(i), &bench.cpu[i]);
		assert_int_equal(cpu_get(i)->index, i);
		assert_ptr_equal(cpu_get(i)->self, cpu_get(i));
		assert_int_equal(cpu_deadline(cpu_get(i)), TIMER_NEVER);
	}
}

static void calls_run_in_their_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		cpu_call(&bench.cpu[0], &calls[2 - i]);
	assert_string_equal(order, ""); /* not before the run loop */
	cpu_run_calls(&bench.cpu[0]);
	assert_string_equal(order, "2@0 1@0 0@0 ");
	cpu_run_calls(&bench.cpu[0]);
	assert_string_equal(order, "2@0 1@0 0@0 ");
}

static void a_call_that_waits_is_one(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		cpu_call(&bench.cpu[1], &calls[0]);
		cpu_call(&bench.cpu[1], &calls[1]);
	}
	assert_int_equal(bench.kicked[1], 2);
	/* Nor does it change over to another CPU. */
	cpu_call(&bench.cpu[0], &calls[0]);
	cpu_run_calls(&bench.cpu[0]);
	assert_string_equal(order, "");
	bench_on(1);
	cpu_run_calls(&bench.cpu[1]);
	assert_string_equal(order, "0@1 1@1 ");
	assert_false(calls[0].queued);
}

static void another_cpu_is_kicked_and_this_one_reschedules(void **state)
{
	struct sched_entity *here, *there;

	(void)state;
	here = bench_add(0, 0, 100, 0, BIT(0));
	there = bench_add(1, 1, 100, 0, BIT(1));
	bench_pass(BENCH_STEP);
	bench_on(0);
	memset(bench.kicked, 0, sizeof(bench.kicked));
	cpu_call(&bench.cpu[0], &calls[0]);
	assert_true(bench.cpu[0].rescheduled);
	assert_int_equal(bench.kicked[0], 0);
	cpu_call(&bench.cpu[1], &calls[1]);
	assert_int_equal(bench.kicked[1], 1);
	assert_false(bench.cpu[1].rescheduled); /* it is the other's; the interrupt does it */
	bench_pass(BENCH_STEP);
	assert_string_equal(order, "0@0 1@1 ");
	assert_false(bench.cpu[0].rescheduled || bench.cpu[1].rescheduled);
	assert_ptr_equal(bench_current(0), here); /* neither has lost its turn */
	assert_ptr_equal(bench_current(1), there);
	assert_int_equal(here->switches, 1);
	assert_int_equal(there->switches, 1);
}

static void without_an_entity_calls_run_too(void **state)
{
	(void)state;
	assert_null(bench_current(0));
	cpu_call(&bench.cpu[0], &calls[0]);
	cpu_reschedule(this_cpu());
	assert_false(bench_schedule());
	assert_string_equal(order, "0@0 ");
}

static void an_idle_cpu_does_not_wait_on_top_of_a_call(void **state)
{
	(void)state;
	cpu_call(&bench.cpu[0], &calls[0]);
	fake_x86.halt = NULL;
	cpu_idle(&bench.cpu[0]); /* comes back at once, to the run loop */
	assert_int_equal(fake_x86.halts, 0);
	cpu_run_calls(&bench.cpu[0]);
	cpu_idle(&bench.cpu[0]);
	assert_int_equal(fake_x86.halts, 1);
}

static void a_call_may_queue_itself_again(void **state)
{
	(void)state;
	calls[1].run = note_and_queue_again;
	again = 2;
	cpu_call(&bench.cpu[0], &calls[1]);
	cpu_call(&bench.cpu[0], &calls[2]);
	cpu_run_calls(&bench.cpu[0]);
	assert_string_equal(order, "1@0 2@0 "); /* guests have their turns before it runs again */
	cpu_run_calls(&bench.cpu[0]);
	assert_string_equal(order, "1@0 2@0 1@0 ");
	cpu_run_calls(&bench.cpu[0]);
	cpu_run_calls(&bench.cpu[0]);
	assert_string_equal(order, "1@0 2@0 1@0 1@0 ");
}

static void a_call_may_queue_another(void **state)
{
	(void)state;
	calls[0].run = queue_another;
	cpu_call(&bench.cpu[0], &calls[0]);
	cpu_run_calls(&bench.cpu[0]);
	assert_string_equal(order, "0@0 3@0 ");
}

static void a_call_may_follow_what_it_is_about(void **state)
{
	(void)state;
	calls[0].run = follow;
	cpu_call(&bench.cpu[1], &calls[0]);
	bench_on(1);
	cpu_run_calls(&bench.cpu[1]);
	assert_string_equal(order, "0@1 ");
	assert_int_equal(bench.kicked[0], 1);
	bench_on(0);
	cpu_run_calls(&bench.cpu[0]);
	assert_string_equal(order, "0@1 0@0 ");
}

/* ---- Timers ---- */

static unsigned expired;

static void expire(struct timer *timer)
{
	(void)timer;
	expired++;
}

static void a_cpus_deadline_is_its_first_timers(void **state)
{
	static struct timer early, late;
	struct cpu *mine = &bench.cpu[0];

	(void)state;
	expired = 0;
	timer_init(&early, expire);
	timer_init(&late, expire);
	cpu_timer_arm(mine, &late, fake_x86.tsc + 200);
	assert_int_equal(cpu_deadline(mine), fake_x86.tsc + 200);
	cpu_timer_arm(mine, &early, fake_x86.tsc + 100);
	assert_int_equal(cpu_deadline(mine), fake_x86.tsc + 100);
	assert_int_equal(cpu_deadline(&bench.cpu[1]), TIMER_NEVER);
	fake_x86.tsc += 100;
	cpu_catch_up(mine);
	assert_int_equal(expired, 1);
	assert_int_equal(cpu_deadline(mine), fake_x86.tsc + 100);
	cpu_timer_arm(mine, &late, TIMER_NEVER);
	assert_int_equal(cpu_deadline(mine), TIMER_NEVER);
	fake_x86.tsc += 1000;
	cpu_catch_up(mine);
	assert_int_equal(expired, 1);
}

static void a_look_at_interrupts_is_due_20_ms_later(void **state)
{
	unsigned windows = fake_x86.windows;

	(void)state;
	cpu_catch_up(&bench.cpu[0]);
	assert_int_equal(fake_x86.windows, windows + 1);
	assert_int_equal(bench.cpu[0].interrupts_due, fake_x86.tsc + 20 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		call_test(processors_have_their_numbers),
		call_test(calls_run_in_their_order),
		call_test(a_call_that_waits_is_one),
		call_test(another_cpu_is_kicked_and_this_one_reschedules),
		call_test(without_an_entity_calls_run_too),
		call_test(an_idle_cpu_does_not_wait_on_top_of_a_call),
		call_test(a_call_may_queue_itself_again),
		call_test(a_call_may_queue_another),
		call_test(a_call_may_follow_what_it_is_about),
		call_test(a_cpus_deadline_is_its_first_timers),
		call_test(a_look_at_interrupts_is_due_20_ms_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
