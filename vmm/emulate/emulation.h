/* SPDX-License-Identifier: MIT */
/* What the files of the emulator share: one instruction under way. */
#ifndef VMM_EMULATE_EMULATION_H
#define VMM_EMULATE_EMULATION_H

#include "lib/registers.h"
#include "vmm/emulate/emulate.h"

/* Registers that instructions name implicitly. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

#define REX_B BIT(0)
#define REX_X BIT(1)
#define REX_R BIT(2)
#define REX_W BIT(3)

/* How an opcode names an operand; in brackets the letters of SDM Vol. 2D "Opcode Map". */
enum operand_kind {
	OPERAND_NONE,
	OPERAND_RM,       /* ModRM.rm, operand size (E) */
	OPERAND_RM8,      /* ModRM.rm, a byte whatever the operand size (Eb) */
	OPERAND_RM16,     /* ModRM.rm, a word (Ew) */
	OPERAND_RM32,     /* ModRM.rm, at most a doubleword: MOVSXD */
	OPERAND_REG,      /* ModRM.reg (G) */
	OPERAND_SREG,     /* ModRM.reg as a segment register (S) */
	OPERAND_OPCODE,   /* the register in the low three bits of the opcode */
	OPERAND_ACC,      /* AL, AX, EAX, RAX */
	OPERAND_OFFSET,   /* a bare address in the instruction (O) */
	OPERAND_IMM8,     /* a byte, sign-extended (Ib) */
	OPERAND_IMM,      /* operand size, at most 32 bits, sign-extended (Iz) */
	OPERAND_IMM_FULL, /* operand size */
	OPERAND_IMM16,    /* a word, not extended (Iw) */
	OPERAND_ONE,      /* the constant 1 */
	OPERAND_CL,
};

enum operand_place { PLACE_NONE, PLACE_REGISTER, PLACE_HIGH_BYTE, PLACE_MEMORY, PLACE_IMMEDIATE };

struct operand {
	uint8_t place;
	uint8_t size;   /* in bytes */
	uint8_t number; /* of the register, or segment of the memory operand */
	uint64_t value; /* immediate, or offset in the segment */
};

struct emulation;

/* true: done. false: e->status says why not. */
typedef bool execute_t(struct emulation *e);

#define OPCODE_BYTE           BIT(0) /* 8-bit operands */
#define OPCODE_LOCK           BIT(1) /* LOCK is legal if the destination is memory */
#define OPCODE_NOT64          BIT(2) /* #UD in 64-bit mode */
#define OPCODE_DEFAULT64      BIT(3) /* operand size 64 in 64-bit mode unless 66h says 16 */
#define OPCODE_FORCE64        BIT(4) /* operand size 64 in 64-bit mode, 66h ignored */
#define OPCODE_MEMORY         BIT(5) /* known only with a memory operand */
#define OPCODE_ALIGNED        BIT(6) /* its memory operand is aligned to its size, else #GP */
#define OPCODE_ALIGNED_LEGACY BIT(7) /* the same without a VEX prefix */

/*
 * One row of an opcode table. In a group row whatever is zero comes from the row that leads to the
 * group.
 */
struct opcode {
	execute_t *execute;                 /* NULL: not known here */
	uint8_t destination, source, third; /* enum operand_kind */
	uint8_t argument;                   /* for execute */
	uint16_t flags;
	const struct opcode *group; /* eight rows, chosen by ModRM.reg */
};

extern const struct opcode opcodes_one_byte[256];
extern const struct opcode opcodes_0f[256];
extern const struct opcode opcodes_0f38[256];

/* opcodes_vector.c: set e->opcode by its byte, prefixes and map (1: 0F, 2: 0F 38, 3: 0F 3A). */
void opcode_find_vector(struct emulation *e, unsigned map);

struct emulation {
	struct emulate_context *context;
	enum emulate_status status;

	/* The registers as they will be; copied back when all went well. */
	uint64_t gpr[16];
	uint64_t rip, rflags;

	/* Mode */
	enum segment_mode segment_mode;
	uint8_t code_size; /* 2, 4, 8 bytes */
	uint8_t stack_size;

	/* The instruction */
	uint8_t length;
	uint8_t rex; /* 40h to 4Fh, 0: none */
	bool lock, operand_prefix, address_prefix;
	bool vex, vex_256;    /* a VEX prefix; it says 256 bits */
	uint8_t vvvv;         /* the register that it names */
	uint8_t repeat;       /* 0, F2h, F3h */
	int8_t override;      /* enum segment_index or -1 */
	uint8_t byte;         /* the opcode's last byte */
	uint8_t mod, reg, rm; /* reg and rm with the bits of REX */
	int8_t base, index;   /* registers of the memory operand, -1: none */
	uint8_t scale;        /* as a shift */
	bool rip_relative;
	uint64_t displacement; /* sign-extended */
	uint8_t operand_size, address_size;
	struct opcode opcode;
	struct operand destination, source, third;
};

/* A mask of `size` bytes (1..8); its top bit; a value of `size` bytes sign-extended to 64 bits. */
static inline uint64_t size_mask(unsigned size)
{
	return ~0UL >> (64 - 8 * size);
}

static inline uint64_t size_sign(unsigned size)
{
	return 1UL << (8 * size - 1);
}

