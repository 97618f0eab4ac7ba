/* SPDX-License-Identifier: MIT */
/*
 * A PS/2 keyboard with the US layout, plugged into the keyboard controller (i8042.h). IBM PS/2
 * Hardware Interface Technical Reference, "Keyboard (101- and 102-Key)". What an operator types on
 * a terminal becomes keys that are pressed and released: keyboard_type().
 */
#ifndef DEVICES_PC_KEYBOARD_H
#define DEVICES_PC_KEYBOARD_H

#include "devices/bus/device.h"

#define KEYBOARD_QUEUE  16 /* scan codes; the real one's size */
#define KEYBOARD_ANSWER 3  /* bytes of the longest answer */
#define KEYBOARD_TYPED  8  /* bytes of the longest sequence of a terminal that is a key */

/* How long the rest of a terminal's sequence may take before an escape character is the Esc key. */
#define KEYBOARD_ESCAPE_NS 50000000u

/*
 * How long a key stays down when no other is typed: as a finger's would, since a game that looks at
 * its keys once in each of its pictures would miss a shorter one. Shorter than what makes a key
 * repeat.
 */
#define KEYBOARD_HOLD_NS 80000000u

struct keyboard_state {
	uint64_t escape_at;  /* machine clock, ns: `typed` is all that came of a sequence */
	uint64_t release_at; /* the same: the last key is released */
	uint8_t held;        /* codes at the end of the queue that wait for that */
	uint8_t queue[KEYBOARD_QUEUE], queue_head, queue_count;
	uint8_t answer[KEYBOARD_ANSWER], answer_count; /* these go first */
	uint8_t last;                                  /* byte sent, which RESEND wants again */
	uint8_t command;                               /* waits for its parameter; 0: none */
	uint8_t scan_set;                              /* 1..3 */
	uint8_t scanning;                              /* 0 or 1 */
	uint8_t makes_only;                            /* 0 or 1: set 3 without break codes */
	uint8_t leds, typematic;
	uint8_t input_wanted;                       /* 0 or 1: keyboard_type() took less than was offered */
	uint8_t typed[KEYBOARD_TYPED], typed_count; /* a terminal's sequence so far */
};

/*
 * Press and release the keys for `bytes`: ASCII, control characters, and the sequences of VT100,
 * xterm and the Linux console for keys that have no character. What stands for no key is passed
 * over. Returns how many bytes were taken: fewer when the guest has not read what is queued;
 * service_keyboard_input_wanted() tells when to offer the rest. A guest that has turned the
 * keyboard off loses them, as on a real one.
 */
size_t must_check keyboard_type(struct device *device, const uint8_t *bytes, size_t count);

/* ---- For the keyboard controller ---- */

/* The keyboard in the device's machine; null: there is none. */
struct device *keyboard_of(const struct device *device);

/* A byte from the system, by way of the controller. */
void keyboard_receive(struct device *keyboard, uint8_t byte);

/* Take the next byte for the controller, if there is one. */
bool must_check keyboard_send(struct device *keyboard, uint8_t *byte);

/* The controller is done: if all has been sent, ask the operator's side for more. */
void keyboard_idle(struct device *keyboard);

extern const struct device_model keyboard_model;

#endif
