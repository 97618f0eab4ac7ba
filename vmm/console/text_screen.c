/* SPDX-License-Identifier: MIT */
/* Text screens on terminals: see text_screen.h. Control functions are named as in ECMA-48. */
#include "vmm/console/text_screen.h"

#include "lib/string.h"

#define PLAIN 0x07   /* light grey on black: the terminal's own colours */
#define BLANK 0x0720 /* a plain space, which erasing leaves */

#define ATTRIBUTE_BRIGHT     0x08
#define ATTRIBUTE_BACKGROUND 4 /* shift */
#define ATTRIBUTE_BIT_7      0x80

#define GAP_MAX         4 /* unchanged cells that cost no more than a movement of the cursor */
#define SCROLL_ATTEMPTS 4 /* distances that are looked at in full */
#define SCROLL_GAIN     3 /* rows that must come right by scrolling */

/* Cells that one call reads, in whole rows: a guest's picture may be large, and change at once. */
#define SCROLL_CELLS 1000 /* to see whether the picture has scrolled */
#define DRAW_CELLS   2000 /* to draw: all of 80 by 25 */

struct writer {
	uint8_t *bytes;
	size_t used, room;
};

static bool text_screen_has_room(const struct writer *out)
{
	return out->room - out->used >= TEXT_STEP_MAX;
}

static void text_screen_put(struct writer *out, char byte)
{
	out->bytes[out->used++] = (uint8_t)byte;
}

static void text_screen_put_text(struct writer *out, const char *text)
{
	while (*text)
		text_screen_put(out, *text++);
}

/* 0..999 */
static void text_screen_put_number(struct writer *out, unsigned number)
{
	if (number >= 100)
		text_screen_put(out, (char)('0' + number / 100));
	if (number >= 10)
		text_screen_put(out, (char)('0' + number / 10 % 10));
	text_screen_put(out, (char)('0' + number % 10));
}

/* UTF-8, up to FFFFh. */
static void text_screen_put_character(struct writer *out, uint16_t code)
{
	if (code < 0x80) {
		text_screen_put(out, (char)code);
	} else if (code < 0x800) {
		text_screen_put(out, (char)(0xc0 | code >> 6));
		text_screen_put(out, (char)(0x80 | (code & 0x3f)));
	} else {
		text_screen_put(out, (char)(0xe0 | code >> 12));
		text_screen_put(out, (char)(0x80 | (code >> 6 & 0x3f)));
		text_screen_put(out, (char)(0x80 | (code & 0x3f)));
	}
}

/* ---- Attributes ---- */

/*
 * SGR parameters from `normal` or, bright, from `bright` on. The PC has blue in bit 0, a terminal
 * red.
 */
static void text_screen_put_colour(struct writer *out, unsigned colour, unsigned normal, unsigned bright)
{
	unsigned swapped = (colour & 1) << 2 | (colour & 2) | (colour >> 2 & 1);

	text_screen_put(out, ';');
	text_screen_put_number(out, (colour & ATTRIBUTE_BRIGHT ? bright : normal) + swapped);
}

/* SGR, from scratch each time. */
static void text_screen_set_attribute(struct text_screen *shown, struct writer *out, uint8_t attribute)
{
	unsigned background = attribute >> ATTRIBUTE_BACKGROUND;

	if (shown->attribute == attribute)
		return;
	shown->attribute = attribute;
	text_screen_put_text(out, "\033[0");
	if (attribute != PLAIN) {
		if (shown->blink && attribute & ATTRIBUTE_BIT_7) {
			text_screen_put_text(out, ";5");
			background &= ~ATTRIBUTE_BRIGHT;
		}
		text_screen_put_colour(out, attribute & 0x0f, 30, 90);
		text_screen_put_colour(out, background, 40, 100);
	}
	text_screen_put(out, 'm');
}

/* ---- The terminal's cursor ---- */

static void text_screen_put_cell(struct text_screen *shown, struct writer *out, uint16_t cell)
{
	text_screen_set_attribute(shown, out, (uint8_t)(cell >> 8));
	text_screen_put_character(out, text_glyph((uint8_t)cell));
	shown->cells[shown->row][shown->column] = cell;
	/*
	 * After the last column terminals differ in where the cursor is. Then it is nowhere that
	 * text_screen_move() would go by itself.
	 */
	shown->column++;
}

/* May the cells up to `column` be written once more, instead of a movement? */
static bool text_screen_short_gap(const struct text_screen *shown, unsigned row, unsigned column)
{
	if (shown->row != row || shown->column > column || column - shown->column > GAP_MAX)
		return false;
	for (unsigned i = shown->column; i < column; i++)
		if (shown->cells[row][i] >> 8 != shown->attribute)
			return false;
	return true;
}

