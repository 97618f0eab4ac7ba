/* SPDX-License-Identifier: MIT */
/* devices/pc/keyboard*.c at i8042.c: commands, scan codes in all sets, presses and releases. */
#include "rigs/keyboard_bench.h"

#define COMMAND_BYTE 0x65 /* as firmware leaves it: interrupt on, mouse closed, translation */
#define UNTRANSLATED 0x25

static void set_command_byte(uint8_t value)
{
	out(0x64, 0x60);
	out(0x60, value);
}

static int setup_untranslated(void **state)
{
	int error = keyboard_setup(state);

	set_command_byte(UNTRANSLATED);
	return error;
}

static void send(uint8_t byte)
{
	out(0x60, byte);
}

static void power_on(void **state)
{
	(void)state;
	out(0x64, 0x20);
	assert_int_equal(in(0x60), COMMAND_BYTE);
	nothing();
	/* It scans, and firmware has translation on. */
	type("a");
	EXPECT("\x1e\x9e");
}

static void reset_and_identify(void **state)
{
	(void)state;
	send(0xff);
	EXPECT("\xfa\xaa");
	send(0xf2);
	EXPECT("\xfa\xab\x83");
	set_command_byte(COMMAND_BYTE);
	send(0xff);
	EXPECT("\xfa\xaa");
	send(0xf2);
	EXPECT("\xfa\xab\x41");
}

static void simple_commands(void **state)
{
	(void)state;
	send(0xee);
	EXPECT("\xee");
	send(0xed);
	EXPECT("\xfa");
	send(0x02);
	EXPECT("\xfa");
	assert_int_equal(pc.keyboard.leds, 2);
	send(0xf3);
	EXPECT("\xfa");
	send(0x7f);
	EXPECT("\xfa");
	assert_int_equal(pc.keyboard.typematic, 0x7f);
	send(0xf6);
	EXPECT("\xfa");
	assert_int_equal(pc.keyboard.typematic, 0x2b);
	send(0xf8);
	EXPECT("\xfa");
	/* What no keyboard knows. */
	for (unsigned byte = 0; byte < 0xf2; byte++) {
		if (byte == 0xed || byte == 0xee || byte == 0xf0)
			continue;
		send((uint8_t)byte);
		EXPECT("\xfe");
	}
	send(0xfb);
	EXPECT("\xfe");
}

/* What was not sent yet of an answer is dropped when the next byte comes. */
static void a_new_command_ends_an_answer(void **state)
{
	(void)state;
	send(0xf2);
	send(0xee);
	EXPECT("\xfa\xee");
}

/* A command in place of a parameter is a command. */
static void a_command_instead_of_a_parameter(void **state)
{
	(void)state;
	send(0xed);
	EXPECT("\xfa");
	send(0xf2);
	EXPECT("\xfa\xab\x83");
	send(0x07);
	EXPECT("\xfe");
	assert_int_equal(pc.keyboard.leds, 0);
}

static void resend(void **state)
{
	(void)state;
	send(0xf2);
	assert_int_equal(next(), 0xfa);
	assert_int_equal(next(), 0xab);
	assert_int_equal(next(), 0x83);
	send(0xfe);
	EXPECT("\x83");
	send(0xfe);
	EXPECT("\x83");
}

static void disabled_keyboards_lose_keys(void **state)
{
	(void)state;
	send(0xf5);
	EXPECT("\xfa");
	type("abc");
	nothing();
	send(0xf4);
	EXPECT("\xfa");
	type("d");
	EXPECT("\x23\xf0\x23");
	send(0xf5);
	EXPECT("\xfa");
	send(0xff);
	EXPECT("\xfa\xaa");
	type("d");
	EXPECT("\x23\xf0\x23");
}

static void a_closed_channel_holds_keys_back(void **state)
{
	(void)state;
	out(0x64, 0xad);
	type("a");
	nothing();
	out(0x64, 0xae);
	EXPECT("\x1c\xf0\x1c");
	/* Its clock is held, too, while a byte has not been read. */
	type("ab");
	assert_int_equal(next(), 0x1c);
	out(0x64, 0xad);
	assert_int_equal(next(), 0xf0);
	nothing();
	/* Sending to the keyboard opens the channel; the answer comes before keys. */
	send(0xee);
	EXPECT("\xee\x1c\x32\xf0\x32");
}

