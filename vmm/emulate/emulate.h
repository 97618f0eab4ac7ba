/* SPDX-License-Identifier: MIT */
/*
 * The x86 instruction emulator: instruction bytes and registers in, effects out.
 * Used where an exit does not say all: memory-mapped devices, holes and ROM.
 *
 * Pure: no VM, VMCS or device is known here. All memory goes through
 * emulate_context.access. All effects of an instruction happen or none do: a failed
 * access leaves every register as it was. Of a rep string instruction each iteration
 * is such a unit.
 */
#ifndef VMM_EMULATE_EMULATE_H
#define VMM_EMULATE_EMULATE_H

#include "lib/segment.h"

enum emulate_status {
	EMULATE_OK,    /* done; registers, RIP and RFLAGS are updated */
	EMULATE_AGAIN, /* a rep instruction did some iterations: registers updated, RIP still at it */
	EMULATE_FAULT, /* raise context->fault; only upper halves of gpr changed: string_instructions.c */
	EMULATE_UNSUPPORTED, /* an instruction that we do not know; registers untouched */
};

struct emulate_fault {
	uint8_t vector;
	uint32_t error_code; /* 0 for those that have none */
	uint64_t cr2;        /* for #PF */
};

enum emulate_access {
	EMULATE_READ,
	EMULATE_READ_FOR_WRITE, /* a write of the same bytes will follow: must be allowed now */
	EMULATE_WRITE,
	EMULATE_CHECK_READ, /* would it succeed? Nothing is touched, `data` is not used */
	EMULATE_CHECK_WRITE,
};

struct emulate_context {
	/*
	 * Linear-address accesses of 1..16 bytes with the CPL's rights, any alignment, also across
	 * pages and the end of the linear address space. false: context->fault is filled and
	 * nothing happened.
	 */
	bool (*access)(struct emulate_context *context, gva_t address, void *data, unsigned size,
	               enum emulate_access access);
	void *owner; /* for access() */

	/* In and out: registers by number (0 = RAX, 4 = RSP ... 15 = R15). */
	uint64_t gpr[16];
	uint64_t rip, rflags;

	/* In */
	uint64_t cr0, efer;
	struct segment segment[6]; /* ES..GS */
	uint8_t cpl;
	uint8_t bytes[15];
	uint8_t byte_count;      /* how many of `bytes` are valid */
	uint32_t max_iterations; /* bound for rep: then EMULATE_AGAIN; 0 counts as 1 */

	/* Out */
	struct emulate_fault fault;
};

/*
 * Execute one instruction. Reads segment[SEG_CS].access (L, D/B), efer.LMA, cr0.PE and
 * rflags.VM for the mode. Which instructions, what is chosen where the manual leaves a
 * choice, and what the caller owes (single-step, interrupts): docs/emulate.md.
 */
enum emulate_status emulate_instruction(struct emulate_context *context);

#endif
