/* SPDX-License-Identifier: MIT */
/*
 * devices/virtual/keyboard*.c behind i8042.c: commands, scan codes in all sets, what an operator
 * types.
 */
#include "rigs/pc.h"

#define OBF     0x01
#define AUX     0x20
#define TIMEOUT 0x40

#define COMMAND_BYTE 0x65 /* as firmware leaves it: interrupt on, mouse closed, translation */
#define UNTRANSLATED 0x25

static struct device *const keyboard = &pc.device[DEVICE_KEYBOARD];

static void set_command_byte(uint8_t value)
{
	out(0x64, 0x60);
	out(0x60, value);
}

static int setup_untranslated(void **state)
{
	int error = pc_setup(state);

	set_command_byte(UNTRANSLATED);
	return error;
}

/*
 * The next byte from the keyboard: there, with its interrupt, whose line falls when it is read. A
 * release may come after its time.
 */
static uint8_t next(void)
{
	uint8_t byte;

	if (pc.keyboard.held && !(in(0x64) & OBF))
		pass(KEYBOARD_HOLD_NS);
	assert_int_equal(in(0x64) & (OBF | AUX | TIMEOUT), OBF);
	assert_true(line(1));
	byte = (uint8_t)in(0x60);
	return byte;
}

static void nothing(void)
{
	assert_int_equal(in(0x64) & OBF, 0);
	assert_false(line(1));
}

static void expect(const char *codes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(next(), (uint8_t)codes[i]);
	nothing();
}
#define EXPECT(codes) expect(codes, sizeof(codes) - 1)

