/* SPDX-License-Identifier: MIT */
/* Programs of random bytes, which one and the same number always gives. */
#ifndef TESTS_KERNELS_RANDOM_PROGRAM_H
#define TESTS_KERNELS_RANDOM_PROGRAM_H

#include "lib/types.h"

#define PROGRAM_SIZE 64

/* xorshift64*: any 64 bits but 0 as its state. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dUL;
}

static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
	return (random_next(state) >> 32) % limit;
}

/* What a program holds that may leave something behind. */
#define PROGRAM_PORTS BIT(0) /* IN, OUT, INS, OUTS */
#define PROGRAM_WRMSR BIT(1)

/*
 * Fill `bytes`; UD2 is the end. `endless`: the program is not single-stepped, so leave out what
 * would keep the interrupt that ends it from coming. Returns PROGRAM_... bits.
 */
unsigned program_make(uint8_t bytes[PROGRAM_SIZE], uint64_t *state, bool endless);

#endif
