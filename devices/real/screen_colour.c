/* SPDX-License-Identifier: MIT */
#include "devices/real/screen_colour.h"

#define BRIGHT 8

enum {
	RESET = 0,
	BOLD = 1,
	REVERSE = 7,
	NOT_BOLD = 22,
	NOT_REVERSE = 27,
	FOREGROUND = 30, /* .. 37 */
	FOREGROUND_BY_NUMBER = 38,
	FOREGROUND_DEFAULT = 39,
	BACKGROUND = 40, /* .. 47 */
	BACKGROUND_BY_NUMBER = 48,
	BACKGROUND_DEFAULT = 49,
	FOREGROUND_BRIGHT = 90,  /* .. 97 */
	BACKGROUND_BRIGHT = 100, /* .. 107 */
	BY_INDEX = 5,
	BY_RGB = 2,
};

/* ECMA-48 has red in bit 0 and blue in bit 2, VGA the other way round. */
static uint8_t colour_vga_number(unsigned colour)
{
	return (uint8_t)((colour & 1) << 2 | (colour & 2) | (colour & 4) >> 2 | (colour & BRIGHT));
}

/*
 * 38 and 48, followed by a colour of a larger palette; returns how many parameters that takes.
 */
static unsigned colour_take_number(uint8_t *colour, unsigned most, const unsigned *parameter, unsigned count)
{
	if (count < 2)
		return count;
	if (parameter[1] == BY_RGB)
		return 5;
	if (parameter[1] != BY_INDEX)
		return 2;
	if (count > 2 && parameter[2] < 16)
		*colour = colour_vga_number(parameter[2]) & (uint8_t)most;
	return 3;
}

static void colour_take_one(struct screen_colour *colour, unsigned value)
{
	switch (value) {
	case RESET: *colour = SCREEN_COLOUR_PLAIN; break;
	case BOLD: colour->bold = true; break;
	case NOT_BOLD: colour->bold = false; break;
	case REVERSE: colour->reverse = true; break;
	case NOT_REVERSE: colour->reverse = false; break;
	case FOREGROUND_DEFAULT: colour->foreground = SCREEN_COLOUR_PLAIN.foreground; break;
	case BACKGROUND_DEFAULT: colour->background = SCREEN_COLOUR_PLAIN.background; break;
	case FOREGROUND ... FOREGROUND + 7: colour->foreground = colour_vga_number(value - FOREGROUND); break;
	case BACKGROUND ... BACKGROUND + 7: colour->background = colour_vga_number(value - BACKGROUND); break;
	case FOREGROUND_BRIGHT ... FOREGROUND_BRIGHT + 7:
		colour->foreground = colour_vga_number(value - FOREGROUND_BRIGHT) | BRIGHT;
		break;
	case BACKGROUND_BRIGHT ... BACKGROUND_BRIGHT + 7: /* it would blink */
		colour->background = colour_vga_number(value - BACKGROUND_BRIGHT);
		break;
	default: break;
	}
}

void screen_colour_take(struct screen_colour *colour, const unsigned *parameter, unsigned count)
{
	for (unsigned i = 0; i < count;) {
		if (parameter[i] == FOREGROUND_BY_NUMBER) {
			i += colour_take_number(&colour->foreground, 15, parameter + i, count - i);
		} else if (parameter[i] == BACKGROUND_BY_NUMBER) {
			i += colour_take_number(&colour->background, 7, parameter + i, count - i);
		} else {
			colour_take_one(colour, parameter[i]);
			i++;
		}
	}
}

uint8_t screen_colour_attribute(const struct screen_colour *colour)
{
	uint8_t foreground = colour->foreground, background = colour->background;

	if (colour->reverse) {
		foreground = colour->background;
		background = colour->foreground & 7;
	}
	return (uint8_t)(background << 4 | foreground | (colour->bold ? BRIGHT : 0));
}
