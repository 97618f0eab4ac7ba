/* SPDX-License-Identifier: MIT */
/*
 * Programs in ring 3 with a page of a device, of ROM, or of nothing, and the instructions that they
 * choose. Each is carried out, or is a fault in the program; none ends the guest.
 */
#include "attack.h"

#define HPET        0xfed00000UL
#define HPET_CONFIG 0x10
#define ROM         0xf0000UL
#define MXCSR_RESET 0x1f80u
#define XCR0_AVX    7u

struct instruction {
	const char *name, *bytes;
	unsigned count;
	int expected; /* beside RAM; a device may hold something else */
};

#define RUNS(name, bytes)                                                                                    \
	{                                                                                                    \
		name, bytes, sizeof(bytes) - 1, NO_FAULT                                                     \
	}
#define FAULTS(name, bytes, vector)                                                                          \
	{                                                                                                    \
		name, bytes, sizeof(bytes) - 1, EXCEPTION_##vector                                           \
	}

/* Memory is at RDI; AX to DX are 0. */
/* clang-format off */
static const struct instruction instructions[] = {
	RUNS("MOVUPS, a load", "\x0f\x10\x07"),        RUNS("MOVUPS", "\x0f\x11\x07"),
	RUNS("MOVAPS, a load", "\x0f\x28\x07"),        RUNS("MOVAPS", "\x0f\x29\x07"),
	RUNS("MOVNTPS", "\x0f\x2b\x07"),               RUNS("MOVNTDQ", "\x66\x0f\xe7\x07"),
	RUNS("MOVNTDQA", "\x66\x0f\x38\x2a\x07"),      RUNS("MOVHPS", "\x44\x0f\x17\x07"),
	RUNS("MOVQ, a load", "\x0f\x6f\x07"),          RUNS("MOVQ", "\x0f\x7f\x07"),
	RUNS("MOVNTQ", "\x0f\xe7\x07"),                RUNS("MASKMOVDQU", "\x66\x0f\xf7\xc1"),
	RUNS("PINSRW", "\x66\x0f\xc4\x07\x03"),        RUNS("PEXTRD", "\x66\x0f\x3a\x16\x07\x01"),
	FAULTS("MOVAPS, not aligned", "\x0f\x28\x47\x08", GP),
	FAULTS("ADDPS", "\x0f\x58\x07", UD),           FAULTS("PSHUFB", "\x66\x0f\x38\x00\x07", UD),
	FAULTS("VMOVUPS of 512 bits", "\x62\xf1\x7c\x48\x10\x07", UD),

	RUNS("FLD m32", "\xd9\x07"),                   RUNS("FLD m64", "\xdd\x07"),
	RUNS("FLD m80", "\xdb\x2f"),                   RUNS("FSTP m32", "\xd9\x1f"),
	RUNS("FST m64", "\xdd\x17"),                   RUNS("FSTP m80", "\xdb\x3f"),
	RUNS("FILD m64", "\xdf\x2f"),                  RUNS("FISTP m16", "\xdf\x1f"),
	RUNS("FBLD", "\xdf\x27"),                      RUNS("FBSTP", "\xdf\x37"),
	RUNS("FADD m32", "\xd8\x07"),                  RUNS("FLDCW", "\xd9\x2f"),
	RUNS("FNSTCW", "\xd9\x3f"),                    RUNS("FNSTSW", "\xdd\x3f"),
	RUNS("FLDENV", "\xd9\x27"),                    RUNS("FNSTENV", "\xd9\x37"),
	RUNS("FRSTOR", "\xdd\x27"),                    RUNS("FNSAVE", "\x66\xdd\x37"),
	RUNS("FXSAVE", "\x0f\xae\x07"),                FAULTS("FXRSTOR", "\x0f\xae\x0f", GP),
	RUNS("STMXCSR", "\x0f\xae\x1f"),               FAULTS("LDMXCSR", "\x0f\xae\x17", GP),

	RUNS("SGDT", "\x0f\x01\x07"),                  RUNS("SIDT", "\x0f\x01\x0f"),
	RUNS("SMSW", "\x0f\x01\x27"),                  RUNS("SLDT", "\x0f\x00\x07"),
	RUNS("STR", "\x0f\x00\x0f"),                   FAULTS("LGDT", "\x0f\x01\x17", GP),
	FAULTS("LLDT", "\x0f\x00\x17", GP),            RUNS("VERR", "\x0f\x00\x27"),
	RUNS("LAR", "\x0f\x02\x07"),                   FAULTS("MOV to DS", "\x8e\x1f", GP),
	FAULTS("LSS", "\x0f\xb2\x27", GP),             FAULTS("far JMP", "\xff\x2f", GP),
	FAULTS("far CALL", "\xff\x1f", GP),            FAULTS("RETF", "\x48\x89\xfc\xcb", GP),
	FAULTS("IRETQ", "\x48\x89\xfc\x48\xcf", GP),   FAULTS("POPF", "\x48\x89\xfc\x9d", UD),
	FAULTS("POP FS", "\x48\x89\xfc\x0f\xa1", GP),  FAULTS("CRC32", "\xf2\x0f\x38\xf1\x07", UD),
	FAULTS("LMSW", "\x0f\x01\x37", GP),            RUNS("CMPXCHG16B", "\x48\x0f\xc7\x0f"),
	FAULTS("ENTER with a level", "\x48\x8d\xa7\x80\x00\x00\x00\xc8\x08\x00\x01", UD),
	RUNS("XLAT", "\x48\x89\xfb\xd7"),              RUNS("LOCK INC", "\xf0\xff\x07"),
};

