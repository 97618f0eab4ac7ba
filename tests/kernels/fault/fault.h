/* SPDX-License-Identifier: MIT */
/* What fault.c needs from modes.S. */
#ifndef TESTS_KERNELS_FAULT_FAULT_H
#define TESTS_KERNELS_FAULT_FAULT_H

#include "kernel.h"

/* 32-bit code for enter_protected(). */
extern const char protected_triple_fault[];  /* an exception without an IDT */
extern const char real_triple_fault[];       /* the same after going to real mode */
extern const char protected_aligned_check[]; /* #AC whose delivery raises #AC, without end */

#endif
