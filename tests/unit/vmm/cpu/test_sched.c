/* SPDX-License-Identifier: MIT */
/* Who runs, and for how long: vmm/cpu/sched.c. */
#include "rigs/sched_bench.h"

#define ANY   UINT64_MAX
#define CPU_0 BIT(0)
#define CPU_1 BIT(1)

/* `part` of `whole`, in units of 1/10000. */
static uint64_t share(uint64_t part, uint64_t whole)
{
	return part * 10000 / whole;
}

#define assert_near(value, wanted, tolerance)                                                                \
	do {                                                                                                 \
		if ((value) + (tolerance) < (wanted) || (value) > (wanted) + (tolerance))                    \
			fail_msg("%s is %lu, not %lu", #value, (unsigned long)(value),                       \
			         (unsigned long)(wanted));                                                   \
	} while (0)

static uint64_t vtime_of(uint64_t ns)
{
	return ns * 1024 / SCHED_WEIGHT_DEFAULT;
}

/* ---- Shares ---- */

static void shares_follow_the_weights(void **state)
{
	static const uint16_t weights[] = {100, 200, 400};

	(void)state;
	cpu_count = 1;
	for (unsigned i = 0; i < 3; i++)
		bench_add(i, 0, weights[i], 0, ANY);
	bench_pass(3000 * MS);
	for (unsigned i = 0; i < 3; i++)
		assert_near(share(bench_ran(i), 3000 * MS), weights[i] * 10000UL / 700, 100);
}

static void so_do_they_at_both_ends_of_the_range(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 1, 0, ANY);
	bench_add(1, 0, SCHED_WEIGHT_MAX, 0, ANY);
	bench_pass(2000 * MS);
	/* One turn of the first is worth 20 s of the second. */
	assert_in_range(bench_ran(0), 0, 5 * MS);
	assert_near(bench_ran(0) + bench_ran(1), 2000 * MS, 0);
}

static void turns_are_short_while_others_wait(void **state)
{
	(void)state;
	cpu_count = 1;
	for (unsigned i = 0; i < 4; i++)
		bench_add(i, 0, 100, 0, ANY);
	bench_pass(1000 * MS);
	for (unsigned i = 0; i < 4; i++) {
		assert_in_range(bench.entity[i].switches, 100, 140); /* one in 8 ms */
		assert_near(share(bench_ran(i), 1000 * MS), 2500UL, 100);
		assert_near(share(bench.entity[i].waited, 1000 * MS), 7500UL, 200);
	}
}

static void nobody_waits_then_nobody_is_switched(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, ANY);
	bench_pass(1000 * MS);
	assert_int_equal(bench.entity[0].switches, 1);
	assert_int_equal(bench.cpu[0].sched.switches, 1);
	assert_int_equal(bench.cpu[0].slice_end, TIMER_NEVER);
	assert_near(bench_ran(0), 1000 * MS, 0);
}

static void no_time_is_lost(void **state)
{
	uint64_t sum = 0;

	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, ANY);
	bench_add(1, 0, 300, 0, ANY);
	bench_sleeps(1, 3 * MS, 5 * MS);
	bench_add(2, 0, 50, 0, ANY);
	bench_sleeps(2, MS, 2 * MS);
	bench_pass(1000 * MS);
	for (unsigned i = 0; i < 3; i++)
		sum += bench_ran(i);
	assert_int_equal(sum, 1000 * MS);
	assert_int_equal(bench.idle[0], 0);
}

static void time_spent_for_another_is_charged_once(void **state)
{
	struct sched_entity *entity = bench_add(0, 0, 200, 50, CPU_0);
	uint64_t vtime, busy;
	int64_t budget;

	bench_add(1, 0, 100, 0, CPU_0);
	bench_sleeps(0, MS, 100 * MS);
	bench_pass(20 * MS);
	assert_int_equal(entity->state, SCHED_BLOCKED);
	assert_int_equal(bench.entity[1].state, SCHED_RUNNING);
	(void)state;
	sched_account(&bench.cpu[0]);
	vtime = entity->vtime;
	busy = bench.cpu[0].sched.busy;
	budget = entity->budget;
	fake_x86.tsc += MS;
	assert_int_equal(sched_charge(entity, fake_x86.tsc - MS), fake_x86.tsc);
	assert_int_equal(entity->ran, 2 * MS);
	assert_near(entity->vtime - vtime, MS * 1024 / 200, 1UL);
	assert_int_equal(entity->budget, budget - (int64_t)MS);
	sched_account(&bench.cpu[0]);
	assert_int_equal(bench.cpu[0].sched.busy, busy + MS);
	assert_int_equal(bench_ran(0) + bench_ran(1), 21 * MS);
}

