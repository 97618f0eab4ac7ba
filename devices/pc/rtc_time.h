/* SPDX-License-Identifier: MIT */
/*
 * MC146818A registers, and what their bytes mean as a time: the parts of the clock that know no
 * device.
 */
#ifndef DEVICES_PC_RTC_TIME_H
#define DEVICES_PC_RTC_TIME_H

#include "lib/types.h"

/* Indices. 00h..09h are time, alarm and date. */
enum {
	RTC_SECONDS,
	RTC_SECONDS_ALARM,
	RTC_MINUTES,
	RTC_MINUTES_ALARM,
	RTC_HOURS,
	RTC_HOURS_ALARM,
	RTC_WEEKDAY, /* 1: Sunday */
	RTC_DAY,
	RTC_MONTH,
	RTC_YEAR,
	RTC_A,
	RTC_B,
	RTC_C,
	RTC_D,
	CMOS_SHUTDOWN = 0x0f, /* what firmware does after a reset */
	CMOS_EQUIPMENT = 0x14,
	CMOS_BASE_KIB = 0x15,     /* 2 bytes */
	CMOS_EXTENDED_KIB = 0x17, /* 2 bytes: above 1 MiB */
	CMOS_SUM_FIRST = 0x10,
	CMOS_SUM_LAST = 0x2d,
	CMOS_CHECKSUM = 0x2e,       /* 2 bytes, big endian */
	CMOS_EXTENDED_KIB_2 = 0x30, /* as found by the power-on self test */
	RTC_CENTURY = 0x32,
	CMOS_ABOVE_16M = 0x34, /* 2 bytes, in units of 64 KiB */
};

#define A_UIP       0x80
#define A_DV        0x70
#define A_DV_32KHZ  0x20
#define A_RS        0x0f
#define A_RS_1024HZ 0x06

#define B_SET  0x80
#define B_PIE  0x40
#define B_AIE  0x20
#define B_UIE  0x10
#define B_SQWE 0x08
#define B_DM   0x04 /* 1: binary, 0: BCD */
#define B_24H  0x02

/* The flags are at the places of their enable bits in B. */
#define C_IRQF  0x80
#define C_PF    0x40
#define C_AF    0x20
#define C_UF    0x10
#define C_FLAGS (C_PF | C_AF | C_UF)

#define D_VRT 0x80

#define EQUIPMENT_FPU 0x02

/*
 * Furthest that a guest can set its clock from any wall clock, with room to spare: 30,000 years in
 * seconds.
 */
#define RTC_MAX_OFFSET (30000LL * 366 * 86400)

#define RTC_NO_ALARM UINT64_MAX

/* Is `index` one of the bytes that an update changes? */
bool rtc_is_time(unsigned index);

/*
 * Write the time's bytes into `ram` for `seconds` since 1970, in the format that register B there
 * asks for.
 */
void rtc_time_encode(uint8_t *ram, int64_t seconds, uint8_t weekday_offset);

/*
 * The opposite: seconds since 1970, and the day of the week relative to the
 * calendar's (0..6). Bytes that are no valid time carry into the next larger
 * ones, so that every content has a meaning.
 */
int64_t rtc_time_decode(const uint8_t *ram, uint8_t *weekday_offset);

/*
 * Seconds from `seconds` until the time of day matches the alarm bytes (0: it
 * does now), below 86400; RTC_NO_ALARM if it never does. A byte C0h..FFh matches
 * everything: "Alarm Bytes".
 */
uint64_t rtc_until_alarm(const uint8_t *ram, int64_t seconds);

#endif