static void text_screen_move(struct text_screen *shown, struct writer *out, unsigned row, unsigned column)
{
	if (shown->row == row && shown->column == column)
		return;
	if (text_screen_short_gap(shown, row, column)) {
		while (shown->column < column)
			text_screen_put_cell(shown, out, shown->cells[row][shown->column]);
		return;
	}
	text_screen_put_text(out, "\033["); /* CUP */
	text_screen_put_number(out, row + 1);
	text_screen_put(out, ';');
	text_screen_put_number(out, column + 1);
	text_screen_put(out, 'H');
	shown->row = (uint16_t)row;
	shown->column = (uint16_t)column;
}

/* ---- Rows ---- */

/* Where text_glyph() is a space. */
static bool text_screen_is_space(uint8_t character)
{
	return character == ' ' || character == 0x00 || character == 0xff;
}

/* On black, a space has no colour that could be seen: all are the one that can be erased to. */
static void text_screen_unify_blanks(uint16_t *cells, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (cells[i] >> (8 + ATTRIBUTE_BACKGROUND) == 0 && text_screen_is_space((uint8_t)cells[i]))
			cells[i] = BLANK;
}

static void text_screen_read_row(const struct text_frame *now, unsigned row, uint16_t *cells)
{
	unsigned from = (now->start + row * now->pitch) % TEXT_CELLS;
	unsigned first = MIN((unsigned)now->columns, TEXT_CELLS - from);

	if (now->blank) {
		for (unsigned i = 0; i < now->columns; i++)
			cells[i] = BLANK;
		return;
	}
	now->read(now->context, from * sizeof(*cells), cells, first * sizeof(*cells));
	if (first < now->columns)
		now->read(now->context, 0, cells + first, (now->columns - first) * sizeof(*cells));
	text_screen_unify_blanks(cells, now->columns);
}

static bool text_screen_same_row(const struct text_screen *shown, unsigned row, const uint16_t *cells)
{
	unsigned column = 0;

	while (column < shown->columns && shown->cells[row][column] == cells[column])
		column++;
	return column == shown->columns;
}

/* How many rows have at most so many cells. */
static unsigned text_screen_rows_of(const struct text_screen *shown, unsigned cells)
{
	return MIN(cells / shown->columns, (unsigned)shown->rows);
}

/* EL: the rest of the row becomes blank. */
static void text_screen_erase_rest(struct text_screen *shown, struct writer *out, unsigned row,
                                   unsigned column)
{
	text_screen_move(shown, out, row, column);
	text_screen_set_attribute(shown, out, PLAIN);
	text_screen_put_text(out, "\033[K");
	for (unsigned i = column; i < shown->columns; i++)
		shown->cells[row][i] = BLANK;
}

/* False: no room for all of it. */
static bool text_screen_draw_row(struct text_screen *shown, struct writer *out, unsigned row,
                                 const uint16_t *cells)
{
	unsigned end = shown->columns; /* from here on the row is blank */

	while (end && cells[end - 1] == BLANK)
		end--;
	for (unsigned column = 0; column < shown->columns; column++) {
		if (shown->cells[row][column] == cells[column])
			continue;
		if (!text_screen_has_room(out))
			return false;
		if (column >= end) {
			text_screen_erase_rest(shown, out, row, column);
			return true;
		}
		text_screen_move(shown, out, row, column);
		text_screen_put_cell(shown, out, cells[column]);
	}
	return true;
}

/* ---- Scrolling ---- */

/* Distances by which row 0 may have come from below. Returns how many. */
static unsigned text_screen_find_scrolls(const struct text_screen *shown, const uint16_t *top,
                                         unsigned distance[SCROLL_ATTEMPTS])
{
	unsigned count = 0;

	for (unsigned row = 1; row < shown->rows && count < SCROLL_ATTEMPTS; row++)
		if (text_screen_same_row(shown, row, top))
			distance[count++] = row;
	return count;
}

/* How many more of the upper rows would be right after scrolling by each distance than are now? */
static void text_screen_scroll_gains(const struct text_screen *shown, const struct text_frame *now,
                                     const unsigned *distance, int *gain, unsigned count)
{
	uint16_t cells[TEXT_COLUMNS_MAX];

	for (unsigned row = 0; row < text_screen_rows_of(shown, SCROLL_CELLS); row++) {
		text_screen_read_row(now, row, cells);
		for (unsigned i = 0; i < count; i++) {
			gain[i] -= text_screen_same_row(shown, row, cells);
			gain[i] += row + distance[i] < shown->rows &&
			           text_screen_same_row(shown, row + distance[i], cells);
		}
	}
}

