/* SPDX-License-Identifier: MIT */
/*
 * How far the programs have come, where a reset does not clear it: in RAM that no program with page
 * tables can reach, and, should that be wrong, roughly in the battery-backed RAM of the clock.
 */
#ifndef TESTS_KERNELS_RANDOM_RECORD_H
#define TESTS_KERNELS_RANDOM_RECORD_H

#include "lib/types.h"

#define V86_VARIANTS 4 /* bit 0: IOPL 3, bit 1: CR4.VME */

struct record {
	uint64_t seed;
	uint64_t next; /* the number of the next program */
	uint64_t begun, resets;
	uint64_t real, v86;                 /* programs that ended in these modes */
	uint32_t v86_vectors[V86_VARIANTS]; /* vectors that ended some, as bits */
	uint64_t sum;
};

/* The record as it was kept; false: there is none, and `record` is as for a first start. */
bool record_load(struct record *record);
void record_store(struct record *record);

#endif
