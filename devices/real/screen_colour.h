/* SPDX-License-Identifier: MIT */
/*
 * Colours and such of what is written next, by ECMA-48 "Select graphic rendition". Private to
 * devices/real/screen*.c.
 */
#ifndef DEVICES_REAL_SCREEN_COLOUR_H
#define DEVICES_REAL_SCREEN_COLOUR_H

#include "lib/types.h"

/* Colours by VGA's numbers, 0..15 and 0..7. */
struct screen_colour {
	uint8_t foreground, background;
	bool bold, reverse;
};

#define SCREEN_COLOUR_PLAIN ((struct screen_colour){.foreground = 7})

/* Take the parameters of one sequence; what a VGA cannot show is skipped. */
void screen_colour_take(struct screen_colour *colour, const unsigned *parameter, unsigned count);

/* The attribute byte of VGA text. */
uint8_t screen_colour_attribute(const struct screen_colour *colour);

#endif
