/* Values of the config table: text to field and back, by the kind that the key's row names. */
#include "guests/config_keys.h"
#include "lib/checked.h"
#include "lib/format.h"
#include "lib/string.h"

static void store(const struct config_key *key, void *section, uint64_t value)
{
	/* Little endian: the low bytes come first. */
	memcpy((char *)section + key->offset, &value, key->size);
}

static uint64_t fetch(const struct config_key *key, const void *section)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)section + key->offset, key->size);
	return value;
}

/* Parse digits of `base` (10 or 16); returns where they end, or null without a digit or on overflow. */
static const char *parse_digits(const char *text, unsigned base, uint64_t *value)
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

static bool parse_word(const struct config_key *key, const char *text, uint64_t *value)
{
	for (unsigned i = 0; i < key->word_count; i++) {
		if (strcmp(text, key->words[i].text) == 0) {
			*value = key->words[i].value;
			return true;
		}
	}
	return false;
}

static bool parse_port(const char *text, uint64_t *value)
{
	const char *end;

	if (text[0] != '0' || (text[1] | 0x20) != 'x')
		return false;
	end = parse_digits(text + 2, 16, value);
	return end && *end == '\0' && *value % 8 == 0;
}

static const char units[] = "KMGT";

static bool parse_bytes(const char *text, uint64_t *value)
{
	const char *end = parse_digits(text, 10, value), *unit;

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

static bool parse_time(const char *text, uint64_t *milliseconds)
{
	const char *end = parse_digits(text, 10, milliseconds);

	if (!end || (*milliseconds == 0 && *end == '\0'))
		return end;
	if (strcmp(end, "s") == 0)
		return !multiply_overflows(*milliseconds, 1000, milliseconds);
	return strcmp(end, "ms") == 0;
}

static bool path_is_clean(const char *text)
{
	/* Boot loaders split a module's line at blanks and expand the others. */
	static const char forbidden[] = " \t\"'\\$`{}<>|&;*?";

	for (; *text; text++)
		if (strchr(forbidden, *text) || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

static bool parse_text(const struct config_key *key, const char *text, void *section)
{
	size_t length = strlen(text);

	if (length < key->min || length > key->max || (key->kind == KIND_PATH && !path_is_clean(text)))
		return false;
	memset((char *)section + key->offset, 0, key->size);
	memcpy((char *)section + key->offset, text, length);
	return true;
}

bool config_value_parse(const struct config_key *key, const char *text, void *section)
{
	bool checked = true; /* against min and max */
	uint64_t value = 0;
	bool good = false;
	const char *end;

	switch (key->kind) {
	case KIND_PATH:
	case KIND_TEXT: return parse_text(key, text, section);
	case KIND_PORT:
		good = parse_word(key, text, &value);
		checked = !good;
		good = good || parse_port(text, &value);
		break;
	case KIND_WORD:
		good = parse_word(key, text, &value);
		checked = false;
		break;
	case KIND_NUMBER:
		end = parse_digits(text, 10, &value);
		good = end && *end == '\0';
		break;
	case KIND_BYTES: good = parse_bytes(text, &value); break;
	case KIND_TIME: good = parse_time(text, &value); break;
	case KIND_CPUS:
		good = config_cpus_parse(text, &value);
		checked = false;
		break;
	}
	if (!good || (checked && (value < key->min || value > key->max)))
		return false;
	store(key, section, value);
	return true;
}

static int print_bytes(uint64_t value, char *buffer, size_t size)
{
	unsigned unit = 0;

	while (unit < 4 && value && value % 1024 == 0) {
		value /= 1024;
		unit++;
	}
	return format_buffer(buffer, size, unit ? "%llu%c" : "%llu", (unsigned long long)value,
	                     unit ? units[unit - 1] : 0);
}

static int print_time(uint64_t milliseconds, char *buffer, size_t size)
{
	if (milliseconds && milliseconds % 1000 == 0)
		return format_buffer(buffer, size, "%llus", (unsigned long long)milliseconds / 1000);
	return format_buffer(buffer, size, milliseconds ? "%llums" : "%llu",
	                     (unsigned long long)milliseconds);
}

int config_value_print(const struct config_key *key, const void *section, char *buffer, size_t size)
{
	uint64_t value;

	if (key->kind == KIND_PATH || key->kind == KIND_TEXT)
		return format_buffer(buffer, size, "%s", (const char *)section + key->offset);
	value = fetch(key, section);
	for (unsigned i = 0; i < key->word_count; i++)
		if (key->words[i].value == value)
			return format_buffer(buffer, size, "%s", key->words[i].text);
	if (key->kind == KIND_BYTES)
		return print_bytes(value, buffer, size);
	if (key->kind == KIND_TIME)
		return print_time(value, buffer, size);
	if (key->kind == KIND_CPUS)
		return config_cpus_print(value, buffer, size);
	return format_buffer(buffer, size, key->kind == KIND_PORT ? "0x%llx" : "%llu",
	                     (unsigned long long)value);
}

static size_t describe_words(const struct config_key *key, char *buffer, size_t size)
{
	unsigned count = key->word_count;
	size_t used = 0;

	for (unsigned i = 0; i < count; i++) {
		bool last = i + 1 == count && key->kind == KIND_WORD;
		const char *joint = i == 0 ? "" : last ? " or " : ", ";

		used += (size_t)format_buffer(buffer + used, size - used, "%s%s", joint, key->words[i].text);
		if (used >= size)
			return size - 1;
	}
	return used;
}

void config_describe_values(const struct config_key *key, char *buffer, size_t size)
{
	size_t used = describe_words(key, buffer, size);
	char low[24], high[24];

	switch (key->kind) {
	case KIND_WORD: break;
	case KIND_PORT:
		format_buffer(buffer + used, size - used, " or an I/O port from 0x%llx to 0x%llx",
		              (unsigned long long)key->min, (unsigned long long)key->max);
		break;
	case KIND_NUMBER:
		format_buffer(buffer, size, "%llu to %llu", (unsigned long long)key->min,
		              (unsigned long long)key->max);
		break;
	case KIND_BYTES:
		print_bytes(key->min, low, sizeof(low));
		print_bytes(key->max, high, sizeof(high));
		format_buffer(buffer, size, "%s to %s, a multiple of 4K, as in 64M or 1G", low, high);
		break;
	case KIND_TIME:
		print_time(key->min, low, sizeof(low));
		print_time(key->max, high, sizeof(high));
		format_buffer(buffer, size, "%s to %s with a unit, as in 500ms or 3s", low, high);
		break;
	case KIND_CPUS:
		format_buffer(buffer, size, "all, or numbers from 0 to %d and ranges, as in 0,2-3",
		              CONFIG_CPUS_MAX - 1);
		break;
	case KIND_PATH:
		format_buffer(buffer, size, "a path of %s%llu characters without blanks, quotes and $",
		              key->min ? "1 to " : "up to ", (unsigned long long)key->max);
		break;
	case KIND_TEXT:
		format_buffer(buffer, size, "up to %llu characters, verbatim to the end of the line",
		              (unsigned long long)key->max);
		break;
	}
}

void config_defaults(enum config_section section, void *fields)
{
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
		if (config_keys[i].section == section && config_keys[i].initial[0])
			(void)config_value_parse(&config_keys[i], config_keys[i].initial, fields);
}
