/* SPDX-License-Identifier: MIT */
/*
 * What is left to guests that always run, beside guests that sleep and wake as often as they can:
 * the scheduler, the VMs and their devices together.
 */
#include "rigs/guests.h"

#define PERIODS 9

static const struct {
	enum program program;
	const char *name;
	uint64_t periods[PERIODS]; /* ns; the RTC: its rate selection */
} naps[] = {
	{NAP_8254, "8254", {12000, 25000, 50000, 100000, 300000, 700000, 1000000, 3000000, 20000000}},
	{NAP_HPET, "HPET", {10000, 25000, 50000, 100000, 300000, 700000, 1000000, 3000000, 20000000}},
	{NAP_RTC, "RTC", {3, 4, 6, 8, 10}},
	{NAP_UART, "UART", {1}},
	{NAP_8042, "8042", {1}},
};

/* ---- Shares ---- */

static uint64_t total_ran(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < guest_count; i++)
		sum += guests[i].vm.vcpus[0]->sched.ran;
	return sum;
}

static uint64_t total_busy(void)
{
	return cpu.sched.busy + (cpu_count > 1 ? second.sched.busy : 0);
}

#define LEAST_TURN_NS 800000 /* a wake-up does not end a turn before */

/*
 * All time is somebody's, and only once, and the first guest is not interrupted more often than it
 * must bear. Returns per mille of a CPU that the worst off one has.
 */
static unsigned measure(unsigned victims, uint64_t ns)
{
	uint64_t turns = guests[0].vm.vcpus[0]->sched.switches;
	uint64_t before[GUESTS_MAX], least = UINT64_MAX, start = fake_x86.tsc;
	uint64_t ran = total_ran(), busy = total_busy(), idle = guest_idle[0] + guest_idle[1];

	for (unsigned i = 0; i < victims; i++)
		before[i] = guests[i].done;
	guests_run(ns);
	for (unsigned i = 0; i < victims; i++)
		least = MIN(least, guests[i].done - before[i]);
	turns = guests[0].vm.vcpus[0]->sched.switches - turns;
	assert_in_range(turns, 0, (fake_x86.tsc - start) / LEAST_TURN_NS + 1);
	ran = total_ran() - ran;
	busy = total_busy() - busy;
	idle = guest_idle[0] + guest_idle[1] - idle;
	assert_int_equal(ran, busy);
	assert_in_range(busy + idle, (fake_x86.tsc - start) * cpu_count * 995 / 1000,
	                (fake_x86.tsc - start) * cpu_count * 1005 / 1000);
	return (unsigned)(least * 1000 / (fake_x86.tsc - start));
}

static uint64_t head_start; /* ns of work that the second CPU has done before */

/* What is left to the worst off of `victims` beside `nappers`. */
static unsigned left_beside(unsigned cpus, unsigned victims, unsigned nappers, enum program program,
                            uint64_t work, uint64_t period)
{
	unsigned left;

	guests_setup(NULL);
	for (unsigned i = 0; i < victims; i++)
		guest_start(BUSY, 0, 0);
	for (unsigned i = 0; i < nappers; i++)
		guest_start(program, work, period);
	if (cpus > 1) {
		guests_add_cpu();
		second.sched.floor = head_start * 1024 / SCHED_WEIGHT_DEFAULT;
	}
	guests_run(cpus > 1 ? 1000 * MS : 20 * MS); /* until moves have evened out the start */
	left = measure(victims, cpus > 1 ? 600 * MS : 200 * MS);
	guests_teardown(NULL);
	return left;
}

/* Every napper at each `stride`th of its periods: equal weights, so equal shares are due. */
static void check_shares(unsigned cpus, unsigned victims, unsigned nappers, unsigned stride)
{
	unsigned due = MIN(1000 * cpus / (victims + nappers), 1000), worst = 1000;

	for (unsigned n = 0; n < ARRAY_SIZE(naps); n++)
		for (unsigned p = 0; p < PERIODS && naps[n].periods[p]; p += stride)
			for (uint64_t work = cpus > 1 ? 200000 : 2000; work <= 200000; work *= 10) {
				unsigned left = left_beside(cpus, victims, nappers, naps[n].program, work,
				                            naps[n].periods[p]);

				if (left + 20 < due)
					fail_msg(
						"%u per mille of %u CPUs is left, not %u, beside %u with the %s, "
						"period %lu, work %lu",
						left, cpus, due, nappers, naps[n].name, naps[n].periods[p],
						work);
				worst = MIN(worst, left);
			}
	print_message("%u CPUs: at least %u per mille of %u is left to each of %u beside %u that nap\n", cpus,
	              worst, due, victims, nappers);
}

