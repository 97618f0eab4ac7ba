/* SPDX-License-Identifier: MIT */
/*
 * A guest that writes only to the screen: text memory and CRT controller for what it says, a polled
 * keyboard controller for what it is told. It shows what is typed, each key's scan codes beside it.
 * It scrolls by moving the start of the screen, and turns the machine off at Ctrl-D.
 */
#include "kernel.h"

#define COLUMNS 80
#define ROWS    25
#define CELLS   0x4000u
#define TEXT    ((volatile uint16_t *)0xb8000)

#define TITLE_ATTRIBUTE 0x1f /* white on blue */
#define TEXT_ATTRIBUTE  0x07
#define CODE_ATTRIBUTE  0x0e /* yellow */

#define CRTC            0x3d4
#define CRTC_START      0x0c
#define CRTC_CURSOR     0x0e
#define STATUS_1        0x3da
#define STATUS_RETRACE  0x08
#define KEYBOARD_DATA   0x60
#define KEYBOARD_STATUS 0x64
#define OUTPUT_FULL     0x01

#define CODE_EXTENDED 0xe0
#define CODE_RELEASED 0x80
#define CODE_CONTROL  0x1d
#define CODE_SHIFT    0x2a
#define CODE_D        0x20

static unsigned start, row, column; /* row and column on the screen, start of the screen in cells */

/* Scan code set 1, US layout. */
static const char plain[] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

/* Both halves of a register pair by words: index and data in one access. */
static void crtc_pair(unsigned index, unsigned value)
{
	out16(CRTC, (uint16_t)((value & 0xff00) | index));
	out16(CRTC, (uint16_t)(value << 8 | (index + 1)));
}

static void clear_row(unsigned which)
{
	for (unsigned i = 0; i < COLUMNS; i++)
		TEXT[(start + which * COLUMNS + i) % CELLS] = TEXT_ATTRIBUTE << 8 | ' ';
}

static void new_line(void)
{
	column = 0;
	if (++row < ROWS)
		return;
	row = ROWS - 1;
	start = (start + COLUMNS) % CELLS;
	clear_row(row);
	crtc_pair(CRTC_START, start);
}

static void show_character(char c, uint8_t attribute)
{
	if (column == COLUMNS)
		new_line();
	TEXT[(start + row * COLUMNS + column++) % CELLS] = (uint16_t)(attribute << 8 | (uint8_t)c);
}

static void show(const char *text, uint8_t attribute)
{
	for (; *text; text++) {
		if (*text == '\n')
			new_line();
		else
			show_character(*text, attribute);
	}
}

static void show_code(uint8_t code)
{
	show_character("0123456789abcdef"[code >> 4], CODE_ATTRIBUTE);
	show_character("0123456789abcdef"[code & 15], CODE_ATTRIBUTE);
	show_character(' ', CODE_ATTRIBUTE);
}

static void move_cursor(void)
{
	crtc_pair(CRTC_CURSOR, (start + row * COLUMNS + column) % CELLS);
}

/* Three pictures: a screen that stands still would hold the guest here. */
static void wait_for_retraces(void)
{
	for (unsigned n = 0; n < 3; n++) {
		while (in8(STATUS_1) & STATUS_RETRACE)
			cpu_relax();
		while (!(in8(STATUS_1) & STATUS_RETRACE))
			cpu_relax();
	}
}

static uint8_t next_code(void)
{
	while (!(in8(KEYBOARD_STATUS) & OUTPUT_FULL))
		cpu_relax();
	return in8(KEYBOARD_DATA);
}

static const char *extended_name(uint8_t code)
{
	switch (code) {
	case 0x48: return "Up";
	case 0x50: return "Down";
	case 0x4b: return "Left";
	case 0x4d: return "Right";
	case 0x53: return "Delete";
	default: return "extended";
	}
}

/* What the key that was pressed stands for; the shift is kept from call to call. */
static void show_key(uint8_t code, bool extended)
{
	static bool shift, control;
	uint8_t key = code & (uint8_t)~CODE_RELEASED;
	bool pressed = !(code & CODE_RELEASED);
	char c;

	if (key == CODE_SHIFT)
		shift = pressed;
	if (key == CODE_CONTROL)
		control = pressed;
	if (!pressed)
		return;
	if (extended) {
		show(extended_name(key), TEXT_ATTRIBUTE);
		return;
	}
	if (control && key == CODE_D)
		power_off();
	c = key < sizeof(plain) - 1 ? (shift ? shifted : plain)[key] : '\0';
	if (c == '\n')
		show("Enter\n", TEXT_ATTRIBUTE);
	else if (c == '\033')
		show("Esc", TEXT_ATTRIBUTE);
	else if (c)
		show_character(c, TEXT_ATTRIBUTE);
}

void kernel_main(uint32_t magic, uint32_t info)
{
	bool extended = false;

	crtc_pair(CRTC_START, 0);
	for (unsigned i = 0; i < ROWS; i++)
		clear_row(i);
	show(" A guest that writes only to the screen ", TITLE_ATTRIBUTE);
	show("\n\xda\xc4\xbf\n\xc0\xc4\xd9\n", TEXT_ATTRIBUTE);
	wait_for_retraces();
	show("Type, please.\n", TEXT_ATTRIBUTE);
	for (;;) {
		uint8_t code;

		move_cursor();
		code = next_code();
		show_code(code);
		if (code != CODE_EXTENDED)
			show_key(code, extended);
		extended = code == CODE_EXTENDED;
	}
}
