/* SPDX-License-Identifier: MIT */
/* 8254: IRQ 0 against the clock; saved state. */
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

static void irq0_periodic(void **test)
{
	(void)test;
	pit_program(0, 0x4, 11932);
	assert_int_equal(fake_platform.deadline, pc_ns(1 + 11932));
	assert_int_equal(pc_run_to(1 + 11932 - 1), 0);
	assert_int_equal(pc_run_to(1 + 11932), 1);
	assert_int_equal(pc_run_to(1 + 100 * 11932), 99);
	/* Mode 3, odd count: once a cycle. */
	pit_program(0, 0x6, 10001);
	assert_int_equal(pc_run_to(1193202 + 10000), 0);
	assert_int_equal(pc_run_to(1193202 + 10001), 1);
	assert_int_equal(pc_run_to(1193202 + 1000 * 10001 + 10000), 999);
}

static void irq0_does_not_drift(void **test)
{
	(void)test;
	pc_origin = 0;
	pc_at(7);
	pit_program(0, 0x4, 65535);
	/* Ten years later the edges are still where the ticks are. */
	pc_at(8 + 65535ull * 5744000000ull + 3);
	machine_run_timers(&pc);
	assert_int_equal(machine_deadline(&pc), pc_ns(8 + 65535ull * 5744000001ull));
	fake_x86.tsc = machine_deadline(&pc) - 1;
	assert_int_equal(pit_read16(0), 1);
	fake_x86.tsc++;
	assert_int_equal(pit_read16(0), 65535);
}

static void irq0_one_shots(void **test)
{
	(void)test;
	pit_program(0, 0x0, 1000);
	assert_int_equal(pc_run_to(1000), 0);
	assert_int_equal(pc_run_to(1001), 1);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	assert_true(pc.pit.line);
	assert_int_equal(pc_run_to(500000), 0);
	pc_out(PIT_CHANNEL(0), 10);
	assert_false(pc.pit.line); /* the line falls with the first byte */
	pc_out(PIT_CHANNEL(0), 0);
	assert_int_equal(pc_run_to(500011), 1);
	/* Mode 4 gives its edge at the end of the strobe. */
	pit_program(0, 0x8, 20);
	assert_int_equal(pc_run_to(500011 + 21), 0);
	assert_int_equal(pc_run_to(500011 + 22), 1);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	/* A new count before that moves it. */
	pc_out(PIT_CHANNEL(0), 50);
	pc_out(PIT_CHANNEL(0), 0);
	assert_int_equal(pc_run_to(500033 + 30), 0);
	pc_out(PIT_CHANNEL(0), 50);
	pc_out(PIT_CHANNEL(0), 0);
	assert_int_equal(pc_run_to(500063 + 51), 0);
	assert_int_equal(pc_run_to(500063 + 52), 1);
	/* Modes 1 and 5 need a trigger, which channel 0 cannot get. */
	pit_program(0, 0x2, 20);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	pit_program(0, 0xA, 20);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
}

static void irq0_edge_by_control_word(void **test)
{
	(void)test;
	pc_out(PIT_COMMAND, 0x30); /* OUT0 falls */
	assert_false(machine_intr(&pc));
	pc_out(PIT_COMMAND, 0x34); /* and rises */
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	pc_out(PIT_COMMAND, 0x36); /* stays high */
	assert_false(machine_intr(&pc));
	/* From the low half of a square wave, too. */
	pit_program(0, 0x6, 1000);
	pc_at(700);
	pc_out(PIT_COMMAND, 0x34);
	assert_true(machine_intr(&pc));
}

static void missed_ticks_merge(void **test)
{
	(void)test;
	pit_program(0, 0x4, 1000);
	pc_at(1 + 7 * 1000 + 300);
	machine_run_timers(&pc);
	assert_true(machine_intr(&pc));
	machine_acknowledge(&pc);
	assert_false(machine_intr(&pc));
	assert_int_equal(machine_deadline(&pc), pc_ns(1 + 8 * 1000)); /* in the true phase */
	/* A due edge is not lost when the guest writes before the timer could run. */
	pc_at(1 + 8 * 1000 + 1);
	pc_out(PIT_COMMAND, 0x34);
	assert_true(machine_intr(&pc));
	machine_acknowledge(&pc);
	assert_true(pc.pit.rise == PIT_TICK_NONE);
	pit_program(0, 0x4, 1000);
	pc_at(1 + 9 * 1000 + 3);
	pc_out(PIT_CHANNEL(0), 0x10);
	assert_true(machine_intr(&pc));
}

