/* SPDX-License-Identifier: MIT */
/*
 * A PS/2 keyboard with the US layout, plugged into the keyboard controller (i8042.h). IBM PS/2
 * Hardware Interface Technical Reference, "Keyboard (101- and 102-Key)".
 */
#ifndef DEVICES_PC_KEYBOARD_H
#define DEVICES_PC_KEYBOARD_H

#include "devices/pc/keyboard_keys.h"
#include "devices/pc/ps2.h"

#define KEYBOARD_QUEUE  16 /* scan codes; the real one's size */
#define KEYBOARD_ANSWER 3  /* bytes of the longest answer */

/*
 * How long a key stays down when no other is typed: as a finger's would, since a game that looks at
 * its keys once in each of its pictures would miss a shorter one. Shorter than what makes a key
 * repeat.
 */
#define KEYBOARD_HOLD_NS 80000000u

struct keyboard_state {
	uint64_t release_at; /* machine clock, ns: the last key is released */
	uint8_t held;        /* codes at the end of the queue that wait for that */
	uint8_t queue[KEYBOARD_QUEUE], queue_head, queue_count;
	uint8_t answer[KEYBOARD_ANSWER], answer_count; /* these go first */
	uint8_t last;                                  /* byte sent, which RESEND wants again */
	uint8_t command;                               /* waits for its parameter; 0: none */
	uint8_t scan_set;                              /* 1..3 */
	uint8_t scanning;                              /* 0 or 1 */
	uint8_t makes_only;                            /* 0 or 1: set 3 without break codes */
	uint8_t leds, typematic;
	uint8_t input_wanted; /* 0 or 1: keyboard_press() had no room */
};

/*
 * Queue the codes of a press and its release, all or, without room, none: false, and the platform's
 * keyboard_input_wanted() tells when to try again. The release is sent when KEYBOARD_HOLD_NS have
 * passed, or with the next press. A press of no key, or of any while the guest has turned the
 * keyboard off, is lost, as on a real one.
 */
bool must_check keyboard_press(struct device *device, const struct key_press *press);

/* For its cable, which is its wiring. */
extern const struct ps2_peripheral_ops keyboard_ps2_ops;

extern const struct device_model keyboard_model;

#endif
