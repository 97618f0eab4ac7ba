/* SPDX-License-Identifier: MIT */
/* The MC146818's registers and interrupts, and the CMOS RAM. */
#include "rtc.h"

#define SECOND 1193182ul

static void show_cmos(uint8_t index)
{
	value(cmos_read(index));
}

static void registers(void)
{
	begin("rtc_d");
	show_cmos(D);
	cmos_write(D, 0);
	show_cmos(D);
	end();

	begin("rtc_a");
	for (unsigned i = 0; i < 16; i++) {
		cmos_write(A, (uint8_t)(RATE | i));
		value(cmos_read(A) & 0x7f);
	}
	cmos_write(A, 0xa6); /* UIP is read only */
	value(cmos_read(A) & 0x7f);
	end();

	begin("rtc_b");
	for (unsigned i = 0; i < 8; i++) {
		cmos_write(B, (uint8_t)(SET | 1u << i));
		show_cmos(B);
	}
	cmos_write(B, SET | HOURS);
	cmos_write(B, HOURS | UIE);
	cmos_write(B, HOURS | UIE | SET); /* SET clears UIE */
	show_cmos(B);
	cmos_write(B, HOURS);
	end();

	begin("rtc_c_read_only");
	(void)cmos_read(C);
	cmos_write(C, 0xff);
	value(cmos_read(C) & 0x80);
	end();

	begin("cmos_ram");
	for (uint8_t i = 0x40; i < 0x80; i++) {
		uint8_t old = cmos_read(i);

		cmos_write(i, (uint8_t)~i);
		if ((cmos_read(i) ^ old) != 0xff)
			value(i);
		cmos_write(i, old);
	}
	end();

	begin("cmos_nmi_bit");
	cmos_write(0x55, 0x12);
	show_cmos(0xd5); /* bit 7 is not of the index */
	cmos_write(0xd5, 0x34);
	show_cmos(0x55);
	show(0x70);
	end();

	begin("rtc_alarm_bytes");
	cmos_write(1, 0x59);
	cmos_write(3, 0xc0);
	cmos_write(5, 0xff);
	show_cmos(1);
	show_cmos(3);
	show_cmos(5);
	end();
}

static void periodic(void)
{
	for (uint8_t rate = 6; rate < 16; rate++) {
		unsigned periods = rate < 13 ? 8 : 2;
		uint64_t began;

		rtc_start("");
		begin_numbered("rtc_periodic", rate);
		cmos_write(A, RATE | rate);
		(void)cmos_read(C); /* before, or it might take an interrupt back */
		cmos_write(B, PIE | HOURS);
		value(halt());
		rtc_end_of_interrupt();
		value(cmos_read(C) & ~0x30u);
		began = time_now();
		for (unsigned i = 0; i < periods; i++) {
			(void)halt();
			rtc_end_of_interrupt();
			(void)cmos_read(C);
		}
		show_ratio(time_now() - began, (uint64_t)periods * (SECOND << (rate - 1)) / 32768);
		end();
	}

	rtc_start("rtc_periodic_off");
	cmos_write(A, RATE);
	cmos_write(B, PIE | HOURS);
	(void)cmos_read(C);
	time_wait(2000);
	value(cmos_read(C) & 0x40);
	end();

	rtc_start("rtc_periodic_flag_without_enable");
	cmos_write(A, RATE | 3);
	time_wait(1000);
	value(cmos_read(C) & ~0x30u);
	value(cmos_read(C) & ~0x70u);
	show_taken();
	cmos_write(A, RATE | 6);
	end();

	rtc_start("rtc_line_until_c");
	cmos_write(A, RATE | 6);
	(void)cmos_read(C); /* before, or it might take an interrupt back */
	cmos_write(B, PIE | HOURS);
	value(halt());
	rtc_end_of_interrupt();
	time_wait(5000); /* without reading C: no more edges */
	show_taken();
	put(SLAVE, OCW3_READ_IRR);
	show(SLAVE);
	value(cmos_read(C) & ~0x30u);
	time_wait(5000);
	show_taken();
	rtc_end_of_interrupt();
	end();

	rtc_start("rtc_enable_with_flag_set");
	cmos_write(A, RATE | 6);
	time_wait(5000);
	cmos_write(B, PIE | HOURS); /* the flag is set already */
	show_taken();
	rtc_end_of_interrupt();
	end();
}

static void updates(void)
{
	uint64_t began;

	rtc_start("rtc_update_ended");
	cmos_write(A, RATE | 6);
	rtc_align();
	began = time_now();
	value(halt());
	show_ratio(time_now() - began, SECOND);
	rtc_end_of_interrupt();
	value(cmos_read(C) & ~0x60u);
	value(cmos_read(C) & ~0x60u);
	end();

	rtc_start("rtc_update_flag_without_enable");
	rtc_align();
	cmos_write(B, HOURS);
	value(cmos_read(C) & 0x90);
	time_wait(SECOND + SECOND / 16);
	value(cmos_read(C) & 0x90);
	end();

	rtc_start("rtc_uip");
	rtc_align();
	cmos_write(B, HOURS);
	value(cmos_read(A) >> 7);
	while (!(cmos_read(A) & 0x80))
		cpu_relax();
	began = time_now();
	while (cmos_read(A) & 0x80)
		cpu_relax();
	show_ratio(time_now() - began, 2658); /* 2228 us */
	value(cmos_read(C) & 0x10);
	end();

	rtc_start("rtc_set_stops_updates");
	rtc_align();
	cmos_write(B, SET | UIE | HOURS);
	cmos_write(0, 0x12);
	(void)cmos_read(C);
	time_wait(SECOND + SECOND / 2);
	value(cmos_read(C) & 0x10);
	show_cmos(0);
	value(cmos_read(A) >> 7);
	cmos_write(B, HOURS);
	end();

	rtc_start("rtc_divider_reset");
	cmos_write(A, 0x66);
	time_wait(SECOND / 8);
	cmos_write(0, 0x20);
	(void)cmos_read(C);
	time_wait(SECOND + SECOND / 4);
	value(cmos_read(C) & 0x10);
	show_cmos(0);
	cmos_write(B, UIE | HOURS);
	cmos_write(A, RATE | 6);
	began = time_now();
	(void)halt();
	show_ratio(time_now() - began, SECOND / 2);
	show_cmos(0);
	end();
}

void probe_rtc(void)
{
	registers();
	periodic();
	updates();
	line_low(LINE_RTC);
	pic_start(1);
}
