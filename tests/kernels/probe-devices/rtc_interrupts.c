/* SPDX-License-Identifier: MIT */
/* The MC146818 as a source of interrupts. */
#include "rtc.h"

void rtc_start(const char *name)
{
	begin(name);
	line_low(LINE_RTC);
	pic_start(1);
	put(MASTER + 1, 0xfb);
	put(SLAVE + 1, 0xfe);
}

void rtc_end_of_interrupt(void)
{
	put(SLAVE, OCW2_EOI);
	put(MASTER, OCW2_EOI);
}

void rtc_align(void)
{
	(void)cmos_read(C);
	cmos_write(B, UIE | HOURS);
	(void)halt();
	rtc_end_of_interrupt();
	(void)cmos_read(C);
}
