/* SPDX-License-Identifier: MIT */
/* Code of modes.S. */
#ifndef TESTS_KERNELS_ATTACK_MODES_H
#define TESTS_KERNELS_ATTACK_MODES_H

/* In 64-bit mode, to be called. */
void compatibility_triple_fault(void);
void mode_round(void); /* out of long mode and back, from and to a caller below 4 GiB */

/* 32-bit code for enter_protected(). */
extern const char protected32_triple_fault[];
extern const char protected16_triple_fault[];
extern const char virtual86_triple_fault[];
extern const char real_triple_fault[];

#endif
