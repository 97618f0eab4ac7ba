/* SPDX-License-Identifier: MIT */
/*
 * States outside of 64-bit mode that a VM entry could refuse, or a monitor get wrong: paging turned
 * on and off in all ways, segments of all types with and without protected mode, virtual-8086 mode,
 * tasks. Each state is held over exits.
 */
#include "legacy.h"
#include "attack.h"

#define FLAT(access)   descriptor(access, 0xc, 0xfffff)
#define BASE(address)  ((0xffffff & (uint64_t)(address)) << 16 | (0xff & (uint64_t)(address) >> 24) << 56)
#define GDT_AT(offset) gdt[(offset) / 8]

/* Access rights: SDM Vol. 3A "Segment Descriptor Types". */
#define DATA_READ_ONLY  0x91
#define DATA            0x93
#define DATA_DOWN       0x97
#define CODE_ONLY       0x99
#define CODE            0x9b
#define CONFORMING_ONLY 0x9d
#define CONFORMING      0x9f
#define USER            0x60
#define TSS16           0x81
#define LDT             0x82
#define TSS32           0x89

#define TSS_BUSY BIT(41)

#define RFLAGS_NT  BIT(14)
#define RFLAGS_VIF BIT(19)
#define RFLAGS_VIP BIT(20)
#define RFLAGS_ID  BIT(21)

#define PORTS 256

struct packed tss {
	uint32_t link, esp0, ss0, inner[4], cr3, eip, eflags, gpr[8], segment[6], ldt;
	uint16_t trap, io_map;
	uint8_t redirection[32], io[PORTS / 8 + 1];
};
enum { TASK_ES, TASK_CS, TASK_SS, TASK_DS };

static uint64_t descriptor(uint64_t access, uint64_t flags, uint64_t limit)
{
	return (limit & 0xffff) | access << 40 | (limit >> 16 & 0xf) << 48 | flags << 52;
}

struct packed table_pointer {
	uint16_t limit;
	uint64_t base;
};

extern uint64_t pml4[];

static uint64_t gdt[(LEGACY_FREE + 32) / 8], ldt[8];
static uint64_t idt[32];
static struct tss tss, task;
static uint8_t stack[4096] __attribute__((aligned(16)));

extern const struct table_pointer legacy_gdt_pointer, legacy_idt_pointer;
const struct table_pointer legacy_gdt_pointer = {sizeof(gdt) - 1, (uint64_t)gdt};
const struct table_pointer legacy_idt_pointer = {sizeof(idt) - 1, (uint64_t)idt};

/* ---- Tables ---- */

static void make_idt(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(idt); i++) {
		uint64_t stub = (uint64_t)legacy_stubs[i];

		idt[i] = (stub & 0xffff) | LEGACY_CODE32 << 16 |
		         (i == EXCEPTION_BP ? 0xee00UL : 0x8e00UL) << 32 | (stub >> 16) << 48;
	}
}

static void make_tss(struct tss *new)
{
	*new = (struct tss){
		.esp0 = (uint32_t)(uint64_t)stack + sizeof(stack),
		.ss0 = LEGACY_DATA,
		.io_map = offsetof(struct tss, io),
	};
	for (unsigned i = 0; i < sizeof(new->io); i++)
		new->io[i] = i == LEGACY_PORT / 8 ? 0xfe : 0xff;
	for (unsigned i = 0; i < sizeof(new->redirection); i++)
		new->redirection[i] = 0xff; /* INT n is #GP, as without CR4.VME */
}

static void make_tables(void)
{
	make_idt();
	make_tss(&tss);
	make_tss(&task);
	GDT_AT(LEGACY_CODE64) = descriptor(CODE, 0xa, 0xfffff);
	GDT_AT(LEGACY_DATA) = FLAT(DATA);
	GDT_AT(LEGACY_CODE32) = FLAT(CODE);
	GDT_AT(LEGACY_USER_CODE) = FLAT(CODE | USER);
	GDT_AT(LEGACY_USER_DATA) = FLAT(DATA | USER);
	GDT_AT(LEGACY_TSS) = descriptor(TSS32, 0, sizeof(tss) - 1) | BASE(&tss);
	GDT_AT(LEGACY_TASK) = descriptor(TSS32, 0, sizeof(task) - 1) | BASE(&task);
	GDT_AT(LEGACY_LDT) = descriptor(LDT, 0, sizeof(ldt) - 1) | BASE(ldt);
}

