/* SPDX-License-Identifier: MIT */
/*
 * The built-in font, 8 pixels wide and 16 high: ASCII 32..126, and the lines, blocks and shades of
 * code page 437.
 */
#ifndef DEVICES_REAL_FONT_H
#define DEVICES_REAL_FONT_H

#include "lib/types.h"

#define FONT_WIDTH  8
#define FONT_HEIGHT 16

/*
 * The pixels of row `row` (0..15, from the top) of `character`; bit 7 is the leftmost. Unknown ones
 * are a box.
 */
uint8_t font_row(uint8_t character, unsigned row);

#endif