static inline uint64_t sign_extend(uint64_t value, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

static inline void flag_set(struct emulation *e, uint64_t flag, bool on)
{
	e->rflags = on ? e->rflags | flag : e->rflags & ~flag;
}

/* Ways not to succeed: both return false. */
static inline bool emulation_fault(struct emulation *e, enum exception_vector vector)
{
	e->context->fault = (struct emulate_fault){.vector = vector};
	e->status = EMULATE_FAULT;
	return false;
}

static inline bool emulation_unsupported(struct emulation *e)
{
	e->status = EMULATE_UNSUPPORTED;
	return false;
}

/* decode.c, modrm.c */
bool decode_instruction(struct emulation *e);
bool fetch_code(struct emulation *e, unsigned size, uint64_t *value);
bool fetch_modrm(struct emulation *e);
bool fetch_address(struct emulation *e);
uint64_t effective_offset(const struct emulation *e);
enum segment_index effective_segment(const struct emulation *e);

/* operands.c: 1 to 8 bytes, zero-extended. A 32-bit register write clears the upper half. */
bool operand_decode(struct emulation *e, enum operand_kind kind, struct operand *operand);
bool operand_read(struct emulation *e, const struct operand *operand, uint64_t *value);
bool operand_read_for_write(struct emulation *e, const struct operand *operand, uint64_t *value);
bool operand_write(struct emulation *e, const struct operand *operand, uint64_t value);
uint64_t gpr_read(const struct emulation *e, unsigned number, unsigned size);
void gpr_write(struct emulation *e, unsigned number, unsigned size, uint64_t value);

/*
 * segmented.c: an access of 1..PAGE_SIZE bytes, or its check, with all checks of segmentation
 * before.
 */
bool segmented_access(struct emulation *e, unsigned segment, uint64_t offset, void *data, unsigned size,
                      enum emulate_access access);
bool segmented_read(struct emulation *e, unsigned segment, uint64_t offset, uint64_t *value, unsigned size);
bool segmented_check(struct emulation *e, unsigned segment, uint64_t offset, unsigned size, bool write);

/* Else #GP. `alignment` is a power of two. */
bool segmented_aligned(struct emulation *e, unsigned segment, uint64_t offset, unsigned alignment);

/* stack.c */
bool stack_push(struct emulation *e, uint64_t value);
bool stack_pop(struct emulation *e, uint64_t *value);

/*
 * alu.c: results are cut to `size` and set the status flags. `operation` is bits 5:3 of the opcode,
 * or TEST.
 */
enum alu_operation { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP, ALU_TEST };
uint64_t alu_compute(struct emulation *e, enum alu_operation operation, uint64_t a, uint64_t b,
                     unsigned size);
void flags_of_result(struct emulation *e, uint64_t result, unsigned size); /* SF, ZF, PF */

/* bits.c: a row's argument. */
enum bit_operation { BIT_TEST, BIT_SET, BIT_RESET, BIT_COMPLEMENT };

/* string_instructions.c: what a string instruction does; its row's argument. */
#define STRING_SOURCE  BIT(0) /* takes DS:rSI, not the accumulator */
#define STRING_WRITE   BIT(1) /* to ES:rDI */
#define STRING_COMPARE BIT(2) /* with ES:rDI */
#define STRING_LOAD    BIT(3) /* to the accumulator */

/* vector.c: a row's argument is the size of its memory operand or element in bytes, or: */
#define VECTOR_FULL 0    /* 16, with VEX 16 or 32 */
#define VECTOR_W    0xff /* 4, with REX.W or VEX.W 8 */

/* x87.c: is there an unmasked exception that the next instruction reports? */
bool x87_pending(const struct emulation *e);

#define FXSAVE_BYTES 512

/* What the opcode tables call. */
execute_t execute_ud;
execute_t execute_alu, execute_inc_dec, execute_not, execute_neg;                    /* alu.c */
execute_t execute_shift, execute_double_shift;                                       /* shift.c */
execute_t execute_multiply, execute_imul, execute_divide;                            /* multiply.c */
execute_t execute_bit_test, execute_bit_scan, execute_popcnt, execute_movbe;         /* bits.c */
execute_t execute_mov, execute_movsx, execute_movsxd, execute_setcc, execute_cmovcc; /* move.c */
execute_t execute_xlat, execute_lea, execute_jcc;                                    /* move.c */
execute_t execute_xchg, execute_xadd, execute_cmpxchg, execute_cmpxchg_pair;         /* exchange.c */
execute_t execute_push, execute_push_sreg, execute_pushf, execute_pusha;             /* stack.c */
execute_t execute_enter, execute_pop, execute_popa, execute_leave;                   /* stack.c */
execute_t execute_branch, execute_ret;                                               /* branch.c */
execute_t execute_string;                                          /* string_instructions.c */
execute_t execute_vector_load, execute_vector_store;               /* vector.c */
execute_t execute_vector_load_masked, execute_vector_store_masked; /* vector.c */
execute_t execute_vector_insert, execute_vector_extract;           /* vector.c */
execute_t execute_vector_broadcast, execute_vector_duplicate;      /* vector.c */
execute_t execute_mmx_load, execute_mmx_store;                     /* vector.c */
execute_t execute_maskmovq, execute_maskmovdqu;                    /* vector.c */
execute_t execute_x87;                                             /* x87.c */
execute_t execute_fxsave, execute_mxcsr, execute_flush_line;       /* state.c */
execute_t execute_xsave, execute_xsavec, execute_xrstor;           /* state.c */
execute_t execute_store_selector, execute_load_selector;           /* system.c */
execute_t execute_verify_selector, execute_smsw;                   /* system.c */
execute_t execute_store_table, execute_load_table;                 /* system.c */
execute_t execute_mov_sreg, execute_pop_sreg;                      /* system.c */
execute_t execute_load_far_pointer, execute_far_branch;            /* system.c */
execute_t execute_bound, execute_arpl;                             /* system.c */

#endif
