/* SPDX-License-Identifier: MIT */
/*
 * Serial ports that belong to one VM. The operator has only the screen here; the UART at 3F8h is
 * the VM's.
 */
#include "rigs/console_rig.h"
#include "vmm/console/console_ports.h"
#include "vmm/observe/log.h"

static int setup_ports(void **state)
{
	setup(state);
	console_early_init(0, 0);
	uart_model_reset();
	uart_model.drain = 0;
	return 0;
}

static void bind(void)
{
	assert_int_equal(console_bind_port(&two.channel, UART_MODEL_BASE, 9600), 0);
}

static char kept[LOG_KEPT + 1];
static size_t kept_length;

static void keep(const char *text, size_t length)
{
	memcpy(kept + kept_length, text, length);
	kept_length += length;
}

static bool logged(const char *text)
{
	kept_length = 0;
	log_replay(keep);
	kept[kept_length] = 0;
	return strstr(kept, text);
}

static void test_output_and_input(void **state)
{
	(void)state;
	assert_false(console_must_poll());
	wanted = 0;
	bind();
	assert_true(console_must_poll());
	assert_int_equal(wanted, 1);
	assert_int_equal(uart_model.dll, 12); /* 9600 baud */
	two.cpu = &cpus[1];
	on_cpu(1);
	put(&two.channel, "0123456789abcdefghij");
	on_cpu(0);
	assert_int_equal(uart_model.sent_count, 0); /* the VM's CPU does not wait for the bus */
	console_poll();
	assert_string_equal(uart_model.sent, "0123456789abcdef");
	uart_model_drain();
	console_poll();
	assert_string_equal(uart_model.sent, "0123456789abcdefghij");
	uart_model_type("\x01m hello"); /* no key switches here */
	console_poll();
	assert_string_equal(two.input, "\x01m hello");
	assert_int_equal(uart_model.overflows, 0);
}

static void test_it_is_not_on_the_console(void **state)
{
	(void)state;
	console_attach(&two.channel);
	bind();
	assert_null(console_attached());
	assert_null(channel_find(2));
	console_write("message\n", 8);
	console_poll();
	assert_int_equal(uart_model.sent_count, 0);
	tagged_turn(true);
	put(&two.channel, "line\n");
	console_poll();
	assert_string_equal(uart_model.sent, "line\n");
}

static void test_back_pressure(void **state)
{
	unsigned count = 0;

	(void)state;
	bind();
	while (channel_room(&two.channel) && count < 100000) {
		channel_put(&two.channel, (uint8_t)('a' + count % 26));
		count++;
	}
	assert_in_range(count, 1024, 8192);
	channel_put(&two.channel, 'Q'); /* port E9h does not ask */
	console_poll();
	assert_int_equal(two.ready, 0);
	for (unsigned i = 0; i < 1000; i++) {
		uart_model_drain();
		console_poll();
	}
	assert_int_equal(two.ready, 1);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(uart_model.sent[i], 'a' + i % 26);
	assert_true(sent("\r\n[Nacre: 1 bytes of output lost]\r\n"));
}

static void test_input_flow(void **state)
{
	(void)state;
	bind();
	two.takes = 0;
	for (unsigned i = 0; i < 40; i++) {
		uart_model_type("01234567890123456789");
		console_poll();
	}
	assert_int_equal(uart_model.mcr & 2, 0); /* hold on */
	two.takes = SIZE_MAX;
	channel_input_wanted(&two.channel);
	assert_int_equal(two.input_count, 800);
	assert_int_equal(uart_model.mcr & 2, 2);
}

static void test_errors_are_said(void **state)
{
	(void)state;
	assert_int_equal(console_bind_port(&one.channel, 0x2f8, 9600), -ERR_NOT_FOUND);
	assert_true(logged("vm first: console: no UART answers at port 2F8h of this machine"));
	assert_int_equal(console_bind_port(&one.channel, 0, 9600), -ERR_NOT_FOUND);
	bind();
	assert_int_equal(console_bind_port(&one.channel, UART_MODEL_BASE, 9600), -ERR_BUSY);
	assert_true(logged("the port at 3F8h belongs to vm second"));
	assert_ptr_equal(channel_find(1), &one.channel);
	channel_remove(&two.channel); /* then it is free */
	assert_false(console_must_poll());
	assert_int_equal(console_bind_port(&one.channel, UART_MODEL_BASE, 9600), 0);
	channel_remove(&one.channel);
	console_early_init(UART_MODEL_BASE, 115200);
	add(&one, "first", 1);
	assert_int_equal(console_bind_port(&one.channel, UART_MODEL_BASE, 9600), -ERR_BUSY);
	assert_true(logged("the port at 3F8h is the operator's"));
}

#define ports_test(f) cmocka_unit_test_setup_teardown(f, setup_ports, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ports_test(test_output_and_input), ports_test(test_it_is_not_on_the_console),
		ports_test(test_back_pressure),    ports_test(test_input_flow),
		ports_test(test_errors_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