/* ---- Caps ---- */

static void a_cap_holds_on_an_idle_machine(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 20, ANY);
	bench_pass(2000 * MS);
	assert_near(share(bench_ran(0), 2000 * MS), 2000UL, 100);
	/* The rest is time that it wanted and did not get. */
	assert_near(share(bench.entity[0].waited, 2000 * MS), 8000UL, 200);
	assert_near(share(bench.idle[0], 2000 * MS), 8000UL, 100);
}

static void a_cap_holds_against_others(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 10000, 20, ANY);
	bench_add(1, 0, 100, 0, ANY);
	bench_pass(2000 * MS);
	assert_near(share(bench_ran(0), 2000 * MS), 2000UL, 100);
	assert_near(share(bench_ran(1), 2000 * MS), 8000UL, 100);
}

static void every_cap_holds(void **state)
{
	(void)state;
	cpu_count = 1;
	for (unsigned cap = 1; cap <= 100; cap += 9) {
		bench_setup(NULL);
		cpu_count = 1;
		bench_add(0, 0, 100, (uint8_t)cap, ANY);
		bench_pass(1000 * MS);
		assert_near(share(bench_ran(0), 1000 * MS), cap * 100UL, 100);
	}
}

/* Hogs of 10 ms on each CPU in turn, and one with a cap that may be on both. */
static void a_cap_is_given_across_moves(void **state)
{
	(void)state;
	bench_add(0, 0, 100, 0, CPU_0);
	bench_add(1, 1, 100, 0, CPU_1);
	bench_sleeps(0, 10 * MS, 10 * MS);
	bench_sleeps(1, 10 * MS, 10 * MS);
	bench.load[1].left = BENCH_STEP; /* falls asleep at once: they alternate */
	bench_pass(MS);
	bench_add(2, 0, 100, 20, ANY);
	bench_pass(1000 * MS);
	assert_in_range(bench_ran(2), 180 * MS, 220 * MS);
}

static void a_sleep_saves_up_one_period_at_most(void **state)
{
	struct sched_entity *entity;

	(void)state;
	cpu_count = 1;
	entity = bench_add(0, 0, 100, 20, ANY);
	bench_sleeps(0, MS, 1000 * MS);
	bench_pass(500 * MS);
	assert_int_equal(entity->state, SCHED_BLOCKED);
	bench_sleeps(0, 0, 0);
	bench_pass(600 * MS); /* awake for 99 ms */
	assert_in_range(bench_ran(0), 15 * MS, MS + 20 * MS + 4 * MS + MS);
}

/*
 * What it wanted to run for is gone when its cap allows it again: its devices must not sleep with
 * it.
 */
static void who_has_nothing_to_do_behind_its_cap_sleeps(void **state)
{
	struct sched_entity *entity = bench_add(0, 0, 100, 20, ANY);

	(void)state;
	cpu_count = 1;
	while (entity->state != SCHED_THROTTLED)
		bench_pass(BENCH_STEP);
	bench.sleeps[0] = true;
	bench.wait_over = 0;
	bench_pass(100 * MS);
	assert_int_equal(entity->state, SCHED_BLOCKED);
	assert_int_equal(bench.wait_over, 1);
}

/* ---- Device events of those that sleep ---- */

/* An event that takes `ns`; how long the next one must wait after that. */
static uint64_t event_wait(struct sched_entity *entity, uint64_t ns)
{
	uint64_t start = fake_x86.tsc;

	fake_x86.tsc += ns;
	return sched_charge_event(entity, start) - fake_x86.tsc;
}

static void events_that_wake_nobody_become_rare(void **state)
{
	struct sched_entity *entity = bench_add(0, 0, 100, 0, CPU_0);

	(void)state;
	bench_sleeps(0, MS, MS);
	bench_pass(2 * MS);
	assert_int_equal(entity->state, SCHED_BLOCKED);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(event_wait(entity, 1000), MS << i);
	assert_int_equal(event_wait(entity, 1000), 32 * MS);
	assert_int_equal(event_wait(entity, 1000), 32 * MS);
	bench_pass(4 * MS); /* it wakes, and sleeps again */
	assert_int_equal(entity->state, SCHED_BLOCKED);
	assert_int_equal(event_wait(entity, 1000), MS);
}

