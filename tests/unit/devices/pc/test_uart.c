/* SPDX-License-Identifier: MIT */
/* devices/pc/uart.c: the 16550A. */
#include "rigs/pc.h"

#define COM1 0x3f8
#define COM3 0x3e8

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR };
#define THR RBR
#define FCR IIR
#define DLL RBR
#define DLM IER

/* LSR */
#define DR   0x01
#define OE   0x02
#define FE   0x08
#define BI   0x10
#define THRE 0x20
#define TEMT 0x40
#define FIFO 0x80
#define IDLE (THRE | TEMT)

/* IIR */
#define NONE        0x01
#define LINE_STATUS 0x06
#define RECEIVED    0x04
#define TIMEOUT     0x0c
#define EMPTY       0x02
#define MODEM       0x00
#define FIFOS       0xc0

static struct device *const uart = &pc.device[DEVICE_UART0];

/* A character of 10 bits at 115200 baud lasts 16 * 10 / 1.8432 MHz. */
#define CHARACTER_NS 86805

static uint8_t rd(unsigned offset)
{
	return in(COM1 + offset);
}

static void wr(unsigned offset, uint8_t value)
{
	out(COM1 + offset, value);
}

static void set_speed(uint16_t divisor, uint8_t lcr)
{
	wr(LCR, 0x80);
	wr(DLL, divisor);
	wr(DLM, divisor >> 8);
	wr(LCR, lcr);
}

static size_t send_in(const char *text)
{
	return uart_receive(uart, (const uint8_t *)text, strlen(text));
}

static void expect_output(unsigned unit, const char *text)
{
	assert_int_equal(fake_platform.serial_length[unit], strlen(text));
	assert_memory_equal(fake_platform.serial[unit], text, strlen(text));
}

/* Table "UART Reset Configuration", except 9600 8N1. */
static void power_on(void **state)
{
	(void)state;
	assert_int_equal(rd(IER), 0x00);
	assert_int_equal(rd(IIR), 0x01);
	assert_int_equal(rd(LCR), 0x03);
	assert_int_equal(rd(MCR), 0x00);
	assert_int_equal(rd(LSR), 0x60);
	assert_int_equal(rd(MSR), 0xb0);
	assert_false(line(4));
	assert_int_equal(uart->deadline.at, DEADLINE_NONE);
}

static void plain_registers(void **state)
{
	(void)state;
	wr(SCR, 0xa5);
	assert_int_equal(rd(SCR), 0xa5);
	wr(IER, 0xff);
	assert_int_equal(rd(IER), 0x0f);
	wr(LCR, 0x7f);
	assert_int_equal(rd(LCR), 0x7f);
	wr(MCR, 0xef);
	assert_int_equal(rd(MCR), 0x0f);
	wr(LSR, 0xff);
	assert_int_equal(rd(LSR), 0x60);
	wr(MSR, 0x00);
	assert_int_equal(rd(MSR), 0xb0);
}

static void divisor_latch(void **state)
{
	(void)state;
	wr(IER, 0x05);
	wr(LCR, 0x83);
	assert_int_equal(rd(DLL), 12);
	assert_int_equal(rd(DLM), 0);
	wr(DLL, 0x34);
	wr(DLM, 0x12);
	assert_int_equal(rd(DLL), 0x34);
	assert_int_equal(rd(DLM), 0x12);
	wr(LCR, 0x03);
	assert_int_equal(rd(IER), 0x05);
	assert_int_equal(fake_platform.serial_length[0], 0);
	wr(LCR, 0x80);
	assert_int_equal(rd(DLL), 0x34);
	assert_int_equal(rd(DLM), 0x12);
}

/* The bus is 8 bits wide: wider accesses reach the following registers. */
static void wide_accesses(void **state)
{
	(void)state;
	wr(SCR, 0x77);
	assert_int_equal(port_read(&pc.ports, COM1 + LSR, 2), 0xb060);
	assert_int_equal(port_read(&pc.ports, COM1 + LCR, 4), 0xb0600003);
	assert_int_equal(port_read(&pc.ports, COM1 + SCR, 2), 0xff77);
	port_write(&pc.ports, COM1 + LCR, 2, 0x0f1b);
	assert_int_equal(rd(LCR), 0x1b);
	assert_int_equal(rd(MCR), 0x0f);
}

