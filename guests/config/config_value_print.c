/* SPDX-License-Identifier: MIT */
/* Values of the config table: field to text, and which values a key takes. */
#include "guests/config/config_keys.h"
#include "lib/format.h"
#include "lib/string.h"

static uint64_t value_fetch(const struct config_key *key, const void *section)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)section + key->offset, key->size);
	return value;
}

static int value_print_bytes(uint64_t value, char *buffer, size_t size)
{
	unsigned unit = 0;

	while (unit < 4 && value && value % 1024 == 0) {
		value /= 1024;
		unit++;
	}
	return format_buffer(buffer, size, unit ? "%llu%c" : "%llu", (unsigned long long)value,
	                     unit ? CONFIG_UNITS[unit - 1] : 0);
}

static int value_print_time(uint64_t milliseconds, char *buffer, size_t size)
{
	if (milliseconds && milliseconds % 1000 == 0)
		return format_buffer(buffer, size, "%llus", (unsigned long long)milliseconds / 1000);
	return format_buffer(buffer, size, milliseconds ? "%llums" : "%llu",
	                     (unsigned long long)milliseconds);
}

unsigned config_value_count(const struct config_key *key, const void *section)
{
	return key->kind == KIND_MODULE ? ((const struct guest_config *)section)->module_count : 1;
}

int config_value_print(const struct config_key *key, const void *section, unsigned index, char *buffer,
                       size_t size)
{
	const struct config_module *module;
	const char *text;
	uint64_t value;

	if (key->kind == KIND_MODULE) {
		module = &((const struct guest_config *)section)->module[index];
		return format_buffer(buffer, size, "%s%s%s", module->path, module->arguments[0] ? " " : "",
		                     module->arguments);
	}
	if (config_kind_is_text(key->kind)) {
		memcpy((void *)&text, (const char *)section + key->offset, sizeof(text));
		return format_buffer(buffer, size, "%s", text);
	}
	value = value_fetch(key, section);
	for (unsigned i = 0; i < key->word_count; i++)
		if (key->words[i].value == value)
			return format_buffer(buffer, size, "%s", key->words[i].text);
	if (key->kind == KIND_BYTES)
		return value_print_bytes(value, buffer, size);
	if (key->kind == KIND_TIME)
		return value_print_time(value, buffer, size);
	if (key->kind == KIND_CPUS)
		return config_cpus_print(value, buffer, size);
	return format_buffer(buffer, size, key->kind == KIND_PORT ? "0x%llx" : "%llu",
	                     (unsigned long long)value);
}

static size_t value_describe_words(const struct config_key *key, char *buffer, size_t size)
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
	size_t used = value_describe_words(key, buffer, size);
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
		value_print_bytes(key->min, low, sizeof(low));
		value_print_bytes(key->max, high, sizeof(high));
		format_buffer(buffer, size, "%s to %s, a multiple of 4K, as in 64M or 1G", low, high);
		break;
	case KIND_TIME:
		value_print_time(key->min, low, sizeof(low));
		value_print_time(key->max, high, sizeof(high));
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
	case KIND_MODULE:
		format_buffer(buffer, size,
		              "a path of 1 to %d characters without blanks, quotes and $, and its "
		              "arguments, verbatim; total up to %llu characters",
		              CONFIG_PATH_MAX - 1, (unsigned long long)key->max);
		break;
	case KIND_TEXT:
		format_buffer(buffer, size, "up to %llu characters, verbatim to the end of the line",
		              (unsigned long long)key->max);
		break;
	}
}
