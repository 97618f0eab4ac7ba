/* SPDX-License-Identifier: MIT */
/* devices/pc/rtc.c, rtc_time.c, calendar.c: the MC146818A. */
#include "devices/pc/calendar.h"
#include "devices/pc/rtc_time.h"
#include "rigs/pc.h"

#define SECOND 1000000000ULL
#define MS     1000000ULL

enum { SEC, SEC_ALARM, MIN_, MIN_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR, A, B, C, D };
#define CENTURY 0x32

#define UIP 0x80
#define SET 0x80
#define PIE 0x40
#define AIE 0x20
#define UIE 0x10
#define DM  0x04
#define H24 0x02

#define IRQF 0x80
#define PF   0x40
#define AF   0x20
#define UF   0x10

static struct device *const rtc = &pc.device[DEVICE_RTC];

static uint8_t rd(uint8_t index)
{
	out(0x70, index);
	return in(0x71);
}

static void wr(uint8_t index, uint8_t value)
{
	out(0x70, index);
	out(0x71, value);
}

/* Seconds, minutes, hours, day, month, year as the registers show them: 0xYYMMDDhhmmss. */
static uint64_t now(void)
{
	return (uint64_t)rd(YEAR) << 40 | (uint64_t)rd(MONTH) << 32 | (uint64_t)rd(DAY) << 24 |
	       rd(HOUR) << 16 | rd(MIN_) << 8 | rd(SEC);
}

static void set_time(uint64_t time, uint8_t century)
{
	uint8_t b = rd(B) & ~SET;

	wr(B, b | SET);
	wr(YEAR, time >> 40);
	wr(MONTH, time >> 32);
	wr(DAY, time >> 24);
	wr(HOUR, time >> 16);
	wr(MIN_, time >> 8);
	wr(SEC, time);
	wr(CENTURY, century);
	wr(B, b);
}

static void set_alarm(uint8_t hour, uint8_t minute, uint8_t second)
{
	wr(HOUR_ALARM, hour);
	wr(MIN_ALARM, minute);
	wr(SEC_ALARM, second);
}

static void power_on(void **state)
{
	(void)state;
	assert_int_equal(now(), 0x240228235950);
	assert_int_equal(rd(CENTURY), 0x20);
	assert_int_equal(rd(WEEKDAY), 4); /* a Wednesday */
	assert_int_equal(rd(A), 0x26);
	assert_int_equal(rd(B), H24);
	assert_int_equal(rd(C), 0x00);
	assert_int_equal(rd(D), 0x80);
	assert_false(line(8));
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
}

static void time_goes_on(void **state)
{
	(void)state;
	pass(9 * SECOND + 999 * MS);
	assert_int_equal(now(), 0x240228235959);
	pass(MS);
	assert_int_equal(now(), 0x240229000000);
	assert_int_equal(rd(WEEKDAY), 5);
	pass(86400 * SECOND);
	assert_int_equal(now(), 0x240301000000);
	assert_int_equal(rd(WEEKDAY), 6);
	/* No deadline was needed for that. */
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
}

static void formats(void **state)
{
	/* clang-format off */
	static const struct {
		uint8_t hour, bcd24, bcd12, binary24, binary12;
	} cases[] = {
		{0,  0x00, 0x12, 0,  12},
		{1,  0x01, 0x01, 1,  1},
		{9,  0x09, 0x09, 9,  9},
		{11, 0x11, 0x11, 11, 11},
		{12, 0x12, 0x92, 12, 0x8c},
		{13, 0x13, 0x81, 13, 0x81},
		{20, 0x20, 0x88, 20, 0x88},
		{23, 0x23, 0x91, 23, 0x8b},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_platform.clock.epoch = 1704067200 + cases[i].hour * 3600 + 59 * 60 + 48;
		wr(B, H24);
		assert_int_equal(rd(HOUR), cases[i].bcd24);
		assert_int_equal(rd(MIN_), 0x59);
		assert_int_equal(rd(SEC), 0x48);
		wr(B, 0);
		assert_int_equal(rd(HOUR), cases[i].bcd12);
		wr(B, DM | H24);
		assert_int_equal(rd(HOUR), cases[i].binary24);
		assert_int_equal(rd(MIN_), 59);
		assert_int_equal(rd(SEC), 48);
		assert_int_equal(rd(YEAR), 24);
		assert_int_equal(rd(CENTURY), 20);
		wr(B, DM);
		assert_int_equal(rd(HOUR), cases[i].binary12);

		/* And set that way. */
		wr(B, DM | SET);
		wr(HOUR, cases[i].binary12);
		wr(B, DM);
		wr(B, H24);
		assert_int_equal(rd(HOUR), cases[i].bcd24);
		wr(B, SET);
		wr(HOUR, cases[i].bcd12);
		wr(B, 0);
		wr(B, DM | H24);
		assert_int_equal(rd(HOUR), cases[i].binary24);
	}
}