static void sends_at_once(void **state)
{
	(void)state;
	for (const char *p = "nacre"; *p; p++) {
		assert_int_equal(rd(LSR), IDLE);
		wr(THR, *p);
	}
	assert_int_equal(rd(LSR), IDLE);
	expect_output(0, "nacre");
}

static void every_uart_at_its_place(void **state)
{
	/* clang-format off */
	static const struct {
		uint16_t base;
		unsigned irq;
	} places[MACHINE_UARTS] = {
		{0x3f8,                          4},
		{0x2f8,                          3},
		{0x3e8,                          4},
		{0x2e8,                          3}
        };

	(void)state;
	for (unsigned unit = 0; unit < MACHINE_UARTS; unit++) {
		char text[] = {(char)('0' + unit), 0};

		out(places[unit].base + THR, text[0]);
		expect_output(unit, text);
		out(places[unit].base + MCR, 0x08);
		out(places[unit].base + IER, 0x02);
		assert_true(line(places[unit].irq));
		assert_int_equal(in(places[unit].base + IIR), EMPTY);
		assert_false(line(places[unit].irq));
		assert_int_equal(uart_receive(&pc.device[DEVICE_UART0 + unit], (uint8_t *)text, 1), 1);
		assert_int_equal(in(places[unit].base + RBR), text[0]);
	}
}

static void word_length_masks(void **state)
{
	static const uint8_t masks[] = {0x1f, 0x3f, 0x7f, 0xff};

	(void)state;
	for (unsigned length = 0; length < 4; length++) {
		wr(LCR, length);
		wr(THR, 0xff);
		assert_int_equal(fake_platform.serial[0][length], masks[length]);
		assert_int_equal(send_in("\xff"), 1);
		assert_int_equal(rd(RBR), masks[length]);
	}
}

static void waits_for_room(void **state)
{
	(void)state;
	wr(MCR, 0x08);
	wr(IER, 0x02);
	assert_int_equal(rd(IIR), EMPTY);
	fake_platform.serial_full[0] = true;
	wr(THR, 'a');
	assert_int_equal(rd(LSR), 0x00);
	assert_int_equal(rd(IIR), NONE);
	assert_false(line(4));
	/* Without FIFOs a second character has no place. */
	wr(THR, 'x');
	uart_output_ready(uart);
	assert_int_equal(rd(LSR), 0x00);
	expect_output(0, "");
	fake_platform.serial_full[0] = false;
	uart_output_ready(uart);
	assert_int_equal(rd(LSR), IDLE);
	assert_true(line(4));
	assert_int_equal(rd(IIR), EMPTY);
	expect_output(0, "a");
	/* Nothing waits: no new interrupt. */
	uart_output_ready(uart);
	assert_int_equal(rd(IIR), NONE);
}

static void transmit_fifo_holds_sixteen(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	fake_platform.serial_full[0] = true;
	for (const char *p = "0123456789abcdefXY"; *p; p++)
		wr(THR, *p);
	assert_int_equal(rd(LSR), 0x00);
	fake_platform.serial_full[0] = false;
	uart_output_ready(uart);
	expect_output(0, "0123456789abcdef");
	assert_int_equal(rd(LSR), IDLE);

	/* Order is kept after waiting characters, and FCR2 throws them away. */
	fake_platform.serial_full[0] = true;
	wr(THR, '!');
	fake_platform.serial_full[0] = false;
	wr(THR, '?');
	expect_output(0, "0123456789abcdef!?");
	fake_platform.serial_full[0] = true;
	wr(THR, '-');
	wr(FCR, 0x03);
	assert_int_equal(rd(LSR), 0x00);
	wr(FCR, 0x05);
	assert_int_equal(rd(LSR), IDLE);
	fake_platform.serial_full[0] = false;
	uart_output_ready(uart);
	expect_output(0, "0123456789abcdef!?");
}

static void thre_interrupt_rules(void **state)
{
	(void)state;
	wr(MCR, 0x08);
	/* Enabling it while THR is empty raises it; reading IIR clears it. */
	wr(IER, 0x02);
	assert_true(line(4));
	assert_int_equal(rd(IIR), EMPTY);
	assert_false(line(4));
	assert_int_equal(rd(IIR), NONE);
	/* Writing the same again is no new enabling. */
	wr(IER, 0x02);
	assert_int_equal(rd(IIR), NONE);
	/* THR became empty again. */
	wr(THR, 'a');
	assert_true(line(4));
	/* An interrupt of higher priority leaves it alone when IIR is read. */
	wr(IER, 0x03);
	send_in("x");
	assert_int_equal(rd(IIR), RECEIVED);
	assert_int_equal(rd(IIR), RECEIVED);
	assert_int_equal(rd(RBR), 'x');
	assert_int_equal(rd(IIR), EMPTY);
	assert_int_equal(rd(IIR), NONE);
}