/* DL at the top of the picture: the terminal may have more rows than the picture. */
static void text_screen_scroll(struct text_screen *shown, struct writer *out, unsigned distance)
{
	unsigned kept = shown->rows - distance;

	text_screen_set_attribute(shown, out, PLAIN);
	text_screen_put_text(out, "\033[1;"); /* VT100: DECSTBM, which moves the cursor to the upper left */
	text_screen_put_number(out, shown->rows);
	text_screen_put_text(out, "r\033[");
	text_screen_put_number(out, distance);
	text_screen_put_text(out, "M\033[r");
	shown->row = shown->column = 0;
	memmove(shown->cells[0], shown->cells[distance], kept * sizeof(shown->cells[0]));
	for (unsigned row = kept; row < shown->rows; row++)
		for (unsigned i = 0; i < shown->columns; i++)
			shown->cells[row][i] = BLANK;
}

/* Most screens that change have scrolled, and a terminal can do that by itself. */
static void text_screen_try_to_scroll(struct text_screen *shown, const struct text_frame *now,
                                      struct writer *out)
{
	unsigned distance[SCROLL_ATTEMPTS], count;
	int gain[SCROLL_ATTEMPTS] = {0};
	uint16_t top[TEXT_COLUMNS_MAX];

	text_screen_read_row(now, 0, top);
	if (text_screen_same_row(shown, 0, top) || !text_screen_has_room(out))
		return;
	count = text_screen_find_scrolls(shown, top, distance);
	if (count)
		text_screen_scroll_gains(shown, now, distance, gain, count);
	for (unsigned i = 0; i < count; i++) {
		if (gain[i] >= SCROLL_GAIN) {
			text_screen_scroll(shown, out, distance[i]);
			return;
		}
	}
}

/* ---- The picture ---- */

static bool text_screen_is_as_before(const struct text_screen *shown, const struct text_frame *now)
{
	return shown->columns == now->columns && shown->rows == now->rows && shown->blink == now->blink;
}

static void text_screen_begin(struct text_screen *shown, const struct text_frame *now, struct writer *out)
{
	text_screen_put_text(out, "\033[0m\033[2J\033[H\033[?25h"); /* SGR, ED, CUP, and VT220's DECTCEM */
	shown->columns = now->columns;
	shown->rows = now->rows;
	shown->blink = now->blink;
	shown->row = shown->column = shown->next_row = 0;
	shown->attribute = PLAIN;
	shown->cursor_shown = true;
	for (unsigned row = 0; row < now->rows; row++)
		for (unsigned i = 0; i < now->columns; i++)
			shown->cells[row][i] = BLANK;
}

/*
 * Beginning where the last call stopped, so that a screen that changes all the time is shown to its
 * end, and a large one. True: that was the last row.
 */
static bool text_screen_draw(struct text_screen *shown, const struct text_frame *now, struct writer *out)
{
	uint16_t cells[TEXT_COLUMNS_MAX];

	for (unsigned n = text_screen_rows_of(shown, DRAW_CELLS); n; n--) {
		unsigned row = shown->next_row;

		text_screen_read_row(now, row, cells);
		if (!text_screen_same_row(shown, row, cells) && !text_screen_draw_row(shown, out, row, cells))
			return false;
		shown->next_row = (uint16_t)((row + 1) % shown->rows);
		if (!shown->next_row)
			return true;
	}
	return false;
}

static void text_screen_show_cursor(struct text_screen *shown, const struct text_frame *now,
                                    struct writer *out)
{
	unsigned offset = (now->cursor + TEXT_CELLS - now->start) % TEXT_CELLS;
	unsigned pitch = now->pitch ? now->pitch : TEXT_CELLS;
	unsigned row = offset / pitch, column = offset % pitch;
	bool visible = now->cursor_shown && !now->blank && row < now->rows && column < now->columns;

	if (!text_screen_has_room(out))
		return;
	if (visible)
		text_screen_move(shown, out, row, column);
	if (visible != shown->cursor_shown)
		text_screen_put_text(out, visible ? "\033[?25h" : "\033[?25l");
	shown->cursor_shown = visible;
}

size_t text_screen_render(struct text_screen *shown, const struct text_frame *now, uint8_t *bytes,
                          size_t room)
{
	struct writer out = {.bytes = bytes, .room = room};

	if (!text_screen_has_room(&out))
		return 0;
	if (!text_screen_is_as_before(shown, now))
		text_screen_begin(shown, now, &out);
	else if (shown->next_row == 0)
		text_screen_try_to_scroll(shown, now, &out);
	if (text_screen_draw(shown, now, &out))
		text_screen_show_cursor(shown, now, &out);
	return out.used;
}

void text_screen_forget(struct text_screen *shown)
{
	shown->columns = shown->rows = 0;
}
