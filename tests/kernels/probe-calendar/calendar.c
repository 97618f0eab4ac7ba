/* SPDX-License-Identifier: MIT */
/*
 * The MC146818's time of day, calendar and alarm, in all four ways to write them. Like the kernel
 * probe-devices, with whose files it is linked.
 */
#include "rtc.h"

#define SECONDS       0
#define SECONDS_ALARM 1
#define MINUTES       2
#define MINUTES_ALARM 3
#define HOUR          4
#define HOUR_ALARM    5
#define WEEKDAY       6
#define DAY           7
#define MONTH         8
#define YEAR          9
#define CENTURY       0x32

#define ANY    0xff /* of an alarm: don't care */
#define SECOND 1193182ul

struct moment {
	uint8_t hour, minute, second, day, month, year, century;
};

static void set_clock(uint8_t mode, const struct moment *moment)
{
	cmos_write(A, RATE | 6);
	rtc_align();
	cmos_write(B, SET | mode);
	cmos_write(HOUR, moment->hour);
	cmos_write(MINUTES, moment->minute);
	cmos_write(SECONDS, moment->second);
	cmos_write(DAY, moment->day);
	cmos_write(MONTH, moment->month);
	cmos_write(YEAR, moment->year);
	cmos_write(CENTURY, moment->century);
}

static void show_time(void)
{
	value(cmos_read(HOUR));
	value(cmos_read(MINUTES));
	value(cmos_read(SECONDS));
}

static void show_date(void)
{
	value(cmos_read(DAY));
	value(cmos_read(MONTH));
	value(cmos_read(YEAR));
	value(cmos_read(CENTURY));
}

/* The next update, in which one second ends. */
static void carry(const char *name, uint8_t mode, struct moment moment)
{
	rtc_start(name);
	set_clock(mode, &moment);
	show_time();
	cmos_write(B, mode | UIE);
	value(halt());
	rtc_end_of_interrupt();
	value(cmos_read(C) & 0x90);
	show_time();
	show_date();
	end();
}

static void carries(void)
{
	const uint8_t bcd24 = HOURS, bcd12 = 0, binary24 = HOURS | BINARY, binary12 = BINARY;

	carry("rtc_carry_bcd_digit", bcd24, (struct moment){0x09, 0x59, 0x59, 0x09, 0x09, 0x09, 0x20});
	carry("rtc_carry_minute", bcd24, (struct moment){0x12, 0x34, 0x59, 0x01, 0x03, 0x23, 0x20});
	carry("rtc_carry_hour", bcd24, (struct moment){0x19, 0x59, 0x59, 0x01, 0x03, 0x23, 0x20});
	carry("rtc_carry_century", bcd24, (struct moment){0x23, 0x59, 0x59, 0x31, 0x12, 0x99, 0x19});
	carry("rtc_carry_leap_2000", bcd24, (struct moment){0x23, 0x59, 0x59, 0x28, 0x02, 0x00, 0x20});
	carry("rtc_carry_leap_2004", bcd24, (struct moment){0x23, 0x59, 0x59, 0x29, 0x02, 0x04, 0x20});
	carry("rtc_carry_no_leap_1900", bcd24, (struct moment){0x23, 0x59, 0x59, 0x28, 0x02, 0x00, 0x19});
	carry("rtc_carry_no_leap_2100", bcd24, (struct moment){0x23, 0x59, 0x59, 0x28, 0x02, 0x00, 0x21});
	carry("rtc_carry_no_leap", bcd24, (struct moment){0x23, 0x59, 0x59, 0x28, 0x02, 0x23, 0x20});
	carry("rtc_carry_30_days", bcd24, (struct moment){0x23, 0x59, 0x59, 0x30, 0x04, 0x23, 0x20});
	carry("rtc_carry_31_days", bcd24, (struct moment){0x23, 0x59, 0x59, 0x30, 0x05, 0x23, 0x20});
	carry("rtc_carry_noon", bcd12, (struct moment){0x11, 0x59, 0x59, 0x01, 0x03, 0x23, 0x20});
	carry("rtc_carry_afternoon", bcd12, (struct moment){0x92, 0x59, 0x59, 0x01, 0x03, 0x23, 0x20});
	carry("rtc_carry_midnight", bcd12, (struct moment){0x91, 0x59, 0x59, 0x01, 0x03, 0x23, 0x20});
	carry("rtc_carry_night", bcd12, (struct moment){0x12, 0x59, 0x59, 0x01, 0x03, 0x23, 0x20});
	carry("rtc_carry_binary", binary24, (struct moment){23, 59, 59, 31, 12, 29, 20});
	carry("rtc_carry_binary_noon", binary12, (struct moment){11, 59, 59, 1, 10, 23, 20});
	carry("rtc_carry_binary_midnight", binary12, (struct moment){0x80 | 11, 59, 59, 30, 11, 23, 20});
}

