/* SPDX-License-Identifier: MIT */
/*
 * Which function called which, without frame pointers or unwind tables: every word of the stack
 * that is an address right after a call instruction counts as a return address. A stale one may be
 * among them, a live one is never missed.
 */
#ifndef VMM_OBSERVE_BACKTRACE_H
#define VMM_OBSERVE_BACKTRACE_H

#include "lib/types.h"

/* A piece of code, and the address at which it runs. */
struct code {
	const uint8_t *bytes;
	uint64_t start, end;
};

/*
 * Does `address` follow a direct near call whose target lies in `code` too? Indirect ones go
 * through thunks.
 */
bool follows_call(const struct code *code, uint64_t address);

/*
 * Pick the return addresses out of `words` words of stack; returns how many were put, at most
 * `max`.
 */
unsigned backtrace_collect(const struct code *code, const uint64_t *stack, size_t words, uint64_t *found,
                           unsigned max);

#endif