static int run(const char *code, const struct legacy_state *state)
{
	GDT_AT(LEGACY_TSS) &= ~TSS_BUSY;
	GDT_AT(state->tr) &= ~TSS_BUSY;
	return legacy_run(code, state);
}

static void check_vector(const char *what, uint64_t where, int got, int want)
{
	check_equal(what, where, (uint64_t)got, (uint64_t)want);
}

/* ---- Paging ---- */

static uint32_t directory[1024] __attribute__((aligned(4096)));
static uint64_t pdpt[4] __attribute__((aligned(32))), bad_pdpt[4] __attribute__((aligned(32)));

static void make_page_tables(void)
{
	const uint64_t *kernel = (const uint64_t *)ALIGN_DOWN(pml4[0], PAGE_SIZE);

	for (unsigned i = 0; i < 1024; i++)
		directory[i] = i << 22 | 0x83;
	for (unsigned i = 0; i < 4; i++)
		bad_pdpt[i] = pdpt[i] = ALIGN_DOWN(kernel[i], PAGE_SIZE) | 1;
	bad_pdpt[2] |= 2;
}

/* Which of the writes the monitor has to look at: they change a bit that is its own. */
enum { BY_PROCESSOR, BY_CR0_CD, BY_CR4_MCE, BY_BOTH, WAYS };

static uint32_t low_half(const void *pointer)
{
	return (uint32_t)(uint64_t)pointer;
}

static void try_paging(const char *what, const struct legacy_state *wanted, int vector, uint32_t step)
{
	const uint32_t cr0 = (uint32_t)(read_cr0() & ~CR0_PG);

	for (unsigned way = 0; way < WAYS; way++) {
		struct legacy_state state = *wanted;
		bool stays = vector == NO_FAULT && !state.after[2];

		make_page_tables();
		if (!state.cs)
			state.cs = LEGACY_CODE32;
		if (!state.cr0)
			state.cr0 = cr0 | (uint32_t)CR0_PG;
		if (way & BY_CR0_CD)
			state.cr0 |= CR0_CD; /* and back, in `after` */
		if (way & BY_CR4_MCE)
			state.cr4 |= CR4_MCE;
		check_vector(what, way, run(legacy_control, &state), vector);
		check_equal("step of it", way, legacy_step, step);
		check_equal("error code of it", way, legacy_error, 0);
		check_equal("EFER.LMA", way, legacy_efer & EFER_LMA, stays && state.efer ? EFER_LMA : 0);
		if (step == 4)
			check_equal("CR0 after #GP", way, legacy_cr0, cr0);
	}
}

#define PAE (CR4_PAE | CR4_OSFXSR)
#define PSE (CR4_PSE | CR4_OSFXSR)