/* Each of them is a Wednesday, the 4th day of the week that begins on Sunday. */
static void weekday(void)
{
	const struct moment moment = {0x23, 0x59, 0x59, 0x01, 0x03, 0x23, 0x20};

	rtc_start("rtc_weekday");
	set_clock(HOURS, &moment);
	cmos_write(WEEKDAY, 4);
	cmos_write(B, HOURS | UIE);
	(void)halt();
	rtc_end_of_interrupt();
	(void)cmos_read(C);
	value(cmos_read(WEEKDAY));
	end();

	rtc_start("rtc_weekday_is_counted");
	set_clock(HOURS, &moment);
	cmos_write(WEEKDAY, 7); /* whatever the date is: 7 is followed by 1 */
	cmos_write(B, HOURS | UIE);
	(void)halt();
	rtc_end_of_interrupt();
	(void)cmos_read(C);
	value(cmos_read(WEEKDAY));
	end();
}

/* `times` interrupts of the alarm, each with the time at which it came. */
static void alarm(const char *name, uint8_t mode, struct moment moment, uint8_t hour, uint8_t minute,
                  uint8_t second, unsigned times)
{
	rtc_start(name);
	set_clock(mode, &moment);
	cmos_write(HOUR_ALARM, hour);
	cmos_write(MINUTES_ALARM, minute);
	cmos_write(SECONDS_ALARM, second);
	(void)cmos_read(C);
	cmos_write(B, mode | AIE);
	for (unsigned i = 0; i < times; i++) {
		value(halt());
		rtc_end_of_interrupt();
		value(cmos_read(C) & 0xa0);
		show_time();
	}
	cmos_write(B, mode);
	end();
}

/*
 * Three updates, the second of them with an alarm: if that does not come, the probe goes on all the
 * same.
 */
static void alarm_in(const char *name, uint8_t mode, struct moment moment, uint8_t hour)
{
	rtc_start(name);
	set_clock(mode, &moment);
	cmos_write(HOUR_ALARM, hour);
	cmos_write(MINUTES_ALARM, 0);
	cmos_write(SECONDS_ALARM, 0);
	(void)cmos_read(C);
	cmos_write(B, mode | UIE | AIE);
	for (unsigned i = 0; i < 3; i++) {
		value(halt());
		rtc_end_of_interrupt();
		value(cmos_read(C) & 0xb0);
	}
	cmos_write(B, mode);
	end();
}

static void no_alarm(const char *name, uint8_t hour, uint8_t minute, uint8_t second)
{
	const struct moment moment = {0x12, 0x34, 0x56, 0x01, 0x03, 0x23, 0x20};

	rtc_start(name);
	set_clock(HOURS, &moment);
	cmos_write(HOUR_ALARM, hour);
	cmos_write(MINUTES_ALARM, minute);
	cmos_write(SECONDS_ALARM, second);
	(void)cmos_read(C);
	cmos_write(B, HOURS | AIE);
	time_wait(3 * SECOND);
	value(cmos_read(C) & 0xa0);
	show_taken();
	cmos_write(B, HOURS);
	end();
}

