/* SPDX-License-Identifier: MIT */
/* What a kernel shall do: its command line, or a line typed at COM1. */
#ifndef TESTS_KERNELS_LIB_COMMAND_H
#define TESTS_KERNELS_LIB_COMMAND_H

#include "lib/types.h"

/*
 * The PVH command line; empty if there is none, or no PVH loader. `info` as kernel_main() gets it.
 */
const char *command_line(uint32_t info);

/* The end of the RAM that begins at 1 MiB, as the PVH loader says; 0 if it does not. */
uint64_t memory_end(uint32_t info);

/* A line from COM1, without its end; what is too long is cut off. */
void read_line(char *line, unsigned size);

bool same(const char *a, const char *b);

/* Does a word of `line`, which blanks part, equal `word`? */
bool has_word(const char *line, const char *word);

/* The number N, decimal, of a word NAME=N in `line`; `other` if there is none. */
uint64_t number_in(const char *line, const char *name, uint64_t other);

/* Ticks of the TSC in a second: as CPUID says, or on a bare machine as the PIT shows. */
uint64_t tsc_rate(uint32_t magic);

#endif