static void the_mouse_port_stays_empty(void **state)
{
	(void)state;
	set_command_byte(0x47);
	out(0x64, 0xd4);
	send(0xff);
	assert_int_equal(in(0x64) & (OBF | AUX | TIMEOUT), OBF | AUX | TIMEOUT);
	assert_true(line(12));
	assert_int_equal(in(0x60), 0xfe);
	out(0x64, 0xab);
	assert_int_equal(in(0x60), 0x00);
}

static void no_interrupt_without_its_enable(void **state)
{
	(void)state;
	set_command_byte(0x44);
	type("a");
	assert_int_equal(in(0x64) & OBF, OBF);
	assert_false(line(1));
	set_command_byte(0x45);
	assert_true(line(1));
	EXPECT("\x1e\x9e");
}

/* Each byte is an edge of its own at the interrupt controller. */
static void every_byte_interrupts(void **state)
{
	unsigned count = 0;

	(void)state;
	out(0x20, 0x11);
	out(0x21, 0x20);
	out(0x21, 0x04);
	out(0x21, 0x01);
	type("A"); /* six bytes */
	pass(KEYBOARD_HOLD_NS);
	while (machine_intr(&pc)) {
		assert_int_equal(machine_acknowledge(&pc), 0x21);
		in(0x60);
		out(0x20, 0x20);
		assert_true(++count <= 6);
	}
	assert_int_equal(count, 6);
}

static void scan_code_sets(void **state)
{
	(void)state;
	send(0xf0);
	EXPECT("\xfa");
	send(0x00);
	EXPECT("\xfa\x02");
	send(0xf0);
	EXPECT("\xfa");
	send(0x01);
	EXPECT("\xfa");
	type("a\033[A");
	EXPECT("\x1e\x9e\xe0\x48\xe0\xc8");
	send(0xf0);
	EXPECT("\xfa");
	send(0x03);
	EXPECT("\xfa");
	type("a\033[A");
	EXPECT("\x1c\xf0\x1c\x63\xf0\x63");
	type("\003\\");
	EXPECT("\x11\x21\xf0\x21\xf0\x11\x5c\xf0\x5c");
	type("\r\033OM"); /* both Enter keys */
	EXPECT("\x5a\xf0\x5a\x79\xf0\x79");
	/* Keys without break codes. */
	send(0xf9);
	EXPECT("\xfa");
	type("A");
	EXPECT("\x12\x1c");
	send(0xfa);
	EXPECT("\xfa");
	type("a");
	EXPECT("\x1c\xf0\x1c");
	send(0xf0);
	EXPECT("\xfa");
	send(0x04);
	EXPECT("\xfe");
	send(0xf0);
	EXPECT("\xfa");
	send(0x00);
	EXPECT("\xfa\x03");
	send(0xf6);
	EXPECT("\xfa");
	type("a");
	EXPECT("\x1c\xf0\x1c");
}

/* The set's number is translated as a scan code is: drivers know it so. */
static void translated_set_numbers(void **state)
{
	static const uint8_t numbers[] = {0x43, 0x41, 0x3f};

	(void)state;
	for (uint8_t set = 1; set <= 3; set++) {
		send(0xf0);
		EXPECT("\xfa");
		send(set);
		EXPECT("\xfa");
		send(0xf0);
		EXPECT("\xfa");
		send(0);
		assert_int_equal(next(), 0xfa);
		assert_int_equal(next(), numbers[set - 1]);
		nothing();
	}
}

