/* SPDX-License-Identifier: MIT */
/*
 * What of a guest's output may reach a person's terminal. Every byte that a guest writes to the
 * shared console passes here, and comes out as whole characters and whole sequences of a known
 * kind; the rest is left out. Only what the monitor can undo passes, so that TERMINAL_SANE gives
 * the operator a usable terminal, whatever passed before.
 *
 * Control functions are named as in ECMA-48, and private ones as in "XTerm Control Sequences". The
 * terminal shows UTF-8.
 *
 * Pure: no clock, no output. The caller serialises.
 */
#ifndef VMM_CONSOLE_TERMINAL_FILTER_H
#define VMM_CONSOLE_TERMINAL_FILTER_H

#include "lib/types.h"

/*
 * Each mode of the terminal that a guest may change: the sequence that changes it, and the one that
 * brings the normal state back. The alternate screens come first, since leaving one restores a
 * cursor with its character sets.
 */
/* clang-format off */
#define TERMINAL_MODES(MODE) \
	MODE("\x1b[?1049h", "\x1b[?1049l") /* alternate screen, with the cursor saved */ \
	MODE("\x1b[?1047h", "\x1b[?1047l") /* alternate screen */ \
	MODE("\x1b[?47h", "\x1b[?47l")     /* alternate screen */ \
	MODE("\x1b[?1h", "\x1b[?1l")       /* DECCKM: keys of the cursor */ \
	MODE("\x1b[?5h", "\x1b[?5l")       /* DECSCNM: reverse video */ \
	MODE("\x1b[?6h", "\x1b[?6l")       /* DECOM: origin in the scrolling region */ \
	MODE("\x1b[?7l", "\x1b[?7h")       /* DECAWM: autowrap */ \
	MODE("\x1b[?9h", "\x1b[?9l")       /* X10 mouse */ \
	MODE("\x1b[?25l", "\x1b[?25h")     /* DECTCEM: cursor */ \
	MODE("\x1b[?1000h", "\x1b[?1000l") /* mouse: buttons */ \
	MODE("\x1b[?1002h", "\x1b[?1002l") /* mouse: drags */ \
	MODE("\x1b[?1003h", "\x1b[?1003l") /* mouse: movements */ \
	MODE("\x1b[?1004h", "\x1b[?1004l") /* focus */ \
	MODE("\x1b[?1006h", "\x1b[?1006l") /* mouse: decimal reports */ \
	MODE("\x1b[?1015h", "\x1b[?1015l") /* mouse: rxvt's reports */ \
	MODE("\x1b[?2004h", "\x1b[?2004l") /* bracketed paste */ \
	MODE("\x1b[4h", "\x1b[4l")         /* IRM: insertion */ \
	MODE("\x1b[20h", "\x1b[20l")       /* LNM: new line */ \
	MODE("\x1b=", "\x1b>")             /* DECKPAM: keypad */ \
	MODE("\x1b(0", "\x1b(B")           /* G0: line drawing */ \
	MODE("\x1b)0", "\x1b)B")           /* G1: line drawing */ \
	MODE("\x0e", "\x0f")               /* G1 in use */
/* clang-format on */

#define TERMINAL_MODE_NORMAL(changed, normal) normal

/* All modes, SGR and the scrolling region (DECSTBM, which moves the cursor) to normal. */
#define TERMINAL_SANE TERMINAL_MODES(TERMINAL_MODE_NORMAL) "\x1b[0m\x1b[r"

/* CAN: ends a sequence of which the rest does not come. */
#define TERMINAL_CANCEL "\x18"

#define FILTER_SEQUENCE_MAX 64

struct terminal_filter {
	enum {
		FILTER_PLAIN,
		FILTER_CHARACTER, /* in UTF-8 */
		FILTER_ESCAPE,
		FILTER_CHARSET,
		FILTER_LAST, /* the next byte ends a sequence that is left out */
		FILTER_CSI,
		FILTER_STRING,
	} state;
	uint8_t count, missing; /* bytes in `sequence`; bytes of a character that are to come */
	uint32_t changed;       /* modes that are not normal: bits, in the order of TERMINAL_MODES */
	uint8_t sequence[FILTER_SEQUENCE_MAX + 1];
	uint8_t modes[FILTER_SEQUENCE_MAX]; /* to be sent in the place of `sequence` */
};

/* Which views a piece belongs to. */
enum filter_kind {
	FILTER_NOTHING,
	FILTER_TEXT,     /* a character from 20h to 7Eh or from U+00A0, CR, LF, BS, TAB: all views */
	FILTER_PICTURE,  /* draws, and asks for nothing: live and replayed */
	FILTER_MODE,     /* a change of a mode, or a sound: live only */
	FILTER_QUESTION, /* the terminal answers: live only */
};

struct filter_piece {
	enum filter_kind kind;
	bool coloured; /* SGR is not normal after it */
	bool moved;    /* neither need the cursor's place and the modes be */
	const uint8_t *bytes;
	size_t count;
};

/*
 * Take the guest's next byte; `piece` is what can be shown now, and lasts until the next call.
 * False: `byte` was not taken and must be offered again, which happens once at most.
 */
bool must_check filter_take(struct terminal_filter *filter, uint8_t byte, struct filter_piece *piece);

/* The sequence of the next mode in `changed`, from `*mode` on, which moves; null: no more. */
const char *filter_next_change(uint32_t changed, unsigned *mode);

/* Does `changed` have an alternate screen? */
bool filter_on_alternate_screen(uint32_t changed);

#endif
