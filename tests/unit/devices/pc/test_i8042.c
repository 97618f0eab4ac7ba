/* SPDX-License-Identifier: MIT */
/* devices/pc/i8042.c: the keyboard controller with nothing attached. */
#include "rigs/pc.h"

#define OBF      0x01
#define SYSTEM   0x04
#define COMMAND  0x08
#define UNLOCKED 0x10
#define AUX      0x20
#define TIME_OUT 0x40

#define STATUS (SYSTEM | UNLOCKED)

static void command(uint8_t value)
{
	out(0x64, value);
}

/* The answer to a command: present, from the controller itself, gone after the read. */
static uint8_t answer(void)
{
	uint8_t value;

	assert_int_equal(in(0x64), STATUS | COMMAND | OBF);
	value = in(0x60);
	assert_int_equal(in(0x64), STATUS | COMMAND);
	return value;
}

static void set_command_byte(uint8_t value)
{
	command(0x60);
	out(0x60, value);
}

static void power_on(void **state)
{
	(void)state;
	assert_int_equal(in(0x64), STATUS);
	assert_int_equal(in(0x60), 0x00);
	command(0x20);
	assert_int_equal(answer(), 0x74);
}

static void ram(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		command(0x60 + i);
		assert_int_equal(in(0x64) & (OBF | COMMAND), COMMAND);
		out(0x60, 0x84 ^ i);
		assert_int_equal(in(0x64), STATUS);
	}
	for (unsigned i = 0; i < 32; i++) {
		command(0x20 + i);
		assert_int_equal(answer(), 0x84 ^ i);
	}
}

static void system_flag_follows_command_byte(void **state)
{
	(void)state;
	set_command_byte(0x00);
	assert_int_equal(in(0x64) & SYSTEM, 0);
	set_command_byte(0x04);
	assert_int_equal(in(0x64) & SYSTEM, SYSTEM);
}

static void self_test(void **state)
{
	(void)state;
	set_command_byte(0x00);
	command(0xaa);
	assert_int_equal(answer(), 0x55);
	command(0x20);
	assert_int_equal(answer(), 0x04);
}

static void channels_open_and_close(void **state)
{
	static const struct {
		uint8_t command, command_byte, test_inputs;
	} cases[] = {
		{0xae, 0x24, 0x01},
		{0xa8, 0x04, 0x03},
		{0xad, 0x14, 0x02},
		{0xa7, 0x34, 0x00},
	};

	(void)state;
	set_command_byte(0x34);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		command(cases[i].command);
		assert_int_equal(in(0x64), STATUS | COMMAND);
		command(0x20);
		assert_int_equal(answer(), cases[i].command_byte);
		command(0xe0);
		assert_int_equal(answer(), cases[i].test_inputs);
	}
}

static void simple_answers(void **state)
{
	(void)state;
	command(0xa9);
	assert_int_equal(answer(), 0x00);
	command(0xab);
	assert_int_equal(answer(), 0x00);
	command(0xa4);
	assert_int_equal(answer(), 0xf1);
	command(0xc0);
	assert_int_equal(answer(), 0xa3);
}

/* A password is read to its end and is no data for the keyboard. */
static void password(void **state)
{
	(void)state;
	command(0xa5);
	out(0x60, 0x1e);
	out(0x60, 0x30);
	out(0x60, 0x00);
	assert_int_equal(in(0x64), STATUS);
	command(0xa6);
	assert_int_equal(in(0x64), STATUS | COMMAND);
	command(0xa4);
	assert_int_equal(answer(), 0xf1);
	out(0x60, 0xed);
	assert_int_equal(in(0x64), STATUS | OBF | TIME_OUT);
}

static void output_port(void **state)
{
	(void)state;
	command(0xd0);
	assert_int_equal(answer(), 0xcf);
	command(0xd1);
	out(0x60, 0xdd);
	assert_int_equal(fake_platform.resets[RESET_CPU], 0);
	command(0xd0);
	assert_int_equal(answer(), 0xcd);
	command(0xd1);
	out(0x60, 0xfe);
	assert_int_equal(fake_platform.resets[RESET_CPU], 1);
	assert_int_equal(fake_platform.resets[RESET_SYSTEM], 0);
}

