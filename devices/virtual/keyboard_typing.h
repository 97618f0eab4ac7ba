/* Between the two halves of the keyboard: what it sends (keyboard.c), what is typed (keyboard_typing.c). */
#ifndef DEVICES_VIRTUAL_KEYBOARD_TYPING_H
#define DEVICES_VIRTUAL_KEYBOARD_TYPING_H

#include "devices/virtual/keyboard.h"
#include "devices/virtual/keyboard_keys.h"

/*
 * Queue the codes of a press and its release, all or, without room, none: false. A press of no key, or of any
 * while scanning is off, is lost.
 */
bool must_check keyboard_press(struct keyboard_state *state, const struct key_press *press);

/* The rest of a terminal's sequence has not come in time. */
void keyboard_typing_timer(struct device *device);

/* The same once more, if there was no room for its key then. */
void keyboard_typing_overdue(struct device *device);

/* After a load: sequences go on. */
void keyboard_typing_restored(struct device *device);

#endif