static void set_holds_the_time(void **state)
{
	(void)state;
	wr(B, H24 | SET);
	pass(100 * SECOND);
	assert_int_equal(now(), 0x240228235950);
	/* Any bytes may be held, and are read back as they are. */
	for (unsigned index = SEC; index <= YEAR; index++) {
		wr(index, 0xf0 | index);
		assert_int_equal(rd(index), 0xf0 | index);
	}
	set_time(0x991231235959, 0x19);
	assert_int_equal(now(), 0x991231235959);
	pass(SECOND);
	assert_int_equal(now(), 0x000101000000);
	assert_int_equal(rd(CENTURY), 0x20);
	pass(3600 * SECOND);
	assert_int_equal(now(), 0x000101010000);
}

/* SET does not stop the divider: the next update comes at its usual time. */
static void set_keeps_the_phase(void **state)
{
	(void)state;
	pass(700 * MS);
	set_time(0x300615120000, 0x20);
	pass(299 * MS);
	assert_int_equal(now(), 0x300615120000);
	pass(MS);
	assert_int_equal(now(), 0x300615120001);
}

/* A guest may write while the clock runs, byte after byte, through dates that do not exist. */
static void running_writes(void **state)
{
	(void)state;
	set_time(0x240131120000, 0x20);
	wr(MONTH, 0x02);
	assert_int_equal(now(), 0x240231120000);
	wr(DAY, 0x15);
	assert_int_equal(now(), 0x240215120000);
	wr(HOUR, 0x23);
	wr(MIN_, 0x59);
	wr(SEC, 0x59);
	pass(SECOND);
	assert_int_equal(now(), 0x240216000000);
}

static void impossible_times_carry(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t set, after_a_second;
	} cases[] = {
		{0x230230000000, 0x230302000001},
		{0x240230000000, 0x240301000001},
		{0x240001000000, 0x240101000001},
		{0x249901000000, 0x241201000001},
		{0x240100000000, 0x231231000001},
		{0x240101236061, 0x240102000102},
		{0x24010100006b, 0x240101000112},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_time(cases[i].set, 0x20);
		assert_int_equal(now(), cases[i].set);
		pass(SECOND);
		assert_int_equal(now(), cases[i].after_a_second);
	}
	/* Anything at all. */
	for (unsigned byte = 0; byte < 256; byte++) {
		set_time(0x010101010101 * byte, byte);
		wr(B, byte & (DM | H24));
		pass(SECOND);
		assert_in_range(rd(MONTH), 0x01, 0x12);
	}
}

