/*
 * A VM's end of the console: one per virtual UART that the operator can reach.
 *
 * Output of the attached VM goes to the real console and is held back, not
 * dropped, when that is slow. Output of the others goes to their scrollback, which
 * is replayed on a switch.
 *
 * Locking: a channel has a lock of its own, taken before the ring's. Each function says which CPU may call
 * it: the one that the VM is on, or the boot processor, which runs the console.
 */
#ifndef VMM_CONSOLE_CHANNEL_H
#define VMM_CONSOLE_CHANNEL_H

#include "lib/spinlock.h"

#define CHANNEL_SCROLLBACK 16384
#define CHANNEL_INPUT      1024
#define CHANNELS_MAX       1024

struct scrollback {
	uint8_t data[CHANNEL_SCROLLBACK];
	uint64_t written; /* bytes ever put; the last CHANNEL_SCROLLBACK of them are in `data` */
};

struct channel {
	/* Set by the owner before channel_add(). */
	const char *name; /* shown to the operator; must stay */
	void *owner;
	struct scrollback *scrollback; /* emptied by channel_add() */
	/*
	 * Called on the boot processor: have the VM's CPU call channel_service() soon. May come again
	 * before that has happened, and must be cheap then. If the VM runs nowhere it is enough to call
	 * channel_service() when it does again.
	 */
	void (*kick)(struct channel *channel);
	/* Called on the VM's CPU, without a lock: bytes from the operator; returns how many were taken. If
	 * fewer, call channel_input_wanted() later. */
	size_t (*input)(struct channel *channel, const uint8_t *bytes, size_t count);
	/* Called on the VM's CPU, without a lock: channel_room() said false, and there is room again. */
	void (*output_ready)(struct channel *channel);

	/* Kept by console.c and console_channel.c. */
	unsigned number; /* behind Ctrl-A, from 1; 0: not added */
	bool delivering; /* of the VM's CPU */
	/* Under `lock`, and so are the scrollback and what waits in `pending`. */
	struct spinlock lock;
	bool attached, output_waiting;
	uint32_t input_head, input_tail; /* of the ring `pending`; free-running */
	uint64_t input_dropped;          /* since it was last said */
	uint8_t pending[CHANNEL_INPUT];
};

/* ---- On the boot processor ---- */

/*
 * Make it known to the operator under `number`, 1..CHANNELS_MAX. -ERR_OUT_OF_RANGE for any other, -ERR_EXISTS
 * if it is taken.
 */
int must_check channel_add(struct channel *channel, unsigned number);

/* Forget it; if it is attached, the operator lands in the shell. The VM must not use it any more. */
void channel_remove(struct channel *channel);

/* The channel `number`, or null. */
struct channel *channel_find(unsigned number);

/* The one after `channel` in order of number, round and round; null if there is none at all. Null starts
 * anew. */
struct channel *channel_next(const struct channel *channel);

/* ---- On the VM's CPU ---- */

/* May the VM send one more byte now? If not, output_ready() is called later. */
bool channel_room(struct channel *channel);

/* One byte of the VM's output. */
void channel_put(struct channel *channel, uint8_t byte);

/* The VM can take input again. */
void channel_input_wanted(struct channel *channel);

/* What kick() asks for: hand over input, and say that there is room if the VM waits for that. */
void channel_service(struct channel *channel);

/* ---- Scrollbacks; the caller serialises ---- */

/* Positions count bytes ever put; scrollback_start() is the oldest that is kept. */
void scrollback_put(struct scrollback *scrollback, uint8_t byte);
uint64_t scrollback_start(const struct scrollback *scrollback);

/* Copy up to `size` bytes from position `from` (or the oldest, if that is gone); returns how many. */
size_t scrollback_copy(const struct scrollback *scrollback, uint64_t from, uint8_t *buffer, size_t size);

#endif
