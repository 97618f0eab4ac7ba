/* SPDX-License-Identifier: MIT */
/*
 * The x86 instruction emulator: instruction bytes and registers in, effects out.
 * Used where an exit does not say all: memory-mapped devices, holes and ROM.
 *
 * Pure: no VM, VMCS or device is known here. All memory goes through emulate_context.access, the
 * registers of FPU and vector unit through .extended. All effects of an instruction happen or none
 * do: a failed access leaves every register as it was. Of a rep string instruction each iteration
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

/*
 * Stubs: each is one instruction that moves registers between the guest's FPU or vector unit and
 * memory of the emulator's. Those of a kind follow each other, by register or as said.
 */
enum emulate_extended {
	EXTENDED_X87 = 0,                                /* by opcode less D8h, and ModRM.reg */
	EXTENDED_X87_16 = EXTENDED_X87 + 64,             /* the same with 66h */
	EXTENDED_MMX_LOAD = EXTENDED_X87_16 + 64,        /* MOVQ */
	EXTENDED_MMX_STORE = EXTENDED_MMX_LOAD + 8,      /* MOVQ */
	EXTENDED_SSE_LOAD = EXTENDED_MMX_STORE + 8,      /* MOVUPS */
	EXTENDED_SSE_STORE = EXTENDED_SSE_LOAD + 16,     /* MOVUPS */
	EXTENDED_AVX_LOAD = EXTENDED_SSE_STORE + 16,     /* VMOVUPS of 128 bits */
	EXTENDED_AVX_LOAD_256 = EXTENDED_AVX_LOAD + 16,  /* VMOVUPS of 256 bits */
	EXTENDED_AVX_STORE = EXTENDED_AVX_LOAD_256 + 16, /* VMOVUPS of 256 bits */
	EXTENDED_FXSAVE = EXTENDED_AVX_STORE + 16,       /* 512 bytes, aligned to 16 */
	EXTENDED_FXRSTOR,                                /* 512 bytes, aligned to 16; MXCSR is valid */
	EXTENDED_XSAVE,                                  /* of EDX:EAX; aligned to 64 */
	EXTENDED_XSAVEC,                                 /* of EDX:EAX; aligned to 64 */
	EXTENDED_OF_64 = 4,                              /* from these four to the same with REX.W */
	EXTENDED_FXSAVE64 = EXTENDED_FXSAVE + EXTENDED_OF_64,
	EXTENDED_FXRSTOR64,
	EXTENDED_LDMXCSR = EXTENDED_FXSAVE + 2 * EXTENDED_OF_64, /* MXCSR is valid */
	EXTENDED_STUBS,
	EXTENDED_XSAVE_SIZE = EXTENDED_STUBS, /* no stub: 32 bits, the size of XSAVE's area by XCR0 */
	EXTENDED_XSAVE_FORMS,                 /* nor this: EAX of CPUID leaf 0Dh, subleaf 1 */
};

enum emulate_system { SYSTEM_GDTR, SYSTEM_IDTR, SYSTEM_LDTR, SYSTEM_TR };

struct emulate_context {
	/*
	 * Linear-address accesses of 1..PAGE_SIZE bytes with the CPL's rights, any alignment, also
	 * across pages and the end of the linear address space. false: context->fault is filled
	 * and nothing happened.
	 */
	bool (*access)(struct emulate_context *context, gva_t address, void *data, unsigned size,
	               enum emulate_access access);
	/* Run a stub, in the guest's FPU and vector unit, on memory of the emulator's. */
	void (*extended)(struct emulate_context *context, enum emulate_extended stub, void *memory);
	/*
	 * Read GDTR or IDTR (base and limit), LDTR or TR (selector); or load GDTR or IDTR.
	 */
	void (*system)(struct emulate_context *context, enum emulate_system which, struct segment *value,
	               bool load);
	void *owner; /* for these */

	/* In and out: registers by number (0 = RAX, 4 = RSP ... 15 = R15). */
	uint64_t gpr[16];
	uint64_t rip, rflags;
	struct segment segment[6]; /* ES..GS */

	/* In */
	uint64_t cr0, cr4, efer, xcr0;
	uint8_t cpl;
	uint8_t bytes[15];
	uint8_t byte_count;      /* how many of `bytes` are valid */
	uint32_t max_iterations; /* bound for rep: then EMULATE_AGAIN; 0 counts as 1 */

	/* Out */
	uint8_t segments_loaded; /* set of 1 << enum segment_index: these have changed */
	struct emulate_fault fault;
};

/*
 * Execute one instruction. Reads segment[SEG_CS].access (L, D/B), efer.LMA, cr0.PE and
 * rflags.VM for the mode. Which instructions, what is chosen where the manual leaves a
 * choice, and what the caller owes (single-step, interrupts): docs/emulate.md.
 */
enum emulate_status emulate_instruction(struct emulate_context *context);

#endif
