/* SPDX-License-Identifier: MIT */
/* HPET: registers, widths, modes, legacy replacement, time. */
#include "rigs/pc.h"

#define CAPABILITIES 0x000
#define CONFIG       0x010
#define STATUS       0x020
#define COUNTER      0x0F0
#define TIMER(n)     (0x100 + 0x20 * (n))
#define COMPARATOR   0x08
#define ROUTE        0x10

#define ENABLE 1
#define LEGACY 2

#define LEVEL    0x002
#define INT_ON   0x004
#define PERIODIC 0x008
#define PER_CAP  0x010
#define SIZE_CAP 0x020
#define VAL_SET  0x040
#define MODE32   0x100

static uint64_t get(unsigned offset, size_t size)
{
	uint64_t value = 0;

	memory_read(&pc.memory, HPET_BASE + offset, &value, size);
	return value;
}

static void put(unsigned offset, size_t size, uint64_t value)
{
	memory_write(&pc.memory, HPET_BASE + offset, &value, size);
}

/* To the first nanosecond of the tick that is `ticks` ahead; without running timers. */
static uint64_t ns_of(uint64_t tick)
{
	return (uint64_t)(((unsigned __int128)tick * HPET_PERIOD_FS + 999999) / 1000000);
}

static uint64_t tick_now(void)
{
	return (uint64_t)((unsigned __int128)fake_x86.tsc * 1000000 / HPET_PERIOD_FS);
}

static void pass_ticks(uint64_t ticks)
{
	pass(ns_of(tick_now() + ticks) - fake_x86.tsc);
}

/* Unmask everything in the PICs, edge triggered, vectors 20h and 28h. */
static void start_pic(void)
{
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, 0x01);
	out(0xA0, 0x11);
	out(0xA1, 0x28);
	out(0xA1, 0x02);
	out(0xA1, 0x01);
}

/* Interrupts of `vector` that come in `ticks`, each acknowledged and ended at once. */
static unsigned interrupts(uint8_t vector, uint64_t ticks)
{
	uint64_t end = ns_of(tick_now() + ticks);
	unsigned count = 0;

	for (;;) {
		while (machine_intr(&pc)) {
			count += machine_acknowledge(&pc) == vector;
			out(0xA0, 0x20);
			out(0x20, 0x20);
		}
		if (machine_deadline(&pc) > end)
			break;
		if (machine_deadline(&pc) > fake_x86.tsc)
			fake_x86.tsc = machine_deadline(&pc);
		machine_run_timers(&pc);
	}
	fake_x86.tsc = end;
	return count;
}

static void at_power_on_all_stands_still(void **state)
{
	(void)state;
	assert_int_equal(get(CAPABILITIES, 8), 0x0429B17F8086A201);
	assert_int_equal(get(CONFIG, 8), 0);
	assert_int_equal(get(STATUS, 8), 0);
	pass_ticks(1000);
	assert_int_equal(get(COUNTER, 8), 0);
	for (unsigned i = 0; i < HPET_TIMERS; i++) {
		assert_int_equal(get(TIMER(i), 8), SIZE_CAP | (i == 0 ? PER_CAP : 0));
		assert_int_equal(get(TIMER(i) + COMPARATOR, 8), UINT64_MAX);
		assert_int_equal(get(TIMER(i) + ROUTE, 8), 0);
	}
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
}

static void only_what_is_there_can_be_written(void **state)
{
	(void)state;
	for (unsigned offset = 0; offset < HPET_SIZE; offset += 8)
		if (offset != CONFIG) /* stays halted */
			put(offset, 8, UINT64_MAX);
	put(CONFIG, 8, ~1UL);
	assert_int_equal(get(CAPABILITIES, 8), 0x0429B17F8086A201);
	assert_int_equal(get(CONFIG, 8), LEGACY);
	assert_int_equal(get(STATUS, 8), 0);
	assert_int_equal(get(COUNTER, 8), UINT64_MAX);
	/*
	 * No message interrupts and no routes: there is no I/O APIC. VAL_SET went with the write of
	 * the comparator.
	 */
	assert_int_equal(get(TIMER(0), 8), LEVEL | INT_ON | PERIODIC | PER_CAP | SIZE_CAP | MODE32);
	assert_int_equal(get(TIMER(1), 8), LEVEL | INT_ON | SIZE_CAP | MODE32);
	assert_int_equal(get(TIMER(2), 8), LEVEL | INT_ON | SIZE_CAP | MODE32);
	assert_int_equal(get(TIMER(2) + ROUTE, 8), 0);
	for (unsigned offset = TIMER(3); offset < HPET_SIZE; offset += 8)
		assert_int_equal(get(offset, 8), 0);
	assert_int_equal(get(0x008, 8) | get(0x018, 8) | get(0x0F8, 8), 0);
	assert_int_equal(get(HPET_SIZE, 4), 0xFFFFFFFF); /* after it is nothing */
}

