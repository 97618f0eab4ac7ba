/* SPDX-License-Identifier: MIT */
#ifndef LIB_INTERRUPT_FRAME_H
#define LIB_INTERRUPT_FRAME_H

#include "lib/types.h"

/* What vmm/cpu/interrupts.S pushes: the registers at the time of the interrupt or exception. */
struct interrupt_frame {
	uint64_t gpr[15]; /* R15 first, RAX last; RSP is below */
	uint64_t vector;
	uint64_t error_code; /* 0 for those that have none */
	uint64_t rip, cs, rflags, rsp, ss;
};

#endif