/* A handler that answers THRE by writing alone must get another edge. */
static void writing_thr_makes_a_new_edge(void **state)
{
	(void)state;
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, 0x01);
	out(0x21, 0x00);
	wr(MCR, 0x08);
	wr(IER, 0x02);
	assert_int_equal(machine_acknowledge(&pc), 0x24);
	out(0x20, 0x20);
	assert_false(machine_intr(&pc));
	wr(THR, 'a');
	assert_true(machine_intr(&pc));
	assert_int_equal(machine_acknowledge(&pc), 0x24);
}

static void out2_gates_the_line(void **state)
{
	(void)state;
	wr(IER, 0x02);
	assert_false(line(4));
	wr(MCR, 0x08);
	assert_true(line(4));
	wr(MCR, 0x07);
	assert_false(line(4));
	wr(MCR, 0x18);
	assert_false(line(4));
	wr(MCR, 0x08);
	assert_true(line(4));
}

/* COM1 and COM3 share a line: it stays up as long as one of them wants it. */
static void shared_line(void **state)
{
	(void)state;
	wr(MCR, 0x08);
	wr(IER, 0x02);
	out(COM3 + MCR, 0x08);
	out(COM3 + IER, 0x02);
	assert_int_equal(rd(IIR), EMPTY);
	assert_true(line(4));
	assert_int_equal(in(COM3 + IIR), EMPTY);
	assert_false(line(4));
}

static void receives_without_fifo(void **state)
{
	(void)state;
	wr(MCR, 0x08);
	wr(IER, 0x01);
	assert_int_equal(send_in("ab"), 1);
	assert_int_equal(rd(LSR), IDLE | DR);
	assert_int_equal(rd(IIR), RECEIVED);
	assert_true(line(4));
	assert_int_equal(uart->deadline.at, DEADLINE_NONE);
	assert_int_equal(send_in("b"), 0);
	assert_int_equal(fake_platform.input_wanted[0], 0);
	assert_int_equal(rd(RBR), 'a');
	assert_int_equal(fake_platform.input_wanted[0], 1);
	assert_false(line(4));
	assert_int_equal(rd(LSR), IDLE);
	/* RBR keeps its last character; without a refusal the host is not asked for more. */
	assert_int_equal(send_in("b"), 1);
	assert_int_equal(rd(RBR), 'b');
	assert_int_equal(fake_platform.input_wanted[0], 1);
}

static void trigger_levels(void **state)
{
	static const unsigned levels[] = {1, 4, 8, 14};

	(void)state;
	wr(MCR, 0x08);
	wr(IER, 0x01);
	for (unsigned i = 0; i < 4; i++) {
		wr(FCR, 0x07 | i << 6);
		assert_int_equal(rd(IIR), FIFOS | NONE);
		for (unsigned n = 1; n < levels[i]; n++) {
			assert_int_equal(send_in("x"), 1);
			assert_int_equal(rd(LSR), IDLE | DR);
			assert_int_equal(rd(IIR), FIFOS | NONE);
			assert_false(line(4));
		}
		send_in("y");
		assert_int_equal(rd(IIR), FIFOS | RECEIVED);
		assert_true(line(4));
		/* "Cleared when the FIFO drops below its programmed trigger level." */
		rd(RBR);
		assert_int_equal(rd(IIR), FIFOS | NONE);
		assert_false(line(4));
	}
}