static void leap_years_and_month_lengths(void **state)
{
	/* clang-format off */
	static const struct {
		uint8_t century;
		uint64_t last, next;
	} cases[] = {
		{0x20, 0x230131235959, 0x230201000000},
		{0x20, 0x230228235959, 0x230301000000},
		{0x20, 0x230331235959, 0x230401000000},
		{0x20, 0x230430235959, 0x230501000000},
		{0x20, 0x230531235959, 0x230601000000},
		{0x20, 0x230630235959, 0x230701000000},
		{0x20, 0x230731235959, 0x230801000000},
		{0x20, 0x230831235959, 0x230901000000},
		{0x20, 0x230930235959, 0x231001000000},
		{0x20, 0x231031235959, 0x231101000000},
		{0x20, 0x231130235959, 0x231201000000},
		{0x20, 0x231231235959, 0x240101000000},
		{0x20, 0x240228235959, 0x240229000000},
		{0x20, 0x240229235959, 0x240301000000},
		{0x20, 0x000228235959, 0x000229000000},
		{0x21, 0x000228235959, 0x000301000000},
		{0x19, 0x000228235959, 0x000301000000},
		{0x20, 0x991231235959, 0x000101000000},
		{0x99, 0x991231235959, 0x000101000000},
		{0x00, 0x000228235959, 0x000229000000},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set_time(cases[i].last, cases[i].century);
		assert_int_equal(now(), cases[i].last);
		pass(SECOND);
		assert_int_equal(now(), cases[i].next);
	}
	assert_int_equal(rd(CENTURY), 0x00);
	set_time(0x991231235959, 0x20);
	pass(SECOND);
	assert_int_equal(rd(CENTURY), 0x21);
}

/* The day of the week is a counter of its own. */
static void weekday_is_the_guests(void **state)
{
	(void)state;
	wr(WEEKDAY, 0x07);
	assert_int_equal(rd(WEEKDAY), 7);
	pass(10 * SECOND);
	assert_int_equal(rd(WEEKDAY), 1);
	pass(5 * 86400 * SECOND);
	assert_int_equal(rd(WEEKDAY), 6);
}

/* "Update Cycle": 244 us ahead, 1984 us long. */
static void update_in_progress(void **state)
{
	(void)state;
	assert_int_equal(rd(A) & UIP, 0);
	pass(SECOND - 2228001);
	assert_int_equal(rd(A) & UIP, 0);
	pass(1);
	assert_int_equal(rd(A), 0x26 | UIP);
	pass(2227999);
	assert_int_equal(rd(A) & UIP, UIP);
	wr(B, H24 | SET);
	assert_int_equal(rd(A) & UIP, 0);
	wr(B, H24);
	assert_int_equal(rd(A) & UIP, UIP);
	assert_int_equal(rd(SEC), 0x50);
	pass(1);
	assert_int_equal(rd(A) & UIP, 0);
	assert_int_equal(rd(SEC), 0x51);
	/* UIP is read-only. */
	wr(A, 0xa6);
	assert_int_equal(rd(A), 0x26);
}

/* "Divider Control": the first update comes half a second after the reset ends. */
static void divider_reset(void **state)
{
	(void)state;
	pass(250 * MS);
	wr(A, 0x76);
	pass(5 * SECOND);
	assert_int_equal(rd(SEC), 0x50);
	wr(SEC, 0x10);
	assert_int_equal(rd(SEC), 0x10);
	pass(333 * MS);
	wr(A, 0x26);
	pass(499 * MS);
	assert_int_equal(rd(SEC), 0x10);
	assert_int_equal(rd(A) & UIP, UIP);
	pass(MS);
	assert_int_equal(rd(SEC), 0x11);
	pass(SECOND);
	assert_int_equal(rd(SEC), 0x12);
	/* The other bases are not what the crystal has: it stands still. */
	wr(A, 0x06);
	pass(5 * SECOND);
	assert_int_equal(rd(SEC), 0x12);
}

/* The way that Linux sets a clock: SET, divider reset, the bytes, SET off, divider on. */
static void set_with_divider_reset(void **state)
{
	(void)state;
	pass(123 * MS);
	wr(B, H24 | SET);
	wr(A, 0x76);
	wr(HOUR, 0x11);
	wr(MIN_, 0x22);
	wr(SEC, 0x33);
	wr(B, H24);
	pass(50 * MS);
	assert_int_equal(rd(SEC), 0x33);
	wr(A, 0x26);
	pass(500 * MS - 1);
	assert_int_equal(now(), 0x240228112233);
	pass(1);
	assert_int_equal(now(), 0x240228112234);
}