static void shortest_period_is_bounded(void **test)
{
	unsigned edges;

	(void)test;
	pit_program(0, 0x4, 2);
	edges = pc_run_to(12000);
	assert_in_range(edges, 990, 1001);
	assert_int_equal(pc.pit.rise % 2, (PIT_TICK_BASE + pc_origin + 1) % 2); /* still in phase */
	pit_program(0, 0x6, 3);
	edges = pc_run_to(24000);
	assert_in_range(edges, 990, 1001);
	/* Counts from the minimum on give every edge. */
	pit_program(0, 0x4, PIT_MIN_INTERVAL);
	assert_int_equal(pc_run_to(24000 + 1 + 12 * 500), 500);
}

/*
 * While a request waits, more edges change nothing: from the second one on no timer fires for
 * them.
 */
static void timer_rests_while_its_request_waits(void **test)
{
	(void)test;
	pit_program(0, 0x6, 1000);
	pc_out(0x21, 0xFF);
	/* The first edge can be seen in the controller. */
	assert_int_equal(machine_deadline(&pc), pc_ns(1001));
	assert_int_equal(pc_run_to(1001), 0);
	assert_int_equal(pc_in(0x20), 0x01);
	assert_int_equal(pc_run_to(2001), 0);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	assert_int_equal(pc_run_to(5500), 0);
	assert_int_equal(pit_read16(0), 1000 - 2 * (5500 - 5001)); /* it counts all the same */
	/* Opened: the request that waited, then the next edge in its true phase. */
	pc_out(0x21, 0xFE);
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	assert_int_equal(machine_deadline(&pc), pc_ns(6001));
	assert_int_equal(pc_run_to(9500), 4);
	/*
	 * Masked with nothing waiting and opened before the next edge: none is lost, none too many.
	 */
	pc_out(0x21, 0xFF);
	pc_out(0x21, 0xFE);
	assert_int_equal(pc_run_to(10001), 1);
	/* The same if the processor does not take it, or takes it by a poll. */
	pc_at(11001);
	machine_run_timers(&pc);
	pc_at(12001);
	machine_run_timers(&pc);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	pc_at(13500);
	pc_out(0x20, 0x0C);
	assert_int_equal(pc_in(0x20), 0x80);
	assert_int_equal(machine_deadline(&pc), pc_ns(14001));
	/* With the next one running as usual, an acknowledge changes no deadline. */
	pc_at(14001);
	machine_run_timers(&pc);
	assert_int_equal(machine_deadline(&pc), pc_ns(15001));
	pc_at(14800);
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	assert_int_equal(machine_deadline(&pc), pc_ns(15001));
}

/* ICW1 forgets the request and opens the mask. */
static void initialization_wakes_the_timer(void **test)
{
	(void)test;
	pit_program(0, 0x4, 1000);
	pc_out(0x21, 0xFF);
	assert_int_equal(pc_run_to(4500), 0);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	pc_start_pic();
	assert_false(machine_intr(&pc));
	assert_int_equal(pc_run_to(5000), 0);
	assert_int_equal(pc_run_to(5001), 1);
}

