/* SPDX-License-Identifier: MIT */
/* Interrupt lines: sources, sinks, listeners, and a source that takes a line for itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "devices/bus/line.h"

#define SOURCES 100

static struct line line;
static struct line_source source[SOURCES];

static struct {
	bool level, holds;
	unsigned changes;
} seen[2];
static struct line_sink sink[2];

static unsigned acknowledged, switched, looked_at;

static void note_changed(struct line_sink *which, bool level)
{
	assert_ptr_equal(which->owner, &seen[which->input]);
	seen[which->input].level = level;
	seen[which->input].changes++;
}

static bool say_holds(const struct line_sink *which)
{
	return seen[which->input].holds;
}

static void note_acknowledged(struct line_listener *listener)
{
	(void)listener;
	acknowledged++;
}

static void note_switched(struct line_listener *listener)
{
	(void)listener;
	switched++;
}

static void note_looked_at(struct line_listener *listener)
{
	(void)listener;
	looked_at++;
}

static const struct line_sink_ops sink_ops = {note_changed, say_holds};
static const struct line_listener_ops listener_ops = {note_acknowledged, note_switched, note_looked_at};
static struct line_listener listener[2];

static int setup(void **state)
{
	(void)state;
	memset(&line, 0, sizeof(line));
	memset(source, 0, sizeof(source));
	memset(seen, 0, sizeof(seen));
	acknowledged = switched = looked_at = 0;
	for (unsigned i = 0; i < SOURCES; i++)
		line_add_source(&line, &source[i]);
	for (unsigned i = 0; i < 2; i++) {
		sink[i] = (struct line_sink){.ops = &sink_ops, .owner = &seen[i], .input = i};
		line_add_sink(&line, &sink[i]);
		listener[i] = (struct line_listener){.ops = &listener_ops};
		line_add_listener(&line, &listener[i]);
	}
	return 0;
}

static void a_line_is_high_while_any_source_drives_it(void **state)
{
	(void)state;
	for (unsigned i = 0; i < SOURCES; i++)
		line_drive(&source[i], true);
	line_drive(&source[0], true); /* repeating it is harmless */
	for (unsigned i = 0; i < SOURCES; i++) {
		assert_true(line_level(&line));
		line_drive(&source[i], false);
	}
	assert_false(line_level(&line));
	assert_int_equal(seen[0].changes, 2);
}

static void every_sink_sees_a_change_once(void **state)
{
	(void)state;
	line_drive(&source[3], true);
	for (unsigned i = 0; i < 2; i++) {
		assert_true(seen[i].level);
		assert_int_equal(seen[i].changes, 1);
	}
	line_drive(&source[4], true);
	assert_int_equal(seen[1].changes, 1);
}

static void a_sink_that_comes_later_sees_a_high_line(void **state)
{
	static struct line high;

	(void)state;
	memset(&high, 0, sizeof(high));
	memset(&source[0], 0, sizeof(source[0]));
	source[0].level = true; /* driven before it was connected */
	line_add_source(&high, &source[0]);
	seen[0].level = false;
	line_add_sink(&high, &sink[0]);
	assert_true(seen[0].level);
}

static void a_source_without_a_line_is_harmless(void **state)
{
	struct line_source loose = {0};

	(void)state;
	line_drive(&loose, true);
	line_take(&loose, true);
	assert_false(line_is_cut_off(&loose));
	assert_true(loose.level);
}

static void who_takes_a_line_drives_it_alone(void **state)
{
	(void)state;
	line_drive(&source[0], true);
	line_take(&source[1], true);
	assert_false(line_level(&line));
	assert_true(line_is_cut_off(&source[0]));
	assert_false(line_is_cut_off(&source[1]));
	line_drive(&source[2], true);
	assert_false(seen[0].level);
	line_drive(&source[1], true);
	assert_true(seen[0].level);
	line_drive(&source[1], false);
	line_take(&source[0], false); /* it is not its to give */
	assert_false(line_level(&line));
	line_take(&source[1], false);
	assert_true(line_level(&line)); /* the others never let go */
	assert_false(line_is_cut_off(&source[0]));
}

static void listeners_hear_of_switches_acknowledgements_and_looks(void **state)
{
	(void)state;
	line_take(&source[1], true);
	line_take(&source[1], true);
	assert_int_equal(switched, 2); /* one each */
	line_take(&source[1], false);
	assert_int_equal(switched, 4);
	line_acknowledge(&sink[0]);
	assert_int_equal(acknowledged, 2);
	line_acknowledge(&(struct line_sink){0}); /* an input without a line */
	assert_int_equal(acknowledged, 2);
	line_look(&line);
	assert_int_equal(looked_at, 2);
	line_look(NULL);
	assert_int_equal(looked_at, 2);
}

static void a_request_is_held_when_every_sink_holds_it(void **state)
{
	static struct line nowhere;

	(void)state;
	assert_false(line_holds_request(&line));
	seen[0].holds = true;
	assert_false(line_holds_request(&line)); /* the other would notice an edge */
	seen[1].holds = true;
	assert_true(line_holds_request(&line));
	assert_true(line_holds_request(&nowhere)); /* no one would */
}

static void a_forgotten_line_tells_its_level_when_refreshed(void **state)
{
	(void)state;
	line_drive(&source[0], true);
	line_take(&source[1], true);
	line_take(&source[1], false);
	seen[0].changes = 0;
	line_forget(&line);
	assert_false(line_level(&line));
	assert_false(source[0].level);
	assert_int_equal(seen[0].changes, 0);
	line_refresh(&line);
	assert_false(seen[0].level);
	line_drive(&source[0], true);
	line_drive(&source[0], false);
	assert_false(line_level(&line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_is_high_while_any_source_drives_it, setup),
		cmocka_unit_test_setup(every_sink_sees_a_change_once, setup),
		cmocka_unit_test_setup(a_sink_that_comes_later_sees_a_high_line, setup),
		cmocka_unit_test_setup(a_source_without_a_line_is_harmless, setup),
		cmocka_unit_test_setup(who_takes_a_line_drives_it_alone, setup),
		cmocka_unit_test_setup(listeners_hear_of_switches_acknowledgements_and_looks, setup),
		cmocka_unit_test_setup(a_request_is_held_when_every_sink_holds_it, setup),
		cmocka_unit_test_setup(a_forgotten_line_tells_its_level_when_refreshed, setup),
	};

	return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