static void update_interrupt(void **state)
{
	(void)state;
	pass(400 * MS);
	wr(B, H24 | UIE);
	assert_int_equal(rtc->deadline.at, SECOND);
	pass(600 * MS - 1);
	assert_false(line(8));
	pass(1);
	assert_true(line(8));
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
	assert_int_equal(rd(C), IRQF | UF | PF);
	assert_false(line(8));
	assert_int_equal(rd(C), 0);
	assert_int_equal(rtc->deadline.at, 2 * SECOND);
	/* SET takes UIE away. */
	wr(B, H24 | UIE | SET);
	assert_int_equal(rd(B), H24 | SET);
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
}

/* Flags come without an interrupt, and without a timer. */
static void flags_are_seen_by_polling(void **state)
{
	(void)state;
	wr(A, 0x20);
	assert_int_equal(rd(C), 0);
	pass(SECOND);
	assert_int_equal(rd(C), UF);
	assert_int_equal(rd(C), 0);
	pass(SECOND - 1);
	assert_int_equal(rd(C), 0);
	pass(1);
	wr(B, H24 | UIE); /* enabling with the flag set raises the line */
	assert_true(line(8));
	wr(B, H24);
	assert_false(line(8));
	wr(B, H24 | UIE);
	assert_int_equal(rd(C), IRQF | UF);
	assert_false(line(8));
}

/* Table "Periodic Interrupt Rate" for 32.768 kHz. */
/* However late the timer is, time and line agree, and no interrupt is lost. */
static void no_register_runs_ahead_of_its_interrupt(void **state)
{
	uint64_t due;

	(void)state;
	pass(5000);
	wr(B, H24 | UIE);
	due = rtc->deadline.at;
	assert_int_equal(rd(SEC), 0x50);
	fake_x86.tsc = due + 1000;
	assert_int_equal(rd(SEC), 0x51);
	assert_true(line(8));
	assert_int_equal(rd(C), IRQF | UF | PF);
	assert_false(line(8));
	due = rtc->deadline.at;
	fake_x86.tsc = due - 1;
	assert_int_equal(rd(A) & UIP, UIP);
	assert_false(line(8));
	fake_x86.tsc = due;
	assert_int_equal(rd(A) & UIP, 0);
	assert_true(line(8));
	rd(C);
	/* A read of C itself is before it. */
	fake_x86.tsc = rtc->deadline.at + 1000;
	assert_int_equal(rd(C) & (IRQF | UF), 0);
	assert_true(line(8));
	assert_int_equal(rd(C) & (IRQF | UF), IRQF | UF);
	/* A write that would switch it off comes after it. */
	fake_x86.tsc = rtc->deadline.at + 1000;
	out(0xA0, 0x0a);
	wr(B, H24);
	assert_false(line(8));
	assert_int_equal(rd(C) & UF, UF);
}

static void periodic_rates(void **state)
{
	static const unsigned hz[] = {0,   256, 128, 8192, 4096, 2048, 1024, 512,
	                              256, 128, 64,  32,   16,   8,    4,    2};

	(void)state;
	for (unsigned rate = 1; rate <= 15; rate++) {
		uint64_t count = 0;

		pc_setup(state);
		wr(A, 0x20 | rate);
		wr(B, H24 | PIE);
		assert_in_range(rtc->deadline.at, SECOND / hz[rate], SECOND / hz[rate] + 1);
		/* The first second's events, one at a time. */
		while (rtc->deadline.at <= SECOND) {
			fake_x86.tsc = rtc->deadline.at - 1;
			assert_int_equal(rd(C), 0);
			fake_x86.tsc = rtc->deadline.at;
			machine_run_timers(&pc);
			assert_true(line(8));
			assert_int_equal(rd(C) & (IRQF | PF), IRQF | PF);
			assert_false(line(8));
			count++;
		}
		assert_int_equal(count, hz[rate]);
	}
}

static void periodic_off_and_under_set(void **state)
{
	(void)state;
	wr(A, 0x20);
	wr(B, H24 | PIE);
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
	pass(5 * SECOND);
	assert_int_equal(rd(C), UF);
	/* SET stops updates, not the divider. */
	wr(A, 0x2f);
	wr(B, H24 | PIE | SET);
	pass(500 * MS);
	assert_int_equal(rd(C), IRQF | PF);
	/* The divider's reset stops both. */
	wr(A, 0x7f);
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
	pass(5 * SECOND);
	assert_int_equal(rd(C), 0);
	wr(A, 0x2f);
	assert_int_equal(rtc->deadline.at, fake_x86.tsc + 500 * MS);
}

