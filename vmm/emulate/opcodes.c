/*
 * The opcode tables. SDM Vol. 2D "Opcode Map"; the order of columns is
 * {execute, destination, source, third, argument, flags, group}.
 */
#include "vmm/emulate/emulation.h"

/* Tables to read by column. */
/* clang-format off */

#define NONE    OPERAND_NONE
#define RM      OPERAND_RM
#define RM8     OPERAND_RM8
#define RM16    OPERAND_RM16
#define RM32    OPERAND_RM32
#define REG     OPERAND_REG
#define SREG    OPERAND_SREG
#define OPCODE  OPERAND_OPCODE
#define ACC     OPERAND_ACC
#define OFFSET  OPERAND_OFFSET
#define IMM8    OPERAND_IMM8
#define IMM     OPERAND_IMM
#define IMMFULL OPERAND_IMMFULL
#define IMM16   OPERAND_IMM16
#define ONE     OPERAND_ONE
#define CL      OPERAND_CL

#define BYTE      OPCODE_BYTE
#define LOCK      OPCODE_LOCK
#define NOT64     OPCODE_NOT64
#define DEFAULT64 OPCODE_DEFAULT64
#define FORCE64   OPCODE_FORCE64
#define MEMORY    OPCODE_MEMORY
#define MODRM     OPCODE_MODRM
#define PLAIN     OPCODE_PLAIN

static const struct opcode group1[8] = {
	{execute_alu, .argument = ALU_ADD, .flags = LOCK}, {execute_alu, .argument = ALU_OR, .flags = LOCK},
	{execute_alu, .argument = ALU_ADC, .flags = LOCK}, {execute_alu, .argument = ALU_SBB, .flags = LOCK},
	{execute_alu, .argument = ALU_AND, .flags = LOCK}, {execute_alu, .argument = ALU_SUB, .flags = LOCK},
	{execute_alu, .argument = ALU_XOR, .flags = LOCK}, {execute_alu, .argument = ALU_CMP},
};

static const struct opcode group1a[8] = {
	[0] = {.execute = execute_pop},
	[1 ... 7] = {.execute = execute_ud}, /* not XOP */
};

static const struct opcode group2[8] = {[0 ... 7] = {.execute = execute_shift}};

static const struct opcode group3[8] = {
	{execute_test, .source = IMM},
	{execute_test, .source = IMM},
	{execute_not, .flags = LOCK},
	{execute_neg, .flags = LOCK},
	{.execute = execute_multiply},
	{execute_multiply, .argument = 1},
	{.execute = execute_divide},
	{execute_divide, .argument = 1},
};

static const struct opcode group4[8] = {
	{execute_inc_dec, .argument = ALU_ADD, .flags = LOCK},
	{execute_inc_dec, .argument = ALU_SUB, .flags = LOCK},
	[2 ... 7] = {.execute = execute_ud},
};

/* The rows that branch or push read their operand: it is a source. Far branches: not known. */
static const struct opcode group5[8] = {
	{execute_inc_dec, .destination = RM, .argument = ALU_ADD, .flags = LOCK},
	{execute_inc_dec, .destination = RM, .argument = ALU_SUB, .flags = LOCK},
	{execute_call_indirect, .source = RM, .flags = FORCE64},
	{.execute = NULL},
	{execute_jmp_indirect, .source = RM, .flags = FORCE64},
	{.execute = NULL},
	{execute_push, .source = RM, .flags = DEFAULT64},
	{.execute = execute_ud},
};

static const struct opcode group8[8] = {
	[0 ... 3] = {.execute = execute_ud},
	[4] = {execute_bit_test, .argument = 0},
	[5] = {execute_bit_test, .argument = 1, .flags = LOCK},
	[6] = {execute_bit_test, .argument = 2, .flags = LOCK},
	[7] = {execute_bit_test, .argument = 3, .flags = LOCK},
};

static const struct opcode group9[8] = {
	[1] = {execute_cmpxchg_pair, .flags = LOCK | MEMORY},
};