static void device_events_count_against_the_cap(void **state)
{
	struct sched_entity *entity = bench_add(0, 0, 100, 5, CPU_0);

	(void)state;
	bench_sleeps(0, BENCH_STEP, 1000 * MS);
	bench_pass(100 * MS);
	assert_int_equal(entity->state, SCHED_BLOCKED);
	assert_int_equal(event_wait(entity, 500000), MS);              /* of the 1 ms that it has saved up */
	assert_in_range(event_wait(entity, 3 * MS), 37 * MS, 38 * MS); /* until the cap has given the rest */
	/* What wakes it finds that it has used up its time. */
	bench_wake(0);
	assert_false(bench_schedule());
	assert_int_equal(entity->state, SCHED_THROTTLED);
	bench_pass(80 * MS);
	assert_int_not_equal(entity->state, SCHED_THROTTLED);
}

/* ---- Those that sleep ---- */

static void who_wakes_preempts_a_hog(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, ANY);
	bench_add(1, 0, 100, 0, ANY);
	bench_sleeps(1, 200000, 10 * MS);
	bench_pass(1000 * MS);
	assert_in_range(bench.entity[1].switches, 90, 110);
	assert_in_range(bench.load[1].longest, 0, BENCH_STEP);
	assert_near(share(bench_ran(1), 1000 * MS), 200UL, 20);
}

/* Who uses less than its share waits for one turn at most, however many others there are. */
static void a_light_load_waits_for_one_turn_at_most(void **state)
{
	(void)state;
	cpu_count = 1;
	for (unsigned i = 0; i < 6; i++)
		bench_add(i, 0, 100, 0, ANY);
	bench_add(6, 0, 100, 0, ANY);
	bench_sleeps(6, 400000, 9 * MS);
	bench_pass(1000 * MS);
	assert_in_range(bench.load[6].longest, 0, SCHED_SLICE_NS + BENCH_STEP);
}

static void a_sleep_is_no_credit_for_later(void **state)
{
	uint64_t before;

	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, ANY);
	bench_add(1, 0, 100, 0, ANY);
	bench_sleeps(1, MS, 2000 * MS);
	bench_pass(1000 * MS);
	assert_int_equal(bench.entity[1].state, SCHED_BLOCKED);
	bench.load[1].wakes = fake_x86.tsc;
	bench_sleeps(1, 0, 0);
	before = bench_ran(1);
	bench_pass(20 * MS);
	/* Half of it, its credit, and a turn that has begun. */
	assert_in_range(bench_ran(1) - before, 9 * MS, 10 * MS + SCHED_SLICE_NS + SCHED_SLICE_NS / 2);
	bench_pass(980 * MS);
	assert_near(share(bench_ran(1) - before, 1000 * MS), 5000UL, 100);
}

static void who_never_sleeps_is_not_starved_by_those_who_do(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, ANY);
	for (unsigned i = 1; i < 8; i++) {
		bench_add(i, 0, 100, 0, ANY);
		bench_sleeps(i, 300000, 300000); /* would use half of the CPU, each */
	}
	bench_pass(1000 * MS);
	assert_true(share(bench_ran(0), 1000 * MS) >= 1150); /* an eighth is its due */
}

/*
 * Beside one of the smallest weight, which always runs: virtual time comes round in 35 days at 3
 * GHz.
 */
static void after_a_pause_of_weeks_it_gets_its_share(void **state)
{
	uint64_t before;

	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 1, 0, ANY);
	bench_add(1, 0, 10000, 0, ANY);
	bench_pass(10 * MS);
	bench.sleeps[1] = true;
	cpu_reschedule(&bench.cpu[0]);
	bench_pass(10 * MS);
	assert_int_equal(bench.entity[1].state, SCHED_BLOCKED);
	for (unsigned day = 0; day < 110; day++) {
		fake_x86.tsc += 86400 * 1000 * MS;
		bench_pass(BENCH_STEP);
	}
	bench_wake(1);
	before = bench_ran(1);
	bench_pass(1000 * MS);
	assert_in_range(bench_ran(1) - before, 900 * MS, 1000 * MS);
}

static void who_is_not_runnable_is_told_so_and_stays_blocked(void **state)
{
	struct sched_entity *entity = bench_add(0, 0, 100, 0, CPU_0);

	(void)state;
	assert_true(bench_schedule());
	bench.sleeps[0] = true;
	assert_false(bench_schedule());
	assert_int_equal(entity->state, SCHED_BLOCKED);
	assert_int_equal(bench.blocked, 1);
	sched_wake(entity); /* it does not want to */
	assert_int_equal(entity->state, SCHED_BLOCKED);
	assert_false(bench_schedule());
	bench_wake(0);
	assert_true(bench_schedule());
	assert_int_equal(entity->state, SCHED_RUNNING);
	assert_int_equal(bench.blocked, 1);
}

