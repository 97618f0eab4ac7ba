/* SPDX-License-Identifier: MIT */
/*
 * The probe kernel: one line for each thing that is tried, "probe NAME RESULT...". It runs bare and
 * as a guest, and tests/equivalence compares the lines.
 */
#ifndef TESTS_KERNELS_PROBE_PROBE_H
#define TESTS_KERNELS_PROBE_PROBE_H

#include "kernel.h"
#include "layout.h"
#include "lib/registers.h"

/* Modes of the processor, as bits: which of them a row is for. The digit is the CPL. */
enum mode {
	L64_0 = BIT(0), /* 64-bit */
	L64_3 = BIT(1),
	C32_0 = BIT(2), /* compatibility, 32 and 16 bits */
	C32_3 = BIT(3),
	C16_0 = BIT(4),
	C16_3 = BIT(5),
	P32_0 = BIT(6), /* protected, without paging */
	P32_3 = BIT(7),
	P16_0 = BIT(8),
	P16_3 = BIT(9),
	REAL = BIT(10),
	V86 = BIT(11),
};
#define MODES    12
#define LONG     (L64_0 | L64_3 | C32_0 | C32_3 | C16_0 | C16_3)
#define L64      (L64_0 | L64_3)
#define P32      (P32_0 | P32_3)
#define LEGACY   (P32_0 | P32_3 | P16_0 | P16_3 | REAL | V86)
#define NOT64    (C32_0 | C32_3 | C16_0 | C16_3 | LEGACY)
#define EVERY    (LONG | LEGACY)
#define USER     (L64_3 | C32_3 | C16_3 | P32_3 | P16_3 | V86)
#define KERNEL   (EVERY & ~USER)
#define SEGMENTS (EVERY & ~(REAL | V86))

/* What is special before the snippet runs. */
enum setup {
	SETUP_NONE,
	SETUP_TIMER, /* IRQ 0 comes in a moment */
	SETUP_GD,    /* DR7.GD */
	SETUP_LDT,   /* LDTR is loaded */
};

/* One row of rows.def. `code`: the snippet for 16, 32 and 64 bits, and its end. */
struct row {
	const char *name;
	uint32_t modes;
	const uint8_t *code[3][2];
	uint64_t ax, cx, dx; /* initial values of RAX, RCX, RDX */
	uint64_t flags;      /* RFLAGS apart from bit 1 */
	uint64_t cr0, cr4;   /* bits set beyond the usual ones */
	enum setup setup;
	bool any; /* the registers are not compared: they hold time or addresses of this machine */
};
extern const struct row rows[];
extern const unsigned row_count;

/* engine.c */
void engine_init(void);
void engine_try(const struct row *row);

/* tables.c: memory, page tables, descriptor tables and tasks as every snippet finds them. */
void tables_init(void);
void tables_reset(enum mode mode);
void tables_load(void); /* back to the kernel's own */
extern const uint8_t data_initial[512];

/* enter.S: run from BEFORE until a vector; the stubs fill AFTER. */
void enter_long(void);
void enter_legacy(void);
_Noreturn void leave(void);
extern const uint8_t real_begin[], real_end[], real_common[], legacy_common[];

#endif
