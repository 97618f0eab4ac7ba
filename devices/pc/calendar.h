/* SPDX-License-Identifier: MIT */
/*
 * The Gregorian calendar: seconds since 1970-01-01 00:00:00 UTC to date and time and back. No leap
 * seconds, as in POSIX "Seconds Since the Epoch".
 */
#ifndef DEVICES_PC_CALENDAR_H
#define DEVICES_PC_CALENDAR_H

#include "lib/types.h"

#define SECONDS_PER_DAY 86400

struct calendar {
	uint16_t year; /* 0..9999; calendar_seconds() takes any */
	uint8_t month; /* 1..12 */
	uint8_t day;   /* 1..31 */
	uint8_t hour, minute, second;
	uint8_t weekday; /* 0: Sunday; calendar_seconds() does not look at it */
};

/*
 * Fields out of range carry into the next larger ones: February 30 is March 1 or 2. Only the month
 * is taken as the nearest of 1..12.
 */
int64_t calendar_seconds(const struct calendar *calendar);

/*
 * Times before the year 0 or after 9999 are taken 10,000 years later or earlier, as often as
 * needed.
 */
void calendar_from_seconds(int64_t seconds, struct calendar *calendar);

#endif
