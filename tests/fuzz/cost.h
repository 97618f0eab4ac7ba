/* SPDX-License-Identifier: MIT */
/*
 * The cost oracle: an input costs at most a constant, and so many steps for each of its bytes. So
 * no input can make the code loop over its bytes once for each of its bytes.
 *
 * A step is one pass through a region of the code under test, as clang counts them for coverage
 * (-fprofile-instr-generate): each entry of a function, each turn of a loop, each branch taken.
 * What the host's library does in one call counts by cost_add().
 */
#ifndef TESTS_FUZZ_COST_H
#define TESTS_FUZZ_COST_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The linker's names for the counters. */
extern uint64_t cost_counters[] __asm__("__start___llvm_prf_cnts");
extern uint64_t cost_counters_end[] __asm__("__stop___llvm_prf_cnts");

static uint64_t cost_added;

static inline void cost_begin(void)
{
	memset(cost_counters, 0, (size_t)((char *)cost_counters_end - (char *)cost_counters));
	cost_added = 0;
}

static inline void cost_add(uint64_t steps)
{
	cost_added += steps;
}

/* Since cost_begin(). */
static inline uint64_t cost_steps(void)
{
	uint64_t steps = cost_added;

	for (const uint64_t *counter = cost_counters; counter < cost_counters_end; counter++)
		steps += *counter;
	return steps;
}

static inline void cost_end(size_t size, uint64_t constant, uint64_t each_byte)
{
	uint64_t steps = cost_steps(), most = constant + size * each_byte;

	if (steps <= most)
		return;
	fprintf(stderr, "cost: %llu steps for %zu bytes, and at most %llu may be\n",
	        (unsigned long long)steps, size, (unsigned long long)most);
	abort();
}

#endif
