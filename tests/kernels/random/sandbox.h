/* SPDX-License-Identifier: MIT */
/*
 * Running code that may do anything, and coming back: what random.c and sandbox.S share.
 *
 * A program runs with page tables of its own, in which the kernel is read-only except one page,
 * the cell. It ends by an exception, an interrupt, SYSCALL or SYSENTER; each leads to a stack in
 * the cell and from there to the kernel, with all of the processor's state as the kernel wants it.
 */
#ifndef TESTS_KERNELS_RANDOM_SANDBOX_H
#define TESTS_KERNELS_RANDOM_SANDBOX_H

#define GDT_CODE64      0x08
#define GDT_DATA        0x10
#define GDT_CODE32      0x18
#define GDT_CODE16      0x20
#define GDT_USER_CODE16 0x33
#define GDT_USER_CODE32 0x3b
#define GDT_USER_DATA   0x43
#define GDT_USER_CODE64 0x4b
#define GDT_TSS         0x50
#define GDT_TSS32       0x60

/* Ends that are no vectors. */
#define END_SYSCALL  256
#define END_SYSENTER 257

/* Any exception of a program in real-address or virtual-8086 mode, or its last step. */
#define END_REAL 258
#define END_V86  259

#define END_V86_HANDLER 260 /* a second exception, in the handler of the first */

#define LOW_CODE   0x7000 /* of the way into real mode and back */
#define REAL_STATE 0x7800

#define REAL_SS         32 /* offsets in struct real_state */
#define REAL_CS         34
#define REAL_IP         36
#define REAL_DS         38
#define REAL_FLAGS      40
#define REAL_STEP_FLAGS 42
#define REAL_STEPS      44
#define REAL_VECTOR     48
#define REAL_CR0        52
#define REAL_CR4        56
#define REAL_GDT        60

#define V86_STEPS      68 /* offsets in struct v86_state */
#define V86_STEP_FLAGS 72
#define V86_VECTOR     76
#define V86_CR4        80
#define V86_END_EFLAGS 84

#define CELL_STEPS  160 /* offsets in struct cell */
#define CELL_FLAGS  168
#define CELL_VECTOR 176
#define CELL_ERROR  184
#define CELL_RIP    192
#define CELL_STACK  4096

#ifndef __ASSEMBLER__
#include "lib/types.h"
#include "program.h"

/* The page that is writable on both sides. */
struct cell {
	/* How the program starts, in the order of POP and IRET. */
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t rip, cs, rflags, rsp, ss;
	uint64_t steps; /* single steps that are left to it */
	uint64_t flags; /* to be set in RFLAGS at each step */
	uint64_t vector, error_code, end_rip;
	uint8_t stack[CELL_STACK - 200];
};
_Static_assert(offsetof(struct cell, steps) == CELL_STEPS && offsetof(struct cell, end_rip) == CELL_RIP &&
                       sizeof(struct cell) == CELL_STACK,
               "offsets in sandbox.S");

extern struct cell cell;
extern uint64_t sandbox_cr3, kernel_cr0, kernel_cr4, kernel_efer; /* the kernel's values are put back */
extern const uint8_t rescue_stubs[256][16];
extern const char syscall_rescue[], sysenter_rescue[];

/* Run what `cell` says; `data` is for DS, ES, FS and GS. How it ended is in `cell`. */
void sandbox_run(uint16_t data);

/* The same for real-address mode, at REAL_STATE; GPRs in the order of their encoding. */
struct packed real_state {
	uint32_t gpr[8];
	uint16_t ss, cs, ip, ds, flags, step_flags;
	uint32_t steps, vector, cr0, cr4;
	uint16_t gdt_limit;
	uint32_t gdt_base;
};
_Static_assert(offsetof(struct real_state, ss) == REAL_SS &&
                       offsetof(struct real_state, steps) == REAL_STEPS &&
                       offsetof(struct real_state, gdt_limit) == REAL_GDT,
               "offsets in real.S");
void real_run(void);

/* Run such a program with what `cell` says of registers, flags and steps. */
void real_program(const uint8_t program[PROGRAM_SIZE], uint64_t *state);

/*
 * Where programs with real-mode segments lie. The second chooses an offset and puts the program
 * there.
 */
#define LOW_CODE_SEGMENT  0x1000
#define LOW_STACK_SEGMENT 0x2800
uint16_t low_data_segment(uint64_t *state);
uint16_t low_place(const uint8_t program[PROGRAM_SIZE], uint64_t *state);

/* The same for virtual-8086 mode: what POPA and IRET take, and then what v86.S keeps. */
struct v86_state {
	uint32_t edi, esi, ebp, not_esp, ebx, edx, ecx, eax;
	uint32_t eip, cs, eflags, esp, ss, es, ds, fs, gs;
	uint32_t steps, step_flags, vector, cr4;
	uint32_t end_eflags; /* where `vector` ended it */
	uint32_t variant;    /* below V86_VARIANTS */
};
_Static_assert(offsetof(struct v86_state, steps) == V86_STEPS &&
                       offsetof(struct v86_state, end_eflags) == V86_END_EFLAGS,
               "offsets in v86.S");
extern struct v86_state v86_state;
extern const uint8_t v86_stubs[256][16];
void v86_run(void);
void v86_program(const uint8_t program[PROGRAM_SIZE], uint64_t *state);

/* A fault of the kernel itself, not of a program. */
_Noreturn void kernel_fault(void);
#endif

#endif
