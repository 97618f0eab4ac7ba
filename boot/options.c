/* SPDX-License-Identifier: MIT */
#include "boot/options.h"
#include "guests/config/config_keys.h"
#include "lib/string.h"

/* `word` is cut in two. */
static bool option_parse(char *word, struct monitor_config *settings)
{
	char *equals = strchr(word, '=');
	const struct config_key *key;

	if (!equals)
		return false;
	*equals = '\0';
	key = config_find_key(SECTION_MONITOR, word);
	return key && config_value_parse(key, equals + 1, settings);
}

static void option_copy_word(char to[BOOT_OPTION_MAX], const char *text, size_t length)
{
	length = MIN(length, (size_t)BOOT_OPTION_MAX - 1);
	memcpy(to, text, length);
	to[length] = '\0';
}

unsigned boot_options_apply(const char *command_line, struct monitor_config *settings,
                            char unknown[BOOT_OPTION_MAX])
{
	char word[BOOT_OPTION_MAX];
	unsigned count = 0;
	size_t length;

	unknown[0] = '\0';
	for (; *command_line; command_line += length) {
		for (; *command_line == ' '; command_line++)
			;
		for (length = 0; command_line[length] && command_line[length] != ' '; length++)
			;
		option_copy_word(word, command_line, length);
		if (length && !option_parse(word, settings) && !count++)
			option_copy_word(unknown, command_line, length);
	}
	return count;
}

unsigned boot_options_parse(const char *command_line, struct monitor_config *settings,
                            char unknown[BOOT_OPTION_MAX])
{
	config_defaults(SECTION_MONITOR, settings);
	return boot_options_apply(command_line, settings, unknown);
}
