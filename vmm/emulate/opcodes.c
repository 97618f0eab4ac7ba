/* SPDX-License-Identifier: MIT */
/*
 * The opcode tables. SDM Vol. 2D "Opcode Map". What is not here is not known. What the processor
 * refuses before it looks at memory, and what has nothing to do with memory, never gets here.
 */
#include "vmm/emulate/emulation.h"

/* Tables to read by column. */
/* clang-format off */

/* Who executes it, two operands, and what else struct opcode holds. */
#define ROW(name, to, from, ...) {execute_##name, OPERAND_##to, OPERAND_##from, ##__VA_ARGS__}

/* The rows of `rows`, with these operands. */
#define GROUP(to, from, rows, ...) {NULL, OPERAND_##to, OPERAND_##from, .group = (rows), ##__VA_ARGS__}

/* A byte form and, one opcode further, the same with the operand size. */
#define PAIR(first, name, to, from, more, ...)                                                                \
	[(first)] = ROW(name, to, from, .flags = OPCODE_BYTE | (more), ##__VA_ARGS__),                         \
	[(first) + 1] = ROW(name, to, from, .flags = (more), ##__VA_ARGS__)

#define GROUP_PAIR(first, to, from, rows)                                                                     \
	[(first)] = GROUP(to, from, rows, .flags = OPCODE_BYTE), [(first) + 1] = GROUP(to, from, rows)

/* Arithmetic: memory or register with register, and the other way round; immediate operands. */
#define ALU_ROWS(first, operation, lock)                                                                      \
	PAIR(first, alu, RM, REG, lock, .argument = (operation)),                                              \
	PAIR((first) + 2, alu, REG, RM, 0, .argument = (operation)),                                           \
	PAIR((first) + 4, alu, ACC, IMM, 0, .argument = (operation))

static const struct opcode group1[8] = {
	[ALU_ADD] = ROW(alu, NONE, NONE, .argument = ALU_ADD, .flags = OPCODE_LOCK),
	[ALU_OR] = ROW(alu, NONE, NONE, .argument = ALU_OR, .flags = OPCODE_LOCK),
	[ALU_ADC] = ROW(alu, NONE, NONE, .argument = ALU_ADC, .flags = OPCODE_LOCK),
	[ALU_SBB] = ROW(alu, NONE, NONE, .argument = ALU_SBB, .flags = OPCODE_LOCK),
	[ALU_AND] = ROW(alu, NONE, NONE, .argument = ALU_AND, .flags = OPCODE_LOCK),
	[ALU_SUB] = ROW(alu, NONE, NONE, .argument = ALU_SUB, .flags = OPCODE_LOCK),
	[ALU_XOR] = ROW(alu, NONE, NONE, .argument = ALU_XOR, .flags = OPCODE_LOCK),
	[ALU_CMP] = ROW(alu, NONE, NONE, .argument = ALU_CMP),
};

static const struct opcode group1a[8] = {[0] = ROW(pop, NONE, NONE)};

static const struct opcode group2[8] = {[0 ... 7] = ROW(shift, NONE, NONE)};

static const struct opcode group3[8] = {
	[0 ... 1] = ROW(alu, NONE, IMM, .argument = ALU_TEST),
	[2] = ROW(not, NONE, NONE, .flags = OPCODE_LOCK),
	[3] = ROW(neg, NONE, NONE, .flags = OPCODE_LOCK),
	[4] = ROW(multiply, NONE, NONE),
	[5] = ROW(multiply, NONE, NONE, .argument = 1),
	[6] = ROW(divide, NONE, NONE),
	[7] = ROW(divide, NONE, NONE, .argument = 1),
};

static const struct opcode group4[8] = {
	[0] = ROW(inc_dec, NONE, NONE, .argument = ALU_ADD, .flags = OPCODE_LOCK),
	[1] = ROW(inc_dec, NONE, NONE, .argument = ALU_SUB, .flags = OPCODE_LOCK),
};

/*
 * The rows that branch or push read their operand: it is a source. A hole reads FFh: /7 is all code
 * in it.
 */
static const struct opcode group5[8] = {
	[0] = ROW(inc_dec, RM, ONE, .argument = ALU_ADD, .flags = OPCODE_LOCK),
	[1] = ROW(inc_dec, RM, ONE, .argument = ALU_SUB, .flags = OPCODE_LOCK),
	[2] = ROW(branch, NONE, RM, .argument = 1, .flags = OPCODE_FORCE64),
	[3] = ROW(far_branch, NONE, RM, .flags = OPCODE_MEMORY),
	[4] = ROW(branch, NONE, RM, .flags = OPCODE_FORCE64),
	[5] = ROW(far_branch, NONE, RM, .flags = OPCODE_MEMORY),
	[6] = ROW(push, NONE, RM, .flags = OPCODE_DEFAULT64),
	[7] = ROW(ud, NONE, NONE),
};

static const struct opcode group6[8] = {
	[0] = ROW(store_selector, RM16, NONE, .argument = SYSTEM_LDTR, .flags = OPCODE_MEMORY),
	[1] = ROW(store_selector, RM16, NONE, .argument = SYSTEM_TR, .flags = OPCODE_MEMORY),
	[2 ... 3] = ROW(load_selector, NONE, RM16, .flags = OPCODE_MEMORY),
	[4 ... 5] = ROW(verify_selector, NONE, RM16, .flags = OPCODE_MEMORY),
};

static const struct opcode group7[8] = {
	[0] = ROW(store_table, NONE, NONE, .argument = SYSTEM_GDTR, .flags = OPCODE_MEMORY),
	[1] = ROW(store_table, NONE, NONE, .argument = SYSTEM_IDTR, .flags = OPCODE_MEMORY),
	[2] = ROW(load_table, NONE, NONE, .argument = SYSTEM_GDTR, .flags = OPCODE_MEMORY),
	[3] = ROW(load_table, NONE, NONE, .argument = SYSTEM_IDTR, .flags = OPCODE_MEMORY),
	[4] = ROW(smsw, NONE, NONE, .flags = OPCODE_MEMORY),
};

static const struct opcode group8[8] = {
	[4] = ROW(bit_test, NONE, NONE, .argument = BIT_TEST),
	[5] = ROW(bit_test, NONE, NONE, .argument = BIT_SET, .flags = OPCODE_LOCK),
	[6] = ROW(bit_test, NONE, NONE, .argument = BIT_RESET, .flags = OPCODE_LOCK),
	[7] = ROW(bit_test, NONE, NONE, .argument = BIT_COMPLEMENT, .flags = OPCODE_LOCK),
};

static const struct opcode group9[8] = {
	[1] = ROW(cmpxchg_pair, NONE, NONE, .flags = OPCODE_LOCK | OPCODE_MEMORY),
	[4] = ROW(xsavec, NONE, NONE, .flags = OPCODE_MEMORY),
};

static const struct opcode group11[8] = {[0] = ROW(mov, NONE, NONE)};

static const struct opcode group15[8] = {
	[0] = ROW(fxsave, NONE, NONE, .flags = OPCODE_MEMORY),
	[1] = ROW(fxsave, NONE, NONE, .argument = 1, .flags = OPCODE_MEMORY),
	[2] = ROW(mxcsr, NONE, NONE, .flags = OPCODE_MEMORY),
	[3] = ROW(mxcsr, NONE, NONE, .argument = 1, .flags = OPCODE_MEMORY),
	[4] = ROW(xsave, NONE, NONE, .flags = OPCODE_MEMORY),
	[5] = ROW(xrstor, NONE, NONE, .flags = OPCODE_MEMORY),
	[6 ... 7] = ROW(flush_line, NONE, NONE, .flags = OPCODE_MEMORY),
};

const struct opcode opcodes_one_byte[256] = {
	ALU_ROWS(0x00, ALU_ADD, OPCODE_LOCK),
	[0x06] = ROW(push_sreg, NONE, NONE, .argument = SEG_ES, .flags = OPCODE_NOT64),
	[0x07] = ROW(pop_sreg, NONE, NONE, .argument = SEG_ES, .flags = OPCODE_NOT64),
	ALU_ROWS(0x08, ALU_OR, OPCODE_LOCK),
	[0x0e] = ROW(push_sreg, NONE, NONE, .argument = SEG_CS, .flags = OPCODE_NOT64),
	ALU_ROWS(0x10, ALU_ADC, OPCODE_LOCK),
	[0x16] = ROW(push_sreg, NONE, NONE, .argument = SEG_SS, .flags = OPCODE_NOT64),
	[0x17] = ROW(pop_sreg, NONE, NONE, .argument = SEG_SS, .flags = OPCODE_NOT64),
	ALU_ROWS(0x18, ALU_SBB, OPCODE_LOCK),
	[0x1e] = ROW(push_sreg, NONE, NONE, .argument = SEG_DS, .flags = OPCODE_NOT64),
	[0x1f] = ROW(pop_sreg, NONE, NONE, .argument = SEG_DS, .flags = OPCODE_NOT64),
	ALU_ROWS(0x20, ALU_AND, OPCODE_LOCK),
	ALU_ROWS(0x28, ALU_SUB, OPCODE_LOCK),
	ALU_ROWS(0x30, ALU_XOR, OPCODE_LOCK),
	ALU_ROWS(0x38, ALU_CMP, 0),
	[0x40 ... 0x47] = ROW(inc_dec, OPCODE, ONE, .argument = ALU_ADD, .flags = OPCODE_NOT64),
	[0x48 ... 0x4f] = ROW(inc_dec, OPCODE, ONE, .argument = ALU_SUB, .flags = OPCODE_NOT64),
	[0x50 ... 0x57] = ROW(push, NONE, OPCODE, .flags = OPCODE_DEFAULT64),
	[0x58 ... 0x5f] = ROW(pop, OPCODE, NONE, .flags = OPCODE_DEFAULT64),
	[0x60] = ROW(pusha, NONE, NONE, .flags = OPCODE_NOT64),
	[0x61] = ROW(popa, NONE, NONE, .flags = OPCODE_NOT64),
	[0x62] = ROW(bound, REG, RM, .flags = OPCODE_NOT64 | OPCODE_MEMORY),
	[0x63] = ROW(movsxd, REG, RM32),
	[0x68] = ROW(push, NONE, IMM, .flags = OPCODE_DEFAULT64),
	[0x69] = ROW(imul, REG, RM, OPERAND_IMM),
	[0x6a] = ROW(push, NONE, IMM8, .flags = OPCODE_DEFAULT64),
	[0x6b] = ROW(imul, REG, RM, OPERAND_IMM8),
	[0x70 ... 0x7f] = ROW(jcc, NONE, IMM8, .flags = OPCODE_FORCE64),
	GROUP_PAIR(0x80, RM, IMM, group1),
	[0x82] = GROUP(RM, IMM, group1, .flags = OPCODE_BYTE | OPCODE_NOT64),
	[0x83] = GROUP(RM, IMM8, group1),
	PAIR(0x84, alu, RM, REG, 0, .argument = ALU_TEST),
	PAIR(0x86, xchg, RM, REG, OPCODE_LOCK),
	PAIR(0x88, mov, RM, REG, 0),
	PAIR(0x8a, mov, REG, RM, 0),
	[0x8c] = ROW(mov, RM16, SREG, .flags = OPCODE_MEMORY),
	[0x8d] = ROW(lea, REG, RM, .flags = OPCODE_MEMORY),
	[0x8e] = ROW(mov_sreg, NONE, RM16),
	[0x8f] = GROUP(RM, NONE, group1a, .flags = OPCODE_DEFAULT64),
	[0x9c] = ROW(pushf, NONE, NONE, .flags = OPCODE_DEFAULT64),
	PAIR(0xa0, mov, ACC, OFFSET, 0),
	PAIR(0xa2, mov, OFFSET, ACC, 0),
	PAIR(0xa4, string, NONE, NONE, 0, .argument = STRING_SOURCE | STRING_WRITE),   /* MOVS */
	PAIR(0xa6, string, NONE, NONE, 0, .argument = STRING_SOURCE | STRING_COMPARE), /* CMPS */
	PAIR(0xa8, alu, ACC, IMM, 0, .argument = ALU_TEST),
	PAIR(0xaa, string, NONE, NONE, 0, .argument = STRING_WRITE),                   /* STOS */
	PAIR(0xac, string, NONE, NONE, 0, .argument = STRING_SOURCE | STRING_LOAD),    /* LODS */
	PAIR(0xae, string, NONE, NONE, 0, .argument = STRING_COMPARE),                 /* SCAS */
	[0xb0 ... 0xb7] = ROW(mov, OPCODE, IMM, .flags = OPCODE_BYTE),
	[0xb8 ... 0xbf] = ROW(mov, OPCODE, IMM_FULL),
	GROUP_PAIR(0xc0, RM, IMM8, group2),
	[0xc2] = ROW(ret, NONE, IMM16, .flags = OPCODE_FORCE64),
	[0xc3] = ROW(ret, NONE, NONE, .flags = OPCODE_FORCE64),
	[0xc4] = ROW(load_far_pointer, REG, RM, .argument = SEG_ES, .flags = OPCODE_NOT64 | OPCODE_MEMORY),
	[0xc5] = ROW(load_far_pointer, REG, RM, .argument = SEG_DS, .flags = OPCODE_NOT64 | OPCODE_MEMORY),
	GROUP_PAIR(0xc6, RM, IMM, group11),
	[0xc8] = ROW(enter, IMM16, IMM8, .flags = OPCODE_DEFAULT64),
	[0xc9] = ROW(leave, NONE, NONE, .flags = OPCODE_DEFAULT64),
	[0xca] = ROW(far_branch, NONE, NONE, OPERAND_IMM16),
	[0xcb] = ROW(far_branch, NONE, NONE),
	[0xcf] = ROW(far_branch, NONE, NONE),
	GROUP_PAIR(0xd0, RM, ONE, group2),
	GROUP_PAIR(0xd2, RM, CL, group2),
	[0xd7] = ROW(xlat, NONE, NONE),
	[0xd8 ... 0xdf] = ROW(x87, RM, NONE, .flags = OPCODE_MEMORY),
	[0xe8] = ROW(branch, NONE, IMM, .argument = 1, .flags = OPCODE_FORCE64),
	[0xe9] = ROW(branch, NONE, IMM, .flags = OPCODE_FORCE64),
	[0xeb] = ROW(branch, NONE, IMM8, .flags = OPCODE_FORCE64),
	GROUP_PAIR(0xf6, RM, NONE, group3),
	[0xfe] = GROUP(RM, ONE, group4, .flags = OPCODE_BYTE),
	[0xff] = {.group = group5},
};

const struct opcode opcodes_0f[256] = {
	[0x00] = GROUP(NONE, RM16, group6),
	[0x01] = GROUP(RM16, NONE, group7),
	[0x02 ... 0x03] = ROW(verify_selector, REG, RM16, .flags = OPCODE_MEMORY), /* LAR, LSL */
	[0x0b] = ROW(ud, NONE, NONE),
	[0x40 ... 0x4f] = ROW(cmovcc, REG, RM),
	[0x80 ... 0x8f] = ROW(jcc, NONE, IMM, .flags = OPCODE_FORCE64),
	[0x90 ... 0x9f] = ROW(setcc, RM, NONE, .flags = OPCODE_BYTE),
	[0xa0] = ROW(push_sreg, NONE, NONE, .argument = SEG_FS, .flags = OPCODE_DEFAULT64),
	[0xa1] = ROW(pop_sreg, NONE, NONE, .argument = SEG_FS, .flags = OPCODE_DEFAULT64),
	[0xa3] = ROW(bit_test, RM, REG, .argument = BIT_TEST),
	[0xa4] = ROW(double_shift, RM, REG, OPERAND_IMM8),
	[0xa5] = ROW(double_shift, RM, REG, OPERAND_CL),
	[0xa8] = ROW(push_sreg, NONE, NONE, .argument = SEG_GS, .flags = OPCODE_DEFAULT64),
	[0xa9] = ROW(pop_sreg, NONE, NONE, .argument = SEG_GS, .flags = OPCODE_DEFAULT64),
	[0xab] = ROW(bit_test, RM, REG, .argument = BIT_SET, .flags = OPCODE_LOCK),
	[0xac] = ROW(double_shift, RM, REG, OPERAND_IMM8, .argument = 1),
	[0xad] = ROW(double_shift, RM, REG, OPERAND_CL, .argument = 1),
	[0xae] = GROUP(RM8, NONE, group15, .flags = OPCODE_BYTE),
	[0xaf] = ROW(imul, REG, RM),
	PAIR(0xb0, cmpxchg, RM, REG, OPCODE_LOCK),
	[0xb2] = ROW(load_far_pointer, REG, RM, .argument = SEG_SS, .flags = OPCODE_MEMORY),
	[0xb3] = ROW(bit_test, RM, REG, .argument = BIT_RESET, .flags = OPCODE_LOCK),
	[0xb4] = ROW(load_far_pointer, REG, RM, .argument = SEG_FS, .flags = OPCODE_MEMORY),
	[0xb5] = ROW(load_far_pointer, REG, RM, .argument = SEG_GS, .flags = OPCODE_MEMORY),
	[0xb6] = ROW(mov, REG, RM8), /* MOVZX */
	[0xb7] = ROW(mov, REG, RM16),
	[0xb8] = ROW(popcnt, REG, RM),
	[0xb9] = ROW(ud, NONE, NONE),
	[0xba] = GROUP(RM, IMM8, group8),
	[0xbb] = ROW(bit_test, RM, REG, .argument = BIT_COMPLEMENT, .flags = OPCODE_LOCK),
	[0xbc] = ROW(bit_scan, REG, RM),
	[0xbd] = ROW(bit_scan, REG, RM, .argument = 1),
	[0xbe] = ROW(movsx, REG, RM8),
	[0xbf] = ROW(movsx, REG, RM16),
	PAIR(0xc0, xadd, RM, REG, OPCODE_LOCK),
	[0xc3] = ROW(mov, RM, REG, .flags = OPCODE_MEMORY), /* MOVNTI */
	[0xc7] = GROUP(RM, NONE, group9),
	[0xff] = ROW(ud, NONE, NONE), /* 0Fh as the last byte of RAM */
};

const struct opcode opcodes_0f38[256] = {
	[0xf0] = ROW(movbe, REG, RM, .flags = OPCODE_MEMORY),
	[0xf1] = ROW(movbe, RM, REG, .flags = OPCODE_MEMORY),
};
