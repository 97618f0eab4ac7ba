/* SPDX-License-Identifier: MIT */
/* Arithmetic on values that a guest or a file supplies: true means it overflowed. */
#ifndef LIB_CHECKED_H
#define LIB_CHECKED_H

#include "lib/types.h"

static inline must_check bool add_overflows(uint64_t a, uint64_t b, uint64_t *sum)
{
	return __builtin_add_overflow(a, b, sum);
}

static inline must_check bool multiply_overflows(uint64_t a, uint64_t b, uint64_t *product)
{
	return __builtin_mul_overflow(a, b, product);
}

/* Does [offset, offset + length) lie inside [0, size)? An empty range at `size` does. */
static inline bool range_within(uint64_t offset, uint64_t length, uint64_t size)
{
	return offset <= size && length <= size - offset;
}

/*
 * `index`, or 0 if it is not below `size`, without a branch: after a bounds check, so that
 * speculation past the check reads nothing but the table. Intel, "Bounds Check Bypass".
 */
static inline uint64_t clamp_index(uint64_t index, uint64_t size)
{
	uint64_t mask;

	__asm__("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(index), "ir"(size) : "cc");
	return index & mask;
}

/*
 * The upper half of a product. Said in assembly because the compiler aligns the stack of every
 * function that holds a 128-bit value, which the exit path would pay for.
 */
static inline uint64_t multiply_high(uint64_t a, uint64_t b)
{
	uint64_t high;

	__asm__("mulq %2" : "=d"(high), "+a"(a) : "rm"(b) : "cc");
	return high;
}

#endif