static void receive_fifo_fills_and_refuses(void **state)
{
	const char *text = "0123456789abcdefXYZ";

	(void)state;
	wr(FCR, 0x01);
	assert_int_equal(send_in(text), 16);
	assert_int_equal(send_in("X"), 0);
	assert_int_equal(rd(LSR), IDLE | DR);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(fake_platform.input_wanted[0], 0);
		assert_int_equal(rd(LSR), IDLE | DR);
		assert_int_equal(rd(RBR), text[i]);
	}
	assert_int_equal(fake_platform.input_wanted[0], 1);
	assert_int_equal(rd(LSR), IDLE);
	/* Around the ring. */
	assert_int_equal(send_in("pqr"), 3);
	assert_int_equal(rd(RBR), 'p');
	assert_int_equal(send_in("0123456789abcdef"), 14);
	assert_int_equal(rd(RBR), 'q');
	/* Throwing the rest away makes room as well. */
	wr(FCR, 0x03);
	assert_int_equal(rd(LSR), IDLE);
	assert_int_equal(fake_platform.input_wanted[0], 2);
	/* So does the reset of the machine. */
	assert_int_equal(send_in(text), 16);
	machine_reset(&pc);
	assert_int_equal(fake_platform.input_wanted[0], 3);
}

static void fifo_enable_clears_both(void **state)
{
	(void)state;
	wr(FCR, 0xc1);
	assert_int_equal(rd(IIR), FIFOS | NONE);
	send_in("abc");
	fake_platform.serial_full[0] = true;
	wr(THR, 'z');
	/*
	 * While FCR0 is written as 0 the other bits do not count, but the FIFOs are cleared by the
	 * change.
	 */
	wr(FCR, 0xc0);
	assert_int_equal(rd(IIR), NONE);
	assert_int_equal(rd(LSR), IDLE);
	send_in("d");
	wr(FCR, 0x06);
	assert_int_equal(rd(LSR), IDLE | DR);
	wr(FCR, 0x01);
	assert_int_equal(rd(LSR), IDLE);
	/* The trigger level of C0h was not kept. */
	wr(IER, 0x01);
	send_in("e");
	assert_int_equal(rd(IIR), FIFOS | RECEIVED);
}

static void character_timeout(void **state)
{
	(void)state;
	set_speed(1, 0x03);
	wr(MCR, 0x08);
	wr(FCR, 0x81);
	wr(IER, 0x01);
	send_in("a");
	assert_in_range(uart->deadline.at, 4 * CHARACTER_NS, 4 * CHARACTER_NS + 4);
	pass(3 * CHARACTER_NS);
	/* A new character restarts the time. */
	send_in("b");
	pass(4 * CHARACTER_NS - 10);
	assert_false(line(4));
	assert_int_equal(rd(IIR), FIFOS | NONE);
	pass(20);
	assert_true(line(4));
	assert_int_equal(rd(IIR), FIFOS | TIMEOUT);
	assert_int_equal(rd(IIR), FIFOS | TIMEOUT);
	assert_int_equal(uart->deadline.at, DEADLINE_NONE);
	/* A read clears it, and restarts the time for what is left. */
	assert_int_equal(rd(RBR), 'a');
	assert_false(line(4));
	assert_int_equal(rd(IIR), FIFOS | NONE);
	pass(4 * CHARACTER_NS + 10);
	assert_int_equal(rd(IIR), FIFOS | TIMEOUT);
	assert_int_equal(rd(RBR), 'b');
	assert_int_equal(rd(IIR), FIFOS | NONE);
	assert_int_equal(uart->deadline.at, DEADLINE_NONE);
	/* An empty FIFO never times out, and a full one says so by its level. */
	pass(100 * CHARACTER_NS);
	assert_int_equal(rd(IIR), FIFOS | NONE);
	send_in("12345678");
	assert_int_equal(uart->deadline.at, DEADLINE_NONE);
	assert_int_equal(rd(IIR), FIFOS | RECEIVED);
}

/* 4 x (start, data, parity, stop) bits of 16 x divisor / 1.8432 MHz. */
static void character_timeout_follows_format(void **state)
{
	static const struct {
		uint16_t divisor;
		uint8_t lcr;
		unsigned half_bits;
	} cases[] = {
		{1,      0x03, 20},
		{12,     0x03, 20},
		{1,      0x00, 14},
		{1,      0x04, 15},
		{1,      0x1b, 22},
		{96,     0x1f, 24},
		{1,      0x06, 20},
		{0xffff, 0x0e, 22},
	};
	/* clang-format on */

	(void)state;
	wr(FCR, 0x81);
	wr(IER, 0x01);
	send_in("a");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ns = 4ULL * cases[i].half_bits * 16 * cases[i].divisor * 1000000000 / 1843200 / 2;

		set_speed(cases[i].divisor, cases[i].lcr);
		assert_in_range(uart->deadline.at, ns - 1, ns + 1);
	}
	/* Divisor 0 counts as 65536. */
	set_speed(0, 0x03);
	assert_in_range(uart->deadline.at, 22755555555 - 1, 22755555555 + 1);
}

