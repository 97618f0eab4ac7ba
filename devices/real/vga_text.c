/* SPDX-License-Identifier: MIT */
/*
 * VGA text mode: a character and an attribute byte per cell. IBM VGA Technical Reference, "CRT
 * Controller Registers".
 */
#include "devices/real/screen_backend.h"
#include "lib/x86.h"

#define CRTC_INDEX  0x3d4
#define CRTC_DATA   0x3d5
#define CURSOR_HIGH 0x0e
#define CURSOR_LOW  0x0f

static volatile uint16_t *cells;
static unsigned cells_per_row;

static size_t vga_size(const struct boot_framebuffer *mode)
{
	if (mode->kind != FRAMEBUFFER_TEXT || !mode->width || mode->width > SCREEN_COLUMNS_MAX ||
	    !mode->height || mode->height > SCREEN_ROWS_MAX || mode->pitch < mode->width * 2 ||
	    mode->pitch % 2 || mode->pitch > 2 * SCREEN_COLUMNS_MAX || mode->address % 2)
		return 0;
	return (size_t)mode->pitch * mode->height;
}

static void vga_start(const struct boot_framebuffer *mode, void *memory, unsigned *columns, unsigned *rows)
{
	cells = memory;
	cells_per_row = mode->pitch / 2;
	*columns = mode->width;
	*rows = mode->height;
}

static void vga_draw(unsigned column, unsigned row, uint16_t cell)
{
	cells[row * cells_per_row + column] = cell;
}

static void vga_cursor(unsigned column, unsigned row)
{
	unsigned at = row * cells_per_row + column;

	out8(CRTC_INDEX, CURSOR_HIGH);
	out8(CRTC_DATA, (uint8_t)(at >> 8));
	out8(CRTC_INDEX, CURSOR_LOW);
	out8(CRTC_DATA, (uint8_t)at);
}

const struct screen_backend vga_text_backend = {vga_size, vga_start, vga_draw, vga_cursor};
