/* SPDX-License-Identifier: MIT */
/*
 * An operator's terminal for tests: what xterm does with what it is sent, as far as that can be
 * seen later. It answers every question, also those that xterm answers only if it is told to, and
 * does what other terminals do: XOFF stops the line, ENQ and ESC k are obeyed. ECMA-48, VT100 to
 * VT420, and "XTerm Control Sequences".
 */
#ifndef TESTS_UNIT_RIGS_XTERM_H
#define TESTS_UNIT_RIGS_XTERM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define XTERM_ROWS    24
#define XTERM_COLUMNS 80
#define XTERM_MODES   4096
#define XTERM_TEXT    512

struct xterm_cell {
	uint32_t character;
	bool styled;
};

struct xterm {
	struct xterm_cell cells[XTERM_ROWS][XTERM_COLUMNS], saved_cells[XTERM_ROWS][XTERM_COLUMNS];
	unsigned row, column, top, bottom; /* the scrolling region, both inside */
	struct xterm_cursor {
		unsigned row, column;
		bool styled, origin;
		char set[4], shift;
	} saved;
	bool styled;                  /* SGR is not normal */
	char set[4], shift;           /* G0 to G3, and which is used */
	bool private[XTERM_MODES];    /* DEC private modes */
	bool ansi[XTERM_MODES];       /* SM */
	bool keypad, vt52, stopped;   /* stopped: by XOFF, the terminal sends nothing */
	bool titled, printing, other; /* window title or clipboard; media copy; what nothing undoes */
	bool tabs_changed, wide_lines;
	enum { XTERM_GROUND, XTERM_ESCAPE, XTERM_CSI, XTERM_STRING, XTERM_STRING_ESCAPE, XTERM_NEXT } state;
	char text[XTERM_TEXT]; /* of the sequence, so far */
	unsigned length;
	uint32_t code; /* of UTF-8 */
	unsigned missing;
	char answers[65536]; /* with what was typed, NUL-terminated: sent, and not yet taken */
	unsigned answered, asked, bells;
};

static inline void xterm_reset(struct xterm *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < XTERM_ROWS * XTERM_COLUMNS; i++)
		t->cells[i / XTERM_COLUMNS][i % XTERM_COLUMNS].character = ' ';
	t->bottom = XTERM_ROWS - 1;
	memset(t->set, 'B', sizeof(t->set));
	t->private[7] = t->private[25] = t->private[8] = true;
	t->saved.row = 0;
	memset(t->saved.set, 'B', sizeof(t->saved.set));
}

/* What is typed follows the answers that were not taken yet. */
static inline void xterm_type(struct xterm *t, const char *text)
{
	size_t length = strlen(text);

	if (t->answered + length >= sizeof(t->answers))
		return;
	memcpy(t->answers + t->answered, text, length + 1);
	t->answered += (unsigned)length;
}

static inline void xterm_answer(struct xterm *t, const char *text)
{
	t->asked++;
	xterm_type(t, text);
}

static inline void xterm_erase(struct xterm *t, unsigned from, unsigned end)
{
	for (unsigned i = from; i < end; i++)
		t->cells[i / XTERM_COLUMNS][i % XTERM_COLUMNS] =
			(struct xterm_cell){.character = ' ', .styled = t->styled};
}

static inline void xterm_scroll(struct xterm *t, unsigned top, int lines)
{
	for (; lines > 0; lines--) {
		memmove(t->cells[top], t->cells[top + 1], (t->bottom - top) * sizeof(t->cells[0]));
		xterm_erase(t, t->bottom * XTERM_COLUMNS, (t->bottom + 1) * XTERM_COLUMNS);
	}
	for (; lines < 0; lines++) {
		memmove(t->cells[top + 1], t->cells[top], (t->bottom - top) * sizeof(t->cells[0]));
		xterm_erase(t, top * XTERM_COLUMNS, (top + 1) * XTERM_COLUMNS);
	}
}

static inline void xterm_line_feed(struct xterm *t)
{
	if (t->row == t->bottom)
		xterm_scroll(t, t->top, 1);
	else if (t->row < XTERM_ROWS - 1)
		t->row++;
}

