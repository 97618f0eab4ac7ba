/* SPDX-License-Identifier: MIT */
/*
 * A VM's end of the console: its serial line, or its screen with a keyboard. Both may have the same
 * number.
 *
 * Output of the attached channel goes to the real console and is held back, not dropped, when that
 * is slow. Output of the others goes to their scrollback, which is replayed on a switch. All of it
 * passes the terminal filter (vmm/console/terminal_filter.h). A channel can have a serial port of
 * the machine to itself instead, as it is (vmm/console/console_ports.h).
 *
 * Locking: a channel has a lock of its own, taken before the ring's. Each function says which CPU
 * may call it: the one that the VM is on, or the boot processor, which runs the console.
 */
#ifndef VMM_CONSOLE_CONSOLE_CHANNEL_H
#define VMM_CONSOLE_CONSOLE_CHANNEL_H

#include "lib/spinlock.h"
#include "vmm/console/terminal_filter.h"

#define CHANNEL_SCROLLBACK 16384
#define CHANNEL_INPUT      1024
#define CHANNELS_MAX       1024

struct scrollback {
	uint8_t data[CHANNEL_SCROLLBACK];
	uint64_t written; /* bytes ever put; the last CHANNEL_SCROLLBACK of them are in `data` */
};

/* Where the output goes, apart from the scrollback. */
enum channel_sink {
	CHANNEL_KEPT,  /* nowhere */
	CHANNEL_HELD,  /* nowhere: the scrollback is being replayed, and the VM waits */
	CHANNEL_SHOWN, /* the operator's console */
	CHANNEL_TAGGED, /* the operator's console, line by line with the VM's name (vmm/console/console_tagged.c) */
	CHANNEL_PORT,    /* a serial port of its own */
	CHANNEL_DROPPED, /* nowhere, and not even the scrollback has it */
};

#define TAGGED_MAX 200

/* A line that is not complete yet, or not shown. */
struct tagged_line {
	bool after_cr;
	uint8_t length, columns;
	uint64_t since; /* TSC when it began */
	char text[TAGGED_MAX];
};

struct channel {
	/* Set by the owner before channel_add(). */
	const char *name; /* shown to the operator; must stay */
	void *owner;
	bool screen;                   /* a screen, which the owner paints while it is attached */
	struct scrollback *scrollback; /* emptied by channel_add(); null: nothing is kept and replayed */
	/*
	 * Called on the boot processor: have the VM's CPU call channel_service() soon. May come
	 * again before that has happened, and must be cheap then. If the VM runs nowhere it is
	 * enough to call channel_service() when it does again.
	 */
	void (*kick)(struct channel *channel);
	/*
	 * Called on the VM's CPU, without a lock: bytes from the operator; returns how many were
	 * taken. If fewer, call channel_input_wanted() later.
	 */
	size_t (*input)(struct channel *channel, const uint8_t *bytes, size_t count);
	/*
	 * Called on the VM's CPU, without a lock: the operator sends BREAK. False: not now; call
	 * channel_input_wanted() later. Null: there is no line that could be broken.
	 */
	bool (*input_break)(struct channel *channel);
	/*
	 * Called on the VM's CPU, without a lock: channel_room() said false, and there is room
	 * again.
	 */
	void (*output_ready)(struct channel *channel);
	/*
	 * Of a screen, called on the VM's CPU, without a lock: channel_attached() may have changed,
	 * or the picture was written over. If attached, paint all of it; what the operator's screen
	 * shows is not known.
	 */
	void (*attached_changed)(struct channel *channel);

	/* Kept by console.c and console_channel.c. */
	unsigned number; /* typed after Ctrl-A, from 1; 0: not added */
	bool delivering; /* of the VM's CPU */
	bool lively;
	/* Under `lock`, and so are the scrollback and what waits in `pending`. */
	struct spinlock lock;
	enum channel_sink sink;
	struct terminal_filter filter; /* of a serial line; a screen's owner sends only what is sane */
	bool coloured, moved;          /* the scrollback has had pieces that say so */
	uint64_t asked;                /* TSC when the guest last asked the terminal; 0: never */
	uint32_t questions, answers;   /* ever; the boot processor counts the answers */
	struct console_port *port;     /* of CHANNEL_PORT */
	bool output_waiting, changed;
	bool break_waiting; /* after the input before `break_at` */
	struct tagged_line tagged;
	uint32_t input_head, input_tail, break_at; /* of the ring `pending`; free-running */
	uint64_t input_dropped;                    /* since it was last said */
	uint8_t pending[CHANNEL_INPUT];
};

/* ---- On the boot processor ---- */

/*
 * Make it known to the operator under `number`, 1..CHANNELS_MAX. -ERR_OUT_OF_RANGE for any other,
 * -ERR_EXISTS if there is one of its kind (serial line, screen) already.
 */
int must_check channel_add(struct channel *channel, unsigned number);

/*
 * Forget it; if it is attached, the operator lands in the shell. The VM must not use it any more.
 */
void channel_remove(struct channel *channel);

/* Forget output and do not offer the channel to the operator: `console = none`. */
void channel_drop_output(struct channel *channel);

/*
 * Which of a VM's two channels the operator sees. AUTO: the screen if there is something on it and
 * nothing was ever written to the serial line. Forgotten when both are removed.
 */
enum channel_view { CHANNEL_VIEW_AUTO, CHANNEL_VIEW_SERIAL, CHANNEL_VIEW_SCREEN };
void channel_set_view(unsigned number, enum channel_view view);

/*
 * What the operator sees of VM `number`; null if there is no such VM, or nothing of it is on this
 * console.
 */
struct channel *channel_find(unsigned number);

/* The same of the VM with this name, or the only one whose name begins so. */
struct channel *channel_find_name(const char *name);

/*
 * The same of the next and the previous VM in order of number, round and round; null if there is
 * none at all. From null: the first and the last.
 */
struct channel *channel_next(const struct channel *channel);
struct channel *channel_previous(const struct channel *channel);

/* The serial line of this screen, or the screen of this serial line; null if there is none. */
struct channel *channel_other(const struct channel *channel);

/* ---- On the VM's CPU ---- */

/* May the VM send one more byte now? If not, output_ready() is called later. */
bool channel_room(struct channel *channel);

/* One byte of the VM's output. */
void channel_put(struct channel *channel, uint8_t byte);

/* The VM can take input again. */
void channel_input_wanted(struct channel *channel);

/*
 * What kick() asks for: hand over input, say that there is room if the VM waits for that, and
 * whether a screen is attached.
 */
void channel_service(struct channel *channel);

/* Does the operator see it? */
bool channel_attached(const struct channel *channel);

/* There is something on this screen. */
void channel_set_lively(struct channel *channel);

/* ---- Scrollbacks; the caller serialises ---- */

/* Positions count bytes ever put; scrollback_start() is the oldest that is kept. */
void scrollback_put(struct scrollback *scrollback, uint8_t byte);
uint64_t scrollback_start(const struct scrollback *scrollback);

/*
 * Copy up to `size` bytes from position `from` (or the oldest, if that is gone); returns how many.
 */
size_t scrollback_copy(const struct scrollback *scrollback, uint64_t from, uint8_t *buffer, size_t size);

#endif
