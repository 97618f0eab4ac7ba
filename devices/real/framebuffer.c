/* SPDX-License-Identifier: MIT */
/* A linear framebuffer with 16, 24 or 32 bits a pixel, as UEFI's graphics output leaves it. */
#include "devices/real/font.h"
#include "devices/real/screen_backend.h"

#define SIZE_MAX_BYTES MIB(256)
#define COLOURS        16
#define CURSOR         7 /* light grey */

/* Of 255, by two bits of a colour number: the primary's own, and the one for bright. */
static const uint8_t brightness[] = {0, 0xb8, 0x55, 0xff};

static struct {
	volatile uint8_t *memory;
	uint32_t pitch;
	unsigned bytes; /* per pixel */
	unsigned scale; /* screen pixels per font pixel, each way */
	unsigned rows;
	uint32_t colours[COLOURS]; /* by the numbers of VGA text: blue 1, green 2, red 4, bright 8 */
} framebuffer;

static bool framebuffer_colour_fits(uint8_t position, uint8_t size, unsigned bits)
{
	return size >= 1 && size <= 8 && position + size <= bits;
}

static size_t framebuffer_size(const struct boot_framebuffer *mode)
{
	unsigned bytes = (mode->bits_per_pixel + 7u) / 8;
	uint64_t size = (uint64_t)mode->pitch * mode->height;

	if (mode->kind != FRAMEBUFFER_RGB || bytes < 2 || bytes > 4)
		return 0;
	if (mode->width < FONT_WIDTH || mode->height < FONT_HEIGHT || size > SIZE_MAX_BYTES)
		return 0;
	if (mode->pitch / bytes < mode->width)
		return 0;
	if (bytes != 3 && (mode->pitch % bytes || mode->address % bytes))
		return 0;
	if (!framebuffer_colour_fits(mode->red_position, mode->red_size, mode->bits_per_pixel) ||
	    !framebuffer_colour_fits(mode->green_position, mode->green_size, mode->bits_per_pixel) ||
	    !framebuffer_colour_fits(mode->blue_position, mode->blue_size, mode->bits_per_pixel))
		return 0;
	return size;
}

static uint32_t framebuffer_colour(uint8_t position, uint8_t size, bool set, bool bright)
{
	return (uint32_t)(brightness[set | bright << 1] >> (8 - size)) << position;
}

static void framebuffer_start(const struct boot_framebuffer *mode, void *memory, unsigned *columns,
                              unsigned *rows)
{
	/*
	 * On very fine screens the font grows with the resolution, so that it stays readable and
	 * the grid fits.
	 */
	unsigned scale_x = mode->width / (FONT_WIDTH * SCREEN_COLUMNS_MAX + 1) + 1;
	unsigned scale_y = mode->height / (FONT_HEIGHT * SCREEN_ROWS_MAX + 1) + 1;

	framebuffer.memory = memory;
	framebuffer.pitch = mode->pitch;
	framebuffer.bytes = (mode->bits_per_pixel + 7u) / 8;
	framebuffer.scale =
		MIN(MAX(scale_x, scale_y), MIN(mode->width / FONT_WIDTH, mode->height / FONT_HEIGHT));
	for (unsigned i = 0; i < COLOURS; i++)
		framebuffer.colours[i] =
			framebuffer_colour(mode->red_position, mode->red_size, i & 4, i & 8) |
			framebuffer_colour(mode->green_position, mode->green_size, i & 2, i & 8) |
			framebuffer_colour(mode->blue_position, mode->blue_size, i & 1, i & 8);
	*columns = MIN(mode->width / FONT_WIDTH / framebuffer.scale, SCREEN_COLUMNS_MAX);
	framebuffer.rows = MIN(mode->height / FONT_HEIGHT / framebuffer.scale, SCREEN_ROWS_MAX);
	*rows = framebuffer.rows;
}

static void framebuffer_put_pixel(volatile uint8_t *at, uint32_t value)
{
	switch (framebuffer.bytes) {
	case 2: *(volatile uint16_t *)at = (uint16_t)value; break;
	case 3:
		at[0] = (uint8_t)value;
		at[1] = (uint8_t)(value >> 8);
		at[2] = (uint8_t)(value >> 16);
		break;
	default: *(volatile uint32_t *)at = value; break;
	}
}

/* Line `line` of the cell, in screen pixels, with the eight font pixels `bits`. */
static void framebuffer_put_line(unsigned column, unsigned row, unsigned line, uint8_t bits,
                                 uint8_t attribute)
{
	uint32_t on = framebuffer.colours[attribute % COLOURS];
	uint32_t off = framebuffer.colours[attribute / COLOURS];
	unsigned scale = framebuffer.scale;
	uint64_t y = (uint64_t)row * FONT_HEIGHT * scale + line;
	uint64_t x = (uint64_t)column * FONT_WIDTH * scale;
	volatile uint8_t *at = framebuffer.memory + y * framebuffer.pitch + x * framebuffer.bytes;

	for (unsigned i = 0; i < FONT_WIDTH * scale; i++, at += framebuffer.bytes)
		framebuffer_put_pixel(at, bits & 0x80 >> i / scale ? on : off);
}

static void framebuffer_draw(unsigned column, unsigned row, uint16_t cell)
{
	for (unsigned line = 0; line < FONT_HEIGHT * framebuffer.scale; line++)
		framebuffer_put_line(column, row, line, font_row((uint8_t)cell, line / framebuffer.scale),
		                     (uint8_t)(cell >> 8));
}

static void framebuffer_cursor(unsigned column, unsigned row)
{
	unsigned height = FONT_HEIGHT * framebuffer.scale;

	if (row >= framebuffer.rows)
		return;
	for (unsigned line = height - 2 * framebuffer.scale; line < height; line++)
		framebuffer_put_line(column, row, line, 0xff, CURSOR);
}

const struct screen_backend framebuffer_backend = {framebuffer_size, framebuffer_start, framebuffer_draw,
                                                   framebuffer_cursor};