static inline void xterm_save(struct xterm *t)
{
	t->saved = (struct xterm_cursor){t->row, t->column, t->styled, t->private [6], {0 }, t->shift};
	memcpy(t->saved.set, t->set, sizeof(t->set));
}

static inline void xterm_restore(struct xterm *t)
{
	t->row = t->saved.row;
	t->column = t->saved.column;
	t->styled = t->saved.styled;
	t->private[6] = t->saved.origin;
	t->shift = t->saved.shift;
	memcpy(t->set, t->saved.set, sizeof(t->set));
}

static inline void xterm_alternate(struct xterm *t, bool on, bool cursor)
{
	bool was = t->private[47] || t->private[1047] || t->private[1049];

	if (on && cursor)
		xterm_save(t);
	if (on != was) {
		struct xterm_cell cells[XTERM_ROWS][XTERM_COLUMNS];

		memcpy(cells, t->cells, sizeof(cells));
		memcpy(t->cells, t->saved_cells, sizeof(cells));
		memcpy(t->saved_cells, cells, sizeof(cells));
		if (on)
			xterm_erase(t, 0, XTERM_ROWS * XTERM_COLUMNS);
	}
	if (!on && cursor)
		xterm_restore(t);
	t->private[47] = t->private[1047] = t->private[1049] = on;
}

static inline void xterm_mode(struct xterm *t, unsigned mode, bool on)
{
	if (mode >= XTERM_MODES)
		return;
	switch (mode) {
	case 2: t->vt52 = !on; break;
	case 3: xterm_erase(t, 0, XTERM_ROWS * XTERM_COLUMNS); break;
	case 47:
	case 1047:
	case 1049: xterm_alternate(t, on, mode == 1049); return;
	case 1048: on ? xterm_save(t) : xterm_restore(t); return;
	case 6:
		t->row = on ? t->top : 0;
		t->column = 0;
		break;
	default: break;
	}
	t->private[mode] = on;
}

static inline void xterm_character(struct xterm *t, uint32_t code)
{
	if (code >= 0x80 && code < 0xa0) { /* C1, also in UTF-8 */
		t->state = code == 0x9b                                  ? XTERM_CSI
		           : code > 0x9c || code == 0x90 || code == 0x98 ? XTERM_STRING
		                                                         : XTERM_GROUND;
		t->length = 0;
		if (t->state == XTERM_GROUND)
			t->other = true;
		return;
	}
	if (t->set[(unsigned)t->shift] == '0' && code >= 0x5f && code < 0x7f)
		code += 0x2500; /* some line */
	if (t->column == XTERM_COLUMNS) {
		t->column = t->private[7] ? 0 : XTERM_COLUMNS - 1;
		if (t->private[7])
			xterm_line_feed(t);
	}
	if (t->ansi[4] && t->column < XTERM_COLUMNS - 1)
		memmove(&t->cells[t->row][t->column + 1], &t->cells[t->row][t->column],
		        (XTERM_COLUMNS - 1 - t->column) * sizeof(struct xterm_cell));
	t->cells[t->row][t->column++] = (struct xterm_cell){code, t->styled};
}

static inline void xterm_control(struct xterm *t, uint8_t byte)
{
	switch (byte) {
	case 0x05: xterm_answer(t, "answerback\r"); break;
	case 0x07: t->bells++; break;
	case '\b': t->column -= t->column > 0; break;
	case '\t':
		t->column = (t->column | 7) + 1 < XTERM_COLUMNS ? (t->column | 7) + 1 : XTERM_COLUMNS - 1;
		break;
	case '\n':
	case '\v':
	case '\f':
		xterm_line_feed(t);
		if (t->ansi[20])
			t->column = 0;
		break;
	case '\r': t->column = 0; break;
	case 0x0e: t->shift = 1; break;
	case 0x0f: t->shift = 0; break;
	case 0x11: t->stopped = false; break;
	case 0x13: t->stopped = true; break;
	default: break;
	}
}

/* The index-th number of the sequence; `otherwise` for 0 or none. */
static inline unsigned xterm_number(const struct xterm *t, unsigned index, unsigned otherwise)
{
	const char *at = t->text;
	unsigned number = 0;

	while (*at && (*at < '0' || *at > ';'))
		at++;
	for (; index && *at; at++)
		index -= *at == ';';
	for (; !index && *at >= '0' && *at <= '9'; at++)
		number = number < 100000 ? number * 10 + (unsigned)(*at - '0') : number;
	return number ? number : otherwise;
}