static void attack_paging(void)
{
	const uint32_t off = (uint32_t)(read_cr0() & ~CR0_PG);
	const uint32_t top = low_half(pml4), two = low_half(directory), three = low_half(pdpt);
	const uint32_t bad = low_half(bad_pdpt), lme = EFER_LME;
	const int none = NO_FAULT, gp = EXCEPTION_GP;
	/* clang-format off */
	const struct {
		const char *name;
		uint32_t efer, cr4, cr3, after[3];
		int vector;
		uint32_t step;
	} rows[] = {
		{"32-bit paging",             0,   PSE,             two,   {0, 0, 0},    none, 9},
		{"32-bit paging, and off",    0,   PSE,             two,   {0, 0, off},  none, 9},
		{"PAE paging",                0,   PAE,             three, {0, 0, 0},    none, 9},
		{"PAE paging, and off",       0,   PAE,             three, {0, 0, off},  none, 9},
		{"a reserved bit of a PDPTE", 0,   PAE,             bad,   {0, 0, 0},    gp,   4},
		{"the same by MOV to CR3",    0,   PAE,             three, {0, bad, 0},  gp,   7},
		{"PDPTEs in a hole",          0,   PAE,             HOLE,  {0, 0, 0},    gp,   4},
		{"the same by MOV to CR3",    0,   PAE,             three, {0, HOLE, 0}, gp,   7},
		{"PAE with a directory",      0,   PSE,             two,   {PAE, 0, 0},  gp,   6},
		{"IA-32e mode",               lme, PAE,             top,   {0, 0, 0},    none, 9},
		{"IA-32e mode, and off",      lme, PAE,             top,   {0, 0, off},  none, 9},
		{"IA-32e mode without PAE",   lme, PSE,             top,   {0, 0, 0},    gp,   4},
		{"PCIDE",                     0,   PAE | CR4_PCIDE, three, {0, 0, 0},    gp,   2},
		{"PCIDE with LME",            lme, PAE | CR4_PCIDE, top,   {0, 0, 0},    gp,   2},
		{"VMXE",                      0,   PAE | CR4_VMXE,  three, {0, 0, 0},    gp,   2},
	};
	/* clang-format on */

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct legacy_state state = {
			.efer = rows[i].efer,
			.cr4 = rows[i].cr4,
			.cr3 = rows[i].cr3,
			.after = {rows[i].after[0], rows[i].after[1], rows[i].after[2]},
		};

		try_paging(rows[i].name, &state, rows[i].vector, rows[i].step);
	}
}

/*
 * What else keeps paging from being turned on, and PDPTEs that change in memory without the
 * processor's knowledge.
 */
static void attack_paging_further(void)
{
	const uint32_t pg = (uint32_t)read_cr0(), bad = low_half(&bad_pdpt[2]) | 3;
	struct legacy_state state = {.efer = EFER_LME, .cr4 = PAE, .cr3 = low_half(pml4), .tr = LEGACY_FREE};

	GDT_AT(LEGACY_FREE) = descriptor(TSS16, 0, 0x2b) | BASE(&task);
	try_paging("IA-32e mode with a 16-bit task", &state, EXCEPTION_GP, 4);
	state.tr = 0;
	state.cs = LEGACY_FREE;
	GDT_AT(LEGACY_FREE) = descriptor(CODE, 0xe, 0xfffff); /* L means nothing yet */
	try_paging("IA-32e mode with CS.L", &state, EXCEPTION_GP, 4);
	state = (struct legacy_state){.cr4 = PAE, .cr3 = low_half(pdpt), .cr0 = pg & ~(uint32_t)CR0_PE};
	try_paging("PG without PE", &state, EXCEPTION_GP, 4);

	state = (struct legacy_state){.cr4 = PAE, .cr3 = low_half(pdpt), .poke = low_half(&pdpt[2])};
	state.poked = bad;
	state.after[0] = PAE;
	try_paging("a PDPTE that turns bad", &state, NO_FAULT, 9);
	state.after[0] = PAE | CR4_PGE;
	try_paging("a PDPTE that turns bad, PGE", &state, EXCEPTION_GP, 6);
	state.after[0] = 0;
	state.after[2] = pg | CR0_CD;
	state.cs = LEGACY_CODE32;
	state.cr0 = pg;
	make_page_tables();
	check_vector("a PDPTE that turns bad, CD", 0, run(legacy_control, &state), EXCEPTION_GP);
	check_equal("step of it", 0, legacy_step, 8);
}

