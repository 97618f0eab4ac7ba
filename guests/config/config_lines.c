/* SPDX-License-Identifier: MIT */
#include "guests/config/config_lines.h"
#include "lib/format.h"
#include "lib/string.h"

void config_complain(struct config_findings *findings, unsigned line, const char *format, ...)
{
	struct config_error *error;
	va_list args;

	if (findings->count++ >= findings->max)
		return;
	error = &findings->errors[findings->count - 1];
	error->line = line;
	va_start(args, format);
	format_buffer_va(error->text, sizeof(error->text), format, args);
	va_end(args);
}

char *config_skip_blanks(char *s)
{
	while (config_is_blank(*s))
		s++;
	return s;
}

size_t config_trim(char *s, size_t length)
{
	while (length && config_is_blank(s[length - 1]))
		length--;
	s[length] = '\0';
	return length;
}

void config_lines_init(struct config_lines *lines, const char *text, size_t size)
{
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* UTF-8 byte order mark */
		text += 3;
		size -= 3;
	}
	lines->at = text;
	lines->end = text + size;
	lines->line = 1;
}

/* One line of the file, without blanks around it. */
struct piece {
	const char *begin, *end;
	bool continued; /* the next line belongs to it; the backslash is already taken off */
};

static struct piece config_take_piece(struct config_lines *lines)
{
	const char *newline = memchr(lines->at, '\n', (size_t)(lines->end - lines->at));
	struct piece piece = {lines->at, newline ? newline : lines->end, false};

	lines->at = newline ? newline + 1 : lines->end;
	lines->line++;
	while (piece.begin < piece.end && config_is_blank(*piece.begin))
		piece.begin++;
	while (piece.end > piece.begin && config_is_blank(piece.end[-1]))
		piece.end--;
	if (piece.end > piece.begin && piece.end[-1] == '\\') {
		piece.continued = true;
		piece.end--;
	}
	return piece;
}

size_t config_lines_count(const char *text, size_t size, const char *word)
{
	struct config_lines lines;
	size_t length = strlen(word), count = 0;

	config_lines_init(&lines, text, size);
	while (lines.at < lines.end) {
		struct piece piece = config_take_piece(&lines);

		if ((size_t)(piece.end - piece.begin) >= length && memcmp(piece.begin, word, length) == 0)
			count++;
	}
	return count;
}

static enum config_line config_check_bytes(struct piece piece, unsigned line,
                                           struct config_findings *findings)
{
	for (const char *c = piece.begin; c < piece.end; c++) {
		unsigned char byte = (unsigned char)*c;

		if (byte == 0) {
			config_complain(findings, line,
			                "a NUL byte: this is not a text file; "
			                "give the config file instead");
			return CONFIG_LINE_END;
		}
		if ((byte < ' ' && !config_is_blank(*c)) || byte == 0x7f) {
			config_complain(findings, line, "control character %02Xh in this line; remove it",
			                byte);
			return CONFIG_LINE_BAD;
		}
	}
	return CONFIG_LINE_GOOD;
}

/* False: no room. */
static bool config_append(struct config_lines *lines, const char *bytes, size_t count)
{
	if (count > CONFIG_LINE_MAX - lines->length)
		return false;
	memcpy(lines->text + lines->length, bytes, count);
	lines->length += count;
	lines->text[lines->length] = '\0';
	return true;
}

/* Append one line of the file; `*more` says whether the next one belongs to it. */
static enum config_line config_read_piece(struct config_lines *lines, struct config_findings *findings,
                                          bool *more)
{
	unsigned line = lines->line;
	struct piece piece = config_take_piece(lines);
	enum config_line result = config_check_bytes(piece, line, findings);
	bool fits;

	*more = piece.continued;
	if (line == lines->start && piece.begin < piece.end && (*piece.begin == '#' || *piece.begin == ';'))
		*more = false; /* comments end with their line */
	if (result != CONFIG_LINE_GOOD)
		return result;
	if (*more && lines->at == lines->end) {
		config_complain(findings, line,
		                "a backslash continues this line, but nothing follows; remove it");
		return CONFIG_LINE_BAD;
	}
	fits = config_append(lines, piece.begin, (size_t)(piece.end - piece.begin));
	if (fits && *more) {
		lines->length = config_trim(lines->text, lines->length);
		fits = config_append(lines, " ", 1);
	}
	if (fits)
		return CONFIG_LINE_GOOD;
	config_complain(findings, lines->start, "the line is longer than %d characters; shorten it",
	                CONFIG_LINE_MAX);
	return CONFIG_LINE_BAD;
}

enum config_line config_next_line(struct config_lines *lines, struct config_findings *findings)
{
	enum config_line result = CONFIG_LINE_GOOD, piece;
	bool more = true;

	if (lines->at == lines->end)
		return CONFIG_LINE_END;
	lines->start = lines->line;
	lines->length = 0;
	lines->text[0] = '\0';
	while (more && lines->at < lines->end) {
		struct config_findings ignored = {0};

		/* One finding for a line is enough; the rest of a bad one is only passed over. */
		piece = config_read_piece(lines, result == CONFIG_LINE_GOOD ? findings : &ignored, &more);
		if (piece == CONFIG_LINE_END)
			return CONFIG_LINE_END;
		if (piece == CONFIG_LINE_BAD)
			result = CONFIG_LINE_BAD;
	}
	lines->length = config_trim(lines->text, lines->length);
	return result;
}
