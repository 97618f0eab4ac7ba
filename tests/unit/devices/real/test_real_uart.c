/* SPDX-License-Identifier: MIT */
/* The driver of the real serial port, against a fake one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/real_uart.h"
#include "lib/x86.h"
#include "uart_model.h"

static struct uart uart;

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	uart_model_reset();
	return 0;
}

static void test_found_and_set_up(void **state)
{
	(void)state;
	assert_true(uart_init(&uart, UART_MODEL_BASE, 115200));
	assert_int_equal(uart.base, UART_MODEL_BASE);
	assert_int_equal(uart.fifo, 16);
	assert_int_equal(uart_model.dll, 1);
	assert_int_equal(uart_model.dlm, 0);
	assert_int_equal(uart_model.lcr, 3); /* 8N1, divisor latch closed */
	assert_int_equal(uart_model.mcr, 0x0b);
	assert_int_equal(uart_model.ier, 0);
	assert_true(uart_model.fcr & 1);
}

static void test_speeds(void **state)
{
	/* clang-format off */
	static const struct {
		uint32_t asked, got;
		uint16_t divisor;
	} cases[] = {
		{9600,                           9600,   12},
		{50,                             50,     2304},
		{57600,                          57600,  2},
		{38400,                          38400,  3},
		{0,                              115200, 1},
		{49,                             115200, 1},
		{921600,                         115200, 1},
		{70000,                          57600,  2}
        };

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(uart_init(&uart, UART_MODEL_BASE, cases[i].asked));
		assert_int_equal(uart.speed, cases[i].got);
		assert_int_equal(uart_model.dll | uart_model.dlm << 8, cases[i].divisor);
	}
}

static void test_absent(void **state)
{
	uint8_t byte = 'x';

	(void)state;
	assert_false(uart_init(&uart, 0, 9600));
	uart_model.present = false;
	assert_false(uart_init(&uart, UART_MODEL_BASE, 9600));
	assert_int_equal(uart.base, 0);
	/* All of it is harmless then. */
	fake_x86.ins = fake_x86.outs = 0;
	assert_int_equal(uart_send(&uart, &byte, 1), 0);
	assert_false(uart_send_polled(&uart, &byte, 1));
	assert_int_equal(uart_read(&uart, &byte, 1), 0);
	assert_false(uart_acknowledge(&uart));
	uart_flush(&uart);
	uart_interrupts(&uart, true, true);
	uart_ready_to_receive(&uart, true);
	assert_int_equal(fake_x86.ins + fake_x86.outs, 0);
	/* Something that keeps a byte is not enough. */
	uart_model_reset();
	uart_model.scratch_only = true;
	assert_false(uart_init(&uart, UART_MODEL_BASE, 9600));
}

static void test_older_kinds(void **state)
{
	(void)state;
	uart_model.fifos = false;
	assert_true(uart_init(&uart, UART_MODEL_BASE, 9600));
	assert_int_equal(uart.fifo, 1);
	uart_model.half_fifos = true;
	assert_true(uart_init(&uart, UART_MODEL_BASE, 9600));
	assert_int_equal(uart.fifo, 1);
	assert_int_equal(uart_model.fcr, 0);
	assert_true(uart_send_polled(&uart, (const uint8_t *)"hello", 5));
	assert_string_equal(uart_model.sent, "hello");
	assert_int_equal(uart_model.overflows, 0);
}

static void test_send(void **state)
{
	uint8_t bytes[100];

	(void)state;
	memset(bytes, 'a', sizeof(bytes));
	assert_true(uart_init(&uart, UART_MODEL_BASE, 115200));
	uart_model.drain = 0;
	assert_int_equal(uart_send(&uart, bytes, sizeof(bytes)), 16);
	assert_int_equal(uart_send(&uart, bytes, sizeof(bytes)), 0); /* busy */
	uart_model_drain();
	assert_int_equal(uart_send(&uart, bytes, 3), 3);
	uart_model.drain = 1;
	assert_true(uart_send_polled(&uart, bytes, sizeof(bytes)));
	assert_int_equal(uart_model.sent_count, 119);
	assert_int_equal(uart_model.overflows, 0);
	uart_flush(&uart);
	assert_int_equal(uart_model.in_fifo, 0);
}

