/* SPDX-License-Identifier: MIT */
/* Code outside of IA-32e mode, and the way there and back: what legacy.c and legacy.S share. */
#ifndef TESTS_KERNELS_ATTACK_LEGACY_H
#define TESTS_KERNELS_ATTACK_LEGACY_H

/* Selectors of the descriptor table of legacy.S; the first five are as in the kernel's own. */
#define LEGACY_CODE64    0x08
#define LEGACY_DATA      0x10
#define LEGACY_CODE32    0x18
#define LEGACY_USER_CODE 0x30
#define LEGACY_USER_DATA 0x38
#define LEGACY_TSS       0x40
#define LEGACY_TASK      0x48
#define LEGACY_LDT       0x50
#define LEGACY_FREE      0x58 /* and three after it */

#define LEGACY_LOW  0x8000 /* of virtual-8086 code */
#define LEGACY_PORT 0x80   /* which the tasks' maps allow, for a delay without an effect */

/* Offsets in struct legacy_state. */
#define LEGACY_EFER   0
#define LEGACY_CR4    4
#define LEGACY_CR3    8
#define LEGACY_CR0    12
#define LEGACY_AFTER  16
#define LEGACY_CS     28
#define LEGACY_SS     30
#define LEGACY_DS     32
#define LEGACY_ACTION 34
#define LEGACY_TR     36
#define LEGACY_ESI    40
#define LEGACY_EFLAGS 44
#define LEGACY_POKE   48
#define LEGACY_POKED  52

/*
 * What legacy_segments does with the segments that it has loaded, apart from holding them over
 * exits.
 */
#define LEGACY_OUTS   1 /* OUTSB from DS:ESI */
#define LEGACY_REAL   2 /* protected mode is left, the segments' caches stay */
#define LEGACY_RELOAD 4 /* and DS is loaded there */

#ifndef __ASSEMBLER__
#include "lib/types.h"

struct legacy_state {
	uint32_t efer, cr4, cr3, cr0;
	uint32_t after[3]; /* CR4, CR3 and CR0, written next; 0: not written */
	uint16_t cs, ss, ds, action, tr, unused;
	uint32_t esi, eflags;
	uint32_t poke, poked; /* memory that is written between the two, and with what; 0: none */
};
_Static_assert(offsetof(struct legacy_state, after) == LEGACY_AFTER &&
                       offsetof(struct legacy_state, cs) == LEGACY_CS &&
                       offsetof(struct legacy_state, esi) == LEGACY_ESI &&
                       offsetof(struct legacy_state, poked) == LEGACY_POKED,
               "offsets in legacy.S");

/*
 * Leave 64-bit mode for flat 32-bit protected mode without paging, with LEGACY_TSS as the task, and
 * run `code` with `state`. Returns the vector that ended it, or NO_FAULT; then these are known.
 */
int legacy_run(const void *code, const struct legacy_state *state);
extern uint32_t legacy_error, legacy_eip, legacy_eflags;
extern uint32_t legacy_step;             /* the last that the code has begun */
extern uint32_t legacy_cr0, legacy_efer; /* at its end */

/*
 * Load CS, and TR unless it is 0; then EFER, CR4, CR3, CR0, exits, CR4, CR3, CR0, exits: steps 1 to
 * 9.
 */
extern const char legacy_control[];
/* Load CS, SS and all data segments, exits and the action. */
extern const char legacy_segments[];
/* To LEGACY_LOW in virtual-8086 mode, with EFLAGS, CR4 and CR0. */
extern const char legacy_v86[];
/* JMP and CALL to LEGACY_TASK. */
extern const char legacy_task_jump[], legacy_task_call[];
/* Where a task ends well. */
extern const char legacy_done[];

extern const uint8_t legacy_stubs[32][16];
#endif

#endif
