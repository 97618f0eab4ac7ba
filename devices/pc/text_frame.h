/* SPDX-License-Identifier: MIT */
/* What a text screen shows at one moment: between who knows the registers and who draws. */
#ifndef DEVICES_PC_TEXT_FRAME_H
#define DEVICES_PC_TEXT_FRAME_H

#include "lib/types.h"

#define TEXT_COLUMNS_MAX 132
#define TEXT_ROWS_MAX    60
#define TEXT_CELLS       0x4000u /* of the text memory; addresses wrap there */

/* A cell is two bytes: the character in code page 437, the attribute. Addresses count cells. */
struct text_frame {
	uint16_t columns, rows; /* 1..TEXT_COLUMNS_MAX, 1..TEXT_ROWS_MAX */
	uint16_t start;         /* address of the upper left cell */
	uint16_t pitch;         /* from a row to the next; may be 0 */
	uint16_t cursor;        /* address */
	bool cursor_shown;
	bool blink; /* attribute bit 7 blinks; else it makes the background bright */
	bool blank; /* nothing is shown: turned off, or not in text mode */

	/* Copy `count` bytes of the text memory from byte `offset`; both lie inside it. */
	void (*read)(const void *context, size_t offset, void *bytes, size_t count);
	const void *context;
};

#endif
