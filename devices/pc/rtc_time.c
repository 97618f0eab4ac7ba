/* SPDX-License-Identifier: MIT */
/* What the bytes of an MC146818A mean: see rtc_time.h. */
#include "devices/pc/rtc_time.h"

#include "devices/pc/calendar.h"

#define HOURS_PM        0x80 /* in 12-hour mode */
#define ALARM_DONT_CARE 0xc0

bool rtc_is_time(unsigned index)
{
	switch (index) {
	case RTC_SECONDS:
	case RTC_MINUTES:
	case RTC_HOURS:
	case RTC_WEEKDAY:
	case RTC_DAY:
	case RTC_MONTH:
	case RTC_YEAR:
	case RTC_CENTURY: return true;
	default: return false;
	}
}

static uint8_t rtc_encode(uint8_t b, unsigned value)
{
	return b & B_DM ? value : value / 10 << 4 | value % 10;
}

static unsigned rtc_decode(uint8_t b, uint8_t byte)
{
	return b & B_DM ? byte : (byte >> 4) * 10 + (byte & 0x0f);
}

static uint8_t rtc_encode_hour(uint8_t b, unsigned hour)
{
	if (b & B_24H)
		return rtc_encode(b, hour);
	return rtc_encode(b, (hour + 11) % 12 + 1) | (hour >= 12 ? HOURS_PM : 0);
}

static unsigned rtc_decode_hour(uint8_t b, uint8_t byte)
{
	if (b & B_24H)
		return rtc_decode(b, byte);
	return rtc_decode(b, byte & ~HOURS_PM) % 12 + (byte & HOURS_PM ? 12 : 0);
}

void rtc_time_encode(uint8_t *ram, int64_t seconds, uint8_t weekday_offset)
{
	uint8_t b = ram[RTC_B];
	struct calendar time;

	calendar_from_seconds(seconds, &time);
	ram[RTC_SECONDS] = rtc_encode(b, time.second);
	ram[RTC_MINUTES] = rtc_encode(b, time.minute);
	ram[RTC_HOURS] = rtc_encode_hour(b, time.hour);
	ram[RTC_WEEKDAY] = rtc_encode(b, (time.weekday + weekday_offset) % 7 + 1);
	ram[RTC_DAY] = rtc_encode(b, time.day);
	ram[RTC_MONTH] = rtc_encode(b, time.month);
	ram[RTC_YEAR] = rtc_encode(b, time.year % 100);
	ram[RTC_CENTURY] = rtc_encode(b, time.year / 100);
}

int64_t rtc_time_decode(const uint8_t *ram, uint8_t *weekday_offset)
{
	uint8_t b = ram[RTC_B];
	struct calendar time = {
		.year = rtc_decode(b, ram[RTC_CENTURY]) * 100 + rtc_decode(b, ram[RTC_YEAR]),
		.month = rtc_decode(b, ram[RTC_MONTH]),
		.day = rtc_decode(b, ram[RTC_DAY]),
		.hour = rtc_decode_hour(b, ram[RTC_HOURS]),
		.minute = rtc_decode(b, ram[RTC_MINUTES]),
		.second = rtc_decode(b, ram[RTC_SECONDS]),
	};
	int64_t seconds = calendar_seconds(&time);

	calendar_from_seconds(seconds, &time);
	*weekday_offset = (rtc_decode(b, ram[RTC_WEEKDAY]) + 6 + 7 - time.weekday) % 7;
	return seconds;
}

/* Can the time of day ever equal this alarm byte? */
static bool rtc_alarm_reachable(uint8_t byte, uint8_t round_trip, unsigned value, unsigned limit)
{
	return byte >= ALARM_DONT_CARE || (byte == round_trip && value < limit);
}

/* From `t`, where a field of it is another, to the time at which that becomes `value`. */
static unsigned rtc_skip(unsigned t, unsigned unit, unsigned limit, unsigned value)
{
	return (t / unit + (value + limit - t / unit % limit) % limit) * unit;
}

uint64_t rtc_until_alarm(const uint8_t *ram, int64_t seconds)
{
	uint8_t b = ram[RTC_B];
	uint8_t hour = ram[RTC_HOURS_ALARM], minute = ram[RTC_MINUTES_ALARM], second = ram[RTC_SECONDS_ALARM];
	unsigned h = rtc_decode_hour(b, hour), m = rtc_decode(b, minute), s = rtc_decode(b, second);
	unsigned start = (seconds % SECONDS_PER_DAY + SECONDS_PER_DAY) % SECONDS_PER_DAY, t = start;

	if (!rtc_alarm_reachable(hour, rtc_encode_hour(b, h), h, 24) ||
	    !rtc_alarm_reachable(minute, rtc_encode(b, m), m, 60) ||
	    !rtc_alarm_reachable(second, rtc_encode(b, s), s, 60))
		return RTC_NO_ALARM;

	/* Five times at most: seconds, minutes, hours, and again what comes below them. */
	for (;;) {
		if (hour < ALARM_DONT_CARE && t / 3600 % 24 != h)
			t = rtc_skip(t, 3600, 24, h);
		else if (minute < ALARM_DONT_CARE && t / 60 % 60 != m)
			t = rtc_skip(t, 60, 60, m);
		else if (second < ALARM_DONT_CARE && t % 60 != s)
			t = rtc_skip(t, 1, 60, s);
		else
			return t - start;
	}
}
