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

static uint8_t encode(uint8_t b, unsigned value)
{
	return b & B_DM ? value : value / 10 << 4 | value % 10;
}

static unsigned decode(uint8_t b, uint8_t byte)
{
	return b & B_DM ? byte : (byte >> 4) * 10 + (byte & 0x0f);
}

static uint8_t encode_hour(uint8_t b, unsigned hour)
{
	if (b & B_24H)
		return encode(b, hour);
	return encode(b, (hour + 11) % 12 + 1) | (hour >= 12 ? HOURS_PM : 0);
}

static unsigned decode_hour(uint8_t b, uint8_t byte)
{
	if (b & B_24H)
		return decode(b, byte);
	return decode(b, byte & ~HOURS_PM) % 12 + (byte & HOURS_PM ? 12 : 0);
}

void rtc_time_encode(uint8_t *ram, int64_t seconds, uint8_t weekday_offset)
{
	uint8_t b = ram[RTC_B];
	struct calendar time;

	calendar_from_seconds(seconds, &time);
	ram[RTC_SECONDS] = encode(b, time.second);
	ram[RTC_MINUTES] = encode(b, time.minute);
	ram[RTC_HOURS] = encode_hour(b, time.hour);
	ram[RTC_WEEKDAY] = encode(b, (time.weekday + weekday_offset) % 7 + 1);
	ram[RTC_DAY] = encode(b, time.day);
	ram[RTC_MONTH] = encode(b, time.month);
	ram[RTC_YEAR] = encode(b, time.year % 100);
	ram[RTC_CENTURY] = encode(b, time.year / 100);
}

int64_t rtc_time_decode(const uint8_t *ram, uint8_t *weekday_offset)
{
	uint8_t b = ram[RTC_B];
	struct calendar time = {
		.year = decode(b, ram[RTC_CENTURY]) * 100 + decode(b, ram[RTC_YEAR]),
		.month = decode(b, ram[RTC_MONTH]),
		.day = decode(b, ram[RTC_DAY]),
		.hour = decode_hour(b, ram[RTC_HOURS]),
		.minute = decode(b, ram[RTC_MINUTES]),
		.second = decode(b, ram[RTC_SECONDS]),
	};
	int64_t seconds = calendar_seconds(&time);

	calendar_from_seconds(seconds, &time);
	*weekday_offset = (decode(b, ram[RTC_WEEKDAY]) + 6 + 7 - time.weekday) % 7;
	return seconds;
}

/* Can the time of day ever equal this alarm byte? */
static bool reachable(uint8_t byte, uint8_t round_trip, unsigned value, unsigned limit)
{
	return byte >= ALARM_DONT_CARE || (byte == round_trip && value < limit);
}

uint64_t rtc_until_alarm(const uint8_t *ram, int64_t seconds)
{
	uint8_t b = ram[RTC_B];
	uint8_t hour = ram[RTC_HOURS_ALARM], minute = ram[RTC_MINUTES_ALARM], second = ram[RTC_SECONDS_ALARM];
	unsigned h = decode_hour(b, hour), m = decode(b, minute), s = decode(b, second);
	unsigned start = (seconds % SECONDS_PER_DAY + SECONDS_PER_DAY) % SECONDS_PER_DAY, t = start;

	if (!reachable(hour, encode_hour(b, h), h, 24) || !reachable(minute, encode(b, m), m, 60) ||
	    !reachable(second, encode(b, s), s, 60))
		return RTC_NO_ALARM;

	/*
	 * Each field can match, so at most 24 hours, 60 minutes and 60 seconds are skipped, twice
	 * over.
	 */
	for (;;) {
		if (hour < ALARM_DONT_CARE && t / 3600 % 24 != h)
			t = (t / 3600 + 1) * 3600;
		else if (minute < ALARM_DONT_CARE && t / 60 % 60 != m)
			t = (t / 60 + 1) * 60;
		else if (second < ALARM_DONT_CARE && t % 60 != s)
			t++;
		else
			return t - start;
	}
}