static void who_waits_and_is_no_longer_runnable_gets_no_turn(void **state)
{
	struct sched_entity *entity = bench_add(0, 0, 100, 0, CPU_0);

	(void)state;
	assert_true(bench_schedule());
	bench_add(1, 0, 100, 0, CPU_0);
	assert_true(bench_schedule());
	assert_ptr_equal(bench_current(0), entity);
	bench.sleeps[0] = bench.sleeps[1] = true;
	assert_false(bench_schedule());
	assert_int_equal(bench.entity[1].state, SCHED_BLOCKED);
	assert_int_equal(bench.cpu[0].sched.waiting, 0);
}

/* The timer, device or exit handler that it comes from goes on, and must find all as it was. */
static void a_wake_up_is_posted(void **state)
{
	struct sched_entity *entity;

	(void)state;
	cpu_count = 1;
	entity = bench_add(0, 0, 100, 0, ANY);
	assert_true(bench_schedule());
	bench.sleeps[0] = true;
	assert_false(bench_schedule());
	bench.waited = bench.wait_over = bench.left = 0;
	bench.cpu[0].rescheduled = false;
	bench_wake(0);
	sched_wake(entity); /* one wake-up */
	assert_int_equal(entity->state, SCHED_WOKEN);
	assert_true(bench.cpu[0].rescheduled);
	assert_int_equal(bench.waited + bench.wait_over + bench.left, 0);
	assert_int_equal(bench.cpu[0].sched.waiting, 0);
	assert_true(bench_schedule());
	assert_int_equal(entity->state, SCHED_RUNNING);
	assert_int_equal(bench.waited, 1);
	assert_int_equal(bench.wait_over, 1);
	assert_true(list_empty(&bench.cpu[0].sched.woken));
}

static void who_leaves_takes_its_wake_up_along(void **state)
{
	struct sched_entity *entity;

	(void)state;
	cpu_count = 1;
	entity = bench_add(0, 0, 100, 0, ANY);
	assert_int_equal(entity->state, SCHED_WOKEN);
	sched_leave(&bench.cpu[0], entity);
	assert_true(list_empty(&bench.cpu[0].sched.woken));
	assert_int_equal(bench.cpu[0].sched.waiting, 0);
	assert_false(bench_schedule());
	assert_int_equal(entity->state, SCHED_NOWHERE);
}

/* ---- Several processors ---- */

static void who_wakes_goes_to_a_cpu_that_is_idle(void **state)
{
	(void)state;
	bench_pass(MS);
	bench_add(0, 0, 100, 0, ANY);
	bench_pass(MS);
	assert_int_equal(bench.entity[0].cpu, 0);
	assert_true(bench.cpu[1].sched.idle);
	bench_add(1, 0, 100, 0, ANY);
	/*
	 * It may be a device that wakes it, in the middle of its work: the VM stays where that
	 * runs.
	 */
	assert_int_equal(bench.entity[1].cpu, 0);
	assert_int_equal(bench.entity[1].state, SCHED_WOKEN);
	assert_int_equal(bench.left, 0);
	assert_true(bench.cpu[0].rescheduled);
	assert_true(bench_schedule());
	assert_ptr_equal(bench_current(0), &bench.entity[0]);
	assert_int_equal(bench.entity[1].cpu, 1);
	assert_true(bench.entity[1].moving);
	assert_int_equal(bench.entity[1].state, SCHED_NOWHERE);
	assert_int_equal(bench.kicks[1], 1);
	assert_int_equal(bench.left, 1);
	assert_false(bench.cpu[1].sched.idle); /* no other is sent there as well */
	bench_pass(10 * MS);
	assert_false(bench.entity[1].moving);
	assert_int_equal(bench.entity[1].state, SCHED_RUNNING);
	assert_int_equal(bench_ran(0), 11 * MS);
	assert_int_equal(bench_ran(1), 10 * MS);
	assert_int_equal(bench.cpu[0].sched.placed, 1);
	assert_int_equal(bench.cpu[1].sched.placed, 1);
}

/* The second of two on one CPU, of which the other is idle: leaving takes it 5000 ticks. */
static void one_is_to_move(void)
{
	bench_pass(MS);
	bench_add(0, 0, 100, 0, ANY);
	bench_pass(MS);
	bench_add(1, 0, 100, 0, ANY);
	bench.leaving = 5000;
}

