/* SPDX-License-Identifier: MIT */
/* The real PS/2 keyboard: controller and keyboard at the fake ports, and the decoder. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/real_keyboard.h"
#include "devices/real/real_keyboard_codes.h"
#include "devices/real/wait.h"
#include "lib/x86.h"

/* ---- A controller ---- */

static struct {
	bool present, plugged, busy; /* busy: never takes a byte */
	unsigned bad_tests;          /* self-tests that fail before one passes */
	bool bad_line, no_config, no_codes;
	bool keys_in_between; /* pressed while the keyboard is being set up */
	unsigned resends;
	uint8_t config, set;
	bool scanning, enabled, expects_config, expects_set;
	uint8_t output[64];
	bool aux[64];
	unsigned head, tail;
} model;

static void answer(uint8_t value)
{
	model.output[model.head++ % 64] = value;
}

static uint32_t in(uint16_t port, unsigned size)
{
	assert_int_equal(size, 1);
	if (!model.present)
		return 0xff;
	if (port == 0x64)
		return (model.busy ? 2u : 0) | (model.head != model.tail) |
		       (model.head != model.tail && model.aux[model.tail % 64] ? 0x20 : 0);
	assert_int_equal(port, 0x60);
	return model.head != model.tail ? model.output[model.tail++ % 64] : 0;
}

static void command(uint8_t value)
{
	switch (value) {
	case 0x20:
		if (!model.no_config)
			answer(model.config);
		break;
	case 0x60: model.expects_config = true; break;
	case 0xa7: model.config |= 0x20; break;
	case 0xaa:
		answer(model.bad_tests ? 0xfc : 0x55);
		model.bad_tests -= model.bad_tests > 0;
		break;
	case 0xab: answer(model.bad_line); break;
	case 0xad: model.enabled = false; break;
	case 0xae: model.enabled = true; break;
	default: fail_msg("command %02x", value);
	}
}

static void to_keyboard(uint8_t value)
{
	assert_true(model.enabled);
	if (!model.plugged)
		return;
	if (model.resends) {
		model.resends--;
		answer(0xfe);
		return;
	}
	if (model.no_codes && value == 0xf0)
		return;
	if (model.keys_in_between)
		answer(0x1e);
	answer(0xfa);
	if (model.expects_set)
		model.set = value;
	model.expects_set = value == 0xf0;
	if (value == 0xf4)
		model.scanning = true;
}

static void out(uint16_t port, unsigned size, uint32_t value)
{
	assert_int_equal(size, 1);
	assert_false(model.busy);
	if (port == 0x64) {
		command((uint8_t)value);
	} else if (model.expects_config) {
		model.expects_config = false;
		model.config = (uint8_t)value;
	} else {
		to_keyboard((uint8_t)value);
	}
}

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.tsc_step = 200000; /* each look at the port is played by system management mode */
	wait_set_rate(1000000000);  /* a tick is a nanosecond */
	fake_x86.in = in;
	fake_x86.out = out;
	memset(&model, 0, sizeof(model));
	model.present = model.plugged = true;
	model.config = 0x12; /* the mouse's interrupt on, the keyboard's clock off */
	return 0;
}

static void test_start(void **state)
{
	(void)state;
	answer(0x77); /* something old */
	model.keys_in_between = true;
	model.resends = 2;
	assert_null(keyboard_init(false));
	assert_true(keyboard_present());
	assert_int_equal(model.config, 0x61);
	assert_int_equal(model.set, 2);
	assert_true(model.scanning && model.enabled);
}

static void assert_works(void)
{
	uint8_t bytes[8];

	assert_true(keyboard_present());
	model.head = model.tail;
	answer(0x1e);
	assert_int_equal(keyboard_read(bytes, sizeof(bytes)), 1);
	assert_int_equal(bytes[0], 'a');
}

static void assert_odd(const char *what)
{
	const char *odd = keyboard_init(false);

	assert_string_equal(odd ? odd : "", what);
	assert_in_range(fake_x86.tsc, 0, 2500000000); /* bounded by time, not by reads */
	assert_works();
}

