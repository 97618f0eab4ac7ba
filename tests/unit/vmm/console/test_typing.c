/* SPDX-License-Identifier: MIT */
/* vmm/console/typing.c in front of a guest's keyboard. */
#include "rigs/keyboard_bench.h"

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
		assert_int_equal(typing_take(&typing, &byte, 1), 1);
		elapse(KEYBOARD_HOLD_NS);
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
	assert_int_equal(typing_take(&typing, (const uint8_t *)"\0", 1), 1);
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
			assert_int_equal(typing_take(&typing, (const uint8_t *)at, 1), 1);
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
		assert_int_equal(keyboard->deadline.at, DEADLINE_NONE);
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
		elapse(TYPING_ESCAPE_NS);
		nothing();
		assert_false(terminal_input_inside(&typing.input));
	}
	type("\033[1\r");
	EXPECT("\x1c\x9c");
}

/* Answers to questions, and reports of the mouse and the focus, however they are cut. */
static void what_a_terminal_says_presses_no_key(void **state)
{
	static const char *const cases[] = {
		"\033]11;rgb:ffff/0000/8080\a",
		"\033]11;rgb:ffff/0000/8080\033\\",
		"\033P1$r0m\033\\",
		"\033_Gi=31;OK\033\\",
		"\033[M !!",
		"\033[M#~~",
		"\033[<0;27;12M",
		"\033[<0;27;12m",
		"\033[32;27;12M",
		"\033[?64;1;2;6;9;15;16;17;18;21;22;28c",
		"\033[>41;390;0c",
		"\033[24;80R",
		"\033[0n",
		"\033[I",
		"\033[O",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (const char *at = cases[i]; *at; at++) {
			assert_int_equal(typing_take(&typing, (const uint8_t *)at, 1), 1);
			elapse(TYPING_ESCAPE_NS / 2);
		}
		nothing();
		assert_false(terminal_input_inside(&typing.input));
	}
	type("\033OM"); /* Enter of the keypad is not the mouse */
	EXPECT("\xe0\x1c\xe0\x9c");
	type("\033[1;2R"); /* Shift-F3 */
	EXPECT("\x2a\x3d\xbd\xaa");
	type("\033]"); /* Alt, if no string follows */
	elapse(TYPING_ESCAPE_NS);
	EXPECT("\x38\x1b\x9b\xb8");
}

static void a_line_end_is_one_enter(void **state)
{
	(void)state;
	type("\r\n");
	EXPECT("\x1c\x9c");
	type("\r");
	EXPECT("\x1c\x9c");
	type("\n"); /* the rest of it, later */
	nothing();
	type("\n\n\r\r");
	EXPECT("\x1c\x9c\x1c\x9c\x1c\x9c\x1c\x9c");
}

static void the_escape_key(void **state)
{
	(void)state;
	type("\033");
	elapse(TYPING_ESCAPE_NS - 1);
	nothing();
	elapse(1);
	EXPECT("\x01\x81");
	assert_int_equal(keyboard->deadline.at, DEADLINE_NONE);
	/* Twice: the first is the key at once. */
	type("\033\033");
	assert_int_equal(next(), 0x01);
	elapse(TYPING_ESCAPE_NS);
	EXPECT("\x81\x01\x81");
	/* A sequence may take its time between bytes, not more. */
	type("\033");
	elapse(TYPING_ESCAPE_NS - 1);
	type("[");
	elapse(TYPING_ESCAPE_NS - 1);
	type("A");
	EXPECT("\xe0\x48\xe0\xc8");
	type("\033[");
	elapse(TYPING_ESCAPE_NS);
	EXPECT("\x38\x1a\x9a\xb8");
	type("A");
	EXPECT("\x2a\x1e\x9e\xaa");
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

		if (typed < sizeof(text) - 1 && (typed == 0 || fake_platform.keyboard_wanted)) {
			size_t taken =
				typing_take(&typing, (const uint8_t *)text + typed, sizeof(text) - 1 - typed);

			fake_platform.keyboard_wanted = 0;
			assert_in_range(taken, 1, 7);
			typed += taken;
			/* No more before it is read. */
			if (typed < sizeof(text) - 1)
				assert_int_equal(typing_take(&typing, (const uint8_t *)"Xyz", 3), 0);
		}
		code = next();
		if ((code & 0x7f) == 0x2a)
			shift = !(code & 0x80);
		else if (!(code & 0x80))
			assert_int_equal((shift ? shifted : plain)[code], text[made++]);
	}
	assert_int_equal(typed, sizeof(text) - 1);
	elapse(KEYBOARD_HOLD_NS);
	in(0x60);
	in(0x60);
	nothing();
	assert_int_equal(fake_platform.keyboard_wanted, 0);
}

/* The Esc key whose time is over while there is no room comes when there is. */
static void a_late_escape_key(void **state)
{
	unsigned escapes = 0;

	(void)state;
	out(0x64, 0xad);
	type("\033OAaaa\033"); /* 5 + 3 * 3 of 16 codes */
	elapse(TYPING_ESCAPE_NS);
	type("");
	assert_int_equal(typing_take(&typing, (const uint8_t *)"b", 1), 0);
	assert_int_equal(keyboard->deadline.at, DEADLINE_NONE);
	out(0x64, 0xae);
	while (in(0x64) & OBF) {
		escapes += next() == 0x01;
		if (fake_platform.keyboard_wanted)
			typing_expire(&typing);
	}
	assert_int_equal(escapes, 1);
	assert_int_equal(fake_platform.keyboard_wanted, 1);
	type("b");
	EXPECT("\x81\x30\xb0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_character, keyboard_setup),
		cmocka_unit_test_setup(terminals_sequences, keyboard_setup),
		cmocka_unit_test_setup(what_is_no_key_is_passed_over, keyboard_setup),
		cmocka_unit_test_setup(what_a_terminal_says_presses_no_key, keyboard_setup),
		cmocka_unit_test_setup(a_line_end_is_one_enter, keyboard_setup),
		cmocka_unit_test_setup(the_escape_key, keyboard_setup),
		cmocka_unit_test_setup(back_pressure, keyboard_setup),
		cmocka_unit_test_setup(a_late_escape_key, keyboard_setup),
	};

	return cmocka_run_group_tests_name("typing", tests, NULL, NULL);
}
