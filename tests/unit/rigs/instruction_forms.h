/* SPDX-License-Identifier: MIT */
/* The 64-bit forms that are tried on the processor and in the emulator. */
#ifndef TESTS_UNIT_RIGS_INSTRUCTION_FORMS_H
#define TESTS_UNIT_RIGS_INSTRUCTION_FORMS_H

#include "lib/types.h"

#define FORM_MODRM            BIT(0)
#define FORM_BYTE             BIT(1)
#define FORM_LOCKABLE         BIT(2)
#define FORM_LOCKED           BIT(3) /* atomic without a prefix: keep it aligned */
#define FORM_MEMORY           BIT(4) /* only memory is legal, or of interest */
#define FORM_REGISTER         BIT(5)
#define FORM_NO66             BIT(6)
#define FORM_DEFAULT64        BIT(7)
#define FORM_FORCE64          BIT(8)
#define FORM_F3               BIT(9) /* F3h makes another instruction */
#define FORM_F3_ALWAYS        (BIT(10) | FORM_F3)
#define FORM_STRING           BIT(11)
#define FORM_STACK            BIT(12) /* RSP points into the window */
#define FORM_RBP              BIT(13) /* RBP does */
#define FORM_BIT_OFFSET       BIT(14)
#define FORM_XLAT             BIT(15)
#define FORM_COMPARE_EXCHANGE BIT(16)
#define FORM_DIVIDE           BIT(17)
#define FORM_TARGET           BIT(18) /* memory or register holds a branch target */
#define FORM_RELATIVE         BIT(19)
#define FORM_SHIFT            BIT(20)
#define FORM_ROTATE           BIT(21)
#define FORM_DOUBLE_SHIFT     BIT(22)
#define FORM_COUNT_CL         BIT(23)
#define FORM_RSP_TARGET       (FORM_STACK | FORM_TARGET)

enum form_immediate {
	IMMEDIATE_NONE,
	IMMEDIATE_BYTE,
	IMMEDIATE_WORD,
	IMMEDIATE_ENTER,
	IMMEDIATE_SIZE,
	IMMEDIATE_ADDRESS,
};

struct form {
	uint8_t map, opcode, span; /* span: so many opcodes from this one */
	int8_t digit;              /* ModRM.reg, -1: any */
	enum form_immediate immediate;
	uint64_t flags;
	uint64_t undefined, undefined_f3; /* flags after it; with F3h */
};

#define U_LOGIC 0x10UL  /* AF */
#define U_MUL   0xd4UL  /* SF ZF AF PF */
#define U_DIV   0x8d5UL /* all */
#define U_BIT   0x894UL /* all but CF and ZF */
#define U_SCAN  0x895UL /* all but ZF */

/* clang-format off */
#define M FORM_MODRM

#define ALU(first, lock, undefined)                                                                            \
	{0, (first) + 0, 1, -1, 0, M | FORM_BYTE | (lock), undefined, 0},                                      \
	{0, (first) + 1, 1, -1, 0, M | (lock), undefined, 0},                                                  \
	{0, (first) + 2, 1, -1, 0, M | FORM_BYTE, undefined, 0},                                               \
	{0, (first) + 3, 1, -1, 0, M, undefined, 0}

#define GROUP1(digit, lock, undefined)                                                                         \
	{0, 0x80, 1, digit, IMMEDIATE_SIZE, M | FORM_BYTE | (lock), undefined, 0},                             \
	{0, 0x81, 1, digit, IMMEDIATE_SIZE, M | (lock), undefined, 0},                                         \
	{0, 0x83, 1, digit, IMMEDIATE_BYTE, M | (lock), undefined, 0}

#define GROUP2(digit, kind)                                                                                    \
	{0, 0xc0, 1, digit, IMMEDIATE_BYTE, M | FORM_BYTE | (kind), 0, 0},                                     \
	{0, 0xc1, 1, digit, IMMEDIATE_BYTE, M | (kind), 0, 0},                                                 \
	{0, 0xd0, 1, digit, 0, M | FORM_BYTE | (kind), 0, 0},                                                  \
	{0, 0xd1, 1, digit, 0, M | (kind), 0, 0},                                                              \
	{0, 0xd2, 1, digit, 0, M | FORM_BYTE | FORM_COUNT_CL | (kind), 0, 0},                                  \
	{0, 0xd3, 1, digit, 0, M | FORM_COUNT_CL | (kind), 0, 0}

