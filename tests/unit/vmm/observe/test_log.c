/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "vmm/observe/log.h"

/* The console: what was written to it. */
static char shown[65536];
static size_t shown_length;

static char replayed[65536];
static size_t replayed_length;

static void show(const char *text, size_t length)
{
	assert_true(shown_length + length < sizeof(shown));
	memcpy(shown + shown_length, text, length);
	shown_length += length;
	shown[shown_length] = '\0';
}

static void put_replayed(const char *text, size_t length)
{
	assert_true(replayed_length + length < sizeof(replayed));
	memcpy(replayed + replayed_length, text, length);
	replayed_length += length;
	replayed[replayed_length] = '\0';
}

static int setup(void **state)
{
	(void)state;
	shown_length = replayed_length = 0;
	shown[0] = replayed[0] = '\0';
	log_level_set(LOG_INFO);
	log_set_sink((struct log_sink){.write = show});
	return 0;
}

static void test_levels(void **state)
{
	(void)state;
	log_debug("unseen\n");
	log_info("one %d\n", 1);
	log_warning("two\n");
	log_error("three\n");
	assert_string_equal(shown, "one 1\nwarning: two\nerror: three\n");
	log_level_set(LOG_DEBUG);
	log_debug("seen\n");
	assert_non_null(strstr(shown, "debug: seen\n"));
	log_level_set(LOG_ERROR);
	log_warning("quiet\n");
	assert_null(strstr(shown, "quiet"));
}

static void test_long_message_is_cut(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info("%s\n", text);
	assert_int_equal(shown_length, 511);
	assert_int_equal(shown[510], '\n');
	log_panic_mode(); /* without locks all the same */
	log_info("after\n");
	assert_string_equal(shown + 511, "after\n");
}

static void test_replay_keeps_the_newest(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++)
		log_info("message %u of many\n", i);
	log_replay(put_replayed);
	assert_int_equal(replayed_length, LOG_KEPT);
	assert_memory_equal(replayed, shown + shown_length - LOG_KEPT, LOG_KEPT);
}

/* ---- A restart: the rings' memory stays, the program's does not ---- */

static _Alignas(PAGE_SIZE) uint8_t place[LOG_PLACE_SIZE];

static void replay_previous(void)
{
	replayed_length = 0;
	replayed[0] = '\0';
	assert_true(log_replay_previous(put_replayed));
}

static void the_log_survives_a_restart(void **state)
{
	(void)state;
	memset(place, 0xa5, sizeof(place)); /* what a power cycle leaves */
	assert_false(log_keep_at(place));
	assert_false(log_replay_previous(put_replayed));
	log_info("the first run ends here\n");
	log_write("Nacre panic: a defect\n", 22); /* the report is kept, too */
	for (unsigned run = 2; run < 5; run++) {
		char text[64];

		assert_true(log_keep_at(place));
		replay_previous();
		snprintf(text, sizeof(text), "run %u begins\n", run - 1);
		assert_non_null(strstr(replayed,
		                       run == 2 ? "the first run ends here\nNacre panic: a defect\n" : text));
		log_info("run %u begins\n", run);
	}
}

/* After the test before, both rings are whole. */
static void a_log_that_is_not_whole_is_none(void **state)
{
	(void)state;
	assert_true(log_keep_at(place));
	place[sizeof(place) / 8] ^= 1; /* in the text of either ring */
	place[sizeof(place) / 8 * 3] ^= 1;
	assert_false(log_keep_at(place));
	assert_false(log_replay_previous(put_replayed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_levels, setup),
		cmocka_unit_test_setup(test_long_message_is_cut, setup),
		cmocka_unit_test_setup(test_replay_keeps_the_newest, setup),
		cmocka_unit_test_setup(the_log_survives_a_restart, setup),
		cmocka_unit_test_setup(a_log_that_is_not_whole_is_none, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
