/* SPDX-License-Identifier: MIT */
/*
 * The config table as text: the effective table, the reference, and the search for the nearest key.
 */
#include "guests/config/config_keys.h"
#include "lib/format.h"
#include "lib/string.h"

#define NAME_MAX_COMPARED 32

/*
 * Optimal string alignment distance: the edits (insert, delete, substitute, swap neighbours) that
 * turn `a` into `b`. Names longer than NAME_MAX_COMPARED resemble nothing.
 */
static unsigned config_edit_distance(const char *a, const char *b)
{
	uint8_t rows[3][NAME_MAX_COMPARED + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > NAME_MAX_COMPARED || n > NAME_MAX_COMPARED)
		return UINT8_MAX;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = (uint8_t)j;
	for (size_t i = 1; i <= m; i++) {
		uint8_t *row = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = (uint8_t)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, MIN(up[j], row[j - 1]) + 1u);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, up2[j - 2] + 1u);
			row[j] = (uint8_t)best;
		}
	}
	return rows[m % 3][n];
}

const struct config_key *config_nearest_key(enum config_section section, const char *name)
{
	const struct config_key *nearest = NULL;
	unsigned least = UINT8_MAX;

	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		unsigned distance;

		if (config_keys[i].section != section)
			continue;
		distance = config_edit_distance(name, config_keys[i].name);
		if (distance < least && distance <= MAX(strlen(config_keys[i].name) / 2, 1)) {
			least = distance;
			nearest = &config_keys[i];
		}
	}
	return nearest;
}

static void config_print_section(enum config_section section, const void *fields,
                                 void (*put)(void *context, const char *line), void *context)
{
	static char line[CONFIG_LINE_MAX + 1]; /* too big for the stack */

	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->section != section)
			continue;
		for (unsigned n = 0; n < config_value_count(key, fields); n++) {
			int used = format_buffer(line, sizeof(line), "%s = ", key->name);

			config_value_print(key, fields, n, line + used, sizeof(line) - (size_t)used);
			put(context, line);
		}
	}
}

void config_print(const struct config *config, void (*put)(void *context, const char *line), void *context)
{
	char header[VM_NAME_MAX + 8];

	put(context, "[monitor]");
	config_print_section(SECTION_MONITOR, &config->monitor, put, context);
	for (unsigned i = 0; i < config->guest_count; i++) {
		put(context, "");
		format_buffer(header, sizeof(header), "[vm %s]", config->guest[i].vm.name);
		put(context, header);
		config_print_section(SECTION_VM, &config->guest[i], put, context);
	}
}

void config_document(void (*put)(void *context, const char *line), void *context)
{
	char values[CONFIG_VALUES_MAX], line[512];

	put(context, "| Section | Key | Default | Values | Meaning |");
	put(context, "|---|---|---|---|---|");
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *key = &config_keys[i];
		const char *quote = key->initial[0] ? "`" : "";
		const char *initial = key->initial[0] ? key->initial : key->min ? "(required)" : "(empty)";

		config_describe_values(key, values, sizeof(values));
		format_buffer(line, sizeof(line), "| `[%s]` | `%s` | %s%s%s | %s | %s |",
		              config_section_names[key->section], key->name, quote, initial, quote, values,
		              key->meaning);
		put(context, line);
	}
}