static void registers_take_any_width_at_any_offset(void **state)
{
	(void)state;
	assert_int_equal(get(CAPABILITIES, 4), 0x8086A201);
	assert_int_equal(get(CAPABILITIES + 4, 4), HPET_PERIOD_FS);
	assert_int_equal(get(CAPABILITIES + 2, 2), 0x8086);
	assert_int_equal(get(CAPABILITIES + 1, 1), 0xA2);
	assert_int_equal(get(CAPABILITIES + 2, 4), 0xB17F8086);
	put(COUNTER, 8, 0x1122334455667788);
	assert_int_equal(get(COUNTER, 4), 0x55667788);
	assert_int_equal(get(COUNTER + 4, 4), 0x11223344);
	assert_int_equal(get(COUNTER + 6, 4), 0x1122); /* the register after it reads as 0 */
	put(COUNTER, 4, 0xAABBCCDD);
	assert_int_equal(get(COUNTER, 8), 0x11223344AABBCCDD);
	put(COUNTER + 4, 4, 5);
	assert_int_equal(get(COUNTER, 8), 0x5AABBCCDD);
	put(COUNTER + 1, 1, 0);
	assert_int_equal(get(COUNTER, 8), 0x5AABB00DD);
	put(CONFIG - 1, 2, LEGACY << 8); /* across registers */
	assert_int_equal(get(CONFIG, 8), LEGACY);
	put(TIMER(1) + COMPARATOR + 3, 2, 0xABCD);
	assert_int_equal(get(TIMER(1) + COMPARATOR, 8), 0xFFFFFFABCDFFFFFF);
}

static void the_counter_is_the_clock(void **state)
{
	(void)state;
	put(COUNTER, 8, 1000);
	put(CONFIG, 4, ENABLE);
	assert_int_equal(get(COUNTER, 8), 1000);
	fake_x86.tsc = ns_of(1) - 1;
	assert_int_equal(get(COUNTER, 8), 1000);
	fake_x86.tsc = ns_of(1);
	assert_int_equal(get(COUNTER, 8), 1001);
	fake_x86.tsc = 1000000000; /* 14.318180 MHz */
	assert_int_equal(get(COUNTER, 8), 1000 + 14318179);
	put(CONFIG, 4, 0);
	fake_x86.tsc *= 2;
	assert_int_equal(get(COUNTER, 8), 1000 + 14318179);
	put(CONFIG, 4, ENABLE);
	fake_x86.tsc += ns_of(50);
	assert_in_range(get(COUNTER, 8), 1000 + 14318179 + 50, 1000 + 14318179 + 51);
	put(COUNTER, 8, 7); /* also while it runs */
	assert_int_equal(get(COUNTER, 8), 7);
	put(COUNTER, 8, UINT64_MAX - 1);
	pass_ticks(5);
	assert_int_equal(get(COUNTER, 8), 3);
	/* In the end there is nothing that rounds. */
	put(CONFIG, 4, 0);
	put(COUNTER, 8, 0);
	fake_x86.tsc = 0;
	put(CONFIG, 4, ENABLE);
	fake_x86.tsc = 1UL << 62;
	assert_int_equal(get(COUNTER, 8), tick_now());
}

static void without_legacy_replacement_nothing_comes(void **state)
{
	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE);
	for (unsigned i = 0; i < HPET_TIMERS; i++) {
		put(TIMER(i), 4, INT_ON);
		put(TIMER(i) + COMPARATOR, 8, 1000);
	}
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
	pass_ticks(2000);
	assert_false(machine_intr(&pc));
	assert_int_equal(get(STATUS, 4), 0);
}