static void test_dead_transmitter(void **state)
{
	uint8_t bytes[40] = {0};

	(void)state;
	assert_true(uart_init(&uart, UART_MODEL_BASE, 115200));
	uart_model.stuck = true;
	assert_false(uart_send_polled(&uart, bytes, sizeof(bytes))); /* it comes back at all */
	assert_int_equal(uart_model.sent_count, 16);
	uart_flush(&uart);
}

static void test_receive(void **state)
{
	uint8_t bytes[8];

	(void)state;
	assert_true(uart_init(&uart, UART_MODEL_BASE, 115200));
	uart_model_type("0123456789");
	assert_int_equal(uart_read(&uart, bytes, sizeof(bytes)), 8);
	assert_memory_equal(bytes, "01234567", 8);
	assert_int_equal(uart_read(&uart, bytes, sizeof(bytes)), 2);
	assert_int_equal(uart_read(&uart, bytes, sizeof(bytes)), 0);
	uart_model_type("xyz");
	uart_model.errors = 0x08; /* framing error: x is left out */
	assert_int_equal(uart_read(&uart, bytes, sizeof(bytes)), 2);
	assert_memory_equal(bytes, "yz", 2);
	uart_model_type("u");
	uart_model.errors = 0x02; /* overrun: u is good, but something before it is gone */
	assert_int_equal(uart_read(&uart, bytes, sizeof(bytes)), 1);
	assert_int_equal(uart.overruns, 1);
}

static void test_interrupts(void **state)
{
	uint8_t bytes[8];

	(void)state;
	assert_true(uart_init(&uart, UART_MODEL_BASE, 115200));
	uart_interrupts(&uart, true, false);
	assert_int_equal(uart_model.ier, 1);
	assert_false(uart_model_line());
	assert_false(uart_acknowledge(&uart));
	uart_model_type("a");
	assert_true(uart_model_line());
	assert_true(uart_acknowledge(&uart));
	assert_true(uart_model_line()); /* data are taken back by reading them */
	assert_int_equal(uart_read(&uart, bytes, sizeof(bytes)), 1);
	assert_false(uart_model_line());
	uart_interrupts(&uart, true, true);
	assert_true(uart_model_line());
	assert_true(uart_acknowledge(&uart));
	assert_false(uart_model_line());
	fake_x86.outs = 0;
	uart_interrupts(&uart, true, true); /* no change: no port access */
	assert_int_equal(fake_x86.outs, 0);
}

static void test_flow_and_lines(void **state)
{
	(void)state;
	assert_true(uart_init(&uart, UART_MODEL_BASE, 115200));
	uart_ready_to_receive(&uart, false);
	assert_int_equal(uart_model.mcr & 2, 0);
	uart_ready_to_receive(&uart, true);
	assert_int_equal(uart_model.mcr & 2, 2);
	assert_int_equal(uart_isa_irq(0x3f8), 4);
	assert_int_equal(uart_isa_irq(0x2f8), 3);
	assert_int_equal(uart_isa_irq(0x3e8), 4);
	assert_int_equal(uart_isa_irq(0x2e8), 3);
	assert_int_equal(uart_isa_irq(0xd000), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_found_and_set_up, setup),
		cmocka_unit_test_setup(test_speeds, setup),
		cmocka_unit_test_setup(test_absent, setup),
		cmocka_unit_test_setup(test_older_kinds, setup),
		cmocka_unit_test_setup(test_send, setup),
		cmocka_unit_test_setup(test_dead_transmitter, setup),
		cmocka_unit_test_setup(test_receive, setup),
		cmocka_unit_test_setup(test_interrupts, setup),
		cmocka_unit_test_setup(test_flow_and_lines, setup),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
