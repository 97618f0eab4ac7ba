/* What the files of the emulator share: one instruction under way. */
#ifndef VMM_EMULATE_EMULATION_H
#define VMM_EMULATE_EMULATION_H

#include "vmm/emulate/emulate.h"

#define EMULATE_MAX_LENGTH 15

/* Registers that instructions name implicitly. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

#define RFLAGS_CF     BIT(0)
#define RFLAGS_ONE    BIT(1)
#define RFLAGS_PF     BIT(2)
#define RFLAGS_AF     BIT(4)
#define RFLAGS_ZF     BIT(6)
#define RFLAGS_SF     BIT(7)
#define RFLAGS_TF     BIT(8)
#define RFLAGS_IF     BIT(9)
#define RFLAGS_DF     BIT(10)
#define RFLAGS_OF     BIT(11)
#define RFLAGS_IOPL   (BIT(12) | BIT(13))
#define RFLAGS_RF     BIT(16)
#define RFLAGS_VM     BIT(17)
#define RFLAGS_AC     BIT(18)
#define RFLAGS_VIF    BIT(19)
#define RFLAGS_STATUS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

#define CR0_PE	 BIT(0)
#define CR0_AM	 BIT(18)
#define CR4_VME	 BIT(0)
#define CR4_LA57 BIT(12)
#define CR4_CET	 BIT(23)
#define EFER_LMA BIT(10)

enum { VECTOR_DE = 0, VECTOR_UD = 6, VECTOR_SS = 12, VECTOR_GP = 13, VECTOR_AC = 17 };

/* How an opcode names an operand; in brackets the letters of SDM Vol. 2D "Opcode Map". */
enum operand_kind {
	OPERAND_NONE,
	OPERAND_RM,	 /* ModRM.rm, operand size (E) */
	OPERAND_RM8,	 /* ModRM.rm, a byte whatever the operand size (Eb) */
	OPERAND_RM16,	 /* ModRM.rm, a word (Ew) */
	OPERAND_RM32,	 /* ModRM.rm, at most a doubleword: MOVSXD */
	OPERAND_REG,	 /* ModRM.reg (G) */
	OPERAND_SREG,	 /* ModRM.reg as a segment register (S) */
	OPERAND_OPCODE,	 /* the register in the low three bits of the opcode */
	OPERAND_ACC,	 /* AL, AX, EAX, RAX */
	OPERAND_OFFSET,	 /* a bare address in the instruction (O) */
	OPERAND_IMM8,	 /* a byte, sign-extended (Ib) */
	OPERAND_IMM,	 /* operand size, at most 32 bits, sign-extended (Iz) */
	OPERAND_IMMFULL, /* operand size, up to 64 bits (Iv) */
	OPERAND_IMM16,	 /* a word, not extended (Iw) */
	OPERAND_ONE,	 /* the constant 1 */
	OPERAND_CL,
};

enum operand_place { PLACE_NONE, PLACE_REGISTER, PLACE_HIGH_BYTE, PLACE_MEMORY, PLACE_IMMEDIATE, PLACE_SREG };

struct operand {
	uint8_t place;
	uint8_t size;	/* in bytes */
	uint8_t number; /* of the register, or segment of the memory operand */
	uint64_t value; /* immediate, or offset in the segment */
};

struct emulation;

/* true: done. false: e->status says why not. */
typedef bool (*execute_t)(struct emulation *e);

#define OPCODE_BYTE	 BIT(0) /* 8-bit operands */
#define OPCODE_LOCK	 BIT(1) /* LOCK is legal if the destination is memory */
#define OPCODE_NOT64	 BIT(2) /* #UD in 64-bit mode */
#define OPCODE_DEFAULT64 BIT(3) /* operand size 64 in 64-bit mode unless 66h says 16 */
#define OPCODE_FORCE64	 BIT(4) /* operand size 64 in 64-bit mode, 66h ignored */
#define OPCODE_MEMORY	 BIT(5) /* #UD if ModRM names a register */
#define OPCODE_MODRM	 BIT(6) /* has a ModRM byte though no operand says so */
#define OPCODE_PLAIN	 BIT(7) /* not with 66h, F2h, F3h: those name another instruction */

/* One row of an opcode table. In a group row whatever is zero comes from the row that leads to the group. */
struct opcode {
	execute_t execute;		    /* NULL: not known here */
	uint8_t destination, source, third; /* enum operand_kind */
	uint8_t argument;		    /* for execute */
	uint16_t flags;
	const struct opcode *group; /* eight rows, chosen by ModRM.reg */
};

extern const struct opcode opcodes_one_byte[256];
extern const struct opcode opcodes_0f[256];
extern const struct opcode opcodes_0f38[256];

struct emulation {
	struct emulate_context *context;
	enum emulate_status status;

	/* The registers as they will be; copied back when all went well. */
	uint64_t gpr[16];
	uint64_t rip, rflags;
	struct segment loaded;
	int8_t loaded_index; /* segment register to load, or -1 */

	/* Mode */
	bool protected_mode; /* CR0.PE and not virtual-8086 */
	uint8_t code_size;   /* 2, 4, 8 bytes */
	uint8_t stack_size;

