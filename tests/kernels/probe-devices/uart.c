/* SPDX-License-Identifier: MIT */
/*
 * The 16550A, COM2, mostly in loopback. A character is given time to go around: a real one needs
 * ten bits' time, and what it is meanwhile is not looked at.
 */
#include "devices.h"

#define BASE      0x2f8
#define CHARACTER 120 /* ticks: more than ten bits at 115200 baud */

enum { DATA = BASE, IER, FCR, LCR, MCR, LSR, MSR, SCRATCH };
#define IIR  FCR
#define LOOP 0x10
#define OUT2 0x08

#define EVERY_INTERRUPT 0x0f

static void drain(void)
{
	for (unsigned i = 0; i < 32 && in8(LSR) & 1; i++)
		(void)in8(DATA);
	(void)in8(LSR);
	(void)in8(MSR);
	(void)in8(IIR);
}

/* 115200 baud, 8 bits, no interrupts, FIFOs as `fcr` says, modem lines `mcr`. */
static void start(const char *name, uint8_t fcr, uint8_t mcr)
{
	begin(name);
	put(IER, 0);
	put(LCR, 0x83);
	put(DATA, 1);
	put(IER, 0);
	put(LCR, 3);
	put(MCR, mcr);
	put(FCR, 0);
	put(FCR, fcr ? fcr | 6 : 0);
	time_wait(2 * CHARACTER);
	drain();
	put(FCR, fcr);
	(void)in8(IIR);
}

static void send(uint8_t byte)
{
	put(DATA, byte);
	time_wait(CHARACTER);
}

static void send_many(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		send((uint8_t)(0x30 + i));
}

static void registers(void)
{
	static const uint8_t patterns[] = {0, 0x55, 0xaa, 0xff};

	start("uart_scratch", 0, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(patterns); i++) {
		put(SCRATCH, patterns[i]);
		show(SCRATCH);
	}
	end();

	start("uart_ier", 0, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(patterns); i++) {
		put(IER, patterns[i]);
		show(IER);
	}
	end();

	start("uart_lcr", 0, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(patterns); i++) {
		put(LCR, patterns[i]);
		show(LCR);
	}
	end();

	start("uart_mcr", 0, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(patterns); i++) {
		put(MCR, patterns[i]);
		show(MCR);
	}
	end();

	start("uart_divisor", 0, 0);
	put(LCR, 0x83);
	put(DATA, 0x34);
	put(IER, 0x12);
	show(DATA);
	show(IER);
	put(LCR, 3);
	show(IER);
	put(LCR, 0x83);
	show(DATA);
	show(IER);
	end();

	start("uart_read_only", 0, 0);
	put(MSR, 0xf0);
	show(MSR);
	show(LSR);
	end();

	start("uart_fifo_bits", 0, 0);
	for (unsigned i = 0; i < 256; i += 0x41) {
		put(FCR, (uint8_t)i);
		show(IIR);
	}
	put(FCR, 0);
	show(IIR);
	put(FCR, 0xc0); /* without bit 0 */
	show(IIR);
	end();
}

static void modem(void)
{
	for (uint8_t i = 0; i < 16; i++) {
		begin_numbered("uart_loop_modem", i);
		put(MCR, LOOP);
		(void)in8(MSR);
		put(MCR, LOOP | i);
		show(MSR);
		show(MSR);
		put(MCR, LOOP);
		show(MSR);
		show(MSR);
		end();
	}
	start("uart_modem_interrupt", 0, LOOP);
	put(IER, 8);
	show(IIR);
	put(MCR, LOOP | 3);
	show(IIR);
	show(IIR);
	show(MSR);
	show(IIR);
	end();

	start("uart_modem_leaves_loop", 0, LOOP);
	put(MCR, 0);
	show(MSR);
	show(MSR);
	put(MCR, LOOP);
	show(MSR);
	end();
}

static void data(void)
{
	start("uart_loop_data", 0, LOOP);
	for (unsigned i = 0; i < 256; i += 0x33) {
		send((uint8_t)i);
		show(LSR);
		show(DATA);
		show(LSR);
	}
	end();

	for (uint8_t length = 0; length < 4; length++) {
		start("uart_loop_length", 0, LOOP);
		begin_numbered("uart_loop_length", length + 5u);
		put(LCR, length);
		send(0xff);
		show(DATA);
		end();
	}

	start("uart_loop_parity", 0, LOOP);
	for (uint8_t lcr = 0x0b; lcr < 0x40; lcr += 0x10) {
		put(LCR, lcr);
		send(0x51);
		show(LSR);
		show(DATA);
	}
	end();

	start("uart_overrun", 0, LOOP);
	send_many(2);
	show(LSR);
	show(LSR);
	show(DATA);
	show(LSR);
	end();

	start("uart_empty_read", 0, LOOP);
	send(0x41);
	show(DATA);
	show(DATA);
	show(LSR);
	end();

	start("uart_break_in_loop", 0, LOOP);
	put(LCR, 0x43);
	time_wait(2 * CHARACTER);
	show(LSR);
	show(LSR);
	put(LCR, 3);
	end();

	start("uart_send", 0, OUT2);
	put(DATA, 0x41);
	time_wait(2 * CHARACTER);
	show(LSR);
	end();
}