/* The four that only matter outside of IA-32e mode, or to its CPL 3. */
static void attack_cr4(void)
{
	for (unsigned i = 0; i < 64; i++) {
		uint32_t bits = (i & 1 ? CR4_VME : 0) | (i & 2 ? CR4_PVI : 0) | (i & 4 ? CR4_TSD : 0) |
		                (i & 8 ? CR4_DE : 0) | (i & 16 ? CR4_PSE : 0) | (i & 32 ? CR4_MCE : 0);
		struct legacy_state state = {
			.cr4 = bits, .cr0 = (uint32_t)(read_cr0() & ~CR0_PG), .cs = LEGACY_CODE32};

		check_vector("CR4", bits, run(legacy_control, &state), NO_FAULT);
	}
}

/* ---- Segments ---- */

static void attack_segments(void)
{
	const uint64_t flat = FLAT(DATA), code = FLAT(CODE);
	const uint64_t down = descriptor(DATA_DOWN, 4, 0xfff), down16 = descriptor(DATA_DOWN, 0, 0xfff);
	const uint64_t small = descriptor(DATA, 4, 0xfff);
	const int none = NO_FAULT, gp = EXCEPTION_GP;
	const uint16_t outs = LEGACY_OUTS, real = LEGACY_REAL, again = LEGACY_REAL | LEGACY_RELOAD;
	/* clang-format off */
	const struct {
		const char *name;
		uint64_t cs, ss, ds; /* 0: null */
		uint16_t action;
		uint32_t esi;
		int vector;
	} rows[] = {
		{"flat",			 code,                  flat,                 flat,                 outs,  0,       none        },
		{"expand-down",                  code,                  down,                 down,                 outs,  0x1000,  none        },
		{"expand-down, below",           code,                  down,                 down,                 outs,  0xfff,   gp          },
		{"expand-down, 16 bits",         code,                  down,                 down16,               outs,  0xffff,  none        },
		{"expand-down, above 16 bits",   code,                  down,                 down16,               outs,  0x10000, gp          },
		{"expand-down, below, 16 bits",  code,                  down,                 down16,               outs,  0xfff,   gp          },
		{"small",                        code,                  flat,                 small,                outs,  0xfff,   none        },
		{"small, behind",                code,                  flat,                 small,                outs,  0x1000,  gp          },
		{"null",			 code,                  flat,                 0,                    0,     0,       none        },
		{"null, read",                   code,                  flat,                 0,                    outs,  0,       gp          },
		{"read-only",                    code,                  flat,                 FLAT(DATA_READ_ONLY), outs,  0,       none        },
		{"code as data",                 code,                  flat,                 code,                 outs,  0,       none        },
		{"conforming as data",           code,                  flat,                 FLAT(CONFORMING),     outs,  0,       none        },
		{"execute-only as data",         code,                  flat,                 FLAT(CODE_ONLY),      0,     0,       gp          },
		{"a gate as data",               code,                  flat,                 FLAT(0x8c),           0,     0,       gp          },
		{"absent data",                  code,                  flat,                 FLAT(DATA & ~0x80),   0,     0,       EXCEPTION_NP},
		{"absent stack",                 code,                  FLAT(DATA & ~0x80),   flat,                 0,     0,       EXCEPTION_SS},
		{"read-only stack",              code,                  FLAT(DATA_READ_ONLY), flat,                 0,     0,       gp          },
		{"user's stack",                 code,                  FLAT(DATA | USER),    flat,                 0,     0,       gp          },
		{"null stack",                   code,                  0,                    flat,                 0,     0,       gp          },
		{"execute-only",                 FLAT(CODE_ONLY),       flat,                 flat,                 outs,  0,       none        },
		{"conforming",                   FLAT(CONFORMING),      flat,                 flat,                 outs,  0,       none        },
		{"conforming, execute-only",     FLAT(CONFORMING_ONLY), flat,                 flat,                 0,     0,       none        },
		{"user's code",                  FLAT(CODE | USER),     flat,                 flat,                 0,     0,       gp          },
		{"user's data",                  code,                  flat,                 FLAT(DATA | USER),    outs,  0,       none        },
		{"large in real mode",           code,                  flat,                 flat,                 real,  0,       none        },
		{"large in real mode, reloaded", code,                  flat,                 flat,                 again, 0,       none        },
		{"small in real mode",           code,                  flat,                 small,                again, 0,       none        },
		{"expand-down in real mode",     code,                  down,                 down,                 real,  0,       none        },
		{"null in real mode",            code,                  flat,                 0,                    real,  0,       none        },
		{"code as data in real mode",    code,                  flat,                 code,                 real,  0,       none        },
		{"user's data in real mode",     code,                  flat,                 FLAT(DATA | USER),    real,  0,       none        },
		{"execute-only in real mode",    FLAT(CODE_ONLY),       flat,                 flat,                 real,  0,       none        },
		{"conforming in real mode",      FLAT(CONFORMING_ONLY), flat,                 flat,                 real,  0,       none        },
	};
	/* clang-format on */

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned local = 0; local < 2; local++) { /* from the GDT, and from an LDT */
			uint64_t *at = local ? &ldt[1] : &GDT_AT(LEGACY_FREE);
			uint16_t first = local ? 1 << 3 | 4 : LEGACY_FREE;
			struct legacy_state state = {
				.cs = first,
				.ss = rows[i].ss ? first + 8 : 0,
				.ds = rows[i].ds ? first + 16 : 0,
				.action = rows[i].action,
				.esi = rows[i].esi,
			};

			at[0] = rows[i].cs;
			at[1] = rows[i].ss;
			at[2] = rows[i].ds;
			check_vector(rows[i].name, local, run(legacy_segments, &state), rows[i].vector);
		}
	}
}

