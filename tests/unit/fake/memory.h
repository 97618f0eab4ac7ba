/* SPDX-License-Identifier: MIT */
/*
 * Physical memory for host tests: hpa_to_pointer() and pointer_to_hpa() lead
 * into one arena that stands for host addresses [0, size). Pages cost nothing until
 * they are touched.
 */
#ifndef TESTS_UNIT_FAKE_MEMORY_H
#define TESTS_UNIT_FAKE_MEMORY_H

#include "mm/frames.h"

/* A fresh arena of zeroes; the one before is gone. `size` up to 64 GiB. */
void fake_memory_arena(uint64_t size);

/* The same, and frames_init() over all of it: frames_alloc() works. */
void fake_memory_init(uint64_t size);

#endif
