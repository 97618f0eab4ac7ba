/* SPDX-License-Identifier: MIT */
/*
 * Moves between memory and vector registers: SDM Vol. 2D "Opcode Map", where a prefix is a part of
 * the opcode. Arithmetic with a memory operand is not here.
 */
#include "vmm/emulate/emulation.h"

#define NP  BIT(0)
#define P66 BIT(1)
#define PF3 BIT(2)
#define PF2 BIT(3)

enum coding { LEGACY_AND_VEX, LEGACY, VEX };

struct vector_opcode {
	uint8_t map, prefixes, opcode;
	uint8_t coding;
	struct opcode row;
};

/* Tables to read by column. */
/* clang-format off */
#define ROW(name, size, ...) {execute_##name, OPERAND_RM, OPERAND_NONE, .argument = (size), \
	                      .flags = OPCODE_MEMORY, ##__VA_ARGS__}
#define ALIGNED(name)        {execute_##name, OPERAND_RM, OPERAND_NONE, .argument = VECTOR_FULL, \
	                      .flags = OPCODE_MEMORY | OPCODE_ALIGNED}
#define DUPLICATE(which)     {execute_vector_duplicate, OPERAND_RM, OPERAND_NONE, OPERAND_##which, \
	                      .argument = 4, .flags = OPCODE_MEMORY | OPCODE_ALIGNED_LEGACY}
#define LOAD(size)           ROW(vector_load, size)
#define STORE(size)          ROW(vector_store, size)
#define INSERT(size, which)  ROW(vector_insert, size, .third = OPERAND_##which)
#define EXTRACT(size, which) ROW(vector_extract, size, .third = OPERAND_##which)
#define MASKED(name)         {execute_##name, OPERAND_RM, OPERAND_NONE, .flags = 0}