/* ---- Virtual-8086 mode ---- */

static void attack_v86(void)
{
	const uint32_t iopl3 = RFLAGS_IOPL, tf = RFLAGS_TF, ac = RFLAGS_AC, vip = RFLAGS_VIP;
	const uint32_t all =
		RFLAGS_IF | RFLAGS_NT | RFLAGS_VIF | RFLAGS_VIP | RFLAGS_AC | RFLAGS_ID | RFLAGS_DF;
	const int gp = EXCEPTION_GP, db = EXCEPTION_DB, bp = EXCEPTION_BP, ud = EXCEPTION_UD;
	/* clang-format off */
	const struct {
		const char *name, *bytes;
		uint32_t eflags;
		bool vme;
		int vector;
		uint32_t at; /* EIP that is saved, from the first byte */
	} rows[] = {
		{"CPUID",            "\x0f\xa2\xcc",     0,           false, bp,           3},
		{"CPUID with all flags", "\x0f\xa2\xcc",     all | iopl3, false, bp,           3},
		{"a step over CPUID", "\x0f\xa2\x90\xcc", tf,          false, db,           2},
		{"a step over POP SS and CPUID", "\x17\x0f\xa2\x90\xcc", tf,          false, db,           3},
		{"a step over POP SS and OUT", "\x17\xe6\x80\x90\xcc", tf,          false, db,           3},
		{"a step over OUT",  "\xe6\x80\x90\xcc", tf,          false, db,           2},
		{"a step over STI",  "\xfb\x90\xcc",     tf | iopl3,  false, db,           1},
		{"OUT",              "\xe6\x80\xcc",     0,           false, bp,           3},
		{"OUT to another port", "\xe6\x81\xcc",     iopl3,       false, gp,           0},
		{"POP SS and OUT to another port", "\x17\xe6\x81",     tf,          false, gp,           1},
		{"CLI",              "\xfa\xcc",         0,           false, gp,           0},
		{"CLI with IOPL 3",  "\xfa\xcc",         iopl3,       false, bp,           2},
		{"CLI with VME",     "\xfa\xcc",         0,           true,  bp,           2},
		{"STI and CPUID",    "\xfb\x0f\xa2\xcc", iopl3,       false, bp,           4},
		{"STI and CPUID with VME", "\xfb\x0f\xa2\xcc", 0,           true,  bp,           4},
		{"STI with VIP",     "\xfb\xcc",         vip,         true,  gp,           0},
		{"HLT",              "\xf4\xcc",         iopl3,       false, gp,           0},
		{"INT 21h",          "\xcd\x21",         0,           false, gp,           0},
		{"INT 21h with VME", "\xcd\x21",         0,           true,  gp,           0},
		{"a word at the limit", "\xa1\xff\xff\xcc", 0,           false, gp,           0},
		{"#AC",              "\xa1\x01\x81\xcc", ac,          false, EXCEPTION_AC, 0},
		{"POP SS and #AC",   "\x17\xa1\x01\x81\xcc", ac | tf,     false, EXCEPTION_AC, 1},
		{"INT1",             "\xf1\xcc",         0,           false, db,           1},
		{"POP SS and INT1",  "\x17\xf1\xcc",     tf,          false, db,           2},
		{"VMCALL",           "\x0f\x01\xc1\xcc", 0,           false, ud,           0},
		{"POP SS and VMCALL", "\x17\x0f\x01\xc1\xcc", tf,          false, ud,           1},
		{"RDMSR",            "\x0f\x32\xcc",     iopl3,       false, gp,           0},
		{"MOV from CR0",     "\x0f\x20\xc0\xcc", iopl3,       false, gp,           0},
		{"INVD",             "\x0f\x08\xcc",     iopl3,       false, gp,           0},
		{"XSETBV",           "\x0f\x01\xd1\xcc", 0,           false, ud,           0},
	};
	/* clang-format on */

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct legacy_state state = {
			.cr4 = rows[i].vme ? CR4_VME : 0,
			.cr0 = (uint32_t)(read_cr0() & ~CR0_PG) | CR0_AM,
			.eflags = rows[i].eflags | RFLAGS_VM | RFLAGS_RESERVED,
		};

		for (unsigned k = 0; k < 8; k++)
			((volatile uint8_t *)LEGACY_LOW)[k] = (uint8_t)rows[i].bytes[k];
		check_vector(rows[i].name, 86, run(legacy_v86, &state), rows[i].vector);
		check_equal("EIP of it", i, legacy_eip, LEGACY_LOW + rows[i].at);
		check_equal("EFLAGS.VM of it", i, legacy_eflags & RFLAGS_VM, RFLAGS_VM);
		check_equal("error code of it", i, legacy_error, 0);
	}
}

