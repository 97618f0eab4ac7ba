/* SPDX-License-Identifier: MIT */
/* The Gregorian calendar: see calendar.h. */
#include "devices/pc/calendar.h"

#define DAYS_PER_400_YEARS   146097
#define DAYS_TO_1970         719528 /* from 0000-01-01 */
#define WEEKDAY_OF_YEAR_0    6      /* 0000-01-01 was a Saturday */
#define DAYS_PER_10000_YEARS (25 * DAYS_PER_400_YEARS)

/* Days before each month of a common year. */
static const uint16_t month_start[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

static bool calendar_is_leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days before January 1 of `year`, counted from January 1 of the year 0, itself a leap year. */
static uint32_t calendar_year_start(unsigned year)
{
	unsigned passed = year - 1;

	return year == 0 ? 0 : year * 365 + passed / 4 - passed / 100 + passed / 400 + 1;
}

/* Days before the month 0..12 of a year. */
static unsigned calendar_month_days(unsigned year, unsigned month)
{
	return month_start[month] + (month >= 2 && calendar_is_leap(year));
}

int64_t calendar_seconds(const struct calendar *calendar)
{
	unsigned month = MIN(MAX(calendar->month, 1), 12) - 1;
	int64_t days = (int64_t)calendar_year_start(calendar->year) +
	               calendar_month_days(calendar->year, month) + calendar->day - 1 - DAYS_TO_1970;

	return days * SECONDS_PER_DAY + calendar->hour * 3600 + calendar->minute * 60 + calendar->second;
}

void calendar_from_seconds(int64_t seconds, struct calendar *calendar)
{
	int64_t days = seconds / SECONDS_PER_DAY, rest = seconds % SECONDS_PER_DAY;
	unsigned year, month = 0, day;

	if (rest < 0) {
		rest += SECONDS_PER_DAY;
		days--;
	}
	days = (days + DAYS_TO_1970) % DAYS_PER_10000_YEARS;
	if (days < 0)
		days += DAYS_PER_10000_YEARS;

	/*
	 * At most 366 days a year: never too late, and after the correction for the leap days never
	 * too early.
	 */
	year = days * 400 / DAYS_PER_400_YEARS;
	if (calendar_year_start(year) > days)
		year--;
	else if (calendar_year_start(year + 1) <= days)
		year++;
	day = days - calendar_year_start(year);
	while (day >= calendar_month_days(year, month + 1))
		month++;

	*calendar = (struct calendar){
		.year = year,
		.month = month + 1,
		.day = day - calendar_month_days(year, month) + 1,
		.hour = rest / 3600,
		.minute = rest / 60 % 60,
		.second = rest % 60,
		.weekday = (days + WEEKDAY_OF_YEAR_0) % 7,
	};
}
