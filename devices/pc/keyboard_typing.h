/* SPDX-License-Identifier: MIT */
/*
 * Between the two halves of the keyboard: what it sends (keyboard.c), what is typed
 * (keyboard_typing.c).
 */
#ifndef DEVICES_PC_KEYBOARD_TYPING_H
#define DEVICES_PC_KEYBOARD_TYPING_H

#include "devices/pc/keyboard.h"
#include "devices/pc/keyboard_keys.h"

/*
 * Queue the codes of a press and its release, all or, without room, none: false. A press of no key,
 * or of any while scanning is off, is lost. The release is sent when KEYBOARD_HOLD_NS have passed,
 * or with the next press.
 */
bool must_check keyboard_press(struct device *device, const struct key_press *press);

/* A key is released, or the rest of a terminal's sequence has not come in time. */
void keyboard_typing_timer(struct device *device);

/* The latter once more, if there was no room for its key then. */
void keyboard_typing_overdue(struct device *device);

/* After a load: sequences go on, keys stay down. */
void keyboard_typing_restored(struct device *device);

#endif
