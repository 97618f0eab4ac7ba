/* SPDX-License-Identifier: MIT */
/* The config table's text as logical lines, and the list of findings. Used by the parser alone. */
#ifndef GUESTS_CONFIG_CONFIG_LINES_H
#define GUESTS_CONFIG_CONFIG_LINES_H

#include "guests/config/config_keys.h"

struct config_findings {
	struct config_error *errors;
	unsigned count, max; /* found, and room in `errors` */
};

/* Add one finding about `line`. */
void config_complain(struct config_findings *findings, unsigned line, const char *format, ...)
	printf_like(3, 4);

struct config_lines {
	const char *at, *end; /* what is still to be read */
	unsigned line;        /* number of the line at `at` */
	unsigned start;       /* number of the line where `text` began */
	size_t length;        /* of `text` */
	char text[CONFIG_LINE_MAX + 1];
};

enum config_line { CONFIG_LINE_GOOD, CONFIG_LINE_BAD, CONFIG_LINE_END };

void config_lines_init(struct config_lines *lines, const char *text, size_t size);

/* How many lines of the file begin with `word`, apart from blanks. */
size_t config_lines_count(const char *text, size_t size, const char *word);

/*
 * Read the next logical line into `text`: without blanks around it, without its
 * newline, continued lines joined by one blank. CONFIG_LINE_BAD: it was wrong, and the
 * finding is written.
 */
enum config_line config_next_line(struct config_lines *lines, struct config_findings *findings);

static inline bool config_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The first character of `s` that is no blank. */
char *config_skip_blanks(char *s);

/* Cut `s` to `length` characters, less the blanks at the end. Returns the length that is left. */
size_t config_trim(char *s, size_t length);

#endif