/* A byte form, and one opcode further the others. */
#define BOTH(map, first, digit, immediate, flags, undefined)                                                   \
	{map, first, 1, digit, immediate, FORM_BYTE | (flags), undefined, 0},                                  \
	{map, (first) + 1, 1, digit, immediate, flags, undefined, 0}

#define BIT_GROUP(reg_opcode, digit, lock)                                                                     \
	{1, reg_opcode, 1, -1, 0, M | FORM_BIT_OFFSET | (lock), U_BIT, 0},                                     \
	{1, 0xba, 1, digit, IMMEDIATE_BYTE, M | (lock), U_BIT, 0}

/* clang-format off */
static const struct form forms[] = {
	ALU(0x00, FORM_LOCKABLE, 0), ALU(0x08, FORM_LOCKABLE, U_LOGIC),
	ALU(0x10, FORM_LOCKABLE, 0), ALU(0x18, FORM_LOCKABLE, 0),
	ALU(0x20, FORM_LOCKABLE, U_LOGIC), ALU(0x28, FORM_LOCKABLE, 0),
	ALU(0x30, FORM_LOCKABLE, U_LOGIC), ALU(0x38, 0, 0),
	GROUP1(0, FORM_LOCKABLE, 0), GROUP1(1, FORM_LOCKABLE, U_LOGIC),
	GROUP1(2, FORM_LOCKABLE, 0), GROUP1(3, FORM_LOCKABLE, 0),
	GROUP1(4, FORM_LOCKABLE, U_LOGIC), GROUP1(5, FORM_LOCKABLE, 0),
	GROUP1(6, FORM_LOCKABLE, U_LOGIC), GROUP1(7, 0, 0),
	GROUP2(0, FORM_ROTATE), GROUP2(1, FORM_ROTATE), GROUP2(2, FORM_ROTATE), GROUP2(3, FORM_ROTATE),
	GROUP2(4, FORM_SHIFT), GROUP2(5, FORM_SHIFT), GROUP2(6, FORM_SHIFT), GROUP2(7, FORM_SHIFT),
	BOTH(0, 0x84, -1, 0, M, U_LOGIC),
	BOTH(0, 0xf6, 0, IMMEDIATE_SIZE, M, U_LOGIC),
	BOTH(0, 0xf6, 2, 0, M | FORM_LOCKABLE, 0), BOTH(0, 0xf6, 3, 0, M | FORM_LOCKABLE, 0),
	BOTH(0, 0xf6, 4, 0, M, U_MUL), BOTH(0, 0xf6, 5, 0, M, U_MUL),
	BOTH(0, 0xf6, 6, 0, M | FORM_DIVIDE, U_DIV), BOTH(0, 0xf6, 7, 0, M | FORM_DIVIDE, U_DIV),
	{0, 0x69, 1, -1, IMMEDIATE_SIZE, M, U_MUL, 0}, {0, 0x6b, 1, -1, IMMEDIATE_BYTE, M, U_MUL, 0},
	{1, 0xaf, 1,  -1, 0,               M,                              U_MUL,  0},
	BOTH(0, 0xfe, 0, 0, M | FORM_LOCKABLE, 0), BOTH(0, 0xfe, 1, 0, M | FORM_LOCKABLE, 0),

	/* Moves */
	BOTH(0, 0x88, -1, 0, M, 0), BOTH(0, 0x8a, -1, 0, M, 0), BOTH(0, 0xc6, 0, IMMEDIATE_SIZE, M, 0),
	BOTH(0, 0xa0, -1, IMMEDIATE_ADDRESS, 0, 0), BOTH(0, 0xa2, -1, IMMEDIATE_ADDRESS, 0, 0),
	{0, 0x63, 1, -1, 0, M | FORM_NO66, 0, 0}, {0, 0x8c, 1, -1, 0, M | FORM_MEMORY, 0, 0},
	{1, 0xb6, 2, -1, 0, M, 0, 0}, {1, 0xbe, 2, -1, 0, M, 0, 0},
	{1, 0x40, 16, -1, 0, M, 0, 0}, {1, 0x90, 16, -1, 0, M | FORM_BYTE, 0, 0},
	{1, 0xc3, 1, -1, 0, M | FORM_MEMORY | FORM_NO66, 0, 0}, {0, 0xd7, 1, -1, 0, FORM_XLAT, 0, 0},
	{2, 0xf0, 2, -1, 0, M | FORM_MEMORY, 0, 0}, {1, 0xae, 1, 7, 0, M | FORM_MEMORY | FORM_NO66, 0, 0},

	/* Exchanges */
	BOTH(0, 0x86, -1, 0, M | FORM_LOCKABLE | FORM_LOCKED, 0),
	BOTH(1, 0xc0, -1, 0, M | FORM_LOCKABLE, 0),
	BOTH(1, 0xb0, -1, 0, M | FORM_LOCKABLE | FORM_COMPARE_EXCHANGE, 0),
	{1, 0xc7, 1, 1, 0, M | FORM_MEMORY | FORM_LOCKABLE | FORM_LOCKED | FORM_COMPARE_EXCHANGE | FORM_NO66, 0, 0},

	/* Bits */
	BIT_GROUP(0xa3, 4, 0), BIT_GROUP(0xab, 5, FORM_LOCKABLE), BIT_GROUP(0xb3, 6, FORM_LOCKABLE),
	BIT_GROUP(0xbb, 7, FORM_LOCKABLE),
	{1, 0xbc, 2, -1, 0, M | FORM_F3, U_SCAN, U_BIT}, {1, 0xb8, 1, -1, 0, M | FORM_F3_ALWAYS, 0, 0},
	{1, 0xa4, 1,  -1, IMMEDIATE_BYTE,  M | FORM_DOUBLE_SHIFT,          0,      0},
	{1, 0xac, 1,  -1, IMMEDIATE_BYTE,  M | FORM_DOUBLE_SHIFT,          0,      0},
	{1, 0xa5, 1,  -1, 0,               M | FORM_DOUBLE_SHIFT | FORM_COUNT_CL, 0,      0},
	{1, 0xad, 1,  -1, 0,               M | FORM_DOUBLE_SHIFT | FORM_COUNT_CL, 0,      0},

	/* Stack and branches */
	{0, 0x50, 16, -1, 0,               FORM_STACK | FORM_DEFAULT64,    0,      0},
	{0, 0x68, 1,  -1, IMMEDIATE_SIZE,  FORM_STACK | FORM_DEFAULT64,    0,      0},
	{0, 0x6a, 1,  -1, IMMEDIATE_BYTE,  FORM_STACK | FORM_DEFAULT64,    0,      0},
	{0, 0x8f, 1,  0,  0,               M | FORM_STACK | FORM_DEFAULT64, 0,      0},
	{0, 0xff, 1,  6,  0,               M | FORM_STACK | FORM_DEFAULT64, 0,      0},
	{0, 0x9c, 1,  -1, 0,               FORM_STACK | FORM_DEFAULT64,    0,      0},
	{0, 0xc8, 1,  -1, IMMEDIATE_ENTER, FORM_STACK | FORM_NO66 | FORM_DEFAULT64, 0,      0},
	{0, 0xc9, 1,  -1, 0,               FORM_STACK | FORM_RBP | FORM_DEFAULT64, 0,      0},
	{0, 0xe8, 1,  -1, IMMEDIATE_SIZE,  FORM_NO66 | FORM_RELATIVE | FORM_STACK | FORM_FORCE64, 0,      0},
	{0, 0xc2, 1,  -1, IMMEDIATE_WORD,  FORM_NO66 | FORM_RSP_TARGET | FORM_FORCE64, 0,      0},
	{0, 0xc3, 1,  -1, 0,               FORM_NO66 | FORM_RSP_TARGET | FORM_FORCE64, 0,      0},
	{0, 0xff, 1, 2, 0, M | FORM_NO66 | FORM_STACK | FORM_TARGET | FORM_FORCE64, 0, 0},
	{0, 0xff, 1,  4,  0,               M | FORM_NO66 | FORM_TARGET | FORM_FORCE64, 0,      0},

	/* Strings */
	BOTH(0, 0xa4, -1, 0, FORM_STRING, 0), BOTH(0, 0xa6, -1, 0, FORM_STRING, 0),
	BOTH(0, 0xaa, -1, 0, FORM_STRING, 0), BOTH(0, 0xac, -1, 0, FORM_STRING, 0),
	BOTH(0, 0xae, -1, 0, FORM_STRING, 0),

	/* #UD */
	{0, 0x06, 1, -1, 0, 0, 0, 0}, {0, 0x0e, 1, -1, 0, 0, 0, 0}, {0, 0x60, 2, -1, 0, 0, 0, 0},
};
/* clang-format on */
#undef M
/* clang-format on */

#endif