static void timeout_needs_its_enable(void **state)
{
	(void)state;
	set_speed(1, 0x03);
	wr(FCR, 0x81);
	send_in("a");
	assert_int_equal(uart->deadline.at, DEADLINE_NONE);
	pass(100 * CHARACTER_NS);
	wr(IER, 0x01);
	pass(0);
	assert_int_equal(rd(IIR), FIFOS | TIMEOUT);
}

static void break_without_fifo(void **state)
{
	(void)state;
	wr(MCR, 0x08);
	wr(IER, 0x05);
	uart_receive_break(uart);
	assert_true(line(4));
	assert_int_equal(rd(IIR), LINE_STATUS);
	assert_int_equal(rd(LSR), IDLE | DR | FE | BI);
	assert_int_equal(rd(LSR), IDLE | DR);
	assert_int_equal(rd(IIR), RECEIVED);
	assert_int_equal(rd(RBR), 0x00);
	assert_false(line(4));
	/* RBR is overwritten. */
	send_in("a");
	uart_receive_break(uart);
	assert_int_equal(rd(LSR), IDLE | DR | OE | FE | BI);
	assert_int_equal(rd(RBR), 0x00);
	assert_int_equal(rd(LSR), IDLE);
}

/* Errors travel with their character, and LSR7 says that there are some. */
static void break_in_the_fifo(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	wr(IER, 0x04);
	send_in("a");
	uart_receive_break(uart);
	send_in("b");
	uart_receive_break(uart);
	assert_int_equal(rd(IIR), FIFOS | NONE);
	assert_int_equal(rd(LSR), FIFO | IDLE | DR);
	assert_int_equal(rd(RBR), 'a');
	assert_int_equal(rd(IIR), FIFOS | LINE_STATUS);
	assert_int_equal(rd(LSR), FIFO | IDLE | DR | FE | BI);
	assert_int_equal(rd(IIR), FIFOS | NONE);
	/* The second break is still to come. */
	assert_int_equal(rd(LSR), FIFO | IDLE | DR);
	assert_int_equal(rd(RBR), 0x00);
	assert_int_equal(rd(RBR), 'b');
	assert_int_equal(rd(LSR), FIFO | IDLE | DR | FE | BI);
	assert_int_equal(rd(LSR), IDLE | DR);
	assert_int_equal(rd(RBR), 0x00);
	assert_int_equal(rd(LSR), IDLE);
}

static void overrun_keeps_the_fifo(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	wr(IER, 0x04);
	assert_int_equal(send_in("0123456789abcdef"), 16);
	uart_receive_break(uart);
	assert_int_equal(rd(IIR), FIFOS | LINE_STATUS);
	assert_int_equal(rd(LSR), IDLE | DR | OE);
	assert_int_equal(rd(LSR), IDLE | DR);
	for (const char *p = "0123456789abcdef"; *p; p++)
		assert_int_equal(rd(RBR), *p);
	assert_int_equal(rd(LSR), IDLE);
}

/* The outside that can wait does not lose a break to an overrun. */
static void an_offered_break_waits_for_room(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	assert_int_equal(send_in("0123456789abcdef"), 16);
	assert_false(uart_offer_break(uart));
	assert_int_equal(rd(LSR), IDLE | DR);
	rd(RBR);
	assert_true(uart_offer_break(uart));
	for (const char *p = "123456789abcdef"; *p; p++)
		assert_int_equal(rd(RBR), *p);
	assert_int_equal(rd(LSR) & (DR | BI), DR | BI);
}

static void priorities(void **state)
{
	(void)state;
	/* Modem: DCTS by a visit to loopback. */
	wr(MCR, 0x10);
	wr(MCR, 0x00);
	uart_receive_break(uart);
	wr(IER, 0x0f);
	assert_int_equal(rd(IIR), LINE_STATUS);
	rd(LSR);
	assert_int_equal(rd(IIR), RECEIVED);
	rd(RBR);
	assert_int_equal(rd(IIR), EMPTY);
	assert_int_equal(rd(IIR), MODEM);
	assert_int_equal(rd(IIR), MODEM);
	assert_int_equal(rd(MSR), 0xbb);
	assert_int_equal(rd(IIR), NONE);
	assert_int_equal(rd(MSR), 0xb0);
}

