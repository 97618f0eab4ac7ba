/* SPDX-License-Identifier: MIT */
/* A line `key = value` of the config table. */
#include "guests/config/config_parser.h"
#include "lib/format.h"
#include "lib/string.h"

static void config_complain_unknown_key(struct config_parser *p, const char *name)
{
	const char *here = config_section_names[p->section];
	const struct config_key *near = config_nearest_key(p->section, name);
	char keys[160];
	size_t used = 0;

	for (unsigned other = 0; other < SECTION_COUNT; other++) {
		if (other != p->section && config_find_key(other, name)) {
			complain(p, "key '%s' does not belong in [%s]; move it to [%s]", name, here,
			         config_section_names[other]);
			return;
		}
	}
	if (near) {
		complain(p, "unknown key '%.40s' in [%s]; did you mean '%s'?", name, here, near->name);
		return;
	}
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
		if (config_keys[i].section == p->section && used < sizeof(keys))
			used += (size_t)format_buffer(keys + used, sizeof(keys) - used, "%s%s",
			                              used ? ", " : "", config_keys[i].name);
	complain(p, "unknown key '%.40s' in [%s]; the keys are %s", name, here, keys);
}

static void config_complain_value(struct config_parser *p, const struct config_key *key, const char *value)
{
	char values[CONFIG_VALUES_MAX];

	config_describe_values(key, values, sizeof(values));
	if (!*value)
		complain(p, "key '%s' has no value; use %s", key->name, values);
	else if (strlen(value) > key->max && config_kind_is_text(key->kind))
		complain(p, "the value of '%s' has %zu characters; use %s", key->name, strlen(value), values);
	else
		complain(p, "bad value '%.40s' for '%s'; use %s", value, key->name, values);
}

/* A comment may follow any value but a verbatim one; blanks set it apart. */
static void config_cut_comment(char *value)
{
	for (char *c = value; *c; c++) {
		if ((*c == '#' || *c == ';') && (c == value || config_is_blank(c[-1]))) {
			(void)config_trim(value, (size_t)(c - value));
			return;
		}
	}
}

char *config_keep(struct config_parser *p, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = memcpy(p->strings, text, size);

	p->strings += size;
	return copy;
}

static bool config_set_value(struct config_parser *p, const struct config_key *key, const char *value)
{
	bool good;

	if (!config_kind_is_text(key->kind))
		return config_value_parse(key, value, p->fields);
	good = config_text_parse(key, config_keep(p, value), p->fields);
	if (good && key->kind == KIND_MODULE)
		p->modules++->line = p->lines.start;
	return good;
}

/* May the section have this key, or one more of it? */
static bool config_check_again(struct config_parser *p, const struct config_key *key)
{
	const struct guest_config *guest = p->fields;
	unsigned *seen = &p->seen[key - config_keys];

	if (key->kind == KIND_MODULE) {
		if (guest->module_count == CONFIG_MODULES_MAX)
			complain(p, "VM '%.40s' has more than the %d modules that are possible; remove some",
			         guest->vm.name, CONFIG_MODULES_MAX);
		return guest->module_count < CONFIG_MODULES_MAX;
	}
	if (*seen) {
		complain(p, "key '%s' is already set on line %u; remove one of the two", key->name, *seen);
		return false;
	}
	*seen = p->lines.start;
	return true;
}

static void config_set_key(struct config_parser *p, const struct config_key *key, char *value)
{
	if (key->kind != KIND_TEXT && key->kind != KIND_MODULE)
		config_cut_comment(value);
	if (!config_check_again(p, key))
		return;
	if (key->line_offset != LINE_NOT_KEPT)
		memcpy((char *)p->fields + key->line_offset, &p->lines.start, sizeof(p->lines.start));
	if (!config_set_value(p, key, value))
		config_complain_value(p, key, value);
}

void config_assign(struct config_parser *p)
{
	char *equals = strchr(p->lines.text, '='), *value;
	const struct config_key *key;

	if (!equals) {
		complain(p, "neither a [section] nor 'key = value'; begin comments with '#'");
		return;
	}
	value = config_skip_blanks(equals + 1);
	(void)config_trim(p->lines.text, (size_t)(equals - p->lines.text));
	if (p->state == STATE_NONE) {
		complain(p, "key '%.40s' before any section; put it below [monitor] or [vm NAME]",
		         p->lines.text);
		return;
	}
	key = config_find_key(p->section, p->lines.text);
	if (key)
		config_set_key(p, key, value);
	else
		config_complain_unknown_key(p, p->lines.text);
}