/* With CR4.OSXSAVE and all of XCR0. */
static const struct instruction instructions_avx[] = {
	RUNS("VMOVUPS, a load", "\xc5\xfc\x10\x07"),   RUNS("VMOVUPS", "\xc5\xfc\x11\x07"),
	RUNS("VMOVAPS", "\xc5\xfc\x29\x07"),           RUNS("VMOVNTDQ", "\xc5\xfd\xe7\x07"),
	RUNS("VMOVSS", "\xc5\xfa\x10\x07"),            RUNS("VMOVHPS", "\xc5\xf0\x16\x07"),
	RUNS("VMASKMOVPS", "\xc4\xe2\x75\x2c\x07"),    RUNS("VMASKMOVPD", "\xc4\xe2\x75\x2f\x07"),
	RUNS("VBROADCASTSS", "\xc4\xe2\x7d\x18\x07"),  RUNS("VEXTRACTF128", "\xc4\xe3\x7d\x19\x07\x01"),
	FAULTS("VADDPS", "\xc5\xf4\x58\x07", UD),      FAULTS("ANDN", "\xc4\xe2\x70\xf2\x07", UD),
	RUNS("XSAVE", "\xb0\x07\x0f\xae\x27"),         FAULTS("XRSTOR", "\xb0\x07\x0f\xae\x2f", GP),
};
/* clang-format on */

static void reset_fpu(void)
{
	const uint32_t mxcsr = MXCSR_RESET;

	__asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
}

/* In ring 0, only what runs there as well: the rest may end the guest, with a report. */
static void try_all(uint64_t physical, unsigned cpl, bool as_expected, const struct instruction *rows,
                    unsigned count)
{
	map_page(WINDOW, physical, MAP_WRITE | MAP_USER);
	for (const struct instruction *row = rows; row < rows + count; row++) {
		int vector;

		if (!cpl && row->expected != NO_FAULT)
			continue;
		vector = attempt_bytes(row->bytes, row->count, cpl, WINDOW);
		reset_fpu();
		check_equal(row->name, physical, as_expected ? (uint64_t)vector : 0,
		            as_expected ? (uint64_t)row->expected : 0);
	}
}