static void who_moves_pays_for_its_way(void **state)
{
	uint64_t ran;

	(void)state;
	one_is_to_move();
	ran = bench_ran(0);
	assert_true(bench_schedule());
	assert_int_equal(bench.entity[1].cpu, 1);
	assert_int_equal(bench.entity[1].ran, 5000);
	assert_int_equal(bench_ran(0), ran);
}

/* The move takes time after the run loop has looked at the clock. */
static void a_move_costs_who_runs_nothing(void **state)
{
	uint64_t vtime;

	(void)state;
	one_is_to_move();
	sched_account(&bench.cpu[0]);
	vtime = bench.entity[0].vtime;
	assert_true(bench_schedule());
	assert_int_equal(bench.entity[1].cpu, 1);
	assert_int_equal(bench.entity[0].vtime, vtime);
	bench_pass(MS);
	sched_account(&bench.cpu[0]);
	assert_near(bench.entity[0].vtime - vtime, MS * 1024 / 100, 2UL * BENCH_STEP * 1024 / 100);
}

static void but_not_where_it_may_not_be(void **state)
{
	(void)state;
	bench_pass(MS);
	bench_add(0, 0, 100, 0, ANY);
	bench_pass(MS);
	bench_add(1, 0, 100, 0, CPU_0);
	bench_add(2, 0, 100, 0, CPU_0);
	bench_sleeps(2, MS, MS);
	bench_pass(200 * MS);
	assert_int_equal(bench.entity[1].cpu, 0);
	assert_int_equal(bench.entity[2].cpu, 0);
	/* The one that may has gone. */
	assert_int_equal(bench.entity[0].cpu, 1);
	assert_true(bench_ran(0) >= 190 * MS);
	assert_near(bench_ran(1) + bench_ran(2), 200 * MS, MS);
}

/* The CPU where it wakes has nothing else to do either. */
static void a_sleeper_stays_where_it_is(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		bench_setup(NULL);
		bench_pass(MS);
		bench_add(0, i, 100, 0, ANY);
		bench_sleeps(0, MS, 20 * MS);
		bench_pass(1000 * MS);
		assert_in_range(bench.entity[0].switches, 45, 50);
		assert_int_equal(bench.entity[0].cpu, i);
		assert_int_equal(bench.left, 0);
		assert_int_equal(bench.load[0].longest, 0);
	}
}

static void an_idle_cpu_asks_for_work(void **state)
{
	(void)state;
	cpu_count = 1; /* so that nothing is pushed */
	bench_add(0, 0, 100, 0, ANY);
	bench_add(1, 0, 100, 0, ANY);
	bench_pass(MS);
	cpu_count = 2;
	assert_int_equal(bench.cpu[0].sched.waiting, 1);
	bench_on(1);
	assert_false(bench_schedule());
	assert_int_equal(bench.kicks[0], 1);
	bench_pass(MS);
	assert_int_equal(bench.cpu[0].sched.waiting, 0);
	assert_int_equal(bench.entity[0].cpu + bench.entity[1].cpu, 1);
	assert_non_null(bench_current(0));
	assert_non_null(bench_current(1));
}

/*
 * Each time is an exit of the other CPU's guest, which a guest here that wakes all the time must
 * not cause.
 */
static void but_not_each_time_that_a_guest_falls_asleep(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, CPU_0);
	bench_add(1, 0, 100, 0, CPU_0);
	bench_pass(MS);
	cpu_count = 2;
	bench_add(2, 1, 100, 0, CPU_1);
	bench_sleeps(2, BENCH_STEP, BENCH_STEP);
	bench_pass(100 * MS);
	assert_true(bench.entity[2].switches > 1000);
	assert_in_range(bench.kicked[0], 1, 101);
}

/* The CPU that asked has something to do when the answer comes. */
static void nobody_is_given_to_a_cpu_that_is_busy(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, ANY);
	bench_add(1, 0, 100, 0, ANY);
	bench_pass(MS);
	cpu_count = 2;
	bench_on(1);
	assert_false(bench_schedule());
	bench_add(2, 1, 100, 0, CPU_1);
	assert_true(bench_schedule());
	bench_on(0);
	assert_true(bench_schedule());
	assert_int_equal(bench.left, 0);
}