/* An interrupt that is never acknowledged costs no more timers. */
static void unacknowledged_interrupt_is_quiet(void **state)
{
	(void)state;
	wr(A, 0x23);
	wr(B, H24 | PIE | UIE | AIE);
	pass(MS);
	assert_true(line(8));
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
	pass(3 * SECOND);
	assert_int_equal(rd(C), IRQF | PF | UF);
	assert_false(line(8));
	assert_in_range(rtc->deadline.at, fake_x86.tsc + 1, fake_x86.tsc + MS);
}

static void alarms(void **state)
{
	/* clang-format off */
	static const struct {
		uint8_t hour, minute, second;
		unsigned wait; /* from 23:59:50; 0: never */
	} cases[] = {
		{0x23, 0x59, 0x51, 1},
		{0x23, 0x59, 0x59, 9},
		{0x00, 0x00, 0x00, 10},
		{0x23, 0x59, 0x50, 86400},
		{0x23, 0x59, 0x49, 86399},
		{0x12, 0x34, 0x56, 45306},
		{0xff, 0xff, 0xff, 1},
		{0xc0, 0xc0, 0xc0, 1},
		{0xff, 0xff, 0x00, 10},
		{0xff, 0xff, 0x50, 60},
		{0xff, 0x30, 0x00, 1810},
		{0xff, 0x30, 0xff, 1810},
		{0x05, 0xff, 0xff, 18010},
		{0x05, 0xff, 0x07, 18017},
		{0x05, 0x20, 0xd0, 19210},
		{0xff, 0x59, 0xff, 1},
		{0x23, 0xff, 0x00, 82810},
		{0x24, 0xff, 0xff, 0},
		{0xff, 0x60, 0xff, 0},
		{0xff, 0xff, 0x60, 0},
		{0xff, 0xff, 0x0a, 0},
		{0xbf, 0x00, 0x00, 0},
		{0xff, 0x1f, 0xff, 0},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pc_setup(state);
		wr(A, 0x20);
		set_alarm(cases[i].hour, cases[i].minute, cases[i].second);
		wr(B, H24 | AIE);
		if (!cases[i].wait) {
			assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
			pass(100000 * SECOND);
			assert_int_equal(rd(C), UF);
			continue;
		}
		assert_int_equal(rtc->deadline.at, cases[i].wait * SECOND);
		pass(cases[i].wait * SECOND - 1);
		assert_false(line(8));
		pass(1);
		assert_true(line(8));
		assert_int_equal(rd(C), IRQF | AF | UF);
	}
}

/* Second by second, as the clock itself looks. */
static unsigned wait_for_alarm(const uint8_t *ram, unsigned start)
{
	unsigned t = start;

	while ((ram[RTC_HOURS_ALARM] < 0xc0 && t / 3600 % 24 != ram[RTC_HOURS_ALARM]) ||
	       (ram[RTC_MINUTES_ALARM] < 0xc0 && t / 60 % 60 != ram[RTC_MINUTES_ALARM]) ||
	       (ram[RTC_SECONDS_ALARM] < 0xc0 && t % 60 != ram[RTC_SECONDS_ALARM]))
		t++;
	return t - start;
}

static void an_alarm_comes_at_the_first_second_that_matches(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		uint64_t r = (i + 1) * 0x9e3779b97f4a7c15UL;
		unsigned start = (unsigned)(r >> 32) % 86400;
		const uint8_t ram[64] = {
			[RTC_B] = B_DM | B_24H,
			[RTC_HOURS_ALARM] = r & 1 ? 0xc0 : (r >> 8) % 24,
			[RTC_MINUTES_ALARM] = r & 2 ? 0xff : (r >> 16) % 60,
			[RTC_SECONDS_ALARM] = r & 4 ? 0xc3 : (r >> 24) % 60,
		};

		assert_int_equal(rtc_until_alarm(ram, start), wait_for_alarm(ram, start));
	}
}

