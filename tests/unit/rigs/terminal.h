/* SPDX-License-Identifier: MIT */
/*
 * A terminal for tests: as much of ECMA-48 as text_screen.c uses, and fails the test on anything
 * else. Its picture is characters (Unicode) and the SGR parameters that they were written with.
 */
#ifndef TESTS_UNIT_RIGS_TERMINAL_H
#define TESTS_UNIT_RIGS_TERMINAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define TERMINAL_ROWS    70
#define TERMINAL_COLUMNS 140

struct terminal_cell {
	uint16_t character;
	uint8_t foreground, background; /* SGR parameters; 0: the default */
	uint8_t blink;
};

struct terminal {
	struct terminal_cell cells[TERMINAL_ROWS][TERMINAL_COLUMNS];
	struct terminal_cell pen;
	unsigned row, column, top, bottom; /* the scrolling region, both inside */
	int cursor;                        /* shown */
	unsigned clears, scrolls;
};

static inline void terminal_erase(struct terminal *t, unsigned row, unsigned from)
{
	for (unsigned i = from; i < TERMINAL_COLUMNS; i++) {
		t->cells[row][i] = t->pen;
		t->cells[row][i].character = ' ';
	}
}

static inline void terminal_reset(struct terminal *t)
{
	memset(t, 0, sizeof(*t));
	/* Something else was there. */
	memset(t->cells, 0x55, sizeof(t->cells));
	t->row = 7;
	t->column = 77;
	t->bottom = TERMINAL_ROWS - 1;
	t->pen.foreground = 35;
}

static inline void terminal_delete_lines(struct terminal *t, unsigned n)
{
	assert_in_range(t->row, t->top, t->bottom);
	assert_in_range(n, 1, t->bottom - t->row + 1);
	memmove(t->cells[t->row], t->cells[t->row + n], (t->bottom - t->row + 1 - n) * sizeof(t->cells[0]));
	for (unsigned row = t->bottom + 1 - n; row <= t->bottom; row++)
		terminal_erase(t, row, 0);
	t->scrolls++;
}

static inline void terminal_sgr(struct terminal *t, unsigned parameter)
{
	if (parameter == 0)
		memset(&t->pen, 0, sizeof(t->pen));
	else if (parameter == 5)
		t->pen.blink = 1;
	else if (parameter / 10 == 3 || parameter / 10 == 9)
		t->pen.foreground = (uint8_t)parameter;
	else if (parameter / 10 == 4 || parameter / 10 == 10)
		t->pen.background = (uint8_t)parameter;
	else
		fail_msg("SGR %u", parameter);
}

static inline const uint8_t *terminal_sequence(struct terminal *t, const uint8_t *at, const uint8_t *end)
{
	unsigned parameters[8] = {0}, count = 0;
	int private = 0;

	assert_true(at < end && *at++ == '[');
	if (at < end && *at == '?') {
		private = 1;
		at++;
	}
	for (; at < end && (*at < 0x40 || *at > 0x7e); at++) {
		if (*at == ';') {
			assert_true(++count < 7);
			continue;
		}
		assert_in_range(*at, '0', '9');
		parameters[count] = parameters[count] * 10 + *at - '0';
	}
	assert_true(at < end);
	count++;
	if (private) {
		assert_true(parameters[0] == 25 && (*at == 'h' || *at == 'l'));
		t->cursor = *at == 'h';
		return at + 1;
	}
	switch (*at) {
	case 'm':
		for (unsigned i = 0; i < count; i++)
			terminal_sgr(t, parameters[i]);
		break;
	case 'H':
		t->row = parameters[0] ? parameters[0] - 1 : 0;
		t->column = parameters[1] ? parameters[1] - 1 : 0;
		assert_true(t->row < TERMINAL_ROWS && t->column < TERMINAL_COLUMNS);
		break;
	case 'J':
		assert_int_equal(parameters[0], 2);
		for (unsigned row = 0; row < TERMINAL_ROWS; row++)
			terminal_erase(t, row, 0);
		t->clears++;
		break;
	case 'K':
		assert_int_equal(parameters[0], 0);
		terminal_erase(t, t->row, t->column);
		break;
	case 'M': terminal_delete_lines(t, parameters[0]); break;
	case 'r':
		t->top = parameters[0] ? parameters[0] - 1 : 0;
		t->bottom = parameters[1] ? parameters[1] - 1 : TERMINAL_ROWS - 1;
		assert_true(t->top < t->bottom && t->bottom < TERMINAL_ROWS);
		t->row = t->column = 0;
		break;
	default: fail_msg("CSI %c", *at);
	}
	return at + 1;
}

/* One character of UTF-8 in its shortest form. */
static inline const uint8_t *terminal_character(struct terminal *t, const uint8_t *at, const uint8_t *end)
{
	unsigned code = *at++, more = 0;

	assert_in_range(code, 0x20, 0xef);
	assert_true(code < 0x7f || code >= 0xc2);
	if (code >= 0xe0) {
		more = 2;
		code &= 0x0f;
	} else if (code >= 0xc0) {
		more = 1;
		code &= 0x1f;
	}
	for (unsigned n = more; n; n--) {
		assert_true(at < end && (*at & 0xc0) == 0x80);
		code = code << 6 | (*at++ & 0x3f);
	}
	assert_true(more < 2 || code >= 0x800);
	assert_true(t->row < TERMINAL_ROWS && t->column < TERMINAL_COLUMNS);
	t->cells[t->row][t->column] = t->pen;
	t->cells[t->row][t->column].character = (uint16_t)code;
	t->column++;
	return at;
}

/* Take bytes; characters and sequences must be whole. */
static inline void terminal_write(struct terminal *t, const uint8_t *bytes, size_t count)
{
	const uint8_t *at = bytes, *end = bytes + count;

	while (at < end)
		at = *at == 0x1b ? terminal_sequence(t, at + 1, end) : terminal_character(t, at, end);
}

#endif