static void it_gets_only_what_may_be_there(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, CPU_0);
	bench_add(1, 0, 100, 0, CPU_0);
	bench_pass(MS);
	cpu_count = 2;
	bench_pass(100 * MS);
	assert_int_equal(bench.entity[0].cpu, 0);
	assert_int_equal(bench.entity[1].cpu, 0);
	assert_int_equal(bench.idle[1], 100 * MS);
	assert_near(bench_ran(0) + bench_ran(1), 101 * MS, 0);
}

static void no_cpu_idles_while_somebody_waits(void **state)
{
	uint64_t sum = 0;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		bench_add(i, 0, 100, 0, ANY);
	bench_pass(2000 * MS);
	for (unsigned i = 0; i < 3; i++) {
		sum += bench_ran(i);
		assert_near(share(bench_ran(i), 2000 * MS), 6667UL, 300);
	}
	assert_in_range(bench.idle[0] + bench.idle[1], 0, MS);
	assert_near(sum, 4000 * MS, MS);
}

/*
 * CPU 0 has a heavy hog, and a light one that wakes while CPU 1 is busy. Then CPU 1 has nothing to
 * do any more, but has looked at the others less than a millisecond ago. So it does not ask and
 * halts: CPU 0 must give.
 */
static void a_heavy_one_does_not_keep_a_light_one_from_an_idle_cpu(void **state)
{
	(void)state;
	bench_add(0, 0, 10000, 0, ANY);
	bench_add(2, 1, 10000, 0, CPU_1);
	bench_sleeps(2, 100 * MS, 10000 * MS);
	bench_pass(50 * MS);
	bench_add(1, 0, 1, 0, ANY);
	bench_sleeps(1, 5 * MS, 50 * MS);
	bench_pass(40 * MS);
	assert_int_equal(bench.entity[2].state, SCHED_RUNNING);
	while (bench.entity[2].state == SCHED_RUNNING) {
		bench.cpu[1].sched.balanced = fake_x86.tsc;
		bench_pass(BENCH_STEP);
	}
	bench_pass(1000 * MS);
	assert_int_equal(bench.entity[1].cpu, 1);
}

static void weights_hold_over_two_cpus(void **state)
{
	static const uint16_t weights[] = {100, 100, 200, 200, 200};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(weights); i++)
		bench_add(i, 0, weights[i], 0, ANY);
	bench_pass(4000 * MS);
	for (unsigned i = 0; i < ARRAY_SIZE(weights); i++)
		assert_near(share(bench_ran(i), 8000 * MS), weights[i] * 10000UL / 800, 200);
}

/* The largest part that one of three equals has of two CPUs, if their clock jumps each ms. */
static double largest_of_three(uint64_t jump)
{
	uint64_t before[3], ran, sum = 0, most = 0;

	for (unsigned i = 0; i < 3; i++)
		bench_add(i, i & 1, SCHED_WEIGHT_DEFAULT, 0, ANY);
	bench_pass(100 * MS);
	for (unsigned i = 0; i < 3; i++)
		before[i] = bench_ran(i);
	for (unsigned ms = 0; ms < 800; ms++) {
		bench_pass(MS);
		fake_x86.tsc += jump;
	}
	for (unsigned i = 0; i < 3; i++) {
		ran = bench_ran(i) - before[i];
		sum += ran;
		most = MAX(most, ran);
	}
	return (double)most / (double)sum;
}

/*
 * Whatever the phases of turns and moves: the one that has company would otherwise take its company
 * along from CPU to CPU, and the two others have a CPU alone by turns.
 */
static void three_equals_share_two_cpus(void **state)
{
	for (uint64_t jump = 0; jump < 400000; jump += 50000) {
		bench_setup(state);
		assert_true(largest_of_three(jump) < 0.35);
	}
}

/* Bit i of `where`: the CPU of entity i. CPU 1 has run for `head_start` ns more than CPU 0. */
static void place(const uint16_t *weights, unsigned where, int64_t head_start)
{
	bench_setup(NULL);
	for (unsigned i = 0; i < 2; i++)
		bench.cpu[i].sched.floor = vtime_of(10000 * MS);
	bench.cpu[1].sched.floor += (uint64_t)(head_start * 1024 / SCHED_WEIGHT_DEFAULT);
	for (unsigned i = 0; i < 4 && weights[i]; i++)
		bench_add(i, where >> i & 1, weights[i], 0, ANY);
}

/*
 * Wherever they begin, and whatever the virtual times of the CPUs. Those differ by hours if one of
 * the CPUs had nothing to do.
 */
