/* SPDX-License-Identifier: MIT */
/* The screen: VGA text and framebuffers in plain memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/font.h"
#include "devices/real/screen.h"
#include "lib/x86.h"

static uint16_t text_memory[25 * 80];
static uint8_t crtc_index, crtc[32];

static const struct boot_framebuffer text_mode = {
	FRAMEBUFFER_TEXT, 0xb8000, 160, 80, 25, 16, 0, 0, 0, 0, 0, 0};
static const struct boot_framebuffer rgb32 = {
	FRAMEBUFFER_RGB, 0x80000000, 2600, 640, 400, 32, 16, 8, 8, 8, 0, 8};
static const struct boot_framebuffer rgb24 = {
	FRAMEBUFFER_RGB, 0x80000001, 1923, 640, 400, 24, 16, 8, 8, 8, 0, 8};
static const struct boot_framebuffer rgb16 = {
	FRAMEBUFFER_RGB, 0x80000000, 1280, 640, 400, 16, 11, 5, 5, 6, 0, 5};

static void out(uint16_t port, unsigned size, uint32_t value)
{
	assert_int_equal(size, 1);
	if (port == 0x3d4)
		crtc_index = (uint8_t)value & 31;
	else if (port == 0x3d5)
		crtc[crtc_index] = (uint8_t)value;
}

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.out = out;
	memset(text_memory, 0x5a, sizeof(text_memory));
	return 0;
}

static void write_text(const char *text)
{
	screen_write((const uint8_t *)text, strlen(text));
	while (screen_draw(SIZE_MAX))
		;
}

static void start_text(void)
{
	assert_int_equal(screen_size(&text_mode), 4000);
	assert_true(screen_init(&text_mode, text_memory));
	assert_true(screen_present());
}

static void assert_line(unsigned row, const char *text)
{
	for (unsigned column = 0; column < 80; column++) {
		char expected = *text ? *text++ : ' ';

		assert_int_equal(text_memory[row * 80 + column], 0x0700 | expected);
	}
}

static unsigned cursor(void)
{
	return (unsigned)crtc[0x0e] << 8 | crtc[0x0f];
}

static void test_text(void **state)
{
	(void)state;
	start_text();
	write_text("Hello\r\nworld");
	assert_line(0, "Hello");
	assert_line(1, "world");
	assert_line(24, "");
	assert_int_equal(cursor(), 85);
	write_text("\b\bLD\tx\nno return");
	assert_line(1, "worLD   x");
	assert_line(2, "         no return");
}

static void test_scroll_and_wrap(void **state)
{
	char line[16];

	(void)state;
	start_text();
	for (unsigned i = 0; i < 30; i++) {
		line[0] = '\r';
		line[1] = '\n';
		line[2] = (char)('A' + i);
		line[3] = '\0';
		write_text(line);
	}
	assert_line(0, "F");
	assert_line(24, "^");
	for (unsigned i = 0; i < 79; i++)
		write_text("x");
	write_text("y"); /* column 80 full: nothing moves until the next character */
	assert_int_equal(text_memory[23 * 80], 0x0700 | '^');
	assert_int_equal(text_memory[24 * 80], 0x0700 | 'y');
	assert_int_equal(cursor(), 24 * 80 + 1);
}

static void test_sequences(void **state)
{
	(void)state;
	start_text();
	write_text("abcdef\x1b[3D\x1b[K");
	assert_line(0, "abc");
	write_text("red\x1b[6n\x1b(B\x1b]0;title\x07\x1b]0;title\x1b\\"); /* queries, fonts and titles are
	                                                                     skipped */
	assert_line(0, "abcred");
	write_text("\x1b[5;10Hhere\x1b[A\x1b[2Bx\x1b[4C\x1b[1Gy");
	assert_line(4, "         here");
	assert_line(5, "y            x");
	write_text("\x1b[1K"); /* from the start to the cursor */
	assert_line(5, "             x");
	write_text("\x1b[2J");
	assert_line(4, "");
	write_text("\x1b[Htop\x1b[999;999Hz");
	assert_line(0, "top");
	assert_int_equal(text_memory[24 * 80 + 79], 0x0700 | 'z');
	write_text("\x1b[1J\x1b[H\x1b[J\x1b[99999999999;;;;;;;;;1m\x1b\x1b[Cq\x1bZ\x80\xc3\xa9");
	assert_line(0, " q?");
}

static void assert_cells(unsigned row, const uint16_t *cells, unsigned count)
{
	for (unsigned column = 0; column < count; column++)
		assert_int_equal(text_memory[row * 80 + column], cells[column]);
}

