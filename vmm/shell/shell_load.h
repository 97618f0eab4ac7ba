/* SPDX-License-Identifier: MIT */
/*
 * What a VM or a processor did in a stretch of time: the difference of two samples of its counters.
 * The counters belong to other CPUs, and are read without a lock, each as it is.
 */
#ifndef VMM_SHELL_SHELL_LOAD_H
#define VMM_SHELL_SHELL_LOAD_H

#include "lib/types.h"

struct cpu;
struct vm;

struct load {
	uint64_t tsc;             /* when; of a difference, its length */
	uint64_t ran, waited;     /* TSC ticks */
	uint64_t exits, injected; /* counts */
};

struct load load_of_vm(const struct vm *vm);

/* `ran`: spent on vCPUs; `exits`: world switches. */
struct load load_of_cpu(const struct cpu *cpu);

/*
 * What happened from `before` to `after`; what went backwards, as after a new start, is 0. All of
 * it is 0 if less than 10 ms lie between: that says nothing about a second.
 */
struct load load_between(const struct load *before, const struct load *after);

/* In tenths of a percent of the time; at most 1000. */
unsigned load_share(uint64_t ticks, uint64_t of);

/* How many of `count`, below 2^44, a second, over so many TSC ticks; rounded. */
uint64_t load_per_second(uint64_t count, uint64_t ticks);

/* KiB of memory that the VM takes in addition to its RAM. */
uint64_t load_overhead(const struct vm *vm);

/* Is the VM on, so that time passes for it? */
bool load_is_on(const struct vm *vm);

#endif