/* What is programmed while it rests counts, and a machine that is saved and loaded rests on. */
static void resting_timer_is_programmed_and_saved(void **test)
{
	static uint8_t record[8192];
	size_t size;

	(void)test;
	pit_program(0, 0x6, 1000);
	pc_out(0x21, 0xFF);
	assert_int_equal(pc_run_to(2500), 0);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	pit_program(0, 0x0, 100); /* OUT0 falls, and the request with it */
	assert_int_equal(pc_in(0x20), 0x00);
	assert_int_equal(machine_deadline(&pc), pc_ns(2601));
	assert_int_equal(pc_run_to(2601), 0);
	assert_int_equal(pc_in(0x20), 0x01);
	pit_program(0, 0x4, 1000);
	assert_int_equal(pc_run_to(3602), 0);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	size = machine_save(&pc, record, sizeof(record));
	assert_true(size <= sizeof(record));
	pc_at(4900);
	assert_int_equal(machine_load(&pc, record, size), 0);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	pc_at(5000);
	pc_out(0x21, 0xFE);
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	assert_int_equal(machine_deadline(&pc), pc_ns(5602));
}

/* Polls IRR once a tick, with interrupts off; counts how often bit 0 rises and falls. */
static void poll_irr(uint64_t from, uint64_t to, unsigned step, unsigned *rises, unsigned *falls)
{
	bool before = pc_in(0x20) & 1;

	*rises = *falls = 0;
	for (uint64_t tick = from; tick <= to; tick += step) {
		bool now;

		pc_at(tick);
		now = pc_in(0x20) & 1;
		*rises += now && !before;
		*falls += before && !now;
		before = now;
	}
}

static void irr_follows_out_without_any_timer(void **test)
{
	unsigned rises, falls;

	(void)test;
	pit_program(0, 0x6, 1000);
	pc_at(1);
	pc_out(0x20, 0x0a);
	poll_irr(10, 10100, 10, &rises, &falls);
	assert_int_equal(rises, 10);
	assert_int_equal(falls, 9);
	/* A pulse that lasts one tick. */
	pit_program(0, 0x4, 100);
	pc_at(10110);
	poll_irr(10111, 11101, 1, &rises, &falls);
	assert_int_equal(rises, 10);
	assert_int_equal(falls, 10);
	/* Nothing looks: the timer rests again. */
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	pc_out(0x21, 0xff);
	pc_run_to(12000);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
}

/* What was seen to be gone is gone: INT stays, and the processor finds IR7. */
static void request_that_was_seen_to_fall_is_spurious(void **test)
{
	(void)test;
	pit_program(0, 0x6, 1000);
	pc_at(1100);
	pc_out(0x20, 0x0a);
	assert_int_equal(pc_in(0x20), 0x01);
	pc_at(1600);
	assert_int_equal(pc_in(0x20), 0x00);
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x27);
	assert_int_equal(pc_run_to(2001), 1); /* the next one comes */
	/* A poll looks as well. */
	pc_at(3600);
	machine_run_timers(&pc);
	pc_out(0x20, 0x0c);
	assert_int_equal(pc_in(0x20), 0x07);
}

/* All inputs level triggered: INT for as long as OUT is high, at each end of interrupt. */
static void level_mode_follows_out(void **test)
{
	(void)test;
	pit_program(0, 0x6, 1000);
	pc_out(0x20, 0x19);
	pc_out(0x21, 0x20);
	pc_out(0x21, 0x04);
	pc_out(0x21, 0x01);
	pc_out(0x21, 0xfe);
	pc_at(1100);
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	pc_out(0x20, 0x20);
	assert_true(machine_intr(&pc)); /* still high */
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	pc_at(1600);
	pc_out(0x20, 0x20);
	assert_false(machine_intr(&pc));
	assert_int_equal(machine_deadline(&pc), pc_ns(2001));
	pc_at(2002);
	machine_run_timers(&pc);
	assert_true(machine_intr(&pc));
	pc_at(2600);
	assert_int_equal(machine_acknowledge(&pc), 0x27);
}

/* Ticks counted in the handler, the count, and the request that waits: as one time. */
static uint64_t time_of_old_systems(unsigned ticks, unsigned period)
{
	unsigned count;
	bool waits;

	pc_out(PIT_COMMAND, 0x00);
	count = pit_read16(0);
	pc_out(0x20, 0x0a);
	waits = pc_in(0x20) & 1;
	if (waits && count > period / 2)
		ticks++;
	return (uint64_t)ticks * period + period - count;
}