static void test_colours(void **state)
{
	(void)state;
	start_text();
	write_text("\x1b[31mr\x1b[1mR\x1b[22;44mb\x1b[7mv\x1b[27;94;107ml\x1b[39;49md\x1b[33;42;1mx\x1b[my");
	assert_cells(0, (const uint16_t[]){0x0472, 0x0c52, 0x1462, 0x4176, 0x796c, 0x0764, 0x2e78, 0x0779},
	             8);
	write_text(
		"\r\n\x1b[38;5;2mg\x1b[48;5;9mr\x1b[0;38;2;1;31;44mn\x1b[0;38;5;200mn\x1b[38mn\x1b[38;5mn");
	assert_cells(1, (const uint16_t[]){0x0267, 0x4272, 0x076e, 0x076e, 0x076e, 0x076e}, 6);
	write_text("\x1b[0;44m\x1b[2;1H\x1b[K"); /* what is erased has the background */
	assert_int_equal(text_memory[80], 0x1720);
	assert_int_equal(text_memory[159], 0x1720);
	assert_int_equal(text_memory[160], 0x0720);
}

static void test_drawing_characters(void **state)
{
	(void)state;
	start_text();
	write_text("\xe2\x94\x8c\xe2\x94\x80\xe2\x95\x97\xe2\x96\x88\xe2\x86\x92\xf0\x9f\x98\x80|");
	assert_cells(0, (const uint16_t[]){0x07da, 0x07c4, 0x07bb, 0x07db, 0x073e, 0x073f, 0x077c}, 7);
	write_text("\r\n\xe2\x94"
	           "a\x94\xe2\xe2\x94\x82z"); /* cut off, a stray, begun again */
	assert_cells(1, (const uint16_t[]){0x0761, 0x07b3, 0x077a}, 3);
}

static void test_hidden_cursor(void **state)
{
	(void)state;
	start_text();
	write_text("\x1b[?25lx");
	assert_int_equal(cursor(), 25 * 80); /* below the screen */
	write_text("\x1b[?1049h\x1b[?25h");
	assert_int_equal(cursor(), 1);
}

/* Lines of neighbouring cells meet. */
static void test_lines_of_the_font(void **state)
{
	static const uint8_t vertical = 0xb3, horizontal = 0xc4, cross = 0xc5, corner = 0xda;

	(void)state;
	for (unsigned row = 0; row < FONT_HEIGHT; row++) {
		assert_int_equal(font_row(vertical, row), 0x18);
		assert_int_equal(font_row(horizontal, row), row == 7 || row == 8 ? 0xff : 0);
		assert_int_equal(font_row(cross, row), row == 7 || row == 8 ? 0xff : 0x18);
		assert_int_equal(font_row(corner, row), row < 7 ? 0 : row < 9 ? 0x1f : 0x18);
		assert_int_equal(font_row(0xdb, row), 0xff);
		assert_int_equal(font_row(0xdc, row) ^ font_row(0xdf, row), 0xff);
		assert_int_equal(font_row(0xdd, row) ^ font_row(0xde, row), 0xff);
		assert_int_equal(font_row(0xb0, row) ^ font_row(0xb2, row), 0xff);
	}
}

static void test_any_bytes(void **state)
{
	uint8_t bytes[64];

	(void)state;
	start_text();
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		for (unsigned k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)(rand() % 4 ? rand() : "\x1b[;H\nmK9"[rand() % 8]);
		screen_write(bytes, sizeof(bytes));
		if (i % 100 == 0)
			screen_draw(SIZE_MAX);
	}
}

static void test_bounded_drawing(void **state)
{
	unsigned rounds = 1;

	(void)state;
	start_text();
	assert_true(screen_changed());
	while (screen_draw(100))
		rounds++;
	assert_in_range(rounds, 20, 22); /* 2000 characters, unknown before */
	assert_false(screen_changed());
	assert_false(screen_draw(100));
	text_memory[5] = 0x1234; /* what has not changed is not drawn again */
	write_text("\r\n");
	assert_int_equal(text_memory[5], 0x1234);
}

static uint32_t pixel(const struct boot_framebuffer *mode, const uint8_t *memory, unsigned x, unsigned y)
{
	uint32_t value = 0;

	memcpy(&value, memory + (size_t)y * mode->pitch + (size_t)x * (mode->bits_per_pixel / 8),
	       mode->bits_per_pixel / 8);
	return value;
}

static void check_glyph(const struct boot_framebuffer *mode, const uint8_t *memory, unsigned column,
                        unsigned row, char character, uint32_t colour)
{
	for (unsigned y = 0; y < FONT_HEIGHT; y++)
		for (unsigned x = 0; x < FONT_WIDTH; x++)
			assert_int_equal(pixel(mode, memory, column * 8 + x, row * 16 + y),
			                 font_row((uint8_t)character, y) & 0x80 >> x ? colour : 0);
}

