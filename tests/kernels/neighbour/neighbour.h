/* SPDX-License-Identifier: MIT */
/* What neighbour.c needs from vigil.S. */
#ifndef TESTS_KERNELS_NEIGHBOUR_NEIGHBOUR_H
#define TESTS_KERNELS_NEIGHBOUR_NEIGHBOUR_H

#include "lib/types.h"

/*
 * With values of its own in all general registers (made from `seed`), wait until `*ticks` is no
 * longer `old`, interrupts on: halted, or in a loop if `busy`. Returns the number of the first
 * register (as in an instruction's encoding) that has changed, or -1.
 */
int vigil(uint64_t seed, const volatile uint64_t *ticks, uint64_t old, bool busy);

#endif
