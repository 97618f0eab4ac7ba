/* SPDX-License-Identifier: MIT */
#include "devices/real/real_rtc.h"
#include "devices/real/wait.h"
#include "lib/errors.h"
#include "lib/x86.h"

#define INDEX_PORT 0x70
#define DATA_PORT  0x71

/* MC146818A datasheet, "Address Map" and "Registers". */
#define SECONDS  0x00
#define MINUTES  0x02
#define HOURS    0x04
#define DAY      0x07
#define MONTH    0x08
#define YEAR     0x09
#define STATUS_A 0x0a
#define STATUS_B 0x0b

#define A_UPDATE_IN_PROGRESS 0x80
#define B_24_HOURS           0x02
#define B_BINARY             0x04
#define HOUR_PM              0x80

#define UPDATE_US 10000 /* an update takes 2 ms at most */
#define TRIES     8

struct reading {
	uint8_t second, minute, hour, day, month, year, century;
};

static uint8_t rtc_read_register(uint8_t index)
{
	out8(INDEX_PORT, index);
	return in8(DATA_PORT);
}

static bool rtc_wait_for_update_end(void)
{
	struct wait wait = wait_begin(UPDATE_US);
	bool over;

	do {
		over = wait_over(&wait);
		if (!(rtc_read_register(STATUS_A) & A_UPDATE_IN_PROGRESS))
			return true;
	} while (!over);
	return false;
}

static struct reading rtc_read_all(uint8_t century)
{
	return (struct reading){
		.second = rtc_read_register(SECONDS),
		.minute = rtc_read_register(MINUTES),
		.hour = rtc_read_register(HOURS),
		.day = rtc_read_register(DAY),
		.month = rtc_read_register(MONTH),
		.year = rtc_read_register(YEAR),
		.century = century ? rtc_read_register(century) : 0,
	};
}

static bool rtc_same(const struct reading *a, const struct reading *b)
{
	return a->second == b->second && a->minute == b->minute && a->hour == b->hour && a->day == b->day &&
	       a->month == b->month && a->year == b->year && a->century == b->century;
}

/* An update may begin between the check and the reads: only two equal readings count. */
static bool rtc_read_stable(uint8_t century, struct reading *reading)
{
	for (unsigned i = 0; i < TRIES; i++) {
		struct reading again;

		if (!rtc_wait_for_update_end())
			return false;
		*reading = rtc_read_all(century);
		if (!rtc_wait_for_update_end())
			return false;
		again = rtc_read_all(century);
		if (rtc_same(reading, &again))
			return true;
	}
	return false;
}

static bool rtc_decode(uint8_t raw, bool binary, uint8_t *value)
{
	if (binary) {
		*value = raw;
		return true;
	}
	*value = (uint8_t)((raw >> 4) * 10 + (raw & 0xf));
	return (raw >> 4) <= 9 && (raw & 0xf) <= 9;
}

static bool rtc_decode_hour(uint8_t raw, uint8_t status_b, uint8_t *hour)
{
	bool pm = raw & HOUR_PM;

	if (status_b & B_24_HOURS)
		return rtc_decode(raw, status_b & B_BINARY, hour) && *hour < 24;
	if (!rtc_decode(raw & (uint8_t)~HOUR_PM, status_b & B_BINARY, hour) || *hour < 1 || *hour > 12)
		return false;
	*hour = (uint8_t)(*hour % 12 + (pm ? 12 : 0));
	return true;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar, for years from 1970. */
static int64_t rtc_days_since_1970(unsigned year, unsigned month, unsigned day)
{
	static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	unsigned leaps = (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 - 477; /* 477 before 1970 */
	bool leap = (year % 4 == 0 && year % 100) || year % 400 == 0;

	return (int64_t)(year - 1970) * 365 + leaps + before[month - 1] + (leap && month > 2) + day - 1;
}

int rtc_read(uint8_t century_index, int64_t *epoch)
{
	struct reading raw = {0}, time = {0};
	uint8_t status_b = rtc_read_register(STATUS_B);
	bool binary = status_b & B_BINARY;
	unsigned year;

	if (!rtc_read_stable(century_index, &raw))
		return -ERR_UNSUPPORTED;
	if (!rtc_decode(raw.second, binary, &time.second) || !rtc_decode(raw.minute, binary, &time.minute) ||
	    !rtc_decode_hour(raw.hour, status_b, &time.hour) || !rtc_decode(raw.day, binary, &time.day) ||
	    !rtc_decode(raw.month, binary, &time.month) || !rtc_decode(raw.year, binary, &time.year))
		return -ERR_UNSUPPORTED;
	if (time.second > 59 || time.minute > 59 || time.day < 1 || time.day > 31 || time.month < 1 ||
	    time.month > 12 || time.year > 99)
		return -ERR_UNSUPPORTED;
	/*
	 * Boards are known to name a century register that they do not keep: only 19 to 21 is
	 * believed.
	 */
	if (rtc_decode(raw.century, binary, &time.century) && time.century >= 19 && time.century <= 21)
		year = time.century * 100u + time.year;
	else
		year = time.year + (time.year < 70 ? 2000u : 1900u);
	if (year < 1970)
		return -ERR_UNSUPPORTED;
	*epoch =
		((rtc_days_since_1970(year, time.month, time.day) * 24 + time.hour) * 60 + time.minute) * 60 +
		time.second;
	return 0;
}