static void a_napper_leaves_half(void **state)
{
	(void)state;
	check_shares(1, 1, 1, 1);
}

static void four_nappers_leave_a_fifth(void **state)
{
	(void)state;
	check_shares(1, 1, 4, 1);
}

static void nappers_leave_equal_shares_of_two_processors(void **state)
{
	(void)state;
	check_shares(2, 1, 1, 4);
	check_shares(2, 2, 1, 3);
	check_shares(2, 2, 2, 3);
	check_shares(2, 2, 4, 4);
}

static void so_they_do_whatever_the_processors_did_before(void **state)
{
	(void)state;
	head_start = 10000 * MS;
	check_shares(2, 2, 2, 4);
	check_shares(2, 2, 1, 4);
	head_start = 0;
}

/* Resets have a rate, and the load after each is its own work, in its own turns. */
static void a_guest_that_resets_itself_leaves_its_neighbour_alone(void **state)
{
	(void)state;
	guest_start(BUSY, 0, 0);
	guest_start(RESETS, 2000, 0);
	guests_run(20 * MS);
	assert_in_range(measure(1, 1000 * MS), 980, 1000);
	assert_in_range(guests[1].naps, 15, 25);
}

/* ---- What is looked at ---- */

static void guests_that_cannot_run_cost_nothing(void **state)
{
	(void)state;
	guest_start(BUSY, 0, 0);
	for (unsigned i = 0; i < GUESTS_MAX - 1; i++)
		guest_start(DEAF, 0, 10000);
	guests_run(50 * MS);
	assert_in_range(measure(1, 1000 * MS), 999, 1000);
}

/*
 * A tick of 1000 Hz beside guests that always run: the least turn of those is shorter, so that no
 * tick is lost, and each comes before the next one.
 */
static void no_tick_of_1000_hz_is_lost(unsigned busy)
{
	struct guest *sleeper;

	while (busy--)
		guest_start(BUSY, 0, 0);
	sleeper = guest_start(NAP_HPET, 50000, 1000000);
	guests_run(50 * MS);
	sleeper->naps = 0;
	sleeper->longest = 0;
	guests_run(1000 * MS);
	assert_in_range(sleeper->naps, 998, 1001);
	assert_in_range(sleeper->longest, 0, 1000000 + LEAST_TURN_NS);
}

static void a_tick_of_1000_hz_is_never_lost_to_a_busy_neighbour(void **state)
{
	(void)state;
	no_tick_of_1000_hz_is_lost(1);
}

static void nor_to_four_of_them(void **state)
{
	(void)state;
	no_tick_of_1000_hz_is_lost(4);
}

/* The way to the sleeper and back, since neither would be without it. */
static void who_sleeps_and_wakes_pays_for_both_switches(void **state)
{
	struct guest *sleeper;
	uint64_t ran, slept;

	(void)state;
	guest_start(BUSY, 0, 0);
	sleeper = guest_start(NAP_HPET, 2000, 1000000);
	guests_run(50 * MS);
	ran = sleeper->vm.vcpus[0]->sched.ran;
	slept = sleeper->naps;
	guests_run(1000 * MS);
	ran = sleeper->vm.vcpus[0]->sched.ran - ran;
	slept = sleeper->naps - slept;
	assert_in_range(ran / slept, 2000 + 2 * SWITCH_NS, 2000 + 3 * SWITCH_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_napper_leaves_half),
		cmocka_unit_test(four_nappers_leave_a_fifth),
		cmocka_unit_test(nappers_leave_equal_shares_of_two_processors),
		cmocka_unit_test(so_they_do_whatever_the_processors_did_before),
		guests_test(a_guest_that_resets_itself_leaves_its_neighbour_alone),
		guests_test(guests_that_cannot_run_cost_nothing),
		guests_test(a_tick_of_1000_hz_is_never_lost_to_a_busy_neighbour),
		guests_test(nor_to_four_of_them),
		guests_test(who_sleeps_and_wakes_pays_for_both_switches),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