/* P2 shows the two interrupt lines as they were before the answer itself. */
static void output_port_shows_lines(void **state)
{
	(void)state;
	set_command_byte(0x03);
	command(0xd2);
	out(0x60, 0x11);
	command(0xd0);
	assert_int_equal(in(0x60), 0xdf);
	command(0xd3);
	out(0x60, 0x11);
	command(0xd0);
	assert_int_equal(in(0x60), 0xef);
}

static void pulses(void **state)
{
	(void)state;
	for (unsigned value = 0xf0; value <= 0xff; value++) {
		fake_platform.resets[RESET_CPU] = 0;
		command(value);
		assert_int_equal(fake_platform.resets[RESET_CPU], value & 1 ? 0 : 1);
		assert_int_equal(in(0x64), STATUS | COMMAND);
	}
	command(0xd0);
	assert_int_equal(answer(), 0xcf);
}

static void keyboard_is_absent(void **state)
{
	(void)state;
	set_command_byte(0x35);
	/* Reset, identify, LEDs: all time out, and sending opens the channel. */
	static const uint8_t commands[] = {0xff, 0xf2, 0xed, 0x00};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		out(0x60, commands[i]);
		assert_int_equal(in(0x64), STATUS | OBF | TIME_OUT);
		assert_true(line(1));
		assert_false(line(12));
		assert_int_equal(in(0x60), 0xfe);
		assert_int_equal(in(0x64) & (OBF | AUX), 0);
		assert_false(line(1));
	}
	command(0x20);
	assert_int_equal(in(0x64), STATUS | COMMAND | OBF);
	assert_int_equal(in(0x60), 0x25);
}

static void mouse_is_absent(void **state)
{
	(void)state;
	set_command_byte(0x06);
	command(0xd4);
	out(0x60, 0xff);
	assert_int_equal(in(0x64), STATUS | OBF | AUX | TIME_OUT);
	assert_true(line(12));
	assert_false(line(1));
	assert_int_equal(in(0x60), 0xfe);
	assert_false(line(12));
	/* D4h holds for one byte only. */
	out(0x60, 0xff);
	assert_int_equal(in(0x64), STATUS | OBF | TIME_OUT);
}

/* What drivers use to find the auxiliary channel and its interrupt. */
static void loopback_writes(void **state)
{
	(void)state;
	set_command_byte(0x07);
	command(0xd2);
	out(0x60, 0x5a);
	assert_int_equal(in(0x64), STATUS | OBF);
	assert_true(line(1));
	assert_int_equal(in(0x60), 0x5a);
	assert_false(line(1));
	command(0xd3);
	out(0x60, 0xa5);
	assert_int_equal(in(0x64), STATUS | OBF | AUX);
	assert_true(line(12));
	assert_false(line(1));
	assert_int_equal(in(0x60), 0xa5);
	assert_false(line(12));
	assert_int_equal(in(0x64), STATUS);
}

static void interrupts_need_their_enable(void **state)
{
	(void)state;
	set_command_byte(0x04);
	command(0xd2);
	out(0x60, 0x01);
	assert_false(line(1));
	/* Enabling with the buffer full raises the line at once. */
	set_command_byte(0x05);
	assert_true(line(1));
	set_command_byte(0x06);
	assert_false(line(1));
	assert_false(line(12));
	command(0xd3);
	out(0x60, 0x01);
	assert_true(line(12));
}

static void newer_output_replaces_older(void **state)
{
	(void)state;
	out(0x60, 0xff);
	command(0xaa);
	assert_int_equal(in(0x64), STATUS | COMMAND | OBF);
	assert_int_equal(in(0x60), 0x55);
	assert_int_equal(in(0x60), 0x55);
}

static void unknown_commands_do_nothing(void **state)
{
	static const uint8_t commands[] = {0x00, 0x1f, 0x40, 0x5f, 0x80, 0x9f, 0xa0, 0xac, 0xaf,
	                                   0xb0, 0xbf, 0xc1, 0xc3, 0xcf, 0xd5, 0xdf, 0xe1, 0xef};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		command(commands[i]);
		assert_int_equal(in(0x64), STATUS | COMMAND);
	}
	/* And wait for no data: the next byte goes to the keyboard. */
	out(0x60, 0x00);
	assert_int_equal(in(0x60), 0xfe);
}

