/* What fault.c needs from modes.S. */
#ifndef TESTS_KERNELS_FAULT_H
#define TESTS_KERNELS_FAULT_H

#include "kernel.h"

/* Leave 64-bit mode for flat 32-bit protected mode without paging, and go to `code`, which is 32-bit code. */
noreturn void enter_protected(const void *code);

/* 32-bit code for it. */
extern const char protected_triple_fault[];  /* an exception without an IDT */
extern const char real_triple_fault[];       /* the same after going to real mode */
extern const char protected_aligned_check[]; /* #AC whose delivery raises #AC, for ever */

#endif