/* A key stays down for a while, but not longer than until the next one. */
static void keys_are_held(void **state)
{
	(void)state;
	type("\033[C");
	assert_int_equal(next(), 0xe0);
	assert_int_equal(next(), 0x4d);
	pass(KEYBOARD_HOLD_NS - 1);
	nothing();
	pass(1);
	EXPECT("\xe0\xcd");
	assert_int_equal(keyboard->deadline.at, DEADLINE_NONE);
	type("a");
	assert_int_equal(next(), 0x1e);
	nothing();
	type("bc");
	assert_int_equal(next(), 0x9e);
	assert_int_equal(next(), 0x30);
	assert_int_equal(next(), 0xb0);
	assert_int_equal(next(), 0x2e);
	nothing();
	/* A guest that restarts knows of no key. */
	send(0xff);
	EXPECT("\xfa\xaa");
	pass(KEYBOARD_HOLD_NS);
	nothing();
}

static void keys_wait_for_a_parameter(void **state)
{
	(void)state;
	send(0xed);
	EXPECT("\xfa");
	type("a");
	nothing();
	send(0x00);
	EXPECT("\xfa\x1c\xf0\x1c");
}

static void saved_and_loaded(void **state)
{
	(void)state;
	set_command_byte(COMMAND_BYTE);
	type("\003a\033[1");
	assert_int_equal(next(), 0x1d);
	round_trip(DEVICE_KEYBOARD);
	round_trip(DEVICE_I8042);
	type(";5A");
	EXPECT("\x2e\xae\x9d\x1e\x9e\x1d\xe0\x48\xe0\xc8\x9d");
	/* A break code in the middle. */
	set_command_byte(UNTRANSLATED);
	type("a");
	assert_int_equal(next(), 0x1c);
	pass(KEYBOARD_HOLD_NS);
	assert_int_equal(in(0x64) & OBF, OBF);

	assert_true(refuses(DEVICE_I8042, offsetof(struct i8042_state, released), 0x01));
	assert_true(refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, queue_head), KEYBOARD_QUEUE));
	assert_true(refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, held), KEYBOARD_QUEUE));
	assert_true(
		refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, queue_count), KEYBOARD_QUEUE + 1));
	assert_true(
		refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, answer_count), KEYBOARD_ANSWER + 1));
	assert_true(refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, scan_set), 0));
	assert_true(refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, scan_set), 4));
	assert_true(refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, scanning), 2));
	assert_true(refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, command), 0xf2));
	assert_true(refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, leds), 0x08));
	assert_false(refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, queue), 0x99));
}

static void reset_forgets_keys(void **state)
{
	(void)state;
	set_command_byte(UNTRANSLATED);
	send(0xed);
	type("abc");
	machine_reset(&pc);
	nothing();
	power_on(state);
	pass(2 * KEYBOARD_HOLD_NS);
	nothing();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on, keyboard_setup),
		cmocka_unit_test_setup(reset_and_identify, setup_untranslated),
		cmocka_unit_test_setup(simple_commands, setup_untranslated),
		cmocka_unit_test_setup(a_new_command_ends_an_answer, setup_untranslated),
		cmocka_unit_test_setup(a_command_instead_of_a_parameter, setup_untranslated),
		cmocka_unit_test_setup(resend, setup_untranslated),
		cmocka_unit_test_setup(disabled_keyboards_lose_keys, setup_untranslated),
		cmocka_unit_test_setup(a_closed_channel_holds_keys_back, setup_untranslated),
		cmocka_unit_test_setup(the_mouse_port_stays_empty, keyboard_setup),
		cmocka_unit_test_setup(no_interrupt_without_its_enable, keyboard_setup),
		cmocka_unit_test_setup(every_byte_interrupts, setup_untranslated),
		cmocka_unit_test_setup(scan_code_sets, setup_untranslated),
		cmocka_unit_test_setup(translated_set_numbers, keyboard_setup),
		cmocka_unit_test_setup(keys_are_held, keyboard_setup),
		cmocka_unit_test_setup(keys_wait_for_a_parameter, setup_untranslated),
		cmocka_unit_test_setup(saved_and_loaded, keyboard_setup),
		cmocka_unit_test_setup(reset_forgets_keys, keyboard_setup),
	};

	return cmocka_run_group_tests_name("keyboard", tests, NULL, NULL);
}