static void loopback_data(void **state)
{
	(void)state;
	wr(FCR, 0x01);
	wr(MCR, 0x10);
	for (unsigned i = 0; i < 16; i++)
		wr(THR, 0x40 + i);
	assert_int_equal(rd(LSR), IDLE | DR);
	wr(THR, 0x99);
	assert_int_equal(rd(LSR), IDLE | DR | OE);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(rd(RBR), 0x40 + i);
	assert_int_equal(rd(LSR), IDLE);
	expect_output(0, "");
	/* Interrupts are told in IIR, but the gate is closed. */
	wr(MCR, 0x18);
	wr(IER, 0x03);
	wr(THR, 0x55);
	assert_int_equal(rd(IIR), FIFOS | RECEIVED);
	assert_int_equal(rd(RBR), 0x55);
	assert_int_equal(rd(IIR), FIFOS | EMPTY);
	assert_false(line(4));
	/* Five bits stay five bits. */
	wr(LCR, 0x00);
	wr(THR, 0xff);
	assert_int_equal(rd(RBR), 0x1f);
}

static void loopback_keeps_the_outside_waiting(void **state)
{
	(void)state;
	wr(MCR, 0x10);
	assert_int_equal(send_in("a"), 0);
	uart_receive_break(uart);
	assert_int_equal(rd(LSR), IDLE);
	assert_int_equal(fake_platform.input_wanted[0], 0);
	wr(MCR, 0x00);
	assert_int_equal(fake_platform.input_wanted[0], 1);
}

static void loopback_modem_lines(void **state)
{
	/* clang-format off */
	static const struct {
		uint8_t mcr, msr;
	} cases[] = {
  /* From CTS, DSR, DCD to none: three deltas. Then RTS, DTR, OUT1, OUT2 one by one. */
		{0x10, 0x0b},
		{0x12, 0x11},
		{0x13, 0x32},
		{0x17, 0x70},
		{0x1f, 0xf8},
		{0x1b, 0xb4},
		{0x10, 0x0b},
		{0x14, 0x40},
		{0x10, 0x04},
		{0x00, 0xbb},
		{0x00, 0xb0},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		wr(MCR, cases[i].mcr);
		assert_int_equal(rd(MSR), cases[i].msr);
		assert_int_equal(rd(MSR), cases[i].msr & 0xf0);
	}
	/* Deltas add up until they are read. */
	wr(MCR, 0x10);
	wr(MCR, 0x12);
	wr(MCR, 0x10);
	assert_int_equal(rd(MSR), 0x0b);
}

static void saved_and_loaded(void **state)
{
	(void)state;
	set_speed(3, 0x1b);
	wr(SCR, 0x31);
	wr(MCR, 0x0b);
	wr(FCR, 0x81);
	wr(IER, 0x0f);
	assert_int_equal(rd(IIR), FIFOS | EMPTY);
	fake_platform.serial_full[0] = true;
	wr(THR, 'o');
	wr(THR, 'k');
	send_in("in");
	assert_int_not_equal(uart->deadline.at, DEADLINE_NONE);
	round_trip(DEVICE_UART0);
	pass(1000000000);
	round_trip(DEVICE_UART0);
	assert_true(line(4));
	assert_int_equal(rd(IIR), FIFOS | TIMEOUT);
	assert_int_equal(rd(RBR), 'i');
	assert_int_equal(rd(RBR), 'n');
	uart_receive_break(uart);
	round_trip(DEVICE_UART0);
	assert_int_equal(rd(LSR), FIFO | DR | FE | BI);
	assert_int_equal(rd(SCR), 0x31);
	fake_platform.serial_full[0] = false;
	uart_output_ready(uart);
	expect_output(0, "ok");
	wr(LCR, 0x80);
	assert_int_equal(rd(DLL), 3);
}

/* After a load the outside may have room at once. */
static void loading_sends_what_waited(void **state)
{
	uint8_t record[512];
	size_t size;

	(void)state;
	fake_platform.serial_full[0] = true;
	wr(THR, 'w');
	size = section_save(&uart->section, record, sizeof(record));
	machine_reset(&pc);
	fake_platform.serial_full[0] = false;
	assert_int_equal(section_load(&uart->section, record, size), 0);
	expect_output(0, "w");
	assert_int_equal(rd(LSR), IDLE);
}

