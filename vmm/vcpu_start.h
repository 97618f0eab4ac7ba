/* SPDX-License-Identifier: MIT */
/*
 * The state of a processor at its first instruction. Image loaders fill it and know no VM; the
 * backend puts a vCPU into it.
 */
#ifndef VMM_VCPU_START_H
#define VMM_VCPU_START_H

#include "lib/types.h"

/* General registers, in the order of instruction encoding. */
enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, GPRS };

enum start_mode {
	START_PROTECTED, /* flat 32-bit segments, no paging */
	START_REAL,      /* as a PC's firmware enters a boot sector */
	START_LONG,      /* flat 64-bit code, 4-level paging */
};

/*
 * START_PROTECTED: CR0.PE alone is set, segments are flat (base 0, limit 4 GiB) with the selectors
 * below, out of the table at `gdt`. START_LONG: the same, and CR0.PG, CR4.PAE, EFER.LME and LMA are
 * set. START_REAL: none of that; `cs` and `ds` are segments in units of 16 bytes, and vectors are
 * at address 0.
 */
struct vcpu_start {
	enum start_mode mode;
	uint64_t rip, rsp;
	uint64_t rflags; /* without the bit that is always 1 */
	uint64_t gpr[GPRS];
	uint64_t cr3; /* 0 unless START_LONG */
	gpa_t gdt;
	uint16_t gdt_limit;
	uint16_t cs, ds; /* ds: also for ES, FS, GS and SS */
	uint16_t tr;     /* a busy TSS with base 0 and limit 67h; 0 in START_REAL */
};

#endif
