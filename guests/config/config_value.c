/* SPDX-License-Identifier: MIT */
/* Values of the config table: text to field, by the kind that the key's row names. */
#include "guests/config/config_lines.h"
#include "lib/checked.h"
#include "lib/string.h"

static void value_store(const struct config_key *key, void *section, uint64_t value)
{
	/* Little endian: the low bytes come first. */
	memcpy((char *)section + key->offset, &value, key->size);
}

/*
 * Parse digits of `base` (10 or 16); returns where they end, or null without a digit or on
 * overflow.
 */
static const char *value_parse_digits(const char *text, unsigned base, uint64_t *value)
{
	const char *at = text;

	for (*value = 0;; at++) {
		unsigned lower = (unsigned char)*at | 0x20, digit;

		if (*at >= '0' && *at <= '9')
			digit = (unsigned)(*at - '0');
		else if (base == 16 && lower >= 'a' && lower <= 'f')
			digit = lower - 'a' + 10;
		else
			return at > text ? at : NULL;
		if (multiply_overflows(*value, base, value) || add_overflows(*value, digit, value))
			return NULL;
	}
}

static bool value_parse_word(const struct config_key *key, const char *text, uint64_t *value)
{
	for (unsigned i = 0; i < key->word_count; i++) {
		if (strcmp(text, key->words[i].text) == 0) {
			*value = key->words[i].value;
			return true;
		}
	}
	return false;
}

static bool value_parse_port(const char *text, uint64_t *value)
{
	const char *end;

	if (text[0] != '0' || (text[1] | 0x20) != 'x')
		return false;
	end = value_parse_digits(text + 2, 16, value);
	return end && *end == '\0' && *value % 8 == 0;
}

static const char units[] = CONFIG_UNITS;

static bool value_parse_bytes(const char *text, uint64_t *value)
{
	const char *end = value_parse_digits(text, 10, value), *unit;

	if (!end)
		return false;
	if (*end) {
		unit = strchr(units, *end & ~0x20);
		if (!unit || !*unit || end[1] != '\0')
			return false;
		if (multiply_overflows(*value, 1024UL << (10 * (unit - units)), value))
			return false;
	}
	return *value % PAGE_SIZE == 0;
}

static bool value_parse_time(const char *text, uint64_t *milliseconds)
{
	const char *end = value_parse_digits(text, 10, milliseconds);

	if (!end || (*milliseconds == 0 && *end == '\0'))
		return end;
	if (strcmp(end, "s") == 0)
		return !multiply_overflows(*milliseconds, 1000, milliseconds);
	return strcmp(end, "ms") == 0;
}

bool config_value_parse(const struct config_key *key, const char *text, void *section)
{
	bool checked = true; /* against min and max */
	uint64_t value = 0;
	bool good = false;
	const char *end;

	switch (key->kind) {
	case KIND_PATH:
	case KIND_TEXT:
	case KIND_MODULE: break;
	case KIND_PORT:
		good = value_parse_word(key, text, &value);
		checked = !good;
		good = good || value_parse_port(text, &value);
		break;
	case KIND_WORD:
		good = value_parse_word(key, text, &value);
		checked = false;
		break;
	case KIND_NUMBER:
		end = value_parse_digits(text, 10, &value);
		good = end && *end == '\0';
		break;
	case KIND_BYTES: good = value_parse_bytes(text, &value); break;
	case KIND_TIME: good = value_parse_time(text, &value); break;
	case KIND_CPUS:
		good = config_cpus_parse(text, &value);
		checked = false;
		break;
	}
	if (!good || (checked && (value < key->min || value > key->max)))
		return false;
	value_store(key, section, value);
	return true;
}

static bool value_path_is_clean(const char *text)
{
	/* Boot loaders split a module's line at blanks and expand the others. */
	static const char forbidden[] = " \t\"'\\$`{}<>|&;*?";

	for (; *text; text++)
		if (strchr(forbidden, *text) || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

/* Cut a module's value into path and arguments, and append it to the VM's. */
static bool value_parse_module(char *text, struct guest_config *guest)
{
	char *end = text, *arguments;

	while (*end && !config_is_blank(*end))
		end++;
	arguments = config_skip_blanks(end);
	*end = '\0';
	if (end - text >= CONFIG_PATH_MAX || !value_path_is_clean(text))
		return false;
	guest->module[guest->module_count].path = text;
	guest->module[guest->module_count++].arguments = arguments;
	return true;
}

static void value_point(const struct config_key *key, void *section, const char *text)
{
	memcpy((char *)section + key->offset, (void *)&text, sizeof(text));
}

bool config_text_parse(const struct config_key *key, char *text, void *section)
{
	size_t length = strlen(text);

	if (length < key->min || length > key->max)
		return false;
	if (key->kind == KIND_MODULE)
		return value_parse_module(text, section);
	if (key->kind == KIND_PATH && !value_path_is_clean(text))
		return false;
	value_point(key, section, text);
	return true;
}

void config_defaults(enum config_section section, void *fields)
{
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->section != section || key->kind == KIND_MODULE)
			continue;
		if (config_kind_is_text(key->kind))
			value_point(key, fields, key->initial);
		else
			(void)config_value_parse(key, key->initial, fields);
	}
}
