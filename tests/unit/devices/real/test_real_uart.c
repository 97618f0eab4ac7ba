/* SPDX-License-Identifier: MIT */
/* The driver of the real serial port, against a fake one. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/real_uart.h"
#include "devices/real/wait.h"
#include "lib/x86.h"
#include "uart_model.h"

#define STEP 100000 /* of the TSC with each read */

static struct uart uart;

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.tsc_step = STEP;
	wait_set_rate(1000000000); /* a tick is a nanosecond */
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

static void no_port_is_no_work(void **state)
{
	uint8_t byte = 'x';

	(void)state;
	assert_false(uart_init(&uart, 0, 9600));
	fake_x86.ins = fake_x86.outs = 0;
	assert_int_equal(uart_send(&uart, &byte, 1), 0);
	uart_send_polled(&uart, &byte, 1);
	assert_int_equal(uart_read(&uart, &byte, 1), 0);
	assert_false(uart_acknowledge(&uart));
	uart_flush(&uart);
	uart_interrupts(&uart, true, true);
	uart_ready_to_receive(&uart, true);
	assert_int_equal(fake_x86.ins + fake_x86.outs, 0);
}

/* It is used all the same, and costs no time. */
static void a_floating_port_takes_all_and_says_nothing(void **state)
{
	uint8_t byte = 'x';

	(void)state;
	uart_model.present = false;
	assert_false(uart_init(&uart, UART_MODEL_BASE, 9600));
	assert_int_equal(uart.base, UART_MODEL_BASE);
	assert_true(uart_floats(&uart));
	fake_x86.ins = 0;
	assert_int_equal(uart_send(&uart, &byte, 1), 1);
	uart_send_polled(&uart, &byte, 1);
	assert_int_equal(uart_read(&uart, &byte, 1), 0);
	assert_false(uart_acknowledge(&uart));
	uart_flush(&uart);
	assert_in_range(fake_x86.ins, 1, 10);
}

/* Real UARTs fail the loopback test, or keep no scratch register. */
static void a_port_that_fails_the_test_is_used(void **state)
{
	uint8_t byte;

	(void)state;
	uart_model.scratch_only = true;
	assert_false(uart_init(&uart, UART_MODEL_BASE, 9600));
	assert_false(uart_floats(&uart));
	uart_send_polled(&uart, (const uint8_t *)"hello", 5);
	assert_string_equal(uart_model.sent, "hello");
	uart_model_type("k");
	assert_int_equal(uart_read(&uart, &byte, 1), 1);
	assert_int_equal(byte, 'k');
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
	uart_send_polled(&uart, (const uint8_t *)"hello", 5);
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
	uart_send_polled(&uart, bytes, sizeof(bytes));
	assert_int_equal(uart_model.sent_count, 119);
	assert_int_equal(uart_model.overflows, 0);
	uart_flush(&uart);
	assert_int_equal(uart_model.in_fifo, 0);
}

/* However long one read takes: under system management mode 200 us. */
static void a_dead_transmitter_costs_one_second_once(void **state)
{
	uint8_t bytes[40] = {0};
	uint64_t start;

	(void)state;
	fake_x86.tsc_step = 200000;
	assert_true(uart_init(&uart, UART_MODEL_BASE, 115200));
	uart_model.stuck = true;
	start = fake_x86.tsc;
	uart_send_polled(&uart, bytes, sizeof(bytes));
	assert_int_equal(uart_model.sent_count, 16);
	assert_in_range(fake_x86.tsc - start, 900000000, 1100000000);
	start = fake_x86.tsc;
	for (unsigned i = 0; i < 100; i++)
		uart_send_polled(&uart, bytes, sizeof(bytes));
	uart_flush(&uart);
	assert_in_range(fake_x86.tsc - start, 0, 100000000);
	/* One that comes back is used again. */
	uart_model.stuck = false;
	uart_model_drain();
	uart_send_polled(&uart, bytes, sizeof(bytes));
	assert_int_equal(uart_model.sent_count, 16 + 40);
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
	assert_false(uart_take_break(&uart));
	uart_model_type("?h");
	uart_model.errors = 0x18; /* BREAK: what follows it is read after it was told */
	assert_int_equal(uart_read(&uart, bytes, sizeof(bytes)), 0);
	assert_true(uart_take_break(&uart));
	assert_false(uart_take_break(&uart));
	assert_int_equal(uart_read(&uart, bytes, sizeof(bytes)), 1);
	assert_int_equal(bytes[0], 'h');
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
		cmocka_unit_test_setup(no_port_is_no_work, setup),
		cmocka_unit_test_setup(a_floating_port_takes_all_and_says_nothing, setup),
		cmocka_unit_test_setup(a_port_that_fails_the_test_is_used, setup),
		cmocka_unit_test_setup(test_older_kinds, setup),
		cmocka_unit_test_setup(test_send, setup),
		cmocka_unit_test_setup(a_dead_transmitter_costs_one_second_once, setup),
		cmocka_unit_test_setup(test_receive, setup),
		cmocka_unit_test_setup(test_interrupts, setup),
		cmocka_unit_test_setup(test_flow_and_lines, setup),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