static void shares_are_even_soon_from_any_placement(void **state)
{
	static const struct {
		uint16_t weights[4], due[4]; /* due: of 10000 */
	} sets[] = {
		{{100, 100, 100, 100}, {5000, 5000, 5000, 5000}},
		{{200, 200, 100, 100}, {6666, 6666, 3333, 3333}},
		{{400, 100, 100}, {10000, 5000, 5000}},
		{{100, 100, 100}, {6666, 6666, 6666}},
	};
	static const int64_t head_starts_ms[] = {-3600000, -300, 0, 300, 3600000};

	(void)state;
	for (unsigned n = 0; n < ARRAY_SIZE(sets) * ARRAY_SIZE(head_starts_ms) * 16; n++) {
		const uint16_t *weights = sets[n / 16 % ARRAY_SIZE(sets)].weights;
		const uint16_t *due = sets[n / 16 % ARRAY_SIZE(sets)].due;
		int64_t head_start = head_starts_ms[n / 16 / ARRAY_SIZE(sets)];
		uint64_t before[4];

		place(weights, n % 16, head_start * (int64_t)MS);
		bench_pass(40 * MS);
		for (unsigned i = 0; i < 4; i++)
			before[i] = bench_ran(i);
		bench_pass(1000 * MS);
		for (unsigned i = 0; i < 4; i++)
			if (share(bench_ran(i) - before[i], 1000 * MS) + 100 < due[i])
				fail_msg("placed as %x, head start %ld ms: %u has %lu of %u", n % 16,
				         head_start, i, share(bench_ran(i) - before[i], 1000 * MS), due[i]);
	}
}

/* Five to eight equals on four CPUs: all have a part of two CPUs by turns. */
static void so_they_are_on_four_cpus(void **state)
{
	unsigned random = 1;

	for (unsigned n = 0; n < 40; n++) {
		unsigned count = 5 + n % 4;
		uint64_t before[BENCH_ENTITIES];

		bench_setup(state);
		bench_add_cpu();
		bench_add_cpu();
		for (unsigned i = 0; i < 4; i++)
			bench.cpu[i].sched.floor = (random = random * 1103515245 + 12345) * 1024UL;
		for (unsigned i = 0; i < count; i++)
			bench_add(i, (random = random * 1103515245 + 12345) >> 16 & 3, 100, 0, ANY);
		bench_pass(80 * MS);
		for (unsigned i = 0; i < count; i++)
			before[i] = bench_ran(i);
		bench_pass(1000 * MS);
		for (unsigned i = 0; i < count; i++)
			assert_near(share(bench_ran(i) - before[i], 1000 * MS), 40000UL / count,
			            2000UL / count);
	}
}

static void a_new_one_goes_where_the_fewest_are(void **state)
{
	(void)state;
	bench_add(0, 0, 100, 0, CPU_0);
	for (unsigned i = 1; i < 4; i++) {
		sched_entity_init(&bench.entity[i], (uint16_t)i, 100, 0, i < 3 ? ANY : CPU_0);
		sched_send(&bench.entity[i]);
	}
	assert_int_equal(bench.entity[1].cpu, 1);
	assert_int_equal(bench.entity[2].cpu, 0);
	assert_int_equal(bench.entity[3].cpu, 0);
	assert_int_equal(bench.cpu[0].sched.placed, 3);
	assert_int_equal(bench.cpu[1].sched.placed, 1);
}

/* ---- Arrival ---- */

/*
 * Who comes from a CPU whose virtual time is another must neither wait without end nor have all to
 * itself.
 */
static void who_arrives_is_near_those_that_are_there(void **state)
{
	static const int64_t apart_ms[] = {-100000, -8, 8, 100000};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(apart_ms); i++) {
		struct sched_entity *entity = &bench.entity[1];
		struct sched_queue *queue = &bench.cpu[0].sched;
		int64_t apart;

		bench_setup(NULL);
		bench_add(0, 0, 100, 0, CPU_0);
		bench_pass(1000 * MS);
		bench_on(0);
		assert_true(bench_schedule()); /* a look, so that the floor is the present one */
		sched_entity_init(entity, 0, 100, 0, CPU_0);
		entity->vtime = queue->floor + vtime_of(MS) * (uint64_t)apart_ms[i];
		bench.sleeps[1] = true; /* so that a wake's own rule is not seen */
		queue->placed++;
		sched_arrive(&bench.cpu[0], entity);
		apart = (int64_t)(entity->vtime - queue->floor);
		if (apart_ms[i] < -10)
			assert_int_equal(apart, -(int64_t)vtime_of(10 * MS));
		else if (apart_ms[i] > 10)
			assert_int_equal(apart, vtime_of(10 * MS));
		else
			assert_int_equal(apart, (int64_t)vtime_of(MS) * apart_ms[i]);
		/* And it runs, soon. */
		bench_wake(1);
		bench_pass(120 * MS);
		assert_in_range(bench_ran(1), 30 * MS, 65 * MS);
	}
}

