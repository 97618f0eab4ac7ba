/* SPDX-License-Identifier: MIT */
/*
 * A VM's screen and keyboard at the operator's console: the channel's owner, beside struct vm. It
 * looks at the text memory and the VGA's registers now and then, as long as somebody sees them, and
 * sends what changed; what the operator types becomes keys.
 *
 * Locking: everything here is called on the VM's CPU.
 */
#ifndef VMM_CONSOLE_CONSOLE_SCREEN_H
#define VMM_CONSOLE_CONSOLE_SCREEN_H

#include "devices/machine/machine.h"
#include "vmm/console/text_screen.h"
#include "mm/guest_map.h"
#include "vmm/console/console_channel.h"
#include "vmm/console/typing.h"

#define SCREEN_LOOK_NS   40000000u   /* between two looks at a screen that the operator sees */
#define SCREEN_LIVELY_NS 1000000000u /* ... that the operator does not see, until there is something on it */
#define SCREEN_NEVER     UINT64_MAX

#define SCREEN_BYTES 512 /* in one look: what a line of 115200 baud carries until the next */

struct console_screen {
	struct channel channel;
	struct machine *machine;
	const struct guest_map *map;
	struct text_screen shown;
	struct typing typing;
	uint16_t sent, count; /* of `bytes`, which are rendered */
	bool lively;          /* has been said */
	uint8_t bytes[SCREEN_BYTES];
};

/*
 * All zeroes before. The machine has a screen; it and the map must stay. Fills `channel`, except
 * its owner and kick(): the caller sets those, and then adds the channel.
 */
void console_screen_init(struct console_screen *screen, const char *name, struct machine *machine,
                         const struct guest_map *map);

/*
 * Send of what changed since the last look at most SCREEN_BYTES, if the operator sees it; what the
 * console has no room for follows by itself, the rest at the next look. Returns ns until the next
 * look is due; SCREEN_NEVER: none until attached_changed().
 */
uint64_t console_screen_look(struct console_screen *screen);

/* The guest's keyboard has room again. */
void console_screen_want_keys(struct console_screen *screen);

#endif