static void a_one_shot_interrupts_once_at_its_tick(void **state)
{
	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE | LEGACY);
	put(TIMER(0), 4, INT_ON);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
	put(TIMER(0) + COMPARATOR, 8, 1000);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, ns_of(1000));
	assert_int_equal(interrupts(0x20, 999), 0);
	assert_int_equal(interrupts(0x20, 1), 1);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
	assert_int_equal(interrupts(0x20, 1UL << 40), 0);
	/* Again and again. */
	for (unsigned i = 0; i < 3; i++) {
		put(TIMER(0) + COMPARATOR, 8, get(COUNTER, 8) + 500);
		assert_int_equal(interrupts(0x20, 500), 1);
	}
	/* One that lies in the past does not come any more: 64 bits do not wrap. */
	put(TIMER(0) + COMPARATOR, 8, get(COUNTER, 8) - 1);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
	/* One for this very tick does. */
	put(TIMER(0) + COMPARATOR, 8, get(COUNTER, 8));
	assert_int_equal(interrupts(0x20, 0), 1);
}

/* The platform's timer is late: the counter is not. */
static void the_counter_does_not_run_ahead_of_its_interrupt(void **state)
{
	(void)state;
	start_pic();
	put(TIMER(0), 8, INT_ON);
	put(TIMER(0) + COMPARATOR, 8, 1000);
	put(CONFIG, 8, ENABLE | LEGACY);
	fake_x86.tsc = ns_of(999);
	assert_int_equal(get(COUNTER, 8), 999);
	assert_false(machine_intr(&pc));
	fake_x86.tsc = ns_of(1000);
	assert_int_equal(get(COUNTER, 4), 1000);
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x20);
}

static void timer_1_is_irq_8_and_timer_2_has_none(void **state)
{
	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE | LEGACY);
	put(TIMER(1), 4, INT_ON);
	put(TIMER(1) + COMPARATOR, 8, 100);
	put(TIMER(2), 4, INT_ON);
	put(TIMER(2) + COMPARATOR, 8, 50);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, ns_of(100));
	assert_int_equal(interrupts(0x28, 100), 1);
	assert_int_equal(interrupts(0x28, 100), 0);
}

static void an_interrupt_is_off_unless_enabled(void **state)
{
	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE | LEGACY);
	put(TIMER(0) + COMPARATOR, 8, 100);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
	assert_int_equal(interrupts(0x20, 200), 0);
	put(TIMER(0), 4, INT_ON); /* what has passed has passed */
	assert_int_equal(interrupts(0x20, 200), 0);
	put(TIMER(0) + COMPARATOR, 8, 500);
	put(CONFIG, 4, LEGACY); /* halted */
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
	assert_int_equal(interrupts(0x20, 1000), 0);
	put(CONFIG, 4, ENABLE | LEGACY); /* and on from 400 */
	assert_int_equal(interrupts(0x20, 99), 0);
	assert_int_equal(interrupts(0x20, 1), 1);
}

static void a_32_bit_timer_matches_each_time_around(void **state)
{
	(void)state;
	start_pic();
	put(COUNTER, 8, 0x5FFFFFF00);
	put(CONFIG, 4, ENABLE | LEGACY);
	put(TIMER(0), 4, INT_ON | MODE32);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 0xFFFFFFFF);
	put(TIMER(0) + COMPARATOR, 8, 0xAAAAAAAA00000100);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 0x100); /* no upper half */
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, ns_of(0x200));
	assert_int_equal(interrupts(0x20, 0x1FF), 0);
	assert_int_equal(interrupts(0x20, 1), 1);
	assert_int_equal(interrupts(0x20, 0xFFFFFFFF), 0);
	assert_int_equal(interrupts(0x20, 1), 1);
	/* A comparator in the past is one in the next round. */
	put(TIMER(0) + COMPARATOR, 4, 0xFF);
	assert_int_equal(interrupts(0x20, 0xFFFFFFFE), 0);
	assert_int_equal(interrupts(0x20, 1), 1);
	assert_int_equal(get(COUNTER, 8), 0x8000000FF);
	/* Back in 64-bit mode it has been passed. */
	put(TIMER(0), 4, INT_ON);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
}

/* As Linux does it: VAL_SET, the first match, then the period. */
static void start_periodic(uint32_t config, uint64_t first, uint64_t period)
{
	put(TIMER(0), 4, INT_ON | PERIODIC | VAL_SET | config);
	put(TIMER(0) + COMPARATOR, 8, first);
	put(TIMER(0) + COMPARATOR, 8, period);
}