static inline unsigned xterm_less(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static inline void xterm_place(struct xterm *t, unsigned row, unsigned column)
{
	unsigned first = t->private[6] ? t->top : 0, last = t->private[6] ? t->bottom : XTERM_ROWS - 1;

	t->row = xterm_less(first + row, last);
	t->column = xterm_less(column, XTERM_COLUMNS - 1);
}

static inline void xterm_report(struct xterm *t, char final)
{
	char text[64];

	switch (final) {
	case 'n':
		snprintf(text, sizeof(text), xterm_number(t, 0, 0) == 6 ? "\x1b[%u;%uR" : "\x1b[0n",
		         t->row + 1, t->column + 1);
		xterm_answer(t, text);
		break;
	case 'c': xterm_answer(t, "\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c"); break;
	case 'x': xterm_answer(t, "\x1b[2;1;1;128;128;1;0x"); break;
	case 't': xterm_answer(t, "\x1b]ldestroy second\r\x1b\\"); break;
	default: xterm_answer(t, "\x1b[?1;2$y"); break;
	}
}

static inline void xterm_private(struct xterm *t, char first, char final)
{
	if (first == '?' && (final == 'h' || final == 'l')) {
		for (unsigned i = 0; i < 16; i++)
			if (xterm_number(t, i, 0))
				xterm_mode(t, xterm_number(t, i, 0), final == 'h');
	} else if (final == 'c' || final == 'n' || final == 'p' || final == 'q' || final == 'u') {
		xterm_report(t, final);
		t->other = t->other || final == 'p' || final == 'u';
	} else if (final == 'i') {
		t->printing = true;
	} else if (final != 'J' && final != 'K') {
		t->other = true;
	}
}

static inline void xterm_sequence(struct xterm *t, char final)
{
	unsigned n = xterm_number(t, 0, 1),
		 here = t->row * XTERM_COLUMNS + xterm_less(t->column, XTERM_COLUMNS - 1);
	bool in_region = t->row >= t->top && t->row <= t->bottom;

	if (t->text[0] >= '<' && t->text[0] <= '?') {
		xterm_private(t, t->text[0], final);
		return;
	}
	for (const char *at = t->text; *at; at++) {
		if (*at >= ' ' && *at < '0') {
			if (*at != '!') /* DECSTR helps only */
				t->other = true;
			return;
		}
	}
	n = xterm_less(n, 1000);
	switch (final) {
	case '@':
	case 'P':
	case 'X': xterm_erase(t, here, (t->row + 1) * XTERM_COLUMNS); break;
	case 'A':
	case 'F': t->row -= xterm_less(n, t->row); break;
	case 'B':
	case 'e':
	case 'E': t->row = xterm_less(t->row + n, XTERM_ROWS - 1); break;
	case 'C':
	case 'a': t->column = xterm_less(t->column + n, XTERM_COLUMNS - 1); break;
	case 'D': t->column -= xterm_less(n, t->column); break;
	case 'G':
	case '`': t->column = xterm_less(n - 1, XTERM_COLUMNS - 1); break;
	case 'd': xterm_place(t, n - 1, t->column); break;
	case 'H':
	case 'f': xterm_place(t, n - 1, xterm_number(t, 1, 1) - 1); break;
	case 'J':
		n = xterm_number(t, 0, 0);
		if (n == 3)
			t->other = true; /* what has scrolled off is gone */
		else
			xterm_erase(t, n ? 0 : here, n == 1 ? here + 1 : XTERM_ROWS * XTERM_COLUMNS);
		break;
	case 'K':
		n = xterm_number(t, 0, 0);
		xterm_erase(t, n ? t->row * XTERM_COLUMNS : here,
		            n == 1 ? here + 1 : (t->row + 1) * XTERM_COLUMNS);
		break;
	case 'L':
	case 'M':
		if (in_region)
			xterm_scroll(t, t->row, (final == 'M' ? 1 : -1) * (int)xterm_less(n, XTERM_ROWS));
		break;
	case 'S':
	case 'T': xterm_scroll(t, t->top, (final == 'S' ? 1 : -1) * (int)xterm_less(n, XTERM_ROWS)); break;
	case 'b':
		while (n--)
			xterm_character(t, '~');
		break;
	case 'g': t->tabs_changed = true; break;
	case 'h':
	case 'l':
		for (unsigned i = 0; i < 16; i++)
			if (xterm_number(t, i, 0) && xterm_number(t, i, 0) < XTERM_MODES)
				t->ansi[xterm_number(t, i, 0)] = final == 'h';
		break;
	case 'i': t->printing = true; break;
	case 'm': t->styled = t->text[0] && strcmp(t->text, "0"); break;
	case 'c':
	case 'n':
	case 't':
	case 'x': xterm_report(t, final); break;
	case 'q':
	case 'w':
	case 'v':
	case 'y':
	case 'z': t->other = true; break;
	case 'r':
		t->top = xterm_less(n - 1, XTERM_ROWS - 1);
		t->bottom = xterm_less(xterm_number(t, 1, XTERM_ROWS) - 1, XTERM_ROWS - 1);
		if (t->top >= t->bottom) {
			t->top = 0;
			t->bottom = XTERM_ROWS - 1;
		}
		xterm_place(t, 0, 0);
		break;
	case 's': xterm_save(t); break;
	case 'u': xterm_restore(t); break;
	default: break;
	}
}

static inline void xterm_after_escape(struct xterm *t, uint8_t byte)
{
	t->state = XTERM_GROUND;
	t->length = 0;
	switch (byte) {
	case '[': t->state = XTERM_CSI; break;
	case ']':
	case 'P':
	case 'X':
	case '^':
	case '_':
	case 'k': t->state = XTERM_STRING; break;
	case '7': xterm_save(t); break;
	case '8': xterm_restore(t); break;
	case 'D': xterm_line_feed(t); break;
	case 'E':
		t->column = 0;
		xterm_line_feed(t);
		break;
	case 'M':
		if (t->row == t->top)
			xterm_scroll(t, t->top, -1);
		else
			t->row -= t->row > 0;
		break;
	case 'H': t->tabs_changed = true; break;
	case 'Z': xterm_report(t, 'c'); break;
	case '=':
	case '>': t->keypad = byte == '='; break;
	case 'n':
	case 'o': t->shift = byte == 'n' ? 2 : 3; break;
	case 'c': {
		unsigned asked = t->asked;
		bool other = t->other;

		xterm_reset(t);
		t->asked = asked;
		t->other = other;
		break;
	}
	default:
		if (byte >= ' ' && byte < '0') {
			t->text[t->length++] = (char)byte;
			t->state = XTERM_NEXT;
		} else if (byte >= '|' && byte <= '~') {
			t->other = true; /* locking shifts of the right half */
		}
		break;
	}
}

/* A string has ended: what asks is answered, with words that the sender chose. */
static inline void xterm_string_end(struct xterm *t)
{
	t->state = XTERM_GROUND;
	t->text[t->length] = '\0';
	if (strchr(t->text, '?') || strchr(t->text, '$') || strchr(t->text, '+'))
		xterm_answer(t, "\x1b]11;rgb:0000/0000/0000\adestroy second\r");
	t->titled = true;
}

static inline void xterm_keep(struct xterm *t, uint8_t byte)
{
	if (t->length < XTERM_TEXT - 1)
		t->text[t->length++] = (char)byte;
}

static inline void xterm_next(struct xterm *t, uint8_t byte)
{
	static const char sets[] = "()*+";
	const char *which = strchr(sets, t->text[0]);

	t->state = XTERM_GROUND;
	if (which)
		t->set[which - sets] = (char)byte;
	else if (t->text[0] == '#')
		t->wide_lines = t->wide_lines || byte != '8';
	else
		t->other = true;
}

static inline void xterm_take_sequence(struct xterm *t, uint8_t byte)
{
	if (byte < ' ') {
		xterm_control(t, byte);
	} else if (byte >= '@' && byte < 0x7f) {
		t->state = XTERM_GROUND;
		t->text[t->length] = '\0';
		xterm_sequence(t, (char)byte);
	} else {
		xterm_keep(t, byte);
	}
}

static inline void xterm_take_ground(struct xterm *t, uint8_t byte)
{
	if (byte < ' ') {
		t->missing = 0;
		xterm_control(t, byte);
	} else if (byte < 0x7f) {
		t->missing = 0;
		xterm_character(t, byte);
	} else if (byte >= 0xc0) {
		t->missing = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
		t->code = byte & (0x3fu >> t->missing);
	} else if (byte >= 0x80 && !t->missing) {
		xterm_character(t, byte); /* as terminals of 8 bits have it */
	} else if (byte >= 0x80) {
		t->code = t->code << 6 | (byte & 0x3f);
		if (!--t->missing)
			xterm_character(t, t->code);
	}
}

static inline void xterm_take(struct xterm *t, uint8_t byte)
{
	if (byte == 0x18 || byte == 0x1a) {
		t->state = XTERM_GROUND;
	} else if (t->state == XTERM_STRING_ESCAPE && byte == '\\') {
		xterm_string_end(t);
	} else if (byte == 0x1b) {
		t->missing = 0;
		t->state = t->state == XTERM_STRING ? XTERM_STRING_ESCAPE : XTERM_ESCAPE;
	} else if (t->state == XTERM_STRING && byte == 0x07) {
		xterm_string_end(t);
	} else if (t->state == XTERM_STRING) {
		xterm_keep(t, byte);
	} else if (t->state == XTERM_CSI) {
		xterm_take_sequence(t, byte);
	} else if (t->state == XTERM_ESCAPE || t->state == XTERM_STRING_ESCAPE) {
		xterm_after_escape(t, byte);
	} else if (t->state == XTERM_NEXT) {
		xterm_next(t, byte);
	} else {
		xterm_take_ground(t, byte);
	}
}

/* The operator clicks and moves the window's focus. */
static inline void xterm_click(struct xterm *t)
{
	if (t->private[1004])
		xterm_answer(t, "\x1b[O\x1b[I");
	if (!t->private[9] && !t->private[1000] && !t->private[1002] && !t->private[1003])
		return;
	xterm_answer(t, t->private[1006] ? "\x1b[<0;27;12M\x1b[<0;27;12m" : "\x1b[M ;,\x1b[M#;,");
}

/* What the terminal would send, up to `size` bytes; they are taken. */
static inline unsigned xterm_send(struct xterm *t, char *bytes, unsigned size)
{
	unsigned count = xterm_less(t->answered, size);

	if (t->stopped || t->ansi[2])
		return 0;
	memcpy(bytes, t->answers, count);
	memmove(t->answers, t->answers + count, t->answered - count);
	t->answered -= count;
	return count;
}

/* A row without the spaces at its end; what is not ASCII is a question mark. */
static inline void xterm_row(const struct xterm *t, unsigned row, char text[XTERM_COLUMNS + 1])
{
	unsigned end = XTERM_COLUMNS;

	while (end && t->cells[row][end - 1].character == ' ')
		end--;
	for (unsigned i = 0; i < end; i++)
		text[i] = t->cells[row][i].character < 0x7f ? (char)t->cells[row][i].character : '?';
	text[end] = '\0';
}

/* What is not as after power-on, apart from the cells and the cursor's place; null: all is. */
static inline const char *xterm_insane(const struct xterm *t)
{
	for (unsigned i = 0; i < XTERM_MODES; i++)
		if (t->private[i] != (i == 7 || i == 8 || i == 25))
			return "a private mode";
	for (unsigned i = 0; i < XTERM_MODES; i++)
		if (t->ansi[i])
			return "a mode";
	if (t->styled)
		return "the style";
	if (t->top || t->bottom != XTERM_ROWS - 1)
		return "the scrolling region";
	if (memcmp(t->set, "BB", 2) || t->set[2] != 'B' || t->set[3] != 'B' || t->shift)
		return "a character set";
	if (t->keypad || t->vt52 || t->stopped)
		return "the keypad, VT52 or XOFF";
	if (t->titled || t->printing || t->tabs_changed || t->wide_lines || t->other)
		return "what cannot be undone";
	return t->state == XTERM_GROUND ? NULL : "an unfinished sequence";
}

#endif