static void fifo(void)
{
	start("uart_fifo", 0x01, LOOP);
	send_many(16);
	show(LSR);
	for (unsigned i = 0; i < 16; i++)
		show(DATA);
	show(LSR);
	end();

	start("uart_fifo_overrun", 0x01, LOOP);
	send_many(18);
	show(LSR);
	show(LSR);
	for (unsigned i = 0; i < 17; i++)
		show(DATA);
	show(LSR);
	end();

	start("uart_fifo_clear", 0x01, LOOP);
	send_many(3);
	show(LSR);
	put(FCR, 0x03);
	show(LSR);
	send(0x41);
	put(FCR, 0x05); /* the other one */
	show(LSR);
	put(FCR, 0); /* turning it off clears, too */
	show(LSR);
	end();

	for (unsigned i = 0; i < 4; i++) {
		static const uint8_t levels[] = {1, 4, 8, 14};

		start("uart_trigger", (uint8_t)(i << 6 | 1), LOOP);
		begin_numbered("uart_trigger", levels[i]);
		put(IER, 1);
		send_many(levels[i] - 1u);
		value(in8(IIR) & 0xc4);
		send(0x7e);
		show(IIR);
		show(IIR);
		show(DATA);
		value(in8(IIR) & 0xc4);
		end();
	}

	start("uart_timeout", 0x81, LOOP);
	put(IER, 1);
	send(0x41);
	show(IIR);
	time_wait(20 * CHARACTER);
	show(IIR);
	show(IIR);
	show(DATA);
	show(IIR);
	send_many(2);
	time_wait(20 * CHARACTER);
	show(IIR);
	show(DATA); /* one of two */
	show(IIR);
	time_wait(20 * CHARACTER);
	show(IIR);
	put(FCR, 0x83);
	show(IIR);
	end();
}

static void interrupts(void)
{
	start("uart_thre", 0, LOOP);
	show(IIR);
	put(IER, 2);
	show(IIR);
	show(IIR);
	put(IER, 0);
	put(IER, 2); /* enabling it raises it again */
	show(IIR);
	put(DATA, 0x41);
	time_wait(2 * CHARACTER);
	show(IIR);
	show(IIR);
	put(IER, 2); /* no change */
	show(IIR);
	end();

	start("uart_priorities", 0, LOOP);
	put(IER, EVERY_INTERRUPT);
	put(MCR, LOOP | 2);
	send_many(2); /* overrun, data, THRE, modem */
	show(IIR);
	show(LSR);
	show(IIR);
	show(DATA);
	show(IIR);
	show(IIR);
	show(MSR);
	show(IIR);
	end();

	start("uart_disabled_interrupts", 0, LOOP);
	put(MCR, LOOP | 2);
	send_many(2);
	show(IIR);
	for (uint8_t ier = 1; ier < 16; ier = (uint8_t)(ier << 1)) {
		put(IER, ier);
		show(IIR);
	}
	end();

	start("uart_out2", 0, 0);
	pic_start(1);
	put(IER, 2);
	show(MASTER);
	put(MCR, OUT2);
	show(MASTER);
	put(MCR, 0);
	show(MASTER);
	put(MCR, OUT2 | LOOP);
	show(MASTER);
	put(MCR, OUT2);
	put(IER, 0);
	show(MASTER);
	end();

	start("uart_line_follows_cause", 0, OUT2);
	pic_start(1);
	put(IER, 2);
	show(MASTER);
	show(IIR);
	show(MASTER);
	put(DATA, 0x41);
	time_wait(2 * CHARACTER);
	show(MASTER);
	put(DATA, 0x42); /* takes the cause away, until it has been sent */
	time_wait(2 * CHARACTER);
	show(MASTER);
	end();
}

void probe_uart(void)
{
	registers();
	modem();
	data();
	interrupts();
	fifo();
	start("", 0, 0);
}