static void an_empty_cpu_takes_over_who_arrives_as_it_is(void **state)
{
	struct sched_entity *entity = &bench.entity[0];

	(void)state;
	sched_entity_init(entity, 0, 100, 0, ANY);
	entity->vtime = vtime_of(5000 * MS);
	bench.cpu[0].sched.placed++;
	sched_arrive(&bench.cpu[0], entity);
	assert_int_equal(entity->vtime, vtime_of(5000 * MS));
	assert_int_equal(bench.cpu[0].sched.floor, vtime_of(5000 * MS));
}

/* ---- Departure ---- */

static void who_leaves_is_nowhere(void **state)
{
	(void)state;
	cpu_count = 1;
	bench_add(0, 0, 100, 0, ANY);
	bench_add(1, 0, 100, 0, ANY);
	bench_add(2, 0, 100, 20, ANY);
	bench_pass(100 * MS);
	bench_on(0);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t accounted;

		sched_leave(&bench.cpu[0], &bench.entity[i]);
		assert_int_equal(bench.entity[i].state, SCHED_NOWHERE);
		assert_false(timer_armed(&bench.entity[i].throttle));
		accounted = bench.entity[i].ran + bench.entity[i].waited;
		if (i < 2)
			assert_int_equal(accounted, 100 * MS);
	}
	assert_int_equal(bench.left, 3);
	assert_int_equal(bench.cpu[0].sched.placed, 0);
	assert_int_equal(bench.cpu[0].sched.waiting, 0);
	assert_null(bench.cpu[0].sched.running);
	assert_true(list_empty(&bench.cpu[0].sched.ready));
	assert_false(bench_schedule());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		bench_test(shares_follow_the_weights),
		bench_test(so_do_they_at_both_ends_of_the_range),
		bench_test(turns_are_short_while_others_wait),
		bench_test(nobody_waits_then_nobody_is_switched),
		bench_test(no_time_is_lost),
		bench_test(time_spent_for_another_is_charged_once),
		bench_test(a_cap_holds_on_an_idle_machine),
		bench_test(a_cap_holds_against_others),
		bench_test(every_cap_holds),
		bench_test(a_cap_is_given_across_moves),
		bench_test(a_sleep_saves_up_one_period_at_most),
		bench_test(who_has_nothing_to_do_behind_its_cap_sleeps),
		bench_test(events_that_wake_nobody_become_rare),
		bench_test(device_events_count_against_the_cap),
		bench_test(who_wakes_preempts_a_hog),
		bench_test(a_light_load_waits_for_one_turn_at_most),
		bench_test(a_sleep_is_no_credit_for_later),
		bench_test(who_never_sleeps_is_not_starved_by_those_who_do),
		bench_test(after_a_pause_of_weeks_it_gets_its_share),
		bench_test(who_is_not_runnable_is_told_so_and_stays_blocked),
		bench_test(who_waits_and_is_no_longer_runnable_gets_no_turn),
		bench_test(a_wake_up_is_posted),
		bench_test(who_leaves_takes_its_wake_up_along),
		bench_test(who_wakes_goes_to_a_cpu_that_is_idle),
		bench_test(who_moves_pays_for_its_way),
		bench_test(a_move_costs_who_runs_nothing),
		bench_test(but_not_where_it_may_not_be),
		bench_test(a_sleeper_stays_where_it_is),
		bench_test(an_idle_cpu_asks_for_work),
		bench_test(but_not_each_time_that_a_guest_falls_asleep),
		bench_test(nobody_is_given_to_a_cpu_that_is_busy),
		bench_test(it_gets_only_what_may_be_there),
		bench_test(no_cpu_idles_while_somebody_waits),
		bench_test(a_heavy_one_does_not_keep_a_light_one_from_an_idle_cpu),
		bench_test(weights_hold_over_two_cpus),
		bench_test(three_equals_share_two_cpus),
		bench_test(shares_are_even_soon_from_any_placement),
		bench_test(so_they_are_on_four_cpus),
		bench_test(a_new_one_goes_where_the_fewest_are),
		bench_test(who_arrives_is_near_those_that_are_there),
		bench_test(an_empty_cpu_takes_over_who_arrives_as_it_is),
		bench_test(who_leaves_is_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