/* ---- Tasks, which the monitor switches ---- */

static void attack_tasks(void)
{
	const uint64_t flat = FLAT(DATA), code = FLAT(CODE);
	const uint64_t user_code = FLAT(CODE | USER), user_data = FLAT(DATA | USER);
	const uint64_t down = descriptor(DATA_DOWN, 4, 0xfff);
	const int none = NO_FAULT, ts = EXCEPTION_TS, bp = EXCEPTION_BP;
	/* clang-format off */
	const struct {
		const char *name;
		uint64_t cs, ss, ds; /* 0: null */
		uint16_t rpl, ldt;
		int vector;
	} rows[] = {
		{"task",			       code,               flat,               flat,        0, 0,           none        },
		{"task with an LDT",                   code,               flat,               flat,        0, LEGACY_LDT,  none        },
		{"task with null data",                code,               flat,               0,           0, 0,           none        },
		{"task with expand-down data",         code,               flat,               down,        0, 0,           none        },
		{"task with conforming code",          FLAT(CONFORMING),   flat,               flat,        0, 0,           none        },
		{"task with the user's segments",      user_code,          user_data,          user_data,   3, 0,           bp          },
		{"task with conforming code of CPL 3", FLAT(CONFORMING),   user_data,          0,           3, 0,           bp          },
		{"task whose LDT is none",             code,               flat,               flat,        0, LEGACY_DATA, ts          },
		{"task whose LDT is a TSS",            code,               flat,               flat,        0, LEGACY_TSS,  ts          },
		{"task without CS",                    0,                  flat,               flat,        0, 0,           ts          },
		{"task without SS",                    code,               0,                  flat,        0, 0,           ts          },
		{"task with data in CS",               flat,               flat,               flat,        0, 0,           ts          },
		{"task with code in SS",               code,               code,               flat,        0, 0,           ts          },
		{"task with the kernel's SS at CPL 3", user_code,          flat,               flat,        3, 0,           ts          },
		{"task with the kernel's CS at CPL 3", code,               user_data,          0,           3, 0,           ts          },
		{"task with the kernel's DS at CPL 3", user_code,          user_data,          flat,        3, 0,           ts          },
		{"task with absent CS",                FLAT(CODE & ~0x80), flat,               flat,        0, 0,           EXCEPTION_NP},
		{"task with absent SS",                code,               FLAT(DATA & ~0x80), flat,        0, 0,           EXCEPTION_SS},
		{"task with a TSS in DS",              code,               flat,               FLAT(TSS32), 0, 0,           ts          },
	};
	/* clang-format on */
	static const uint8_t at_cpl3[] = {0x0f, 0xa2, 0xe6, LEGACY_PORT, 0xcc};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned call = 0; call < 2; call++) {
			const struct legacy_state unused = {0};

			make_tables();
			GDT_AT(LEGACY_FREE) = rows[i].cs;
			GDT_AT(LEGACY_FREE + 8) = rows[i].ss;
			GDT_AT(LEGACY_FREE + 16) = rows[i].ds;
			task.segment[TASK_CS] = rows[i].cs ? LEGACY_FREE | rows[i].rpl : 0;
			task.segment[TASK_SS] = rows[i].ss ? (LEGACY_FREE + 8) | rows[i].rpl : 0;
			task.segment[TASK_DS] = rows[i].ds ? (LEGACY_FREE + 16) | rows[i].rpl : 0;
			task.ldt = rows[i].ldt;
			task.eip = (uint32_t)(uint64_t)(rows[i].rpl ? (const void *)at_cpl3 : legacy_done);
			task.eflags = RFLAGS_RESERVED;
			task.gpr[4] = task.esp0 - 1024;
			check_vector(rows[i].name, call,
			             run(call ? legacy_task_call : legacy_task_jump, &unused),
			             rows[i].vector);
		}
	}
}