/* `memory` is exactly as large as screen_size() says: the sanitizer sees anything beyond. */
static void check_framebuffer(const struct boot_framebuffer *mode, uint32_t colour)
{
	size_t size = screen_size(mode);
	uint8_t *memory = malloc(size);

	assert_int_equal(size, (size_t)mode->pitch * mode->height);
	memset(memory, 0x5a, size);
	assert_true(screen_init(mode, memory));
	write_text("Nacre g\r\n\x1b[25;80H@");
	check_glyph(mode, memory, 0, 0, 'N', colour);
	check_glyph(mode, memory, 6, 0, 'g', colour);
	check_glyph(mode, memory, 7, 0, ' ', colour);
	for (unsigned x = 0; x < 8; x++) /* the cursor stays in the last column */
		assert_int_equal(pixel(mode, memory, 79 * 8 + x, 399), colour);
	write_text("\x1b[H");
	check_glyph(mode, memory, 79, 24, '@', colour);
	write_text("\x1b[2;1H\x1b[?25l\x1b[7m "); /* no cursor over it, and none beyond the memory */
	for (unsigned y = 16; y < 32; y++)
		assert_int_equal(pixel(mode, memory, 3, y), colour);
	for (size_t at = mode->pitch - 40; mode->pitch == 2600 && at < mode->pitch; at++)
		assert_int_equal(memory[at], 0x5a); /* what is beyond the visible part stays */
	free(memory);
}

static void test_framebuffers(void **state)
{
	(void)state;
	check_framebuffer(&rgb32, 0xb8b8b8);
	check_framebuffer(&rgb24, 0xb8b8b8);
	check_framebuffer(&rgb16, 23 << 11 | 46 << 5 | 23);
}

static void test_very_large_screen(void **state)
{
	struct boot_framebuffer mode = rgb32;
	uint8_t *memory;

	(void)state;
	mode.width = 3840;
	mode.height = 2160;
	mode.pitch = 3840 * 4;
	memory = calloc(1, screen_size(&mode));
	assert_true(screen_init(&mode, memory));
	write_text("I");
	for (unsigned y = 0; y < 32; y++) /* twice as large each way */
		for (unsigned x = 0; x < 16; x++)
			assert_int_equal(pixel(&mode, memory, x, y),
			                 font_row('I', y / 2) & 0x80 >> x / 2 ? 0xb8b8b8 : 0);
	free(memory);
}

static void test_modes_that_cannot_be_drawn_on(void **state)
{
	struct boot_framebuffer mode = {0};

	(void)state;
	assert_int_equal(screen_size(&mode), 0);
	assert_false(screen_init(&mode, NULL));
	assert_false(screen_present());
	write_text("nothing happens");
	assert_false(screen_changed());
#define REFUSED(base, field, value)                                                                          \
	do {                                                                                                 \
		mode = base;                                                                                 \
		mode.field = value;                                                                          \
		assert_int_equal(screen_size(&mode), 0);                                                     \
	} while (0)
	REFUSED(text_mode, width, 0);
	REFUSED(text_mode, width, 241);
	REFUSED(text_mode, height, 0);
	REFUSED(text_mode, height, 81);
	REFUSED(text_mode, pitch, 158);
	REFUSED(text_mode, pitch, 161);
	REFUSED(rgb32, bits_per_pixel, 8);
	REFUSED(rgb32, bits_per_pixel, 64);
	REFUSED(rgb32, width, 7);
	REFUSED(rgb32, height, 15);
	REFUSED(rgb32, width, 651);
	REFUSED(rgb32, width, 0x40000000);
	REFUSED(rgb32, pitch, 2601);
	REFUSED(rgb32, pitch, 0xfffffffc);
	REFUSED(rgb32, address, 0x80000002);
	REFUSED(rgb32, red_position, 25);
	REFUSED(rgb32, green_size, 9);
	REFUSED(rgb32, blue_size, 0);
#undef REFUSED
}

static void test_font(void **state)
{
	(void)state;
	for (unsigned a = 32; a < 127; a++) {
		bool ink = false;

		for (unsigned row = 0; row < FONT_HEIGHT; row++) {
			ink = ink || font_row((uint8_t)a, row);
			assert_int_equal(font_row((uint8_t)a, row) & 1, 0); /* a gap to the next one */
		}
		assert_int_equal(ink, a != ' ');
		for (unsigned b = 32; b < a; b++) { /* no two are alike */
			bool same = true;

			for (unsigned row = 0; row < FONT_HEIGHT; row++)
				same = same && font_row((uint8_t)a, row) == font_row((uint8_t)b, row);
			assert_false(same);
		}
	}
	assert_int_equal(font_row(7, 0), font_row(0x80, 0));
	assert_int_not_equal(font_row(7, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_text, setup),
		cmocka_unit_test_setup(test_scroll_and_wrap, setup),
		cmocka_unit_test_setup(test_sequences, setup),
		cmocka_unit_test_setup(test_colours, setup),
		cmocka_unit_test_setup(test_drawing_characters, setup),
		cmocka_unit_test_setup(test_hidden_cursor, setup),
		cmocka_unit_test_setup(test_lines_of_the_font, setup),
		cmocka_unit_test_setup(test_any_bytes, setup),
		cmocka_unit_test_setup(test_bounded_drawing, setup),
		cmocka_unit_test_setup(test_framebuffers, setup),
		cmocka_unit_test_setup(test_very_large_screen, setup),
		cmocka_unit_test_setup(test_modes_that_cannot_be_drawn_on, setup),
		cmocka_unit_test_setup(test_font, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
