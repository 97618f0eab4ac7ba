/* SPDX-License-Identifier: MIT */
/*
 * The keys of the config table as data: one row drives parsing, defaults,
 * messages, printing and the reference in docs/config.md.
 */
#ifndef GUESTS_CONFIG_CONFIG_KEYS_H
#define GUESTS_CONFIG_CONFIG_KEYS_H

#include "guests/config/config.h"

enum config_section { SECTION_MONITOR, SECTION_VM, SECTION_COUNT };

enum config_kind {
	KIND_WORD,   /* one of `words` */
	KIND_PORT,   /* one of `words`, or an I/O port in hexadecimal, a multiple of 8 in min..max */
	KIND_NUMBER, /* decimal, min..max */
	KIND_BYTES,  /* a size with unit K, M, G or T, a multiple of 4 KiB in min..max */
	KIND_TIME,   /* milliseconds, written with unit ms or s, in min..max */
	KIND_CPUS,   /* a set of processors: `all`, or numbers and ranges set apart by commas */
	KIND_PATH,   /* min..max characters without blanks, quotes, $ and backslashes */
	KIND_TEXT,   /* min..max characters, verbatim to the end of the line */
	KIND_MODULE, /* a path as above, then text; min..max characters in total; may occur several times */
};

struct config_word {
	const char *text;
	uint32_t value;
};

struct config_key {
	const char *name;
	enum config_section section;
	enum config_kind kind;
	uint16_t offset, size; /* of the field in struct monitor_config or vm_config */
	uint16_t line_offset;  /* of the field that keeps the line number; LINE_NOT_KEPT: none */
	uint8_t word_count;
	const struct config_word *words;
	uint64_t min, max;
	const char *initial; /* the default, as it would be written */
	const char *meaning; /* a sentence for the reference */
};

#define LINE_NOT_KEPT    UINT16_MAX
#define CONFIG_KEY_COUNT 34

extern const struct config_key config_keys[CONFIG_KEY_COUNT];
extern const char *const config_section_names[SECTION_COUNT];

/* Longest logical line: the longest value and room for its key. */
#define CONFIG_LINE_MAX (CONFIG_CMDLINE_MAX + 64)

/* Enough for any text of config_describe_values(). */
#define CONFIG_VALUES_MAX 160

/* Units of a size, each 1024 times the one before; bytes come first and have none. */
#define CONFIG_UNITS "KMGT"

/* Does the field point to text, instead of holding a number? */
static inline bool config_kind_is_text(enum config_kind kind)
{
	return kind == KIND_PATH || kind == KIND_TEXT || kind == KIND_MODULE;
}

/*
 * Parse `value` into the key's field inside `section` (a struct monitor_config or
 * vm_config). False: not a valid value; the field is unchanged. For kinds that are no text.
 */
bool config_value_parse(const struct config_key *key, const char *value, void *section);

/*
 * The same for kinds that are text. The field then points to `value`, or into it: it must last, and
 * a module's is cut in two. A module needs room in the VM's `module`.
 */
bool config_text_parse(const struct config_key *key, char *value, void *section);

/*
 * A set of processors, as in "all" or "0,2-3", as bits and back. Returns false if `text` is none;
 * the length as format_buffer() does. CONFIG_CPUS_TEXT_MAX is enough for any set.
 */
bool config_cpus_parse(const char *text, uint64_t *cpus);
int config_cpus_print(uint64_t cpus, char *buffer, size_t size);

#define CONFIG_CPUS_TEXT_MAX 128

/* How many lines the key has in the file: as many as there are modules, or one. */
unsigned config_value_count(const struct config_key *key, const void *section);

/*
 * Write the key's value number `index` as the file would have it; returns the length as
 * format_buffer() does.
 */
int config_value_print(const struct config_key *key, const void *section, unsigned index, char *buffer,
                       size_t size);

/* Say which values the key takes, as in "yes or no" or "0 to 4". */
void config_describe_values(const struct config_key *key, char *buffer, size_t size);

/* The key of that name, or null. */
const struct config_key *config_find_key(enum config_section section, const char *name);

/* Fill a section with the defaults of all its keys. */
void config_defaults(enum config_section section, void *fields);

/*
 * The most similar of the keys of `section`, or null if none resembles `name`. Insertions,
 * deletions, substitutions and swaps of neighbours count one each.
 */
const struct config_key *config_nearest_key(enum config_section section, const char *name);

#endif
