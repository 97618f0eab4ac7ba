/* SPDX-License-Identifier: MIT */
/*
 * The machine's PS/2 keyboard at an 8042 controller, as bytes that a terminal would send: US
 * layout, and the sequences of VT100 and xterm for keys that are no character. IBM Personal
 * System/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller" and
 * "Keyboards (101- and 102-Key)", scan code set 1.
 *
 * Locking: the caller serialises.
 */
#ifndef DEVICES_REAL_REAL_KEYBOARD_H
#define DEVICES_REAL_REAL_KEYBOARD_H

#include "lib/types.h"

/* The most bytes that one key sends. */
#define KEYBOARD_KEY_MAX 6

/*
 * Find and start controller and keyboard, its interrupt (IRQ 1) on, that of the mouse off. Call it
 * only on a machine that may have one (struct acpi_info, has_8042). Returns null, or what was odd,
 * as the end of a sentence; keyboard_present() says whether it is used. `as_it_is`: no command is
 * sent, since the firmware has used it. Takes two seconds at most.
 */
const char *keyboard_init(bool as_it_is);

/* Is there a controller, so that keys may come? */
bool keyboard_present(void);

/*
 * Take what the controller has, some 30 scan codes at most, and put up to `size` bytes, at least
 * KEYBOARD_KEY_MAX. Returns how many.
 */
size_t keyboard_read(uint8_t *bytes, size_t size);

#endif
