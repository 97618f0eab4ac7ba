/* SPDX-License-Identifier: MIT */
/* The real-time clock. Motorola MC146818A datasheet. */
#ifndef DEVICES_REAL_REAL_RTC_H
#define DEVICES_REAL_REAL_RTC_H

#include "lib/types.h"

/*
 * Read the time of day, taken as UTC: seconds since 1970-01-01. `century` is the index of
 * the century register, 0 if there is none (then 1970..2069 is assumed). -ERR_UNSUPPORTED if
 * no clock answers or what it says is no time.
 */
int must_check rtc_read(uint8_t century, int64_t *epoch);

#endif