static void alarm_in_12_hour_mode(void **state)
{
	(void)state;
	set_time(0x240101113000, 0x20);
	wr(B, AIE);
	set_alarm(0x92, 0x00, 0x00);
	assert_int_equal(rtc->deadline.at, 1800 * SECOND);
	set_alarm(0x12, 0x00, 0x00);
	assert_int_equal(rtc->deadline.at, (1800 + 43200) * SECOND);
	/* No such hours. */
	set_alarm(0x00, 0x00, 0x00);
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
	set_alarm(0x13, 0x00, 0x00);
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
	/* Binary. */
	wr(B, AIE | DM);
	set_alarm(0x8b, 30, 0xff);
	assert_int_equal(rtc->deadline.at, 43200 * SECOND);
}

/* A poller finds the alarm that fell into its absence, and no other. */
static void alarm_flag_is_seen_late(void **state)
{
	(void)state;
	wr(A, 0x20);
	set_alarm(0x00, 0x05, 0x00);
	pass(300 * SECOND);
	assert_int_equal(rd(C), UF);
	pass(20 * SECOND);
	assert_int_equal(rd(C), UF | AF);
	pass(86000 * SECOND);
	assert_int_equal(rd(C), UF);
	pass(2 * 86400 * SECOND);
	assert_int_equal(rd(C), UF | AF);
	/* Set to a time that was: not before tomorrow. */
	set_alarm(0x00, 0x01, 0x00);
	assert_int_equal(rd(C), 0);
}

static void setting_the_time_moves_the_alarm(void **state)
{
	(void)state;
	wr(A, 0x20);
	set_alarm(0x06, 0x00, 0x00);
	wr(B, H24 | AIE);
	assert_int_equal(rtc->deadline.at, (6 * 3600 + 10) * SECOND);
	set_time(0x240301055955, 0x20);
	assert_int_equal(rtc->deadline.at, 5 * SECOND);
	wr(B, H24 | AIE | SET);
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
}

static void nvram(void **state)
{
	(void)state;
	for (unsigned index = 0x0e; index < 0x80; index++) {
		if (index != CENTURY)
			wr(index, index ^ 0x5a);
	}
	for (unsigned index = 0x0e; index < 0x80; index++) {
		if (index != CENTURY)
			assert_int_equal(rd(index), index ^ 0x5a);
	}
	assert_int_equal(now(), 0x240228235950);
	wr(C, 0xff);
	wr(D, 0x00);
	assert_int_equal(rd(C), 0);
	assert_int_equal(rd(D), 0x80);
}

static void index_and_nmi(void **state)
{
	(void)state;
	assert_false(rtc_nmi_disabled(rtc));
	out(0x70, 0x80 | B);
	assert_true(rtc_nmi_disabled(rtc));
	assert_int_equal(in(0x71), H24);
	assert_int_equal(in(0x70), 0xff);
	/* A word write sets index and data in one go. */
	port_write(&pc.ports, 0x70, 2, 0x4233);
	assert_false(rtc_nmi_disabled(rtc));
	assert_int_equal(rd(0x33), 0x42);
	assert_int_equal(port_read(&pc.ports, 0x70, 2), 0x42ff);
	assert_int_equal(port_read(&pc.ports, 0x70, 4), 0xffff42ff);
}

static void memory_sizes(void **state)
{
	/* clang-format off */
	static const struct {
		uint64_t bytes;
		uint16_t base, extended, above_16m;
	} cases[] = {
		{0,                0,   0,     0},
		{KIB(512),         512, 0,     0},
		{MIB(1),           640, 0,     0},
		{MIB(16),          640, 15360, 0},
		{MIB(64),          640, 64512, 768},
		{MIB(512),         640, 65535, 7936},
		{GIB(3),           640, 65535, 48896},
		{GIB(4) + MIB(16), 640, 65535, 65535},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint16_t sum = 0;

		rtc_set_memory(rtc, cases[i].bytes);
		assert_int_equal(rd(0x15) | rd(0x16) << 8, cases[i].base);
		assert_int_equal(rd(0x17) | rd(0x18) << 8, cases[i].extended);
		assert_int_equal(rd(0x30) | rd(0x31) << 8, cases[i].extended);
		assert_int_equal(rd(0x34) | rd(0x35) << 8, cases[i].above_16m);
		for (unsigned index = 0x10; index <= 0x2d; index++)
			sum += rd(index);
		assert_int_equal(rd(0x2e) << 8 | rd(0x2f), sum);
	}
	assert_int_equal(rd(0x14), 0x02);
}

