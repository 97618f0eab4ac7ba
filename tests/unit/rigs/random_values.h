/* SPDX-License-Identifier: MIT */
/* Random numbers by a seed that the test sets, and values that are likely to matter. */
#ifndef TESTS_UNIT_RIGS_RANDOM_VALUES_H
#define TESTS_UNIT_RIGS_RANDOM_VALUES_H

#include "lib/types.h"

static uint64_t random_state;

static uint64_t random64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1dUL;
}

static unsigned below(unsigned n)
{
	return (random64() >> 32) % n;
}

static bool percent(unsigned chance)
{
	return below(100) < chance;
}

static uint64_t any_value(void)
{
	static const uint64_t corners[] = {
		0,      1,          2,          0x7f,       0x80,        0xff,      0x7fff,    0x8000,
		0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, ~0UL >> 1, 1UL << 63, ~0UL,
	};

	switch (below(4)) {
	case 0: return corners[below(ARRAY_SIZE(corners))];
	case 1: return below(64);
	default: return random64();
	}
}

#endif