	/* The instruction */
	uint8_t length;
	uint8_t rex;
	bool has_rex, lock, operand_prefix, address_prefix;
	uint8_t repeat;	      /* 0, F2h, F3h */
	int8_t override;      /* enum segment_index or -1 */
	uint8_t byte;	      /* the opcode's last byte */
	uint8_t mod, reg, rm; /* reg and rm with the bits of REX */
	int8_t base, index;   /* registers of the memory operand, -1: none */
	uint8_t scale;	      /* as a shift */
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

/* Ways not to succeed: all return false. */
static inline bool emulation_fault(struct emulation *e, uint8_t vector, bool has_error_code)
{
	/* SDM Vol. 3B "Real-Address Mode Exceptions and Interrupts": no error codes there. */
	e->context->fault = (struct emulate_fault){
	    .vector = vector, .has_error_code = has_error_code && (e->context->cr0 & CR0_PE)};
	e->status = EMULATE_FAULT;
	return false;
}

static inline bool emulation_ud(struct emulation *e)
{
	return emulation_fault(e, VECTOR_UD, false);
}

static inline bool emulation_gp(struct emulation *e)
{
	return emulation_fault(e, VECTOR_GP, true);
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
bool fetch_displacement(struct emulation *e);
uint64_t effective_offset(const struct emulation *e);
enum segment_index effective_segment(const struct emulation *e);

/* operands.c: 1 to 8 bytes, zero-extended. A 32-bit register write clears the upper half. */
bool operand_decode(struct emulation *e, enum operand_kind kind, struct operand *operand);
bool operand_read(struct emulation *e, const struct operand *operand, uint64_t *value);
bool operand_read_for_write(struct emulation *e, const struct operand *operand, uint64_t *value);
bool operand_write(struct emulation *e, const struct operand *operand, uint64_t value);
uint64_t gpr_read(const struct emulation *e, unsigned number, unsigned size);
void gpr_write(struct emulation *e, unsigned number, unsigned size, uint64_t value);

/* memory.c: with all checks of segmentation, 1 to 16 bytes. `for_write`: a write of the same will follow. */
bool segmented_read(struct emulation *e, unsigned segment, uint64_t offset, void *data, unsigned size,
		    bool for_write);
bool segmented_write(struct emulation *e, unsigned segment, uint64_t offset, const void *data, unsigned size);
/* Would it succeed? Says yes without asking for the page where ops->check is NULL. */
bool segmented_check(struct emulation *e, unsigned segment, uint64_t offset, unsigned size, bool for_write);
/* The same before the first of two accesses; nothing where ops->check is NULL, to keep the order of faults.
 */
bool segmented_precheck(struct emulation *e, unsigned segment, uint64_t offset, unsigned size,
			bool for_write);
bool linear_is_canonical(const struct emulation *e, uint64_t address);

/* stack.c */
bool stack_push(struct emulation *e, uint64_t value, unsigned size);
bool stack_pop(struct emulation *e, uint64_t *value, unsigned size);

/* alu.c: results are cut to `size` and set the status flags. `operation` is bits 5:3 of the opcode. */
enum alu_operation { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
uint64_t alu_compute(struct emulation *e, enum alu_operation operation, uint64_t a, uint64_t b,
		     unsigned size);
void flags_of_result(struct emulation *e, uint64_t result, unsigned size); /* SF, ZF, PF */

/* branch.c */
bool condition_holds(const struct emulation *e, unsigned condition);

/* What the opcode tables call; each beside its like. */
bool execute_ud(struct emulation *e), execute_nop(struct emulation *e), execute_nop_hint(struct emulation *e);
/* alu.c */
bool execute_alu(struct emulation *e), execute_test(struct emulation *e),
    execute_inc_dec(struct emulation *e);
bool execute_not(struct emulation *e), execute_neg(struct emulation *e);
/* shift.c */
bool execute_shift(struct emulation *e), execute_double_shift(struct emulation *e);
/* multiply.c; argument 1: signed */
bool execute_multiply(struct emulation *e), execute_imul(struct emulation *e),
    execute_divide(struct emulation *e);
/* bits.c */
bool execute_bit_test(struct emulation *e), execute_bit_scan(struct emulation *e),
    execute_popcnt(struct emulation *e);
bool execute_bswap(struct emulation *e), execute_movbe(struct emulation *e);
/* move.c */
bool execute_mov(struct emulation *e), execute_movsx(struct emulation *e),
    execute_movsxd(struct emulation *e);
bool execute_lea(struct emulation *e);
bool execute_setcc(struct emulation *e), execute_cmovcc(struct emulation *e),
    execute_xlat(struct emulation *e);
bool execute_convert(struct emulation *e), execute_convert_double(struct emulation *e);
bool execute_flush_line(struct emulation *e);
/* exchange.c */
bool execute_xchg(struct emulation *e), execute_nop_or_xchg(struct emulation *e);
bool execute_xadd(struct emulation *e), execute_cmpxchg(struct emulation *e);
bool execute_cmpxchg_pair(struct emulation *e);
/* flags.c */
bool execute_flag(struct emulation *e), execute_sahf(struct emulation *e), execute_lahf(struct emulation *e);
bool execute_pushf(struct emulation *e);
/* stack.c */
bool execute_push(struct emulation *e), execute_pop(struct emulation *e), execute_pusha(struct emulation *e);
bool execute_popa(struct emulation *e), execute_enter(struct emulation *e),
    execute_leave(struct emulation *e);
/* branch.c */
bool execute_jcc(struct emulation *e), execute_jmp(struct emulation *e),
    execute_jmp_indirect(struct emulation *e);
bool execute_call(struct emulation *e), execute_call_indirect(struct emulation *e),
    execute_ret(struct emulation *e);
bool execute_loop(struct emulation *e), execute_jcxz(struct emulation *e);
/* string.c */
bool execute_string(struct emulation *e);
/* selector.c; argument: segment register */
bool execute_mov_from_sreg(struct emulation *e), execute_mov_to_sreg(struct emulation *e);
bool execute_push_sreg(struct emulation *e), execute_pop_sreg(struct emulation *e);
bool execute_load_far(struct emulation *e);

#endif