static void reset_keeps_time_and_nvram(void **state)
{
	(void)state;
	set_time(0x300615120000, 0x20);
	rtc_set_memory(rtc, MIB(64));
	wr(0x40, 0x77);
	set_alarm(0x01, 0x02, 0x03);
	wr(B, H24 | DM | PIE | AIE | UIE | 0x08 | 0x01);
	pass(2 * SECOND);
	assert_true(line(8));
	machine_reset(&pc);
	assert_false(line(8));
	assert_int_equal(rtc->deadline.at, DEADLINE_NONE);
	assert_int_equal(rd(B), H24 | DM | 0x01);
	assert_int_equal(rd(C), 0);
	wr(B, H24);
	assert_int_equal(now(), 0x300615120002);
	assert_int_equal(rd(0x40), 0x77);
	assert_int_equal(rd(0x34) | rd(0x35) << 8, 768);
	assert_int_equal(rd(HOUR_ALARM), 0x01);
}

static void saved_and_loaded(void **state)
{
	(void)state;
	set_time(0x300615120000, 0x20);
	wr(0x7f, 0x66);
	set_alarm(0x12, 0x00, 0x30);
	wr(A, 0x2e);
	wr(B, H24 | AIE | PIE);
	round_trip(DEVICE_RTC);
	pass(249 * MS);
	assert_false(line(8));
	pass(MS);
	assert_true(line(8));
	round_trip(DEVICE_RTC);
	assert_int_equal(rd(C), IRQF | PF);
	wr(B, H24 | AIE);
	round_trip(DEVICE_RTC);
	assert_int_equal(rtc->deadline.at, 30 * SECOND);
	assert_int_equal(now(), 0x300615120000);
	assert_int_equal(rd(0x7f), 0x66);
	/* Held by SET. */
	wr(B, H24 | SET);
	wr(SEC, 0xee);
	round_trip(DEVICE_RTC);
	assert_int_equal(rd(SEC), 0xee);
}

