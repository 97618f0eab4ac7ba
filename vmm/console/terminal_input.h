/* SPDX-License-Identifier: MIT */
/*
 * What a terminal sends: characters, the sequences of keys, and what it says by itself (answers to
 * questions, reports of the mouse). Those are followed to their end, so that no part of one is
 * taken for something typed. ECMA-48, and "XTerm Control Sequences".
 *
 * Pure: no clock. The caller forgets a sequence that is not continued in time.
 */
#ifndef VMM_CONSOLE_TERMINAL_INPUT_H
#define VMM_CONSOLE_TERMINAL_INPUT_H

#include "lib/types.h"

#define INPUT_SEQUENCE_MAX 8 /* bytes of the longest sequence that is a key */

enum input_part {
	INPUT_CHARACTER, /* the byte by itself */
	INPUT_INSIDE,    /* of a sequence that goes on */
	INPUT_KEY,       /* ends a sequence of two bytes (Alt and a character), or of a key */
	INPUT_ANSWER,    /* ends something that is no key */
};

/* All zeroes: no sequence has begun. */
struct terminal_input {
	enum { INPUT_PLAIN, INPUT_ESCAPE, INPUT_CSI, INPUT_STRING, INPUT_STRING_ESCAPE, INPUT_MOUSE } state;
	uint8_t mouse;                            /* bytes of a report of the mouse that are to come */
	uint8_t count, bytes[INPUT_SEQUENCE_MAX]; /* of the sequence; the last of them is its latest */
};

/* The next byte. After INPUT_KEY and INPUT_ANSWER `bytes` stay until the next call. */
enum input_part terminal_input_take(struct terminal_input *input, uint8_t byte);

/* Has a sequence begun that has not ended? */
bool terminal_input_inside(const struct terminal_input *input);

void terminal_input_forget(struct terminal_input *input);

#endif
