/* SPDX-License-Identifier: MIT */
/* How a kind of screen shows one character. Private to devices/real/screen*.c. */
#ifndef DEVICES_REAL_SCREEN_BACKEND_H
#define DEVICES_REAL_SCREEN_BACKEND_H

#include "devices/real/screen.h"

struct screen_backend {
	/* Bytes that the mode spans, and its grid; 0: this backend cannot draw on it. */
	size_t (*size)(const struct boot_framebuffer *mode);
	void (*start)(const struct boot_framebuffer *mode, void *memory, unsigned *columns, unsigned *rows);
	/*
	 * A cell as in VGA text memory: the character in code page 437 (as far as glyphs.h has it),
	 * and the attribute above it.
	 */
	void (*draw)(unsigned column, unsigned row, uint16_t cell);
	/* Row `rows`: no cursor. */
	void (*cursor)(unsigned column, unsigned row);
};

extern const struct screen_backend vga_text_backend, framebuffer_backend;

#endif