static void alarms(void)
{
	const struct moment noon = {0x12, 0x34, 0x56, 0x01, 0x03, 0x23, 0x20};
	const struct moment before_midnight = {0x23, 0x59, 0x58, 0x31, 0x12, 0x22, 0x20};

	alarm("rtc_alarm", HOURS, noon, 0x12, 0x34, 0x58, 1);
	alarm("rtc_alarm_each_second", HOURS, noon, ANY, ANY, ANY, 3);
	alarm("rtc_alarm_each_minute", HOURS, noon, ANY, ANY, 0x00, 1);
	alarm("rtc_alarm_each_hour", HOURS, (struct moment){0x12, 0x59, 0x58, 0x01, 0x03, 0x23, 0x20}, ANY,
	      0x00, 0x00, 1);
	alarm("rtc_alarm_c0_is_any", HOURS, noon, 0xc0, 0xc0, 0x57, 1);
	alarm("rtc_alarm_at_midnight", HOURS, before_midnight, 0x00, 0x00, 0x00, 1);
	alarm("rtc_alarm_seconds_of_a_minute", HOURS, noon, 0x12, 0x34, ANY, 2);
	alarm("rtc_alarm_12_hours", 0, (struct moment){0x11, 0x59, 0x58, 0x01, 0x03, 0x23, 0x20}, 0x92, 0x00,
	      0x00, 1);
	alarm_in("rtc_alarm_12_hours_midnight", 0, (struct moment){0x91, 0x59, 0x58, 0x01, 0x03, 0x23, 0x20},
	         0x12);
	alarm_in("rtc_alarm_12_hours_binary", BINARY, (struct moment){11, 59, 58, 1, 3, 23, 20}, 0x80 | 12);
	alarm("rtc_alarm_binary", HOURS | BINARY, (struct moment){12, 34, 56, 1, 3, 23, 20}, 12, 34, 58, 1);
	no_alarm("rtc_alarm_never", 0x12, 0x34, 0x61);
	no_alarm("rtc_alarm_other_hour", 0x13, ANY, ANY);
	no_alarm("rtc_alarm_other_minute", ANY, 0x33, ANY);
}

/* Register C, and the line that it drives. */
static void flags(void)
{
	const struct moment moment = {0x12, 0x34, 0x56, 0x01, 0x03, 0x23, 0x20};

	rtc_start("rtc_all_flags");
	set_clock(HOURS, &moment);
	cmos_write(HOUR_ALARM, ANY);
	cmos_write(MINUTES_ALARM, ANY);
	cmos_write(SECONDS_ALARM, ANY);
	cmos_write(B, HOURS | PIE | AIE | UIE);
	(void)cmos_read(C);
	time_wait(SECOND + SECOND / 4);
	show_taken(); /* one edge, whatever the number of flags */
	rtc_end_of_interrupt();
	show_taken();
	value(cmos_read(C));
	value(cmos_read(C) & 0x30);
	cmos_write(B, HOURS);
	end();

	rtc_start("rtc_alarm_flag_without_enable");
	set_clock(HOURS, &moment);
	cmos_write(B, HOURS);
	(void)cmos_read(C);
	time_wait(SECOND + SECOND / 4);
	value(cmos_read(C) & 0xb0);
	show_taken();
	end();

	rtc_start("rtc_alarm_while_set");
	set_clock(HOURS, &moment);
	cmos_write(B, SET | HOURS | AIE);
	(void)cmos_read(C);
	time_wait(SECOND + SECOND / 4);
	value(cmos_read(C) & 0xb0);
	show_taken();
	show_time();
	cmos_write(B, HOURS);
	end();

	rtc_start("rtc_alarm_at_the_time_that_is");
	set_clock(HOURS, &moment);
	cmos_write(B, HOURS | AIE);
	cmos_write(HOUR_ALARM, moment.hour);
	cmos_write(MINUTES_ALARM, moment.minute);
	cmos_write(SECONDS_ALARM, moment.second);
	(void)cmos_read(C);
	time_wait(SECOND + SECOND / 4);
	value(cmos_read(C) & 0xa0);
	show_taken();
	cmos_write(B, HOURS);
	end();
}

/* Bytes that are written while the clock runs. */
static void written(void)
{
	const struct moment moment = {0x12, 0x34, 0x56, 0x01, 0x03, 0x23, 0x20};

	rtc_start("rtc_written_without_set");
	set_clock(HOURS, &moment);
	cmos_write(B, HOURS);
	rtc_align();
	cmos_write(B, HOURS);
	cmos_write(SECONDS, 0x30);
	cmos_write(MINUTES, 0x15);
	cmos_write(DAY, 0x28);
	show_time();
	show_date();
	time_wait(SECOND + SECOND / 4);
	show_time();
	show_date();
	end();
}

void kernel_main(uint32_t magic, uint32_t info)
{
	(void)magic;
	(void)info;
	probe_begin();
	carries();
	weekday();
	alarms();
	flags();
	written();
	probe_end();
}