static void broken_states(void **state)
{
	/* clang-format off */
	static const struct {
		size_t offset;
		uint8_t value;
	} cases[] = {
		{offsetof(struct rtc_state, offset) + 7,     0x7f},
		{offsetof(struct rtc_state, offset) + 7,     0x80},
		{offsetof(struct rtc_state, phase) + 3,      0x3c},
		{offsetof(struct rtc_state, weekday_offset), 7},
		{offsetof(struct rtc_state, ram) + A,        0xa6},
		{offsetof(struct rtc_state, ram) + C,        0x01},
		{offsetof(struct rtc_state, ram) + D,        0x00},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(refuses(DEVICE_RTC, cases[i].offset, cases[i].value));
	/* Seen in a future that another machine had: it begins again. */
	wr(B, H24 | UIE);
	assert_false(refuses(DEVICE_RTC, offsetof(struct rtc_state, seen) + 7, 0xff));
	assert_int_equal(rtc->deadline.at, SECOND);
}

/* The wall clock of another host shows through: the guest keeps its distance from it. */
static void wall_clock_moves(void **state)
{
	(void)state;
	fake_platform.clock.epoch += 3600;
	assert_int_equal(now(), 0x240229005950);
	fake_platform.clock.epoch = -1;
	assert_int_equal(now(), 0x691231235959);
	assert_int_equal(rd(CENTURY), 0x19);
	fake_platform.clock.epoch = INT64_MAX / 4;
	now();
}

/* Every day of the 400 years after which the calendar repeats follows the one before it. */
static void calendar_day_by_day(void **state)
{
	struct calendar last, time;

	(void)state;
	calendar_from_seconds(-1, &last);
	for (int64_t day = 0; day < 146097; day++) {
		calendar_from_seconds(day * SECONDS_PER_DAY, &time);
		assert_int_equal(calendar_seconds(&time), day * SECONDS_PER_DAY);
		assert_int_equal(time.weekday, (last.weekday + 1) % 7);
		if (time.day != 1) {
			assert_int_equal(time.day, last.day + 1);
			assert_int_equal(time.month, last.month);
			assert_int_equal(time.year, last.year);
		} else {
			assert_in_range(last.day, 28, 31);
			assert_int_equal(time.month, last.month % 12 + 1);
			assert_int_equal(time.year, last.year + (time.month == 1));
		}
		last = time;
	}
	assert_int_equal(last.year * 10000 + last.month * 100 + last.day, 23691231);
}

static void calendar_extremes(void **state)
{
	struct calendar time;

	(void)state;
	calendar_from_seconds(0, &time);
	assert_int_equal(time.year, 1970);
	assert_int_equal(time.weekday, 4);
	calendar_from_seconds(-62167219200, &time);
	assert_int_equal(time.year * 10000 + time.month * 100 + time.day, 101);
	calendar_from_seconds(-62167219201, &time);
	assert_int_equal(time.year * 10000 + time.month * 100 + time.day, 99991231);
	calendar_from_seconds(253402300799, &time);
	assert_int_equal(time.year * 10000 + time.month * 100 + time.day, 99991231);
	assert_int_equal(calendar_seconds(&time), 253402300799);
	calendar_from_seconds(253402300800, &time);
	assert_int_equal(time.year, 0);
	calendar_from_seconds(INT64_MIN, &time);
	calendar_from_seconds(INT64_MAX, &time);
	assert_in_range(time.month, 1, 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on, pc_setup),
		cmocka_unit_test_setup(time_goes_on, pc_setup),
		cmocka_unit_test_setup(formats, pc_setup),
		cmocka_unit_test_setup(set_holds_the_time, pc_setup),
		cmocka_unit_test_setup(set_keeps_the_phase, pc_setup),
		cmocka_unit_test_setup(running_writes, pc_setup),
		cmocka_unit_test_setup(impossible_times_carry, pc_setup),
		cmocka_unit_test_setup(leap_years_and_month_lengths, pc_setup),
		cmocka_unit_test_setup(weekday_is_the_guests, pc_setup),
		cmocka_unit_test_setup(update_in_progress, pc_setup),
		cmocka_unit_test_setup(divider_reset, pc_setup),
		cmocka_unit_test_setup(set_with_divider_reset, pc_setup),
		cmocka_unit_test_setup(update_interrupt, pc_setup),
		cmocka_unit_test_setup(flags_are_seen_by_polling, pc_setup),
		cmocka_unit_test_setup(periodic_rates, pc_setup),
		cmocka_unit_test_setup(periodic_off_and_under_set, pc_setup),
		cmocka_unit_test_setup(unacknowledged_interrupt_is_quiet, pc_setup),
		cmocka_unit_test_setup(no_register_runs_ahead_of_its_interrupt, pc_setup),
		cmocka_unit_test_setup(alarms, pc_setup),
		cmocka_unit_test_setup(alarm_in_12_hour_mode, pc_setup),
		cmocka_unit_test(an_alarm_comes_at_the_first_second_that_matches),
		cmocka_unit_test_setup(alarm_flag_is_seen_late, pc_setup),
		cmocka_unit_test_setup(setting_the_time_moves_the_alarm, pc_setup),
		cmocka_unit_test_setup(nvram, pc_setup),
		cmocka_unit_test_setup(index_and_nmi, pc_setup),
		cmocka_unit_test_setup(memory_sizes, pc_setup),
		cmocka_unit_test_setup(reset_keeps_time_and_nvram, pc_setup),
		cmocka_unit_test_setup(saved_and_loaded, pc_setup),
		cmocka_unit_test_setup(broken_states, pc_setup),
		cmocka_unit_test_setup(wall_clock_moves, pc_setup),
		cmocka_unit_test(calendar_day_by_day),
		cmocka_unit_test(calendar_extremes),
	};

	return cmocka_run_group_tests_name("rtc", tests, NULL, NULL);
}
