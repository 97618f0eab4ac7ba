/* SPDX-License-Identifier: MIT */
#include "devices/real/screen.h"
#include "devices/real/glyphs.h"
#include "devices/real/screen_backend.h"
#include "devices/real/screen_colour.h"
#include "lib/string.h"

#define ESCAPE         0x1b
#define BELL           0x07
#define PARAMETERS_MAX 8
#define PARAMETER_MAX  999
#define CURSOR_MODE    25 /* of ESC [ ? h and l: show and hide it */

static const struct screen_backend *const backends[] = {&vga_text_backend, &framebuffer_backend};

static struct {
	const struct screen_backend *backend; /* null: no screen */
	unsigned columns, rows;
	unsigned column, row; /* of the cursor; column == columns: wraps at the next character */
	unsigned top;         /* line of `grid` that is shown first: scrolling turns the ring */
	bool changed;
	bool cursor_hidden;
	struct screen_colour colour;
	enum { PLAIN, AFTER_ESCAPE, IN_SEQUENCE, BEFORE_LAST, IN_STRING } state;
	bool private;        /* a question mark was in the sequence */
	unsigned parameters; /* that the sequence has, more than are kept included */
	unsigned parameter[PARAMETERS_MAX];
	uint32_t code_point; /* of a UTF-8 sequence, so far */
	unsigned to_come;    /* bytes of it */
	uint16_t grid[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX];
	uint16_t drawn[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX]; /* 0: unknown */
} screen;

static const struct screen_backend *screen_find_backend(const struct boot_framebuffer *mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i]->size(mode))
			return backends[i];
	return NULL;
}

size_t screen_size(const struct boot_framebuffer *mode)
{
	const struct screen_backend *backend = screen_find_backend(mode);

	return backend ? backend->size(mode) : 0;
}

static uint16_t screen_cell_of(uint8_t character)
{
	return (uint16_t)(screen_colour_attribute(&screen.colour) << 8 | character);
}

static void screen_fill(uint16_t *cells, unsigned count)
{
	while (count--)
		*cells++ = screen_cell_of(' ');
}

bool screen_init(const struct boot_framebuffer *mode, void *memory)
{
	memset(&screen, 0, sizeof(screen));
	screen.colour = SCREEN_COLOUR_PLAIN;
	screen_fill(screen.grid[0], SCREEN_ROWS_MAX * SCREEN_COLUMNS_MAX);
	screen.backend = screen_find_backend(mode);
	if (!screen.backend)
		return false;
	screen.backend->start(mode, memory, &screen.columns, &screen.rows);
	screen.changed = true;
	return true;
}

bool screen_present(void)
{
	return screen.backend;
}

static uint16_t *screen_line_of(unsigned row)
{
	return screen.grid[(screen.top + row) % screen.rows];
}

static void screen_line_feed(void)
{
	if (screen.row + 1 < screen.rows) {
		screen.row++;
		return;
	}
	screen.top = (screen.top + 1) % screen.rows;
	screen_fill(screen_line_of(screen.rows - 1), screen.columns);
}

static void screen_put_character(uint8_t character)
{
	if (screen.column == screen.columns) {
		screen.column = 0;
		screen_line_feed();
	}
	screen_line_of(screen.row)[screen.column++] = screen_cell_of(character);
}

/* A byte of a UTF-8 sequence; what is cut off or wrong is dropped. */
static void screen_take_utf8(uint8_t byte)
{
	if (byte >= 0xc0) {
		screen.to_come = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
		screen.code_point = byte & (0x3fu >> screen.to_come);
	} else if (screen.to_come) {
		screen.code_point = screen.code_point << 6 | (byte & 0x3f);
		if (!--screen.to_come)
			screen_put_character(glyph_of(screen.code_point));
	}
}

static void screen_take_plain(uint8_t byte)
{
	if (byte >= 0x80) {
		screen_take_utf8(byte);
		return;
	}
	screen.to_come = 0;
	switch (byte) {
	case '\n': screen_line_feed(); break;
	case '\r': screen.column = 0; break;
	case '\b':
		if (screen.column)
			screen.column--;
		break;
	case '\t': screen.column = MIN((screen.column & ~7u) + 8, screen.columns - 1); break;
	case ESCAPE: screen.state = AFTER_ESCAPE; break;
	default:
		if (byte >= ' ' && byte < 0x7f)
			screen_put_character(byte);
		break;
	}
}

static unsigned screen_parameter_or(unsigned index, unsigned otherwise)
{
	return index < MIN(screen.parameters, PARAMETERS_MAX) && screen.parameter[index]
	               ? screen.parameter[index]
	               : otherwise;
}

static void screen_erase(unsigned from_row, unsigned from_column, unsigned to_row, unsigned to_column)
{
	for (unsigned row = from_row; row <= to_row && row < screen.rows; row++) {
		unsigned first = row == from_row ? from_column : 0;
		unsigned end = row == to_row ? MIN(to_column + 1, screen.columns) : screen.columns;

		if (first < end)
			screen_fill(screen_line_of(row) + first, end - first);
	}
}

