/* How a kind of screen shows one character. Private to devices/real/screen*.c. */
#ifndef DEVICES_REAL_SCREEN_BACKEND_H
#define DEVICES_REAL_SCREEN_BACKEND_H

#include "devices/real/screen.h"

struct screen_backend {
	/* Bytes that the mode spans, and its grid; 0: this backend cannot draw on it. */
	size_t (*size)(const struct boot_framebuffer *mode);
	void (*start)(const struct boot_framebuffer *mode, void *memory, unsigned *columns, unsigned *rows);
	void (*draw)(unsigned column, unsigned row, uint8_t character);
	void (*cursor)(unsigned column, unsigned row);
};

extern const struct screen_backend vga_text_backend, framebuffer_backend;

#endif