static void try_everywhere(const struct instruction *rows, unsigned count)
{
	try_all(HOLE, 3, true, rows, count);
	try_all(0xa0000, 3, true, rows, count);
	try_all(0xa0000, 0, true, rows, count);
	try_all(HPET, 3, false, rows, count); /* it may be written to be all ones, or anything */
	*(volatile uint64_t *)(WINDOW + HPET_CONFIG) = 0;
	try_all(ROM, 3, false, rows, count); /* reads pass, writes are lost */
}

/* What the program moves is what is there. */
static void check_values(void)
{
	static const char through_xmm[] = "\x0f\x10\x07\x0f\x11\x06",
			  through_mm[] = "\x0f\x6f\x07\x0f\x7f\x06";
	volatile uint64_t *hpet = (volatile uint64_t *)WINDOW, *to = (volatile uint64_t *)(SCRATCH + 0x800);
	static const char to_scratch[] = "\xbe\x00\x08\xc0\x00"; /* MOV ESI, SCRATCH + 800h */
	char bytes[sizeof(to_scratch) + sizeof(through_xmm)];

	map_page(WINDOW, HPET, MAP_WRITE | MAP_USER);
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned at = 0; at < 5; at++)
			bytes[at] = to_scratch[at];
		for (unsigned at = 0; at < 6; at++)
			bytes[5 + at] = (i ? through_mm : through_xmm)[at];
		to[0] = to[1] = 0;
		check_equal("a device through a register", i, (uint64_t)attempt_bytes(bytes, 11, 3, WINDOW),
		            (uint64_t)NO_FAULT);
		reset_fpu();
		check_equal("the device's value", i, to[0], hpet[0]);
	}
}

/* Code whose end is in a hole: what no operand says is unknown for the program alone. */
static void attack_straddle(void)
{
	volatile uint8_t *page = (volatile uint8_t *)ALIGN_DOWN(attack_memory_end - 1, PAGE_SIZE);

	map_page(WINDOW, (uint64_t)page, MAP_WRITE | MAP_USER);
	map_page(WINDOW + PAGE_SIZE, HOLE, MAP_WRITE | MAP_USER);
	page[PAGE_SIZE - 2] = 0x0f;
	page[PAGE_SIZE - 1] = 0x58; /* ADDPS */
	check_equal("unknown code in a hole", 2,
	            (uint64_t)attempt_bytes("\xff\xe7", 2, 3, WINDOW + PAGE_SIZE - 2), EXCEPTION_UD);
	page[PAGE_SIZE - 1] = 0xb8; /* MOV EAX, -1, and then the hole */
	check_equal("code in a hole", 1, (uint64_t)attempt_bytes("\xff\xe7", 2, 3, WINDOW + PAGE_SIZE - 1),
	            EXCEPTION_UD);
	check_equal("RIP in a hole", 1, fault.rip, WINDOW + PAGE_SIZE + 4);
	unmap_page(WINDOW + PAGE_SIZE);
}

/* A page table in a hole is the kernel's doing; the program gets the fault that its entries are. */
static void attack_user_table(void)
{
	uint64_t address = WINDOW + GIB(2);

	map_table(address, HOLE);
	check_equal("page table in a hole", 3, (uint64_t)attempt_bytes("\x0f\x10\x07", 3, 3, address),
	            EXCEPTION_PF);
	check_equal("CR2", 3, fault.cr2, address);
	check_equal("code behind a page table in a hole", 3,
	            (uint64_t)attempt_bytes("\xff\xe7", 2, 3, address), EXCEPTION_PF);
}

static void try_avx(void)
{
	uint64_t cr4 = read_cr4();

	if ((cpuid(1, 0).ecx & (BIT(26) | BIT(28))) != (BIT(26) | BIT(28)))
		return;
	write_cr4(cr4 | CR4_OSXSAVE);
	__asm__ volatile("xsetbv" : : "c"(0), "a"(XCR0_AVX), "d"(0));
	try_everywhere(instructions_avx, ARRAY_SIZE(instructions_avx));
	write_cr4(cr4);
}

void attack_programs(void)
{
	try_everywhere(instructions, ARRAY_SIZE(instructions));
	try_avx();
	check_values();
	attack_straddle();
	attack_user_table();
}