/* XABORT and XBEGIN are here too: not known. */
static const struct opcode group11[8] = {[0] = {.execute = execute_mov}};

static const struct opcode group15[8] = {
	[5 ... 7] = {.execute = execute_flush_line},
};

/* The six forms of an arithmetic operation. */
#define ALU_ROWS(first, operation, lock)                                                                      \
	[(first) + 0] = {execute_alu, RM, REG, .argument = (operation), .flags = BYTE | (lock)},               \
	[(first) + 1] = {execute_alu, RM, REG, .argument = (operation), .flags = (lock)},                      \
	[(first) + 2] = {execute_alu, REG, RM, .argument = (operation), .flags = BYTE},                        \
	[(first) + 3] = {execute_alu, REG, RM, .argument = (operation)},                                       \
	[(first) + 4] = {execute_alu, ACC, IMM, .argument = (operation), .flags = BYTE},                       \
	[(first) + 5] = {execute_alu, ACC, IMM, .argument = (operation)}

/* A byte form and, one opcode further, the same with the operand size. */
#define PAIR(first, do_it, to, from, more)                                                                    \
	[(first)] = {do_it, to, from, .flags = BYTE | (more)}, [(first) + 1] = {do_it, to, from, .flags = (more)}

#define GROUP_PAIR(first, to, from, rows)                                                                     \
	[(first)] = {NULL, to, from, .flags = BYTE, .group = (rows)},                                          \
	[(first) + 1] = {NULL, to, from, .group = (rows)}

