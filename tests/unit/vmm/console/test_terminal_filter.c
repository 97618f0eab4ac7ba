/* SPDX-License-Identifier: MIT */
/* What passes from a guest to a person's terminal, and in which views. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "lib/types.h"
#include "vmm/console/terminal_filter.h"

static struct terminal_filter filter;
static char passed[4096]; /* of the kinds that were asked for */

/* What passes of `text` in the views up to `last`: text only, what is replayed, what is live. */
static const char *pass(const char *text, enum filter_kind last)
{
	size_t used = 0;

	for (; *text; text++) {
		struct filter_piece piece;
		unsigned offers = 0;
		bool taken;

		do {
			taken = filter_take(&filter, (uint8_t)*text, &piece);
			assert_true(++offers <= 2);
			if (piece.kind == FILTER_NOTHING || piece.kind > last)
				continue;
			memcpy(passed + used, piece.bytes, piece.count);
			used += piece.count;
		} while (!taken);
	}
	passed[used] = '\0';
	return passed;
}

static const char *live(const char *text)
{
	return pass(text, FILTER_QUESTION);
}

static int setup(void **state)
{
	(void)state;
	filter = (struct terminal_filter){0};
	return 0;
}

static void test_characters_are_whole(void **state)
{
	(void)state;
	assert_string_equal(live("M\xc3\xa4rz \xe2\x94\x80 \xf0\x9f\x90\x9a \xc2\xa0"),
	                    "M\xc3\xa4rz \xe2\x94\x80 \xf0\x9f\x90\x9a \xc2\xa0");
	/* Cut off, too long, half of a pair, beyond the last plane, controls from U+0080. */
	assert_string_equal(live("\xe2\x94|\xc3\n"), "?|?\n");
	assert_string_equal(live("\xc0\xaf|\xe0\x9f\xbf|\xf0\x8f\xbf\xbf"), "??|???|????");
	assert_string_equal(live("\xed\xa0\x80|\xf4\x90\x80\x80|\xff"), "???|????|?");
	assert_string_equal(live("\x9b"
	                         "2J|\xc2\x9b"
	                         "2J|\xe0\x9b"
	                         "2J"),
	                    "?2J|??2J|??2J");
	/* In pieces: none before the last byte. */
	assert_string_equal(live("\xe2\x94"), "");
	assert_string_equal(live("\x80"), "\xe2\x94\x80");
	assert_string_equal(live("\xe2\x1b[2J"), "?\x1b[2J");
}

static void test_controls_that_stop_or_ask_do_not_pass(void **state)
{
	(void)state;
	for (char byte = 1; byte < ' '; byte++) {
		char text[] = {byte, 0};
		bool passes = strchr("\a\b\t\n\v\f\r\x0e\x0f", byte);

		assert_string_equal(live(text), passes ? text : "");
		assert_string_equal(pass(text, FILTER_TEXT), passes && strchr("\b\t\n\r", byte) ? text : "");
		setup(NULL); /* ESC waits for more */
	}
	assert_string_equal(live("\x7f"), "");
}

static void test_strings_never_pass(void **state)
{
	static const char *const begins[] = {"\x1b]0;", "\x1bP1$r", "\x1bX", "\x1b^", "\x1b_", "\x1bk"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(begins); i++) {
		assert_string_equal(live(begins[i]), "");
		assert_string_equal(live("title\tand more"), "");
		assert_string_equal(live(i % 2 ? "\x1b\\x" : "\ax"), "x");
		assert_string_equal(live(begins[i]), "");
		assert_string_equal(live("no end\nx"), "\nx"); /* what follows is not lost */
		assert_string_equal(live(begins[i]), "");
		assert_string_equal(live("\x1b[mx"), "\x1b[mx");
	}
}

static void test_what_draws_is_replayed(void **state)
{
	static const char *const draws[] = {
		"\x1b[A",
		"\x1b[12;40H",
		"\x1b[32766;32766H",
		"\x1b[2J",
		"\x1b[K",
		"\x1b[1;31m",
		"\x1b[38:5:200m",
		"\x1b[2;20r",
		"\x1b[3M",
		"\x1b[999b",
		"\x1b"
		"7",
		"\x1bM",
		"\x1b(0",
		"\x0e",
		"\x1b[4X",
		"\x1b[m",
		"\x1b[S",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(draws); i++) {
		assert_string_equal(pass(draws[i], FILTER_PICTURE), draws[i]);
		assert_string_equal(pass(draws[i], FILTER_TEXT), "");
	}
}