static void a_periodic_timer_goes_on_by_itself(void **state)
{
	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE | LEGACY);
	start_periodic(0, 5000, 1000);
	assert_int_equal(get(TIMER(0), 4) & VAL_SET, 0);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 5000);
	assert_int_equal(interrupts(0x20, 4999), 0);
	assert_int_equal(interrupts(0x20, 1), 1);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 6000);
	assert_int_equal(interrupts(0x20, 10000), 10);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 16000);
	/* Another period counts from the next match on. */
	put(TIMER(0) + COMPARATOR, 8, 5000);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 16000);
	assert_int_equal(interrupts(0x20, 1000), 1);
	assert_int_equal(interrupts(0x20, 4999), 0);
	assert_int_equal(interrupts(0x20, 1), 1);
}

static void periods_that_were_missed_are_one_interrupt(void **state)
{
	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE | LEGACY);
	start_periodic(0, 1000, 1000);
	fake_x86.tsc = ns_of(7300);
	assert_int_equal(interrupts(0x20, 0), 1);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 8000);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, ns_of(8000)); /* in phase */
	assert_int_equal(interrupts(0x20, 700), 1);
}

/* As the 8254 does: from the second one on no timer fires for an edge that changes nothing. */
static void a_periodic_timer_rests_while_its_request_waits(void **state)
{
	(void)state;
	start_pic();
	out(0x21, 0xFF);
	put(CONFIG, 4, ENABLE | LEGACY);
	start_periodic(0, 1000, 1000);
	pass_ticks(1500);
	assert_int_equal(in(0x20), 0x01);
	assert_int_equal(machine_deadline(&pc), ns_of(2000));
	pass_ticks(1000);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	pass_ticks(3000);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 6000); /* it counts all the same */
	pass_ticks(10000);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	/* Opened: the request that waited, then the next edge in its true phase. */
	out(0x21, 0xFE);
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	out(0x20, 0x20);
	assert_int_equal(machine_deadline(&pc), ns_of(16000));
	assert_int_equal(interrupts(0x20, 4500), 5);
}

/* Another timer goes on, and an acknowledgement of its line wakes nothing. */
static void a_resting_timer_holds_up_no_other(void **state)
{
	(void)state;
	start_pic();
	out(0x21, 0xFB);
	put(CONFIG, 4, ENABLE | LEGACY);
	start_periodic(0, 1000, 1000);
	put(TIMER(1), 4, INT_ON);
	put(TIMER(1) + COMPARATOR, 8, 50000);
	pass_ticks(10500);
	assert_int_equal(machine_deadline(&pc), ns_of(50000));
	assert_int_equal(interrupts(0x28, 40000), 1);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	out(0x21, 0xFE);
	assert_int_equal(interrupts(0x20, 1000), 2);
}

static void a_periodic_32_bit_timer_wraps(void **state)
{
	(void)state;
	start_pic();
	put(COUNTER, 8, 0xFFFFF000);
	put(CONFIG, 4, ENABLE | LEGACY);
	start_periodic(MODE32, 0xFFFFF800, 0x1000);
	assert_int_equal(interrupts(0x20, 0x800), 1);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 0x800);
	assert_int_equal(interrupts(0x20, 0x1000), 1);
	assert_int_equal(get(TIMER(0) + COMPARATOR, 8), 0x1800);
	assert_int_equal(interrupts(0x20, 0x8000), 8);
}

static void the_shortest_period_does_not_flood(void **state)
{
	static const uint64_t periods[] = {1, 2, 143};

	(void)state;
	start_pic();
	for (unsigned i = 0; i < ARRAY_SIZE(periods); i++) {
		machine_reset(&pc);
		start_pic();
		put(CONFIG, 4, ENABLE | LEGACY);
		start_periodic(0, tick_now() + 1, periods[i]);
		put(COUNTER, 8, tick_now());
		assert_in_range(interrupts(0x20, 14400), 40, 101);
	}
	/* A period of 0 is none: it matches when the counter has gone all the way round. */
	start_periodic(0, get(COUNTER, 8) + 10, 0);
	assert_int_equal(interrupts(0x20, 10), 1);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
	/* Neither does a period that ends after all time. */
	start_periodic(0, get(COUNTER, 8) + 10, UINT64_MAX);
	assert_int_equal(interrupts(0x20, 10), 1);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
}