static void broken_states(void **state)
{
	/* clang-format off */
	static const struct {
		size_t offset;
		uint8_t value;
	} cases[] = {
		{offsetof(struct uart_state, receive.head),   16},
		{offsetof(struct uart_state, receive.count),  17},
		{offsetof(struct uart_state, receive.count),  0},
		{offsetof(struct uart_state, receive.errors), 0x20},
		{offsetof(struct uart_state, transmit.head),  0xff},
		{offsetof(struct uart_state, transmit.count), 1},
		{offsetof(struct uart_state, transmit.count), 17},
		{offsetof(struct uart_state, fcr),            0x00},
		{offsetof(struct uart_state, fcr),            0xc0},
		{offsetof(struct uart_state, fcr),            0x03},
		{offsetof(struct uart_state, ier),            0x10},
		{offsetof(struct uart_state, mcr),            0x20},
		{offsetof(struct uart_state, lsr),            0x00},
		{offsetof(struct uart_state, lsr),            0x60},
	};
	/* clang-format on */

	(void)state;
	wr(FCR, 0x01);
	send_in("abc");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_true(refuses(DEVICE_UART0, cases[i].offset, cases[i].value));
	assert_false(refuses(DEVICE_UART0, offsetof(struct uart_state, activity) + 7, 0xff));
	assert_false(refuses(DEVICE_UART0, offsetof(struct uart_state, line), 0x80));
	assert_int_equal(rd(RBR), 'a');
}

static void reset_restores_power_on(void **state)
{
	(void)state;
	set_speed(1, 0x1f);
	wr(MCR, 0x0f);
	wr(FCR, 0x81);
	wr(IER, 0x0f);
	send_in("abc");
	assert_true(line(4));
	machine_reset(&pc);
	power_on(state);
	wr(LCR, 0x80);
	assert_int_equal(rd(DLL), 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on, pc_setup),
		cmocka_unit_test_setup(plain_registers, pc_setup),
		cmocka_unit_test_setup(divisor_latch, pc_setup),
		cmocka_unit_test_setup(wide_accesses, pc_setup),
		cmocka_unit_test_setup(sends_at_once, pc_setup),
		cmocka_unit_test_setup(every_uart_at_its_place, pc_setup),
		cmocka_unit_test_setup(word_length_masks, pc_setup),
		cmocka_unit_test_setup(waits_for_room, pc_setup),
		cmocka_unit_test_setup(transmit_fifo_holds_sixteen, pc_setup),
		cmocka_unit_test_setup(thre_interrupt_rules, pc_setup),
		cmocka_unit_test_setup(writing_thr_makes_a_new_edge, pc_setup),
		cmocka_unit_test_setup(out2_gates_the_line, pc_setup),
		cmocka_unit_test_setup(shared_line, pc_setup),
		cmocka_unit_test_setup(receives_without_fifo, pc_setup),
		cmocka_unit_test_setup(trigger_levels, pc_setup),
		cmocka_unit_test_setup(receive_fifo_fills_and_refuses, pc_setup),
		cmocka_unit_test_setup(fifo_enable_clears_both, pc_setup),
		cmocka_unit_test_setup(character_timeout, pc_setup),
		cmocka_unit_test_setup(character_timeout_follows_format, pc_setup),
		cmocka_unit_test_setup(timeout_needs_its_enable, pc_setup),
		cmocka_unit_test_setup(break_without_fifo, pc_setup),
		cmocka_unit_test_setup(break_in_the_fifo, pc_setup),
		cmocka_unit_test_setup(overrun_keeps_the_fifo, pc_setup),
		cmocka_unit_test_setup(an_offered_break_waits_for_room, pc_setup),
		cmocka_unit_test_setup(priorities, pc_setup),
		cmocka_unit_test_setup(loopback_data, pc_setup),
		cmocka_unit_test_setup(loopback_keeps_the_outside_waiting, pc_setup),
		cmocka_unit_test_setup(loopback_modem_lines, pc_setup),
		cmocka_unit_test_setup(saved_and_loaded, pc_setup),
		cmocka_unit_test_setup(loading_sends_what_waited, pc_setup),
		cmocka_unit_test_setup(broken_states, pc_setup),
		cmocka_unit_test_setup(reset_restores_power_on, pc_setup),
	};

	return cmocka_run_group_tests_name("uart", tests, NULL, NULL);
}
