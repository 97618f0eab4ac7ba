/* SPDX-License-Identifier: MIT */
/* From scan codes to bytes. Private to devices/real/real_keyboard.c. */
#ifndef DEVICES_REAL_REAL_KEYBOARD_CODES_H
#define DEVICES_REAL_REAL_KEYBOARD_CODES_H

#include "lib/types.h"

/* What is held down, and the half of a code that has come. */
struct keyboard_state {
	bool shift[2], control[2], alt[2]; /* left, right */
	bool caps_lock, num_lock;
	bool extended; /* E0h has come */
	uint8_t skip;  /* codes left of a Pause */
};

/* One scan code of set 1; returns how many bytes (0..KEYBOARD_KEY_MAX) it puts. */
size_t keyboard_decode(struct keyboard_state *state, uint8_t code, uint8_t *bytes);

#endif