/* The timer runs late, by any time: the count does not run ahead of its interrupt. */
static void count_and_request_never_go_back(void **test)
{
	unsigned ticks = 0;
	uint64_t last = 0;

	(void)test;
	pit_program(0, 0x4, 1000);
	pc_at(2);
	for (uint64_t tick = 3; tick < 20000; tick++) {
		uint64_t time;

		pc_at(tick);
		time = time_of_old_systems(ticks, 1000);
		assert_true(time >= last);
		last = time;
		if (tick % 137 || !machine_intr(&pc))
			continue;
		assert_int_equal(machine_acknowledge(&pc), 0x20);
		ticks++;
	}
	assert_in_range(last, 19990, 20000);
}

/* Also with interrupts on: it is asserted when the read that shows it is over. */
static void count_that_wrapped_has_interrupted(void **test)
{
	(void)test;
	pit_program(0, 0x4, 1000);
	pc_at(1000);
	assert_int_equal(pit_read16(0), 1);
	assert_false(machine_intr(&pc));
	pc_at(1001);
	assert_int_equal(pc_in(PIT_CHANNEL(0)), 1000 & 0xff);
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	pc_at(2001);
	pc_out(PIT_COMMAND, 0xe2); /* read back the status */
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x20);
	pc_at(3001);
	pc_in(PORT_B);
	assert_true(machine_intr(&pc));
}

static void new_count_in_periodic_modes(void **test)
{
	(void)test;
	pit_program(0, 0x4, 1000);
	pc_at(500);
	pc_out(PIT_CHANNEL(0), 200);
	pc_out(PIT_CHANNEL(0), 0);
	assert_int_equal(pc_run_to(1000), 0);
	assert_int_equal(pc_run_to(1001), 1);
	assert_int_equal(pc_run_to(1200), 0);
	assert_int_equal(pc_run_to(1201), 1);
	pit_program(0, 0x6, 1000); /* high until 1702 */
	pc_at(1300);
	pc_out(PIT_CHANNEL(0), 200);
	pc_out(PIT_CHANNEL(0), 0); /* low from 1702 to 1802 */
	assert_int_equal(pc_run_to(1801), 0);
	assert_int_equal(pc_run_to(1802), 1);
	assert_int_equal(pc_run_to(2002), 1);
	pc_at(2150); /* low half */
	pc_out(PIT_CHANNEL(0), 100);
	pc_out(PIT_CHANNEL(0), 0);
	assert_int_equal(pc_run_to(2201), 0);
	assert_int_equal(pc_run_to(2202), 1);
	assert_int_equal(pc_run_to(2302), 1);
	pc_at(2310); /* a count of 1 stops it at the end of the high half */
	pc_out(PIT_CHANNEL(0), 1);
	pc_out(PIT_CHANNEL(0), 0);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
}

static void save_and_load_round_trip(void **test)
{
	static uint8_t record[1024], again[1024];
	size_t size;

	(void)test;
	pit_gate2(true);
	pit_program(0, 0x4, 1000);
	pit_program(1, 0x7, 0x123);
	pit_program(2, 0x6, 77);
	pc_at(100);
	pc_out(PIT_CHANNEL(0), 50);
	pc_out(PIT_CHANNEL(2), 5);
	pc_out(PIT_CHANNEL(2), 0); /* takes its turn later */
	pc_out(PIT_COMMAND, 0xCE);
	pc_in(PIT_CHANNEL(0));
	pc_in(PIT_CHANNEL(0)); /* status and the low byte of the latch are gone */
	size = section_save(&pc.device[DEVICE_PIT].section, NULL, 0);
	assert_true(size <= sizeof(record));
	assert_int_equal(section_save(&pc.device[DEVICE_PIT].section, record, size), size);
	pc_at(300000);
	machine_reset(&pc);
	assert_int_equal(machine_deadline(&pc), DEADLINE_NONE);
	pc_start_pic();
	pc_at(110);
	assert_int_equal(section_load(&pc.device[DEVICE_PIT].section, record, size), 0);
	section_save(&pc.device[DEVICE_PIT].section, again, size);
	assert_memory_equal(record, again, size);
	assert_int_equal(fake_platform.deadline, pc_ns(1001));
	assert_int_equal(pc_in(PIT_CHANNEL(0)), (1000 - 99) >> 8);
	pc_out(PIT_CHANNEL(0), 0); /* the second byte of 50 */
	assert_int_equal(pc_run_to(1001 + 50), 2);
	assert_int_equal(pc_in(PIT_CHANNEL(2)), 0x36 | 0x80 | 0x40);
	assert_int_equal(pit_read16(2), 76 - 2 * (100 - 1 - 77));
	pit_expect(1 + 77 + 39, 4, 0); /* the new count of 5 began with its low half */
}

