/*
 * A VM's end of the console: one per virtual UART that the operator can reach.
 *
 * Output of the attached VM goes to the real console and is held back, not
 * dropped, when that is slow. Output of the others goes to their scrollback, which
 * is replayed on a switch.
 *
 * Locking: the boot processor only.
 */
#ifndef VMM_CONSOLE_CHANNEL_H
#define VMM_CONSOLE_CHANNEL_H

#include "lib/types.h"

#define CHANNEL_SCROLLBACK 16384
#define CHANNEL_INPUT      1024
#define CHANNELS_MAX       64

struct scrollback {
	uint8_t data[CHANNEL_SCROLLBACK];
	uint64_t written; /* bytes ever put; the last CHANNEL_SCROLLBACK of them are in `data` */
};

struct channel {
	/* Set by the owner before channel_add(). */
	const char *name; /* shown to the operator; must stay */
	void *owner;
	/* Bytes from the operator; returns how many were taken. If fewer, call channel_input_wanted() later.
	 */
	size_t (*input)(struct channel *channel, const uint8_t *bytes, size_t count);
	/* channel_room() said false, and there is room again. */
	void (*output_ready)(struct channel *channel);

	/* Kept by console.c and console_channel.c. */
	unsigned number; /* the digit behind Ctrl-A, from 1 */
	bool output_waiting, delivering;
	uint32_t input_head, input_tail; /* of the ring `pending`; free-running */
	uint8_t pending[CHANNEL_INPUT];
	uint64_t input_dropped; /* since it was last said */
	struct scrollback scrollback;
};

/* Make it known to the operator under the lowest free number, which is returned; -ERR_NO_MEMORY if all are
 * taken. */
int must_check channel_add(struct channel *channel);

/* Forget it; if it is attached, the operator lands in the shell. */
void channel_remove(struct channel *channel);

/* The channel `number`, or null. */
struct channel *channel_find(unsigned number);

/* The one after `channel` in order of number, round and round; null if there is none at all. Null starts
 * anew. */
struct channel *channel_next(const struct channel *channel);

/* May the VM send one more byte now? If not, output_ready() is called later. */
bool channel_room(struct channel *channel);

/* One byte of the VM's output. */
void channel_put(struct channel *channel, uint8_t byte);

/* The VM can take input again. */
void channel_input_wanted(struct channel *channel);

/* For console.c: queue one byte of input (false: dropped), and hand over what the VM takes. */
bool channel_receive(struct channel *channel, uint8_t byte);
void channel_deliver(struct channel *channel);

/* Positions in a scrollback count bytes ever put; scrollback_start() is the oldest that is kept. */
void scrollback_put(struct scrollback *scrollback, uint8_t byte);
uint64_t scrollback_start(const struct scrollback *scrollback);

/* Copy up to `size` bytes from position `from` (or the oldest, if that is gone); returns how many. */
size_t scrollback_copy(const struct scrollback *scrollback, uint64_t from, uint8_t *buffer, size_t size);

#endif