static void attack_v86_tasks(void)
{
	/* clang-format off */
	static const struct {
		const char *name;
		uint32_t eflags;
		uint16_t ldt, segment;
		int vector;
	} rows[] = {
		{"virtual-8086 task", 0,            0,           0,      EXCEPTION_BP},
		{"virtual-8086 task with large selectors", 0,            0,           0xffff, EXCEPTION_BP},
		{"virtual-8086 task with an LDT", RFLAGS_IOPL | RFLAGS_IF, LEGACY_LDT,  0,      EXCEPTION_BP},
		{"virtual-8086 task whose LDT is none", 0,            LEGACY_DATA, 0xf000, EXCEPTION_TS},
		{"virtual-8086 task, stepped", RFLAGS_TF,    0,           0,      EXCEPTION_DB},
	};
	/* clang-format on */
	struct legacy_state none = {0};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		make_tables();
		((volatile uint8_t *)LEGACY_LOW)[0] = 0x0f; /* CPUID, INT3 */
		((volatile uint8_t *)LEGACY_LOW)[1] = 0xa2;
		((volatile uint8_t *)LEGACY_LOW)[2] = 0xcc;
		for (unsigned k = 0; k < ARRAY_SIZE(task.segment); k++)
			task.segment[k] = rows[i].segment;
		task.segment[TASK_CS] = 0;
		task.ldt = rows[i].ldt;
		task.eip = LEGACY_LOW;
		task.eflags = rows[i].eflags | RFLAGS_VM | RFLAGS_RESERVED;
		task.gpr[4] = LEGACY_LOW;
		check_vector(rows[i].name, i, run(legacy_task_jump, &none), rows[i].vector);
		check_equal("EFLAGS.VM of it", i, legacy_eflags & RFLAGS_VM, RFLAGS_VM);
	}
}

void attack_legacy(void)
{
	make_tables();
	attack_paging();
	attack_paging_further();
	attack_cr4();
	attack_segments();
	attack_v86();
	attack_tasks();
	attack_v86_tasks();
}