/* Every broken field is refused and the device stays as it was. */
static void broken_states_are_refused(void **test)
{
	static uint8_t record[1024], before[1024], after[1024];
	struct pit_state good, bad;
	struct device *pit = &pc.device[DEVICE_PIT];
	size_t size = section_save(&pit->section, NULL, 0), state = size - sizeof(good);

	(void)test;
	pit_program(0, 0x4, 1000);
	section_save(&pit->section, record, size);
	section_save(&pit->section, before, size);
	memcpy(&good, record + state, sizeof(good));
#define REFUSED(change)                                                                                      \
	do {                                                                                                 \
		bad = good;                                                                                  \
		bad.change;                                                                                  \
		memcpy(record + state, &bad, sizeof(bad));                                                   \
		assert_int_equal(section_load(&pit->section, record, size), -ERR_INVALID);                   \
		section_save(&pit->section, after, size);                                                    \
		assert_memory_equal(before, after, size);                                                    \
	} while (0)
	REFUSED(channel[0].count = 0);
	REFUSED(channel[1].count = 65537);
	REFUSED(channel[2].reload = 65537);
	REFUSED(channel[0].start = PIT_TICK_NONE - 1);
	REFUSED(channel[0].load_at = PIT_TICK_MAX + 1);
	REFUSED(channel[0].elapsed = PIT_TICK_NONE);
	REFUSED(channel[0].control = 0x40);
	REFUSED(channel[0].control = 0x04);
	REFUSED(channel[0].gate = 0);
	REFUSED(channel[2].gate = 1);
	REFUSED(channel[0].latched = 3);
	REFUSED(channel[0].paused = 2);
	REFUSED(channel[0].held_out = 2);
	REFUSED(channel[0].status_latched = 2);
	REFUSED(channel[0].read_high = 2);
	REFUSED(channel[0].write_high = 2);
	REFUSED(channel[0].switching = 2);
	REFUSED(channel[1].switching = 1); /* with no count waiting */
	REFUSED(rise = PIT_TICK_MAX + 1);
	REFUSED(line = 2);
	REFUSED(port_b = 0x10);
	REFUSED(errors = 0x01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(irq0_periodic, pc_setup),
		cmocka_unit_test_setup(irq0_does_not_drift, pc_setup),
		cmocka_unit_test_setup(irq0_one_shots, pc_setup),
		cmocka_unit_test_setup(irq0_edge_by_control_word, pc_setup),
		cmocka_unit_test_setup(missed_ticks_merge, pc_setup),
		cmocka_unit_test_setup(shortest_period_is_bounded, pc_setup),
		cmocka_unit_test_setup(timer_rests_while_its_request_waits, pc_setup),
		cmocka_unit_test_setup(initialization_wakes_the_timer, pc_setup),
		cmocka_unit_test_setup(resting_timer_is_programmed_and_saved, pc_setup),
		cmocka_unit_test_setup(irr_follows_out_without_any_timer, pc_setup),
		cmocka_unit_test_setup(request_that_was_seen_to_fall_is_spurious, pc_setup),
		cmocka_unit_test_setup(level_mode_follows_out, pc_setup),
		cmocka_unit_test_setup(count_and_request_never_go_back, pc_setup),
		cmocka_unit_test_setup(count_that_wrapped_has_interrupted, pc_setup),
		cmocka_unit_test_setup(new_count_in_periodic_modes, pc_setup),
		cmocka_unit_test_setup(save_and_load_round_trip, pc_setup),
		cmocka_unit_test_setup(broken_states_are_refused, pc_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
