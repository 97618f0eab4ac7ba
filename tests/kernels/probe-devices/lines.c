/* SPDX-License-Identifier: MIT */
/*
 * Sources of interrupts that hold their line until told otherwise: the 8254 in mode 0, whose OUT
 * stays high; a UART's THRE interrupt after its enable bit; the clock's periodic flag, which stays
 * until register C is read.
 */
#include "devices.h"

#define PERIODIC 0x40
#define ENOUGH   20000 /* turns of a loop that waits for a device */

uint8_t cmos_read(uint8_t index)
{
	put(0x70, index);
	return in8(0x71);
}

void cmos_write(uint8_t index, uint8_t v)
{
	put(0x70, index);
	put(0x71, v);
}

static void uart_line(uint16_t base, bool level)
{
	if (!level) {
		put(base + 1, 0);
		return;
	}
	for (unsigned i = 0; i < ENOUGH && (in8(base + 5) & 0x60) != 0x60; i++)
		cpu_relax();
	put(base + 4, 0x08);
	put(base + 1, 2);
}

static void pit_line(bool level)
{
	put(0x43, 0x30);
	if (!level)
		return;
	put(0x40, 2);
	put(0x40, 0);
	for (unsigned i = 0; i < ENOUGH; i++) {
		put(0x43, 0xe2);
		if (in8(0x40) & 0x80)
			return;
	}
}

static void rtc_line(bool level)
{
	cmos_write(0x0b, 2);
	(void)cmos_read(0x0c);
	if (!level)
		return;
	cmos_write(0x0a, 0x23);
	cmos_write(0x0b, PERIODIC | 2);
	time_wait(300); /* two periods */
}

static void set_line(unsigned irq, bool level)
{
	switch (irq) {
	case LINE_PIT: pit_line(level); break;
	case LINE_COM2: uart_line(0x2f8, level); break;
	case LINE_COM1: uart_line(0x3f8, level); break;
	default: rtc_line(level); break;
	}
}

void line_high(unsigned irq)
{
	set_line(irq, true);
}

void line_low(unsigned irq)
{
	set_line(irq, false);
}

void lines_low(void)
{
	line_low(LINE_PIT);
	line_low(LINE_COM2);
	line_low(LINE_COM1);
	line_low(LINE_RTC);
}
