/*
 * The x86 instruction emulator: instruction bytes and registers in, effects out.
 * Used where an exit does not say all: memory-mapped devices, holes and ROM, and
 * (later) code that the processor cannot run itself.
 *
 * Pure: no VM, VMCS or device is known here. All memory goes through
 * struct emulate_ops. All effects of an instruction happen or none do: a failed
 * access leaves every register as it was. Of a rep string instruction each iteration
 * is such a unit.
 */
#ifndef VMM_EMULATE_EMULATE_H
#define VMM_EMULATE_EMULATE_H

#include "lib/segment.h"

enum emulate_status {
	EMULATE_OK,	     /* done; registers, RIP and RFLAGS are updated */
	EMULATE_AGAIN,	     /* a rep instruction did some iterations: registers updated, RIP still at it */
	EMULATE_FAULT,	     /* raise context->fault; registers untouched */
	EMULATE_UNSUPPORTED, /* an instruction that we do not know; registers untouched */
};

struct emulate_fault {
	uint8_t vector;
	bool has_error_code;
	uint32_t error_code;
	uint64_t cr2; /* for #PF */
};

struct emulate_context;

struct emulate_ops {
	/*
	 * Linear-address accesses of 1..16 bytes with the CPL's rights, any alignment, page
	 * crossing allowed. false: context->fault is filled and nothing happened. `locked` asks
	 * for a read that will be followed by a write of the same bytes: check for write now.
	 */
	bool (*read)(struct emulate_context *context, gva_t address, void *data, unsigned size,
		     bool for_write);
	bool (*write)(struct emulate_context *context, gva_t address, const void *data, unsigned size);
	/*
	 * May be NULL. Would this access succeed? Translates and checks rights, touches nothing;
	 * false: context->fault is filled. With it an instruction of two accesses (MOVS, PUSH of
	 * memory) reads no device before it knows that its write can happen.
	 */
	bool (*check)(struct emulate_context *context, gva_t address, unsigned size, bool for_write);
};

/* Bits of emulate_context.lacks: what this processor executes otherwise or not at all. */
#define EMULATE_LACKS_LZCNT  BIT(0) /* F3 0F BD is BSR */
#define EMULATE_LACKS_TZCNT  BIT(1) /* F3 0F BC is BSF */
#define EMULATE_LACKS_POPCNT BIT(2) /* #UD */
#define EMULATE_LACKS_MOVBE  BIT(3) /* #UD */

struct emulate_context {
	const struct emulate_ops *ops;
	void *owner; /* for ops */

	/* In and out: registers by number (0 = RAX, 4 = RSP ... 15 = R15). */
	uint64_t gpr[16];
	uint64_t rip, rflags;

	/* In */
	uint64_t cr0, cr4, efer;
	struct segment segment[6]; /* ES..GS */
	uint8_t cpl;
	uint8_t bytes[15];
	uint8_t byte_count;	 /* how many of `bytes` are valid */
	uint32_t max_iterations; /* bound for rep: then EMULATE_AGAIN; 0 counts as 1 */
	uint8_t lacks;		 /* EMULATE_LACKS_...; 0: a recent processor */

	/* Out */
	struct emulate_fault fault;
	uint8_t length;	    /* of the instruction, once it is decoded; else 0 */
	bool mov_ss_shadow; /* a load of SS: hold events back for one instruction */
};

/*
 * Execute one instruction. Reads segment[SEG_CS].access (L, D/B), efer.LMA, cr0.PE and
 * rflags.VM for the mode. Which instructions, what is chosen where the manual leaves a
 * choice, and what the caller owes (single-step, interrupts): docs/emulate.md.
 */
enum emulate_status emulate_instruction(struct emulate_context *context);

#endif