/* Machines are known that fail each single one, with a keyboard that works. */
static void every_step_of_the_probe_is_advice(void **state)
{
	model.bad_tests = 2; /* asked again, it passes */
	assert_odd("");
	setup(state);
	model.bad_tests = 100;
	assert_odd("the controller fails its self-test");
	setup(state);
	model.no_config = true;
	assert_odd("the controller does not tell its configuration");
	setup(state);
	model.bad_line = true;
	assert_odd("the controller fails the test of the keyboard's lines");
	setup(state);
	model.no_codes = true; /* ThinkPad Yoga 370 */
	assert_odd("the keyboard does not take scan code set 2");
	assert_true(model.scanning);
	setup(state);
	model.plugged = false; /* or it comes later */
	assert_odd("no keyboard answers");
	setup(state);
	model.resends = 100;
	assert_odd("no keyboard answers");
	setup(state);
	model.busy = true;
	assert_odd("the controller takes no commands");
}

static void a_floating_port_is_no_keyboard(void **state)
{
	uint8_t bytes[8];

	(void)state;
	model.present = false;
	for (unsigned as_it_is = 0; as_it_is < 2; as_it_is++) {
		assert_string_equal(keyboard_init(as_it_is), "no controller is there");
		assert_false(keyboard_present());
		assert_int_equal(keyboard_read(bytes, sizeof(bytes)), 0);
	}
}

static void a_forced_keyboard_gets_no_command(void **state)
{
	(void)state;
	assert_null(keyboard_init(true));
	assert_int_equal(fake_x86.outs, 0);
	assert_works();
}

static void test_read(void **state)
{
	uint8_t bytes[16];

	(void)state;
	assert_null(keyboard_init(false));
	assert_int_equal(keyboard_read(bytes, sizeof(bytes)), 0);
	answer(0x1e);
	answer(0x9e);
	model.aux[model.head % 64] = true; /* the mouse moves */
	answer(0x30);
	answer(0xe0);
	answer(0x48);
	assert_int_equal(keyboard_read(bytes, sizeof(bytes)), 4);
	assert_memory_equal(bytes, "a\x1b[A", 4);
	for (unsigned i = 0; i < 20; i++)
		answer(0x30);
	assert_int_equal(keyboard_read(bytes, sizeof(bytes)), 11); /* the rest waits */
	assert_int_equal(keyboard_read(bytes, sizeof(bytes)), 9);
}

/* A controller that always has something does not hold the monitor. */
static uint32_t in_endless(uint16_t port, unsigned size)
{
	(void)size;
	return port == 0x64 ? 1 : 0x1e;
}

static void test_an_endless_stream(void **state)
{
	uint8_t bytes[256];

	(void)state;
	assert_null(keyboard_init(false));
	fake_x86.in = in_endless;
	assert_int_equal(keyboard_read(bytes, sizeof(bytes)), 32);
	assert_non_null(keyboard_init(false));
}

/* ---- The decoder ---- */

static struct keyboard_state keys;

static int setup_keys(void **state)
{
	(void)state;
	keys = (struct keyboard_state){0};
	return 0;
}

static void assert_codes(const char *codes, size_t count, const char *expected, size_t length)
{
	uint8_t bytes[64];
	size_t put = 0;

	for (size_t i = 0; i < count; i++) {
		size_t more = keyboard_decode(&keys, (uint8_t)codes[i], bytes + put);

		assert_in_range(more, 0, KEYBOARD_KEY_MAX);
		put += more;
	}
	assert_int_equal(put, length);
	assert_memory_equal(bytes, expected, length);
}

#define CODES(codes, expected) assert_codes(codes, sizeof(codes) - 1, expected, sizeof(expected) - 1)