/*
 * ECMA-48 "Control functions": CUU, CUD, CUF, CUB, CHA, CUP, ED, EL, SGR. Private ones are a
 * VT220's.
 */
static void screen_take_sequence(uint8_t final)
{
	unsigned last_row = screen.rows - 1, last_column = screen.columns - 1;
	unsigned n = screen_parameter_or(0, 1);

	if (screen.private) {
		if (n == CURSOR_MODE && (final == 'h' || final == 'l'))
			screen.cursor_hidden = final == 'l';
		return;
	}
	switch (final) {
	case 'A': screen.row -= MIN(n, screen.row); break;
	case 'B': screen.row = MIN(screen.row + n, last_row); break;
	case 'C': screen.column = MIN(screen.column + n, last_column); break;
	case 'D': screen.column -= MIN(n, screen.column); break;
	case 'G': screen.column = MIN(n - 1, last_column); break;
	case 'H':
	case 'f':
		screen.row = MIN(n - 1, last_row);
		screen.column = MIN(screen_parameter_or(1, 1) - 1, last_column);
		break;
	case 'J':
		n = screen_parameter_or(0, 0);
		screen_erase(n ? 0 : screen.row, n ? 0 : screen.column, n == 1 ? screen.row : last_row,
		             n == 1 ? screen.column : last_column);
		break;
	case 'K':
		n = screen_parameter_or(0, 0);
		screen_erase(screen.row, n ? 0 : screen.column, screen.row,
		             n == 1 ? screen.column : last_column);
		break;
	case 'm':
		screen_colour_take(&screen.colour, screen.parameter, MIN(screen.parameters, PARAMETERS_MAX));
		break;
	default: break;
	}
}

static void screen_take_parameter(uint8_t byte)
{
	if (byte == ';') {
		screen.parameters = MIN(screen.parameters + 1, PARAMETERS_MAX + 1);
	} else if (byte == '?') {
		screen.private = true;
	} else if (byte >= '0' && byte <= '9' && screen.parameters <= PARAMETERS_MAX) {
		unsigned *value = &screen.parameter[screen.parameters - 1];

		*value = MIN(*value * 10 + (byte - '0'), PARAMETER_MAX);
	}
}

/* The byte after ESC says which sequence begins. */
static void screen_start_sequence(uint8_t byte)
{
	switch (byte) {
	case '[': screen.state = IN_SEQUENCE; break;
	case ']': screen.state = IN_STRING; break; /* a title of the window */
	case '(':
	case ')': screen.state = BEFORE_LAST; break; /* a character set */
	default: screen.state = PLAIN; break;
	}
	screen.private = false;
	screen.parameters = 1;
	memset(screen.parameter, 0, sizeof(screen.parameter));
}

static void screen_take(uint8_t byte)
{
	switch (screen.state) {
	case PLAIN: screen_take_plain(byte); break;
	case AFTER_ESCAPE:
		if (byte == ESCAPE)
			break;
		screen_start_sequence(byte);
		break;
	case IN_SEQUENCE:
		if (byte >= 0x40 && byte <= 0x7e) {
			screen_take_sequence(byte);
			screen.state = PLAIN;
		} else if (byte == ESCAPE) {
			screen.state = AFTER_ESCAPE;
		} else {
			screen_take_parameter(byte);
		}
		break;
	case BEFORE_LAST: screen.state = PLAIN; break;
	case IN_STRING:
		if (byte == ESCAPE)
			screen.state = AFTER_ESCAPE;
		else if (byte == BELL || byte == '\n') /* the second is a mistake of the sender */
			screen.state = PLAIN;
		break;
	}
}

void screen_write(const uint8_t *text, size_t length)
{
	if (!screen.backend || !length)
		return;
	for (size_t i = 0; i < length; i++)
		screen_take(text[i]);
	screen.changed = true;
}

/* Draw what differs in one row; returns how many characters of the budget that took. */
static size_t screen_draw_row(unsigned row, size_t budget)
{
	const uint16_t *line = screen_line_of(row);
	uint16_t *drawn = screen.drawn[row];
	size_t used = 0;

	if (!memcmp(line, drawn, screen.columns * sizeof(*line)))
		return 0;
	for (unsigned column = 0; column < screen.columns && used < budget; column++) {
		if (line[column] == drawn[column])
			continue;
		screen.backend->draw(column, row, line[column]);
		drawn[column] = line[column];
		used++;
	}
	return used;
}

static void screen_draw_cursor(void)
{
	unsigned column = MIN(screen.column, screen.columns - 1);

	if (screen.cursor_hidden) {
		screen.backend->cursor(0, screen.rows);
		return;
	}
	screen.backend->cursor(column, screen.row);
	screen.drawn[screen.row][column] = 0; /* drawn over when the cursor has gone */
}

bool screen_changed(void)
{
	return screen.changed;
}

bool screen_draw(size_t cells)
{
	if (!screen.backend || !screen.changed)
		return false;
	for (unsigned row = 0; row < screen.rows; row++) {
		cells -= screen_draw_row(row, cells);
		if (!cells)
			return true;
	}
	screen_draw_cursor();
	screen.changed = false;
	return false;
}
