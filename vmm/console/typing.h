/* SPDX-License-Identifier: MIT */
/*
 * From what an operator types on a terminal to keys of a guest's keyboard: ASCII, control
 * characters, and the sequences of VT100, xterm and the Linux console for keys that have no
 * character. What means no key is passed over, and so is what the terminal says by itself.
 *
 * A sequence that has begun is the operator's side of the matter: it is not part of the guest's
 * keyboard, and no saved state has it.
 *
 * Locking: everything here is called on the VM's CPU.
 */
#ifndef VMM_CONSOLE_TYPING_H
#define VMM_CONSOLE_TYPING_H

#include "devices/pc/keyboard.h"
#include "vmm/console/terminal_input.h"

/* How long the rest of a terminal's sequence may take before an escape character is the Esc key. */
#define TYPING_ESCAPE_NS 50000000u

#define TYPING_NEVER UINT64_MAX

/* All zeroes but the keyboard: no sequence has begun. */
struct typing {
	struct device *keyboard;
	struct terminal_input input;
	bool after_cr;      /* the last byte was one */
	uint64_t escape_at; /* machine clock, ns: no more of the sequence comes */
};

/*
 * Press the keys that `bytes` mean. Returns how many were taken: fewer when the guest has not read
 * what is queued; the platform's keyboard_input_wanted() tells when to call typing_expire() and to
 * offer the rest.
 */
size_t must_check typing_take(struct typing *typing, const uint8_t *bytes, size_t count);

/*
 * End the sequence that has begun if no more of it came in time and the keyboard has room. Returns
 * the ns until that is due; TYPING_NEVER: none waits for its time.
 */
uint64_t typing_expire(struct typing *typing);

/* Forget the sequence that has begun: the keyboard that it was meant for is gone. */
void typing_forget(struct typing *typing);

#endif