static const struct vector_opcode opcodes_vector[] = {
	{1, NP | P66,  0x10, LEGACY_AND_VEX, LOAD(VECTOR_FULL)},                      /* MOVUPS, MOVUPD */
	{1, PF3,       0x10, LEGACY_AND_VEX, LOAD(4)},                                /* MOVSS */
	{1, PF2,       0x10, LEGACY_AND_VEX, LOAD(8)},                                /* MOVSD */
	{1, NP | P66,  0x11, LEGACY_AND_VEX, STORE(VECTOR_FULL)},
	{1, PF3,       0x11, LEGACY_AND_VEX, STORE(4)},
	{1, PF2,       0x11, LEGACY_AND_VEX, STORE(8)},
	{1, NP | P66,  0x12, LEGACY_AND_VEX, INSERT(8, NONE)},                        /* MOVLPS, MOVLPD */
	{1, PF3,       0x12, LEGACY_AND_VEX, DUPLICATE(NONE)},                /* MOVSLDUP */
	{1, PF2,       0x12, LEGACY_AND_VEX, ROW(vector_duplicate, 8)},               /* MOVDDUP */
	{1, NP | P66,  0x13, LEGACY_AND_VEX, STORE(8)},
	{1, NP | P66,  0x16, LEGACY_AND_VEX, INSERT(8, ONE)},                         /* MOVHPS, MOVHPD */
	{1, PF3,       0x16, LEGACY_AND_VEX, DUPLICATE(ONE)},                            /* MOVSHDUP */
	{1, NP | P66,  0x17, LEGACY_AND_VEX, EXTRACT(8, ONE)},
	{1, NP | P66,  0x28, LEGACY_AND_VEX, ALIGNED(vector_load)},                   /* MOVAPS, MOVAPD */
	{1, NP | P66,  0x29, LEGACY_AND_VEX, ALIGNED(vector_store)},
	{1, NP | P66,  0x2b, LEGACY_AND_VEX, ALIGNED(vector_store)},                  /* MOVNTPS, MOVNTPD */
	{1, NP,        0x6e, LEGACY,         ROW(mmx_load, VECTOR_W)},                /* MOVD, MOVQ */
	{1, P66,       0x6e, LEGACY_AND_VEX, LOAD(VECTOR_W)},
	{1, NP,        0x6f, LEGACY,         ROW(mmx_load, 8)},
	{1, P66,       0x6f, LEGACY_AND_VEX, ALIGNED(vector_load)},                   /* MOVDQA */
	{1, PF3,       0x6f, LEGACY_AND_VEX, LOAD(VECTOR_FULL)},                      /* MOVDQU */
	{1, NP,        0x7e, LEGACY,         ROW(mmx_store, VECTOR_W)},
	{1, P66,       0x7e, LEGACY_AND_VEX, STORE(VECTOR_W)},
	{1, PF3,       0x7e, LEGACY_AND_VEX, LOAD(8)},                                /* MOVQ */
	{1, NP,        0x7f, LEGACY,         ROW(mmx_store, 8)},
	{1, P66,       0x7f, LEGACY_AND_VEX, ALIGNED(vector_store)},
	{1, PF3,       0x7f, LEGACY_AND_VEX, STORE(VECTOR_FULL)},
	{1, P66,       0xc4, LEGACY_AND_VEX, INSERT(2, IMM8)},                        /* PINSRW */
	{1, P66,       0xd6, LEGACY_AND_VEX, STORE(8)},                               /* MOVQ */
	{1, NP,        0xe7, LEGACY,         ROW(mmx_store, 8)},                      /* MOVNTQ */
	{1, P66,       0xe7, LEGACY_AND_VEX, ALIGNED(vector_store)},                  /* MOVNTDQ */
	{1, PF2,       0xf0, LEGACY_AND_VEX, LOAD(VECTOR_FULL)},                      /* LDDQU */
	{1, NP,        0xf7, LEGACY,         MASKED(maskmovq)},
	{1, P66,       0xf7, LEGACY_AND_VEX, MASKED(maskmovdqu)},
	{2, P66,       0x18, VEX,            ROW(vector_broadcast, 4)},               /* VBROADCASTSS */
	{2, P66,       0x19, VEX,            ROW(vector_broadcast, 8)},               /* VBROADCASTSD */
	{2, P66,       0x1a, VEX,            ROW(vector_broadcast, 16)},              /* VBROADCASTF128 */
	{2, P66,       0x2a, LEGACY_AND_VEX, ALIGNED(vector_load)},                   /* MOVNTDQA */
	{2, P66,       0x2c, VEX,            ROW(vector_load_masked, 4)},             /* VMASKMOVPS */
	{2, P66,       0x2d, VEX,            ROW(vector_load_masked, 8)},             /* VMASKMOVPD */
	{2, P66,       0x2e, VEX,            ROW(vector_store_masked, 4)},
	{2, P66,       0x2f, VEX,            ROW(vector_store_masked, 8)},
	{2, P66,       0x58, VEX,            ROW(vector_broadcast, 4)},               /* VPBROADCASTD */
	{2, P66,       0x59, VEX,            ROW(vector_broadcast, 8)},               /* VPBROADCASTQ */
	{2, P66,       0x5a, VEX,            ROW(vector_broadcast, 16)},              /* VBROADCASTI128 */
	{2, P66,       0x78, VEX,            ROW(vector_broadcast, 1)},               /* VPBROADCASTB */
	{2, P66,       0x79, VEX,            ROW(vector_broadcast, 2)},               /* VPBROADCASTW */
	{2, P66,       0x8c, VEX,            ROW(vector_load_masked, VECTOR_W)},      /* VPMASKMOVD, Q */
	{2, P66,       0x8e, VEX,            ROW(vector_store_masked, VECTOR_W)},
	{3, P66,       0x14, LEGACY_AND_VEX, EXTRACT(1, IMM8)},                       /* PEXTRB */
	{3, P66,       0x15, LEGACY_AND_VEX, EXTRACT(2, IMM8)},                       /* PEXTRW */
	{3, P66,       0x16, LEGACY_AND_VEX, EXTRACT(VECTOR_W, IMM8)},                /* PEXTRD, PEXTRQ */
	{3, P66,       0x17, LEGACY_AND_VEX, EXTRACT(4, IMM8)},                       /* EXTRACTPS */
	{3, P66,       0x18, VEX,            INSERT(16, IMM8)},                       /* VINSERTF128 */
	{3, P66,       0x19, VEX,            EXTRACT(16, IMM8)},                      /* VEXTRACTF128 */
	{3, P66,       0x20, LEGACY_AND_VEX, INSERT(1, IMM8)},                        /* PINSRB */
	{3, P66,       0x22, LEGACY_AND_VEX, INSERT(VECTOR_W, IMM8)},                 /* PINSRD, PINSRQ */
	{3, P66,       0x38, VEX,            INSERT(16, IMM8)},                       /* VINSERTI128 */
	{3, P66,       0x39, VEX,            EXTRACT(16, IMM8)},                      /* VEXTRACTI128 */
};
/* clang-format on */

/* F2h and F3h count before 66h. */
static uint8_t vector_prefix(const struct emulation *e)
{
	if (e->repeat)
		return e->repeat == 0xf3 ? PF3 : PF2;
	return e->operand_prefix ? P66 : NP;
}

void opcode_find_vector(struct emulation *e, unsigned map)
{
	uint8_t prefix = vector_prefix(e);

	for (const struct vector_opcode *v = opcodes_vector; v < opcodes_vector + ARRAY_SIZE(opcodes_vector);
	     v++)
		if (v->map == map && v->opcode == e->byte && v->prefixes & prefix &&
		    v->coding != (e->vex ? LEGACY : VEX))
			e->opcode = v->row;
}