static void level_triggered_it_holds_until_its_status_is_cleared(void **state)
{
	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE | LEGACY);
	start_periodic(LEVEL, 1000, 1000);
	pass_ticks(999);
	assert_int_equal(get(STATUS, 4), 0);
	assert_false(line(0));
	pass_ticks(1);
	assert_int_equal(get(STATUS, 4), 1);
	assert_true(line(0));
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE); /* nothing new can be seen */
	pass_ticks(5500);
	put(STATUS, 4, 6); /* other bits */
	assert_true(line(0));
	put(STATUS, 4, 1);
	assert_false(line(0));
	assert_int_equal(get(STATUS, 4), 0);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, ns_of(7000));
	pass_ticks(500);
	assert_true(line(0));
	put(TIMER(0), 4, LEVEL | PERIODIC); /* disabled */
	assert_false(line(0));
	assert_int_equal(get(STATUS, 4), 1);
	put(TIMER(0), 4, LEVEL | PERIODIC | INT_ON);
	assert_true(line(0));
	put(CONFIG, 4, LEGACY); /* halted: "all timer interrupts disabled" */
	assert_false(line(0));
}

static void status_bits_come_without_interrupts(void **state)
{
	(void)state;
	put(CONFIG, 4, ENABLE);
	put(TIMER(2), 4, LEVEL);
	put(TIMER(2) + COMPARATOR, 8, 100);
	assert_int_equal(pc.device[DEVICE_HPET].deadline.at, DEADLINE_NONE);
	fake_x86.tsc = ns_of(99);
	assert_int_equal(get(STATUS, 4), 0);
	fake_x86.tsc = ns_of(100);
	assert_int_equal(get(STATUS, 4), 4);
	put(TIMER(2), 4, 0); /* edge */
	assert_int_equal(get(STATUS, 4), 0);
}

static void legacy_replacement_cuts_off_pit_and_rtc(void **state)
{
	(void)state;
	start_pic();
	out(0x43, 0x34); /* channel 0, mode 2, every 1193 ticks */
	out(0x40, 0xA9);
	out(0x40, 0x04);
	assert_in_range(interrupts(0x20, 143182), 9, 11);
	assert_int_not_equal(pc.device[DEVICE_PIT].deadline.at, DEADLINE_NONE);
	put(CONFIG, 4, LEGACY);
	assert_int_equal(pc.device[DEVICE_PIT].deadline.at, DEADLINE_NONE); /* it would have no effect */
	assert_false(line(0));
	assert_int_equal(interrupts(0x20, 143182), 0);
	assert_true(line_is_cut_off(&pc.device[DEVICE_RTC].pin[0]));
	device_set_pin(&pc.device[DEVICE_RTC], 0, true);
	assert_false(line(8));
	device_set_pin(&pc.device[DEVICE_RTC], 0, false);
	out(0x43, 0x34); /* the PIT can be programmed meanwhile */
	out(0x40, 0xA9);
	out(0x40, 0x04);
	assert_int_equal(pc.device[DEVICE_PIT].deadline.at, DEADLINE_NONE);
	pass_ticks(100000);
	put(CONFIG, 4, 0);
	assert_int_not_equal(pc.device[DEVICE_PIT].deadline.at, DEADLINE_NONE);
	assert_in_range(interrupts(0x20, 143182), 9, 11);
	assert_false(line_is_cut_off(&pc.device[DEVICE_RTC].pin[0]));
}

static void edges_end_with_legacy_replacement(void **state)
{
	(void)state;
	put(CONFIG, 4, ENABLE | LEGACY);
	put(TIMER(1), 4, INT_ON);
	put(TIMER(1) + COMPARATOR, 8, 100);
	pass_ticks(100);
	assert_true(line(8));
	put(CONFIG, 4, ENABLE);
	assert_false(line(8));
	put(CONFIG, 4, ENABLE | LEGACY);
	assert_false(line(8));
}