static void test_characters(void **state)
{
	(void)state;
	CODES("\x1e\x9e\x30\xb0\x2e", "abc");
	CODES("\x02\x0b\x0c\x0d\x1a\x1b\x27\x28\x29\x2b\x33\x34\x35\x39", "10-=[];'`\\,./ ");
	CODES("\x1c\x0f\x0e\x01", "\r\t\x7f\x1b");
	CODES("\x2a\x1e\x03\x29\x2b\x35\xaa\x1e", "A@~|?a");
	CODES("\x36\x10\xb6\x10", "Qq");
	CODES("\x2a\x36\xaa\x1e\xb6\x1e", "Aa"); /* two shifts, one is still down */
	CODES("\x2c\x32\x37\x56", "zm*\\");
}

static void test_locks(void **state)
{
	(void)state;
	CODES("\x3a\xba\x1e\x03\x2a\x1e\xaa\x3a\xba\x1e", "A2aa");
	CODES("\x47\x4c\x52\x53\x4a\x4e", "\x1b[H\x1b[E\x1b[2~\x1b[3~-+");
	CODES("\x45\xc5\x47\x4c\x52\x53", "750.");
	CODES("\x2a\x48\xaa", "\x1b[A");
	CODES("\xe0\x48", "\x1b[A"); /* the keys of their own are not the lock's */
}

static void test_control_and_alt(void **state)
{
	(void)state;
	CODES("\x1d\x1e\x9d\x1e", "\x01"
	                          "a");
	CODES("\x1d\x2e\x1a\x2b\x1b\x39\x03\x07\x0c\x0e\x9d", "\x03\x1b\x1c\x1d\0\0\x1e\x1f\b");
	CODES("\xe0\x1d\x2a\x2c\xaa\xe0\x9d", "\x1a");
	CODES("\x38\x30\xb8\xe0\x38\x21\xe0\xb8\x21", "\x1b"
	                                              "b\x1b"
	                                              "ff");
}

static void test_sequences(void **state)
{
	(void)state;
	CODES("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4d\xe0\x4b", "\x1b[A\x1b[B\x1b[C\x1b[D");
	CODES("\xe0\x47\xe0\x4f\xe0\x49\xe0\x51\xe0\x52\xe0\x53", "\x1b[H\x1b[F\x1b[5~\x1b[6~\x1b[2~\x1b[3~");
	CODES("\x3b\x3c\x3d\x3e\x3f", "\x1bOP\x1bOQ\x1bOR\x1bOS\x1b[15~");
	CODES("\x40\x41\x42\x43\x44\x57\x58", "\x1b[17~\x1b[18~\x1b[19~\x1b[20~\x1b[21~\x1b[23~\x1b[24~");
	CODES("\xe0\x1c\xe0\x35\x2a\xe0\x35\xaa", "\r//");
	/* Print Screen and Pause are nothing; their codes do not look like other keys. */
	CODES("\xe0\x2a\xe0\x37\xe0\xb7\xe0\xaa\xe1\x1d\x45\xe1\x9d\xc5\x1e\x47", "a\x1b[H");
	CODES("\xe0\x5b\xe0\xdb\x1e", "a");
}

static void test_any_codes(void **state)
{
	uint8_t bytes[KEYBOARD_KEY_MAX];

	(void)state;
	for (unsigned first = 0; first < 256; first++)
		for (unsigned code = 0; code < 256; code++) {
			keys = (struct keyboard_state){.alt = {true}, .shift = {true}};
			(void)keyboard_decode(&keys, (uint8_t)first, bytes);
			assert_in_range(keyboard_decode(&keys, (uint8_t)code, bytes), 0, KEYBOARD_KEY_MAX);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_start, setup),
		cmocka_unit_test_setup(every_step_of_the_probe_is_advice, setup),
		cmocka_unit_test_setup(a_floating_port_is_no_keyboard, setup),
		cmocka_unit_test_setup(a_forced_keyboard_gets_no_command, setup),
		cmocka_unit_test_setup(test_read, setup),
		cmocka_unit_test_setup(test_an_endless_stream, setup),
		cmocka_unit_test_setup(test_characters, setup_keys),
		cmocka_unit_test_setup(test_locks, setup_keys),
		cmocka_unit_test_setup(test_control_and_alt, setup_keys),
		cmocka_unit_test_setup(test_sequences, setup_keys),
		cmocka_unit_test_setup(test_any_codes, setup_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
