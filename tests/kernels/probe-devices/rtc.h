/* SPDX-License-Identifier: MIT */
/* What the probes of the MC146818 share, and rtc_interrupts.c. */
#ifndef TESTS_KERNELS_PROBE_DEVICES_RTC_H
#define TESTS_KERNELS_PROBE_DEVICES_RTC_H

#include "devices.h"

#define A 0x0a
#define B 0x0b
#define C 0x0c
#define D 0x0d

#define RATE   0x20 /* the divider runs from 32768 Hz */
#define SET    0x80
#define PIE    0x40
#define AIE    0x20
#define UIE    0x10
#define BINARY 4
#define HOURS  2 /* 24 */

/* Begin a line. Interrupts from here on: HLT until IRQ 8. */
void rtc_start(const char *name);
void rtc_end_of_interrupt(void);

/* Let an update end now, and be in the half second after it. */
void rtc_align(void);

#endif
