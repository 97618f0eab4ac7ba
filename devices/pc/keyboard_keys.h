/* SPDX-License-Identifier: MIT */
/* Keys of a PS/2 keyboard: their scan codes, and which one a terminal means. */
#ifndef DEVICES_PC_KEYBOARD_KEYS_H
#define DEVICES_PC_KEYBOARD_KEYS_H

#include "lib/types.h"

/* A key and what is held down with it. */
struct key_press {
	uint8_t code; /* in scan code set 2; 0: no key */
	bool extended;
	bool shift, control, alt;
};

#define KEY_BREAK    0xf0 /* prefix in sets 2 and 3 */
#define KEY_EXTENDED 0xe0 /* prefix in sets 1 and 2 */

/* Scan codes of one press and release, modifiers included. */
#define KEY_CODES_MAX 16

/*
 * Write them in set 1, 2 or 3; returns how many. `makes_only`: no break codes, which only set 3 can
 * do.
 */
unsigned key_codes(const struct key_press *press, unsigned set, bool makes_only,
                   uint8_t codes[KEY_CODES_MAX]);

/*
 * The controller's translation of set 2 to set 1, without KEY_BREAK; answers of the keyboard stay
 * as they are.
 */
uint8_t key_translate(uint8_t code);

/* Codes above are never translated. */
#define KEY_TRANSLATED_MAX 0x84

/* The press that makes one character of ASCII; code 0 if there is none. */
struct key_press key_of_character(uint8_t character);

/*
 * The press that a terminal's sequence means: `bytes` begin with ESC [ or ESC O and end with its
 * final byte.
 */
struct key_press key_of_sequence(const uint8_t *bytes, unsigned count);

#endif