static void test_modes_and_questions_are_not_replayed(void **state)
{
	static const char *const lives[] = {
		"\x1b[?1049h", "\x1b[?25l", "\x1b[?1h", "\x1b=", "\x1b[4h",
		"\x1b[c",      "\x1b[>0c",  "\x1b[6n",  "\a",
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lives); i++) {
		assert_string_equal(live(lives[i]), lives[i]);
		assert_string_equal(pass(lives[i], FILTER_PICTURE), "");
	}
}

static void test_what_cannot_be_undone_does_not_pass(void **state)
{
	static const char *const bad[] = {
		"\x1b[2h",     "\x1b[12h",   "\x1b[?2l", "\x1b[?3h",   "\x1b[?69h",    "\x1b[?1005h",
		"\x1b[?2026h", "\x1b[3J",    "\x1b[*J",  "\x1b[5i",    "\x1b[21t",     "\x1b[?6n",
		"\x1b[x",      "\x1bZ",      "\x1b[3g",  "\x1bH",      "\x1b#3",       "\x1b%@",
		"\x1b G",      "\x1b*0",     "\x1bn",    "\x1b[62\"p", "\x1b[!p",      "\x1b[1q",
		"\x1b[2 q",    "\x1b[>4;2m", "\x1b[>1u", "\x1b[1000b", "\x1b[123456A", "\x1b[1;1;1;1\"v",
		"\x1b[?2$p",   "\x1b[?1;2S", "\x1b(A",   "\x1b[=c",    "\x1b[1;2y",
	};
	char text[FILTER_SEQUENCE_MAX + 3] = "\x1b[";

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_string_equal(live(bad[i]), "");
	memset(text + 2, '0', FILTER_SEQUENCE_MAX - 1);
	text[FILTER_SEQUENCE_MAX + 1] = 'm';
	assert_string_equal(live(text), ""); /* too long for a piece */
	assert_string_equal(live("x"), "x");
	/* The known ones of several pass. */
	assert_string_equal(live("\x1b[?12;25;2;1000l"), "\x1b[?25l\x1b[?1000l");
}

static void test_a_broken_sequence_does_not_pass(void **state)
{
	(void)state;
	assert_string_equal(live("\x1b[2\nJ"), "\nJ");
	assert_string_equal(live("\x1b[2\x18J"), "J");
	assert_string_equal(live("\x1b[2\x1b[3mJ"), "\x1b[3mJ");
	assert_string_equal(live("\x1b[2\xc3\xa4J"), "\xc3\xa4J");
	assert_string_equal(live("\x1b(\rB"), "\rB");
}

/* TERMINAL_SANE brings back each mode that filter_take() lets a guest change, and forgets none. */
static void test_each_mode_that_passes_is_undone(void **state)
{
	static const char all[] =
		"\x1b[?1049h\x1b[?1047h\x1b[?47h\x1b[?1h\x1b[?5h\x1b[?6h\x1b[?7l\x1b[?9h\x1b[?25l\x1b[?1000h"
		"\x1b[?1002h\x1b[?1003h\x1b[?1004h\x1b[?1006h\x1b[?1015h\x1b[?2004h\x1b[4h\x1b[20h\x1b="
		"\x1b(0\x1b)0\x0e";
	char restored[sizeof(all) + 1] = "";
	unsigned mode = 0;
	const char *sequence;

	(void)state;
	assert_string_equal(live(all), all);
	while ((sequence = filter_next_change(filter.changed, &mode)))
		strcat(restored, sequence);
	assert_string_equal(restored, all);
	assert_true(filter_on_alternate_screen(filter.changed));
	live(TERMINAL_SANE);
	assert_int_equal(filter.changed, 0);
	live(all);
	assert_string_equal(live("\x1b"
	                         "c"),
	                    TERMINAL_SANE "\x1b[H\x1b[2J"); /* RIS */
	assert_int_equal(filter.changed, 0);
}

#define filter_test(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		filter_test(test_characters_are_whole),
		filter_test(test_controls_that_stop_or_ask_do_not_pass),
		filter_test(test_strings_never_pass),
		filter_test(test_what_draws_is_replayed),
		filter_test(test_modes_and_questions_are_not_replayed),
		filter_test(test_what_cannot_be_undone_does_not_pass),
		filter_test(test_a_broken_sequence_does_not_pass),
		filter_test(test_each_mode_that_passes_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