static void type(const char *bytes)
{
	assert_int_equal(keyboard_type(keyboard, (const uint8_t *)bytes, strlen(bytes)), strlen(bytes));
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

/* What set 1 and the US layout make of scan codes, as a simple driver has it. */
static const char plain[] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static void every_character(void **state)
{
	(void)state;
	for (unsigned c = 1; c < 0x7f; c++) {
		uint8_t byte = (uint8_t)c;
		bool shift = false, control = false;
		unsigned made = 0, keys = 0;

		if (c == 0x1b)
			continue;
		assert_int_equal(keyboard_type(keyboard, &byte, 1), 1);
		pass(KEYBOARD_HOLD_NS);
		while (in(0x64) & OBF) {
			uint8_t code = next();

			switch (code) {
			case 0x2a: shift = true; break;
			case 0xaa: shift = false; break;
			case 0x1d: control = true; break;
			case 0x9d: control = false; break;
			default:
				if (code & 0x80) {
					assert_int_equal(code & 0x7f, made);
					break;
				}
				made = code;
				keys++;
				assert_true(code < sizeof(plain));
				byte = (uint8_t)(shift ? shifted : plain)[code];
				if (control)
					byte &= 0x1f;
				assert_int_equal(byte, c == '\r' ? '\n' : (int)c);
			}
		}
		assert_int_equal(keys, 1);
		assert_false(shift || control);
	}
	/* NUL is Ctrl-2; DEL is Backspace; what is no ASCII is no key. */
	assert_int_equal(keyboard_type(keyboard, (const uint8_t *)"\0", 1), 1);
	EXPECT("\x1d\x03\x83\x9d");
	type("\x7f\xc3\xa4");
	EXPECT("\x0e\x8e");
}

static void terminals_sequences(void **state)
{
	/* clang-format off */
	static const struct {
		const char *typed;
		uint8_t extended, code, modifier; /* in set 1 */
	} cases[] = {
		{"\033[A",     0xe0, 0x48, 0},
		{"\033OA",     0xe0, 0x48, 0},
		{"\033[B",     0xe0, 0x50, 0},
		{"\033[C",     0xe0, 0x4d, 0},
		{"\033[D",     0xe0, 0x4b, 0},
		{"\033[H",     0xe0, 0x47, 0},
		{"\033OH",     0xe0, 0x47, 0},
		{"\033[1~",    0xe0, 0x47, 0},
		{"\033[F",     0xe0, 0x4f, 0},
		{"\033[4~",    0xe0, 0x4f, 0},
		{"\033[2~",    0xe0, 0x52, 0},
		{"\033[3~",    0xe0, 0x53, 0},
		{"\033[5~",    0xe0, 0x49, 0},
		{"\033[6~",    0xe0, 0x51, 0},
		{"\033OP",     0,    0x3b, 0},
		{"\033OS",     0,    0x3e, 0},
		{"\033[11~",   0,    0x3b, 0},
		{"\033[[A",    0,    0x3b, 0},
		{"\033[[E",    0,    0x3f, 0},
		{"\033[15~",   0,    0x3f, 0},
		{"\033[17~",   0,    0x40, 0},
		{"\033[18~",   0,    0x41, 0},
		{"\033[19~",   0,    0x42, 0},
		{"\033[20~",   0,    0x43, 0},
		{"\033[21~",   0,    0x44, 0},
		{"\033[23~",   0,    0x57, 0},
		{"\033[24~",   0,    0x58, 0},
		{"\033[1;5A",  0xe0, 0x48, 0x1d},
		{"\033[1;2P",  0,    0x3b, 0x2a},
		{"\033[3;3~",  0xe0, 0x53, 0x38},
		{"\033[Z",     0,    0x0f, 0x2a},
		{"\033a",      0,    0x1e, 0x38},
		{"\033[24;5~", 0,    0x58, 0x1d},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Byte by byte, as a serial line brings them. */
		for (const char *at = cases[i].typed; *at; at++) {
			nothing();
			assert_int_equal(keyboard_type(keyboard, (const uint8_t *)at, 1), 1);
		}
		for (unsigned release = 0; release <= 0x80; release += 0x80) {
			if (cases[i].modifier && !release)
				assert_int_equal(next(), cases[i].modifier);
			if (cases[i].extended)
				assert_int_equal(next(), cases[i].extended);
			assert_int_equal(next(), cases[i].code | release);
		}
		if (cases[i].modifier)
			assert_int_equal(next(), cases[i].modifier | 0x80);
		nothing();
		assert_int_equal(keyboard->deadline, DEADLINE_NONE);
	}
}

static void what_is_no_key_is_passed_over(void **state)
{
	static const char *const cases[] = {"\033[[F",      "\033[99~", "\033[y",        "\033Oy",
	                                    "\033[1;2;3A",  "\033[?1A", "\033[12345678", "\033[\xc3",
	                                    "\033[1;\xff",  "\x80\xff", "\033[257~",     "\033[1\033Oy",
	                                    "\033[[\033[~", "\033[999~"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		type(cases[i]);
		pass(KEYBOARD_ESCAPE_NS);
		nothing();
		assert_int_equal(pc.keyboard.typed_count, 0);
	}
	type("\033[1\r");
	EXPECT("\x1c\x9c");
}

static void the_escape_key(void **state)
{
	(void)state;
	type("\033");
	pass(KEYBOARD_ESCAPE_NS - 1);
	nothing();
	pass(1);
	EXPECT("\x01\x81");
	assert_int_equal(keyboard->deadline, DEADLINE_NONE);
	/* Twice: the first is the key at once. */
	type("\033\033");
	assert_int_equal(next(), 0x01);
	pass(KEYBOARD_ESCAPE_NS);
	EXPECT("\x81\x01\x81");
	/* A sequence may take its time between bytes, not more. */
	type("\033");
	pass(KEYBOARD_ESCAPE_NS - 1);
	type("[");
	pass(KEYBOARD_ESCAPE_NS - 1);
	type("A");
	EXPECT("\xe0\x48\xe0\xc8");
	type("\033[");
	pass(KEYBOARD_ESCAPE_NS);
	EXPECT("\x38\x1a\x9a\xb8");
	type("A");
	EXPECT("\x2a\x1e\x9e\xaa");
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
	assert_int_equal(keyboard->deadline, DEADLINE_NONE);
	type("a");
	assert_int_equal(next(), 0x1e);
	nothing();
	type("bc");
	assert_int_equal(next(), 0x9e);
	assert_int_equal(next(), 0x30);
	assert_int_equal(next(), 0xb0);
	assert_int_equal(next(), 0x2e);
	nothing();
	/* A guest that starts anew knows of no key. */
	send(0xff);
	EXPECT("\xfa\xaa");
	pass(KEYBOARD_HOLD_NS);
	nothing();
}

/* A guest that is slow gets every key, in order, and the rest is asked for when it has read all. */
static void back_pressure(void **state)
{
	static const char text[] = "Hello, World! How much fits into sixteen bytes?";
	size_t typed = 0, made = 0;
	bool shift = false;

	(void)state;
	while (made < sizeof(text) - 1) {
		uint8_t code;

		if (typed < sizeof(text) - 1 && (typed == 0 || fake_services.keyboard_wanted)) {
			size_t taken = keyboard_type(keyboard, (const uint8_t *)text + typed,
			                             sizeof(text) - 1 - typed);

			fake_services.keyboard_wanted = 0;
			assert_in_range(taken, 1, 7);
			typed += taken;
			/* No more before it is read. */
			if (typed < sizeof(text) - 1)
				assert_int_equal(keyboard_type(keyboard, (const uint8_t *)"Xyz", 3), 0);
		}
		code = next();
		if ((code & 0x7f) == 0x2a)
			shift = !(code & 0x80);
		else if (!(code & 0x80))
			assert_int_equal((shift ? shifted : plain)[code], text[made++]);
	}
	assert_int_equal(typed, sizeof(text) - 1);
	pass(KEYBOARD_HOLD_NS);
	in(0x60);
	in(0x60);
	nothing();
	assert_int_equal(fake_services.keyboard_wanted, 0);
}

/* The Esc key whose time is over while there is no room comes when there is. */
static void a_late_escape_key(void **state)
{
	unsigned escapes = 0;

	(void)state;
	out(0x64, 0xad);
	type("\033OAaaa\033"); /* 5 + 3 * 3 of 16 codes */
	pass(KEYBOARD_ESCAPE_NS);
	type("");
	assert_int_equal(keyboard_type(keyboard, (const uint8_t *)"b", 1), 0);
	assert_int_equal(keyboard->deadline, DEADLINE_NONE);
	out(0x64, 0xae);
	while (in(0x64) & OBF)
		escapes += next() == 0x01;
	assert_int_equal(escapes, 1);
	assert_int_equal(fake_services.keyboard_wanted, 1);
	type("b");
	EXPECT("\x81\x30\xb0");
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
	assert_true(
		refuses(DEVICE_KEYBOARD, offsetof(struct keyboard_state, typed_count), KEYBOARD_TYPED + 1));
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
	type("abc\033");
	machine_reset(&pc);
	nothing();
	power_on(state);
	pass(2 * KEYBOARD_ESCAPE_NS);
	nothing();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(power_on, pc_setup),
		cmocka_unit_test_setup(reset_and_identify, setup_untranslated),
		cmocka_unit_test_setup(simple_commands, setup_untranslated),
		cmocka_unit_test_setup(a_new_command_ends_an_answer, setup_untranslated),
		cmocka_unit_test_setup(a_command_instead_of_a_parameter, setup_untranslated),
		cmocka_unit_test_setup(resend, setup_untranslated),
		cmocka_unit_test_setup(disabled_keyboards_lose_keys, setup_untranslated),
		cmocka_unit_test_setup(a_closed_channel_holds_keys_back, setup_untranslated),
		cmocka_unit_test_setup(the_mouse_port_stays_empty, pc_setup),
		cmocka_unit_test_setup(no_interrupt_without_its_enable, pc_setup),
		cmocka_unit_test_setup(every_byte_interrupts, setup_untranslated),
		cmocka_unit_test_setup(scan_code_sets, setup_untranslated),
		cmocka_unit_test_setup(translated_set_numbers, pc_setup),
		cmocka_unit_test_setup(every_character, pc_setup),
		cmocka_unit_test_setup(terminals_sequences, pc_setup),
		cmocka_unit_test_setup(what_is_no_key_is_passed_over, pc_setup),
		cmocka_unit_test_setup(the_escape_key, pc_setup),
		cmocka_unit_test_setup(keys_are_held, pc_setup),
		cmocka_unit_test_setup(back_pressure, pc_setup),
		cmocka_unit_test_setup(a_late_escape_key, pc_setup),
		cmocka_unit_test_setup(keys_wait_for_a_parameter, setup_untranslated),
		cmocka_unit_test_setup(saved_and_loaded, pc_setup),
		cmocka_unit_test_setup(reset_forgets_keys, pc_setup),
	};

	return cmocka_run_group_tests_name("keyboard", tests, NULL, NULL);
}
