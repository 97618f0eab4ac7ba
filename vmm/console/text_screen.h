/* SPDX-License-Identifier: MIT */
/*
 * A PC's text screen on a terminal: turns what a frame shows into bytes that bring a VT100 with
 * colours and UTF-8 (ECMA-48) to the same picture. Sends only what changed since the last time.
 *
 * Pure: no device, no clock, no output of its own. Whoever looks at the screen of a VM keeps one
 * struct text_screen per terminal.
 */
#ifndef VMM_CONSOLE_TEXT_SCREEN_H
#define VMM_CONSOLE_TEXT_SCREEN_H

#include "devices/pc/text_frame.h"

/*
 * The longest piece that is sent as one: text_screen_render() needs this much room to do anything.
 */
#define TEXT_STEP_MAX 48

/* What the terminal shows. All zeroes: nothing is known. */
struct text_screen {
	uint16_t columns, rows;   /* of the picture; 0: nothing is known */
	uint16_t row, column;     /* of the terminal's cursor, from 0; column `columns`: after the last */
	uint16_t next_row;        /* where the last call ran out of room */
	uint8_t attribute;        /* of what is written next */
	bool blink, cursor_shown; /* as in struct text_frame */
	uint16_t cells[TEXT_ROWS_MAX][TEXT_COLUMNS_MAX];
};

/*
 * Bring the terminal nearer to `now`: write at most `room` bytes to `bytes`, whole characters and
 * sequences only, and remember what they do. Returns the number of bytes. 0, with room for
 * TEXT_STEP_MAX, says that the terminal shows the frame; else call again, with the same frame or a
 * newer one. Takes a time that is bounded by the largest frame.
 */
size_t must_check text_screen_render(struct text_screen *shown, const struct text_frame *now, uint8_t *bytes,
                                     size_t room);

/*
 * The terminal's picture is lost (something else was written to it): the next call paints all of
 * it.
 */
void text_screen_forget(struct text_screen *shown);

/*
 * The Unicode character that looks like `character` of code page 437; control characters are glyphs
 * there.
 */
uint16_t text_glyph(uint8_t character);

#endif