const struct opcode opcodes_one_byte[256] = {
	ALU_ROWS(0x00, ALU_ADD, LOCK),
	[0x06] = {execute_push_sreg, .argument = SEG_ES, .flags = NOT64},
	[0x07] = {execute_pop_sreg, .argument = SEG_ES, .flags = NOT64},
	ALU_ROWS(0x08, ALU_OR, LOCK),
	[0x0e] = {execute_push_sreg, .argument = SEG_CS, .flags = NOT64},
	ALU_ROWS(0x10, ALU_ADC, LOCK),
	[0x16] = {execute_push_sreg, .argument = SEG_SS, .flags = NOT64},
	[0x17] = {execute_pop_sreg, .argument = SEG_SS, .flags = NOT64},
	ALU_ROWS(0x18, ALU_SBB, LOCK),
	[0x1e] = {execute_push_sreg, .argument = SEG_DS, .flags = NOT64},
	[0x1f] = {execute_pop_sreg, .argument = SEG_DS, .flags = NOT64},
	ALU_ROWS(0x20, ALU_AND, LOCK),
	[0x27] = {.flags = NOT64}, /* DAA */
	ALU_ROWS(0x28, ALU_SUB, LOCK),
	[0x2f] = {.flags = NOT64}, /* DAS */
	ALU_ROWS(0x30, ALU_XOR, LOCK),
	[0x37] = {.flags = NOT64}, /* AAA */
	ALU_ROWS(0x38, ALU_CMP, 0),
	[0x3f] = {.flags = NOT64}, /* AAS */
	[0x40 ... 0x47] = {execute_inc_dec, OPCODE, .argument = ALU_ADD, .flags = NOT64},
	[0x48 ... 0x4f] = {execute_inc_dec, OPCODE, .argument = ALU_SUB, .flags = NOT64},
	[0x50 ... 0x57] = {execute_push, NONE, OPCODE, .flags = DEFAULT64},
	[0x58 ... 0x5f] = {execute_pop, OPCODE, .flags = DEFAULT64},
	[0x60] = {execute_pusha, .flags = NOT64},
	[0x61] = {execute_popa, .flags = NOT64},
	/* 62h: BOUND or EVEX */
	[0x63] = {execute_movsxd, REG, RM32},
	[0x68] = {execute_push, NONE, IMM, .flags = DEFAULT64},
	[0x69] = {execute_imul, REG, RM, IMM},
	[0x6a] = {execute_push, NONE, IMM8, .flags = DEFAULT64},
	[0x6b] = {execute_imul, REG, RM, IMM8},
	[0x70 ... 0x7f] = {execute_jcc, NONE, IMM8, .flags = FORCE64},
	GROUP_PAIR(0x80, RM, IMM, group1),
	[0x82] = {NULL, RM, IMM, .flags = BYTE | NOT64, .group = group1},
	[0x83] = {NULL, RM, IMM8, .group = group1},
	PAIR(0x84, execute_test, RM, REG, 0),
	PAIR(0x86, execute_xchg, RM, REG, LOCK),
	PAIR(0x88, execute_mov, RM, REG, 0),
	PAIR(0x8a, execute_mov, REG, RM, 0),
	[0x8c] = {execute_mov_from_sreg, RM, SREG},
	[0x8d] = {execute_lea, REG, RM, .flags = MEMORY},
	[0x8e] = {execute_mov_to_sreg, SREG, RM16},
	[0x8f] = {NULL, RM, .flags = DEFAULT64, .group = group1a},
	[0x90] = {execute_nop_or_xchg, OPCODE, ACC},
	[0x91 ... 0x97] = {execute_xchg, OPCODE, ACC},
	[0x98] = {.execute = execute_convert},
	[0x99] = {.execute = execute_convert_double},
	[0x9a] = {.flags = NOT64}, /* CALL far */
	[0x9c] = {execute_pushf, .flags = DEFAULT64},
	[0x9e] = {.execute = execute_sahf},
	[0x9f] = {.execute = execute_lahf},
	PAIR(0xa0, execute_mov, ACC, OFFSET, 0),
	PAIR(0xa2, execute_mov, OFFSET, ACC, 0),
	PAIR(0xa4, execute_string, NONE, NONE, 0),
	PAIR(0xa6, execute_string, NONE, NONE, 0),
	PAIR(0xa8, execute_test, ACC, IMM, 0),
	PAIR(0xaa, execute_string, NONE, NONE, 0),
	PAIR(0xac, execute_string, NONE, NONE, 0),
	PAIR(0xae, execute_string, NONE, NONE, 0),
	[0xb0 ... 0xb7] = {execute_mov, OPCODE, IMMFULL, .flags = BYTE},
	[0xb8 ... 0xbf] = {execute_mov, OPCODE, IMMFULL},
	GROUP_PAIR(0xc0, RM, IMM8, group2),
	[0xc2] = {execute_ret, NONE, IMM16, .flags = FORCE64},
	[0xc3] = {execute_ret, .flags = FORCE64},
	[0xc4] = {execute_load_far, REG, RM, .argument = SEG_ES}, /* or VEX */
	[0xc5] = {execute_load_far, REG, RM, .argument = SEG_DS}, /* or VEX */
	GROUP_PAIR(0xc6, RM, IMM, group11),
	[0xc8] = {execute_enter, IMM16, IMM8, .flags = DEFAULT64},
	[0xc9] = {execute_leave, .flags = DEFAULT64},
	[0xce] = {.flags = NOT64}, /* INTO */
	GROUP_PAIR(0xd0, RM, ONE, group2),
	GROUP_PAIR(0xd2, RM, CL, group2),
	[0xd4] = {.flags = NOT64}, /* AAM */
	[0xd5] = {.flags = NOT64}, /* AAD */
	[0xd6] = {.flags = NOT64},
	[0xd7] = {.execute = execute_xlat},
	[0xe0 ... 0xe2] = {execute_loop, NONE, IMM8, .flags = FORCE64},
	[0xe3] = {execute_jcxz, NONE, IMM8, .flags = FORCE64},
	[0xe8] = {execute_call, NONE, IMM, .flags = FORCE64},
	[0xe9] = {execute_jmp, NONE, IMM, .flags = FORCE64},
	[0xea] = {.flags = NOT64}, /* JMP far */
	[0xeb] = {execute_jmp, NONE, IMM8, .flags = FORCE64},
	[0xf5] = {.execute = execute_flag},
	GROUP_PAIR(0xf6, RM, NONE, group3),
	[0xf8] = {.execute = execute_flag},
	[0xf9] = {.execute = execute_flag},
	[0xfc] = {.execute = execute_flag},
	[0xfd] = {.execute = execute_flag},
	[0xfe] = {NULL, RM, .flags = BYTE, .group = group4},
	[0xff] = {.group = group5},
};

