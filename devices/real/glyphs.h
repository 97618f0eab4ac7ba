/* SPDX-License-Identifier: MIT */
/*
 * The characters of a screen's cells: ASCII, and what code page 437, which VGA's own font has,
 * offers for drawing.
 */
#ifndef DEVICES_REAL_GLYPHS_H
#define DEVICES_REAL_GLYPHS_H

#include "lib/types.h"

#define GLYPH_UNKNOWN '?'
#define GLYPH_BOX     0xb3 /* box drawing: .. GLYPH_BOX_END - 1 */
#define GLYPH_BOX_END 0xdb
#define GLYPH_FULL    0xdb
#define GLYPH_LOWER   0xdc
#define GLYPH_LEFT    0xdd
#define GLYPH_RIGHT   0xde
#define GLYPH_UPPER   0xdf
#define GLYPH_SHADES  0xb0 /* three of them, the lightest first */

/*
 * The character in code page 437 for a Unicode code point beyond ASCII; GLYPH_UNKNOWN for what has
 * no line, block or arrow there.
 */
uint8_t glyph_of(uint32_t code_point);

#endif
