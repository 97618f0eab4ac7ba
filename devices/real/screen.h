/* SPDX-License-Identifier: MIT */
/*
 * The machine's screen as a grid of characters: VGA text memory, or a linear
 * framebuffer with the built-in font. What was written is kept in a grid of our own; drawing
 * is separate and bounded, and never reads video memory, which is slow.
 *
 * Locking: the caller serialises.
 */
#ifndef DEVICES_REAL_SCREEN_H
#define DEVICES_REAL_SCREEN_H

#include "lib/types.h"

/* What the boot loader left us to draw on. */
struct boot_framebuffer {
	enum { FRAMEBUFFER_NONE, FRAMEBUFFER_TEXT, FRAMEBUFFER_RGB } kind;
	hpa_t address;
	uint32_t pitch, width,
		height; /* pitch in bytes; width and height in pixels, or characters for TEXT */
	uint8_t bits_per_pixel;
	uint8_t red_position, red_size, green_position, green_size, blue_position, blue_size;
};

#define SCREEN_COLUMNS_MAX 240
#define SCREEN_ROWS_MAX    80

/* Bytes of video memory that `mode` spans; 0 if we cannot draw on it. */
size_t screen_size(const struct boot_framebuffer *mode);

/*
 * Start with an empty screen in `mode`; `memory` is its mapping of screen_size() bytes. False
 * (and no screen) for a mode that we cannot draw on.
 */
bool screen_init(const struct boot_framebuffer *mode, void *memory);

/* Is there a screen? */
bool screen_present(void);

/*
 * Take text: ASCII, lines and blocks in UTF-8, CR, LF, BS and TAB. Another character beyond ASCII
 * becomes a question mark. The sequences of ECMA-48 for moving, erasing, colours and hiding the
 * cursor have their effect; others are skipped.
 */
void screen_write(const uint8_t *text, size_t length);

/* Is there anything to draw? */
bool screen_changed(void);

/* Draw up to `cells` changed characters; true if more are waiting. */
bool screen_draw(size_t cells);

#endif
