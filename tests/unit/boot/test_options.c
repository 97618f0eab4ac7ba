/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "boot/options.h"
#include "guests/config/config_keys.h"

static struct monitor_config options;
static char unknown[BOOT_OPTION_MAX];

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(boot_options_parse("", &options, unknown), 0);
	assert_int_equal(options.serial_port, 0x3f8);
	assert_int_equal(options.serial_speed, 115200);
	assert_true(options.screen);
	assert_string_equal(unknown, "");
}

static void test_serial(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		uint16_t port;
	} cases[] = {
		{"serial=com1",            0x3f8},
		{"serial=com2",            0x2f8},
		{"serial=com3",            0x3e8},
		{"serial=com4",            0x2e8},
		{"serial=none",            0},
		{"serial=0x100",           0x100},
		{"serial=0xfFf8",          0xfff8},
		{" serial=none  ",         0},
		{"speed=1200 serial=com2", 0x2f8},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(boot_options_parse(cases[i].text, &options, unknown), 0);
		assert_int_equal(options.serial_port, cases[i].port);
	}
}

static void test_speed_and_screen(void **state)
{
	(void)state;
	assert_int_equal(boot_options_parse("speed=9600 screen=no", &options, unknown), 0);
	assert_int_equal(options.serial_speed, 9600);
	assert_false(options.screen);
	assert_int_equal(boot_options_parse("screen=no screen=yes", &options, unknown), 0);
	assert_true(options.screen);
}

static void test_bad_words(void **state)
{
	static const char *const cases[] = {
		"serial",
		"serial=",
		"serial=com5",
		"serial=0x",
		"serial=0xff",
		"serial=0xfff9",
		"serial=1016",
		"serial=0x10000",
		"serial=12a",
		"serial=com",
		"serial=com11",
		"=com1",
		"speed=50",
		"log=loud",
		"speed=115201",
		"speed=",
		"speed=99999999999999999999",
		"speed=-1",
		"screen=maybe",
		"screen=",
		"serials=com1",
		"quiet",
		"speed=9600,8n1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(boot_options_parse(cases[i], &options, unknown), 1);
		assert_string_equal(unknown, cases[i]);
		assert_int_equal(options.serial_port, 0x3f8);
		assert_int_equal(options.serial_speed, 115200);
		assert_true(options.screen);
	}
}

static void test_several_bad_words(void **state)
{
	char line[200];

	(void)state;
	assert_int_equal(boot_options_parse("speed=9600 one two serial=com2", &options, unknown), 2);
	assert_string_equal(unknown, "one");
	assert_int_equal(options.serial_port, 0x2f8);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(boot_options_parse(line, &options, unknown), 1);
	assert_int_equal(strlen(unknown), BOOT_OPTION_MAX - 1);
}

/* Does `name=value` count, and change anything? */
static bool option_changes(const char *name, const char *value)
{
	struct monitor_config defaults = {0};
	char line[80];

	config_defaults(SECTION_MONITOR, &defaults);
	snprintf(line, sizeof(line), "%s=%s", name, value);
	memset(&options, 0, sizeof(options));
	assert_int_equal(boot_options_parse(line, &options, unknown), 0);
	return memcmp(&options, &defaults, sizeof(options));
}

static void every_key_of_the_monitor_is_a_boot_option(void **state)
{
	unsigned words = 0;

	(void)state;
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *key = &config_keys[i];
		unsigned changes = 0;

		if (key->section != SECTION_MONITOR)
			continue;
		assert_false(option_changes(key->name, key->initial));
		for (unsigned j = 0; j < key->word_count; j++)
			changes += option_changes(key->name, key->words[j].text);
		assert_int_equal(!changes, !key->word_count);
		words += !!changes;
	}
	assert_true(words > 10);
	assert_true(option_changes("cpus", "1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_serial),
		cmocka_unit_test(test_speed_and_screen),
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_several_bad_words),
		cmocka_unit_test(every_key_of_the_monitor_is_a_boot_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