static void a_command_cancels_a_pending_one(void **state)
{
	(void)state;
	command(0x61);
	command(0xd2);
	out(0x60, 0x77);
	assert_int_equal(in(0x60), 0x77);
	command(0x21);
	assert_int_equal(in(0x60), 0x00);
}

static void port61_is_not_claimed(void **state)
{
	(void)state;
	out(0x60, 0xff);
	assert_int_equal(port_read(&pc.ports, 0x64, 2), 0xff00 | STATUS | OBF | TIME_OUT);
	assert_int_equal(port_read(&pc.ports, 0x64, 4), 0xffffff00 | STATUS | OBF | TIME_OUT);
	/* A word at 60h reads the data port and port 61h. */
	assert_int_equal(port_read(&pc.ports, 0x60, 2) & 0xff, 0xfe);
	assert_int_equal(in(0x64) & OBF, 0);
}

static void saved_and_loaded(void **state)
{
	(void)state;
	set_command_byte(0x07);
	command(0x7f);
	out(0x60, 0x99);
	command(0xd3);
	out(0x60, 0x33);
	command(0xd2); /* waits for its byte; the mouse's byte is still there */
	assert_true(line(12));
	round_trip(DEVICE_I8042);
	assert_true(line(12));
	assert_int_equal(in(0x60), 0x33);
	out(0x60, 0x44);
	assert_true(line(1));
	round_trip(DEVICE_I8042);
	assert_int_equal(in(0x60), 0x44);
	command(0x3f);
	assert_int_equal(in(0x60), 0x99);

	assert_true(refuses(DEVICE_I8042, offsetof(struct i8042_state, status), 0x02));
	assert_true(refuses(DEVICE_I8042, offsetof(struct i8042_state, pending), 0xaa));
	assert_false(refuses(DEVICE_I8042, offsetof(struct i8042_state, pending), 0x7f));
	assert_true(refuses(DEVICE_I8042, offsetof(struct i8042_state, output_port), 0x10));
}

static void reset_lowers_lines(void **state)
{
	(void)state;
	set_command_byte(0x07);
	command(0xd3);
	out(0x60, 0x33);
	assert_true(line(12));
	machine_reset(&pc);
	assert_false(line(12));
	power_on(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on, pc_setup_without_screen),
		cmocka_unit_test_setup(ram, pc_setup_without_screen),
		cmocka_unit_test_setup(system_flag_follows_command_byte, pc_setup_without_screen),
		cmocka_unit_test_setup(self_test, pc_setup_without_screen),
		cmocka_unit_test_setup(channels_open_and_close, pc_setup_without_screen),
		cmocka_unit_test_setup(simple_answers, pc_setup_without_screen),
		cmocka_unit_test_setup(password, pc_setup_without_screen),
		cmocka_unit_test_setup(output_port, pc_setup_without_screen),
		cmocka_unit_test_setup(output_port_shows_lines, pc_setup_without_screen),
		cmocka_unit_test_setup(pulses, pc_setup_without_screen),
		cmocka_unit_test_setup(keyboard_is_absent, pc_setup_without_screen),
		cmocka_unit_test_setup(mouse_is_absent, pc_setup_without_screen),
		cmocka_unit_test_setup(loopback_writes, pc_setup_without_screen),
		cmocka_unit_test_setup(interrupts_need_their_enable, pc_setup_without_screen),
		cmocka_unit_test_setup(newer_output_replaces_older, pc_setup_without_screen),
		cmocka_unit_test_setup(unknown_commands_do_nothing, pc_setup_without_screen),
		cmocka_unit_test_setup(a_command_cancels_a_pending_one, pc_setup_without_screen),
		cmocka_unit_test_setup(port61_is_not_claimed, pc_setup_without_screen),
		cmocka_unit_test_setup(saved_and_loaded, pc_setup_without_screen),
		cmocka_unit_test_setup(reset_lowers_lines, pc_setup_without_screen),
	};

	return cmocka_run_group_tests_name("i8042", tests, NULL, NULL);
}