const struct opcode opcodes_0f[256] = {
	[0x0b] = {.execute = execute_ud}, /* UD2 */
	[0x0d] = {execute_nop, .flags = MODRM},                /* PREFETCHW */
	[0x18 ... 0x1f] = {execute_nop_hint, .flags = MODRM}, /* PREFETCHh, NOP */
	[0x40 ... 0x4f] = {execute_cmovcc, REG, RM},
	[0x80 ... 0x8f] = {execute_jcc, NONE, IMM, .flags = FORCE64},
	[0x90 ... 0x9f] = {execute_setcc, RM, .flags = BYTE},
	[0xa0] = {execute_push_sreg, .argument = SEG_FS, .flags = DEFAULT64},
	[0xa1] = {execute_pop_sreg, .argument = SEG_FS, .flags = DEFAULT64},
	[0xa3] = {execute_bit_test, RM, REG, .argument = 0},
	[0xa4] = {execute_double_shift, RM, REG, IMM8},
	[0xa5] = {execute_double_shift, RM, REG, CL},
	[0xa8] = {execute_push_sreg, .argument = SEG_GS, .flags = DEFAULT64},
	[0xa9] = {execute_pop_sreg, .argument = SEG_GS, .flags = DEFAULT64},
	[0xab] = {execute_bit_test, RM, REG, .argument = 1, .flags = LOCK},
	[0xac] = {execute_double_shift, RM, REG, IMM8, .argument = 1},
	[0xad] = {execute_double_shift, RM, REG, CL, .argument = 1},
	[0xae] = {NULL, RM8, .flags = BYTE, .group = group15},
	[0xaf] = {execute_imul, REG, RM},
	PAIR(0xb0, execute_cmpxchg, RM, REG, LOCK),
	[0xb2] = {execute_load_far, REG, RM, .argument = SEG_SS},
	[0xb3] = {execute_bit_test, RM, REG, .argument = 2, .flags = LOCK},
	[0xb4] = {execute_load_far, REG, RM, .argument = SEG_FS},
	[0xb5] = {execute_load_far, REG, RM, .argument = SEG_GS},
	[0xb6] = {execute_mov, REG, RM8}, /* MOVZX */
	[0xb7] = {execute_mov, REG, RM16},
	[0xb8] = {execute_popcnt, REG, RM},
	[0xb9] = {execute_ud, .flags = MODRM}, /* UD1 */
	[0xba] = {NULL, RM, IMM8, .group = group8},
	[0xbb] = {execute_bit_test, RM, REG, .argument = 3, .flags = LOCK},
	[0xbc] = {execute_bit_scan, REG, RM},
	[0xbd] = {execute_bit_scan, REG, RM, .argument = 1},
	[0xbe] = {execute_movsx, REG, RM8},
	[0xbf] = {execute_movsx, REG, RM16},
	PAIR(0xc0, execute_xadd, RM, REG, LOCK),
	[0xc3] = {execute_mov, RM, REG, .flags = MEMORY | PLAIN}, /* MOVNTI */
	[0xc7] = {NULL, RM, .group = group9},
	[0xc8 ... 0xcf] = {execute_bswap, OPCODE},
	[0xff] = {execute_ud, .flags = MODRM}, /* UD0 */
};

const struct opcode opcodes_0f38[256] = {
	[0xf0] = {execute_movbe, REG, RM},
	[0xf1] = {execute_movbe, RM, REG},
};
