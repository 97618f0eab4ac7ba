/* SPDX-License-Identifier: MIT */
/*
 * What goes on after a command, since the shell never waits: a picture that is drawn again and
 * again, or output that comes in pieces. Any key ends it, and so does going to a VM's console.
 *
 * Locking: the boot processor only.
 */
#ifndef VMM_SHELL_SHELL_LIVE_H
#define VMM_SHELL_SHELL_LIVE_H

#include "lib/types.h"

struct shell_live {
	bool (*step)(void); /* draw, or go on; false: it is done */
	void (*end)(void);  /* called once, however it ended */
	uint64_t interval;  /* ns before each step */
	bool keeps_key;     /* the key that ends it is the first of the next line, and not lost */
};

/*
 * From a command: go on with `live`, which must stay, after its interval. There is no prompt until
 * it ends.
 */
void shell_live(const struct shell_live *live);

/* Is anything live? */
bool shell_live_runs(void);

/* A key was typed: end what is live. True: that was all that the key did. */
bool shell_live_key(void);

#endif