static void its_state_survives(void **state)
{
	static uint8_t saved[8192];
	struct hpet_state before;
	uint64_t deadline;
	size_t size;

	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE | LEGACY);
	start_periodic(0, 5000, 1000);
	put(TIMER(1), 4, INT_ON | LEVEL);
	put(TIMER(1) + COMPARATOR, 8, 100);
	pass_ticks(5500);
	assert_true(line(0) && line(8));
	before = pc.hpet;
	deadline = machine_deadline(&pc);
	size = machine_save(&pc, saved, sizeof(saved));
	assert_in_range(size, 1, sizeof(saved));
	machine_reset(&pc);
	assert_false(line_is_cut_off(&pc.device[DEVICE_PIT].pin[0]));
	assert_int_equal(machine_load(&pc, saved, size), 0);
	assert_memory_equal(&pc.hpet, &before, sizeof(before));
	assert_true(line_is_cut_off(&pc.device[DEVICE_PIT].pin[0]));
	assert_true(line(0) && line(8));
	assert_int_equal(machine_deadline(&pc), deadline);
	assert_int_equal(interrupts(0x20, 3000), 4); /* the one that waited, and three */
}

/* The PIT's output is high on a line that it does not have: nothing rises there in a load. */
static void a_load_raises_no_line_that_is_cut_off(void **state)
{
	static uint8_t saved[8192];
	size_t size;

	(void)state;
	start_pic();
	put(CONFIG, 4, ENABLE | LEGACY);
	assert_true(pc.device[DEVICE_PIT].pin[0].level);
	while (machine_intr(&pc)) {
		machine_acknowledge(&pc);
		out(0x20, 0x20);
	}
	size = machine_save(&pc, saved, sizeof(saved));
	assert_int_equal(machine_load(&pc, saved, size), 0);
	assert_false(machine_intr(&pc));
	assert_false(fake_platform.intr);
}

static void a_forged_state_is_refused(void **state)
{
	(void)state;
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, config), 4));
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, status), 8));
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, status), 1)); /* edge triggered */
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, edges), 1));  /* not legacy */
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, reserved), 1));
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, timer[0].config), 0x10));
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, timer[1].config), PERIODIC));
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, timer[1].config) + 1,
	                    1));                                                         /* wide comparator */
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, timer[2].due), 1)); /* while halted */
	assert_true(refuses(DEVICE_HPET, offsetof(struct hpet_state, timer[2].reserved), 1));
	assert_false(refuses(DEVICE_HPET, offsetof(struct hpet_state, counter), 1));
	assert_false(refuses(DEVICE_HPET, offsetof(struct hpet_state, config), LEGACY));
}

static void a_machine_may_have_none(void **state)
{
	(void)state;
	memset(&pc, 0, sizeof(pc));
	assert_int_equal(fake_platform_create(&fake_platform, &pc, &(struct machine_config){.uarts = 1}), 0);
	assert_int_equal(get(CAPABILITIES, 8), UINT64_MAX);
	assert_int_equal(pc.memory.unclaimed_reads, 1);
}

#define hpet_test(f) cmocka_unit_test_setup(f, pc_setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		hpet_test(at_power_on_all_stands_still),
		hpet_test(only_what_is_there_can_be_written),
		hpet_test(registers_take_any_width_at_any_offset),
		hpet_test(the_counter_is_the_clock),
		hpet_test(without_legacy_replacement_nothing_comes),
		hpet_test(a_one_shot_interrupts_once_at_its_tick),
		hpet_test(the_counter_does_not_run_ahead_of_its_interrupt),
		hpet_test(timer_1_is_irq_8_and_timer_2_has_none),
		hpet_test(an_interrupt_is_off_unless_enabled),
		hpet_test(a_32_bit_timer_matches_each_time_around),
		hpet_test(a_periodic_timer_goes_on_by_itself),
		hpet_test(periods_that_were_missed_are_one_interrupt),
		hpet_test(a_periodic_timer_rests_while_its_request_waits),
		hpet_test(a_resting_timer_holds_up_no_other),
		hpet_test(a_periodic_32_bit_timer_wraps),
		hpet_test(the_shortest_period_does_not_flood),
		hpet_test(level_triggered_it_holds_until_its_status_is_cleared),
		hpet_test(status_bits_come_without_interrupts),
		hpet_test(legacy_replacement_cuts_off_pit_and_rtc),
		hpet_test(edges_end_with_legacy_replacement),
		hpet_test(its_state_survives),
		hpet_test(a_load_raises_no_line_that_is_cut_off),
		hpet_test(a_forged_state_is_refused),
		hpet_test(a_machine_may_have_none),
	};

	return cmocka_run_group_tests_name("hpet", tests, NULL, NULL);
}
