/* SPDX-License-Identifier: MIT */
/*
 * A guest that minds its own business and watches that no other guest harms it: it takes 1000 timer
 * interrupts a second, and keeps values of its own in its memory and in every register. Once a
 * second it prints "neighbour ok ticks N worst-gap-us G": N is the ticks so far, G the longest time
 * between two of them in that second. When something is wrong, it prints "neighbour BROKEN what",
 * at once and without end.
 * `seed=N` on the command line makes its values different from those of another one.
 */
#include "neighbour.h"
#include "command.h"
#include "kernel.h"
#include "lib/registers.h"

#define PIT_CHANNEL0 0x40
#define PIT_CONTROL  0x43
#define PIT_RATE     0x34 /* channel 0, low and high byte, mode 2 */
#define PIT_COUNT    1193 /* 1 ms */

#define MEMORY_START MIB(8) /* beyond the kernel */
#define MEMORY_PAGES 1024
#define PAGE_WORDS   (PAGE_SIZE / sizeof(uint64_t))
#define BUSY_EVERY   8 /* ticks: mostly halted, since a neighbour's time is the emulator's time, too */

#define FXSAVE_MXCSR 24 /* offsets */
#define FXSAVE_ST0   32
#define FXSAVE_XMM0  160
#define FXSAVE_END   416

static volatile uint64_t ticks;
static volatile uint64_t last_tick, worst_gap;
static uint64_t seed;

static void tick(struct frame *frame)
{
	uint64_t now = read_tsc();

	(void)frame;
	if (last_tick && now - last_tick > worst_gap)
		worst_gap = now - last_tick;
	last_tick = now;
	ticks++;
	pic_end(0);
}

static _Noreturn void broken(const char *what, uint64_t which, uint64_t is, uint64_t was)
{
	__asm__ volatile("cli");
	for (;;) {
		print("neighbour BROKEN %s %x is %x was %x\n", what, which, is, was);
		for (uint64_t end = read_tsc() + (1UL << 28); read_tsc() < end;)
			cpu_relax();
	}
}

static uint64_t pattern(uint64_t at)
{
	return (at ^ seed) * 0x9e3779b97f4a7c15UL;
}

/* ---- Memory ---- */

static uint64_t *page(unsigned number)
{
	return (uint64_t *)(MEMORY_START + number * PAGE_SIZE);
}

static void fill_memory(void)
{
	for (unsigned n = 0; n < MEMORY_PAGES; n++)
		for (unsigned i = 0; i < PAGE_WORDS; i++)
			page(n)[i] = pattern((uint64_t)&page(n)[i]);
}

static void check_memory(unsigned number)
{
	const uint64_t *words = page(number);

	for (unsigned i = 0; i < PAGE_WORDS; i++)
		if (words[i] != pattern((uint64_t)&words[i]))
			broken("memory", (uint64_t)&words[i], words[i], pattern((uint64_t)&words[i]));
}

/* ---- x87 and SSE ---- */

static uint8_t vectors[512] __attribute__((aligned(16)));

static void fill_vectors(void)
{
	__asm__ volatile("fninit; fxsave64 %0" : "=m"(vectors));
	vectors[0] = 0x7f;                /* FCW: single precision, all masked */
	vectors[4] = 0xff;                /* FTW, abridged: all valid */
	vectors[FXSAVE_MXCSR + 1] = 0x7f; /* rounds towards zero */
	for (unsigned i = FXSAVE_ST0; i < FXSAVE_END; i++)
		vectors[i] = (uint8_t)(pattern(i) >> 32);
	for (unsigned i = FXSAVE_ST0; i < FXSAVE_XMM0; i += 16) /* 80 bits each, the rest is reserved */
		for (unsigned k = 10; k < 16; k++)
			vectors[i + k] = 0;
	__asm__ volatile("fxrstor64 %0" : : "m"(vectors));
}

static void check_vectors(void)
{
	static uint8_t now[512] __attribute__((aligned(16)));

	__asm__ volatile("fxsave64 %0" : "=m"(now));
	for (unsigned i = 0; i < FXSAVE_END; i++)
		if (now[i] != vectors[i])
			broken("x87 or SSE state, byte", i, now[i], vectors[i]);
}

/* ---- MSRs ---- */

/* clang-format off */
static const struct {
	uint32_t index;
	uint64_t mask; /* the bits that take any value */
} msrs[] = {
	{MSR_STAR,           UINT64_MAX},
	{MSR_LSTAR,          0x00007fffffffffffUL},
	{MSR_CSTAR,          0x00007fffffffffffUL},
	{MSR_FMASK,          UINT32_MAX},
	{MSR_FS_BASE,        0x00007fffffffffffUL},
	{MSR_GS_BASE,        0x00007fffffffffffUL},
	{MSR_KERNEL_GS_BASE, 0x00007fffffffffffUL},
	{MSR_TSC_AUX,        UINT32_MAX},
	{MSR_SYSENTER_CS,    0xffff},
	{MSR_SYSENTER_ESP,   0x00007fffffffffffUL},
	{MSR_SYSENTER_EIP,   0x00007fffffffffffUL},
	{MSR_PAT,            0x0101010101010101UL},
};
/* clang-format on */

static bool msr_there(uint32_t index)
{
	return index != MSR_TSC_AUX || cpuid(0x80000001, 0).edx & BIT(27);
}

static void fill_msrs(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
		if (msr_there(msrs[i].index))
			write_msr(msrs[i].index, pattern(msrs[i].index) & msrs[i].mask);
}

static void check_msrs(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++) {
		uint64_t was = pattern(msrs[i].index) & msrs[i].mask, is;

		if (!msr_there(msrs[i].index))
			continue;
		is = read_msr(msrs[i].index);
		if (is != was)
			broken("MSR", msrs[i].index, is, was);
	}
}

/* ---- Control and debug registers ---- */

#define DEFINE_REGISTER(name)                                                                                \
	static uint64_t get_##name(void)                                                                     \
	{                                                                                                    \
		uint64_t value;                                                                              \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(value));                                       \
		return value;                                                                                \
	}                                                                                                    \
	static void set_##name(uint64_t value)                                                               \
	{                                                                                                    \
		__asm__ volatile("mov %0, %%" #name : : "r"(value));                                         \
	}
DEFINE_REGISTER(dr0)
DEFINE_REGISTER(dr1)
DEFINE_REGISTER(dr2)
DEFINE_REGISTER(dr3)
DEFINE_REGISTER(dr6)
DEFINE_REGISTER(dr7)
DEFINE_REGISTER(cr8)
#undef DEFINE_REGISTER

#define DR6_RESERVED 0xffff0ff0UL
#define DR7_RESERVED 0x400UL

/* clang-format off */
static const struct {
	const char *name;
	uint64_t (*read)(void);
	void (*write)(uint64_t value);
	uint64_t mask, fixed; /* bits that take any value, bits that are ones */
} registers[] = {
	{"CR0", read_cr0, write_cr0, CR0_WP | CR0_AM | CR0_MP,       CR0_PG | CR0_PE | CR0_ET | CR0_NE},
	{"CR2", read_cr2, write_cr2, 0x00007fffffffffffUL,           0},
	{"CR4", read_cr4, write_cr4, CR4_TSD | CR4_DE | CR4_PGE | CR4_PCE,
         CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT							      },
	{"CR8", get_cr8, set_cr8, 7,                              0},
	{"DR0", get_dr0, set_dr0, UINT32_MAX,                     0},
	{"DR1", get_dr1, set_dr1, UINT32_MAX,                     0},
	{"DR2", get_dr2, set_dr2, UINT32_MAX,                     0},
	{"DR3", get_dr3, set_dr3, UINT32_MAX,                     0},
	{"DR6", get_dr6, set_dr6, 0xf,                            DR6_RESERVED},
	{"DR7", get_dr7, set_dr7, 0x300,                          DR7_RESERVED}, /* LE, GE */
};
/* clang-format on */

static uint64_t register_value(unsigned i)
{
	return (pattern(i) & registers[i].mask) | registers[i].fixed;
}

static void fill_registers(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++)
		registers[i].write(register_value(i));
}

static void check_registers(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(registers); i++) {
		uint64_t is = registers[i].read();

		if (is != register_value(i))
			broken(registers[i].name, i, is, register_value(i));
	}
}

static void start_ticks(void)
{
	pic_init();
	set_handler(0x20, tick);
	out8(PIT_CONTROL, PIT_RATE);
	out8(PIT_CHANNEL0, PIT_COUNT & 0xff);
	out8(PIT_CHANNEL0, PIT_COUNT >> 8);
	pic_unmask(0);
}

static void check_all(unsigned round)
{
	check_vectors();
	check_msrs();
	check_registers();
	check_memory(round % MEMORY_PAGES);
}

void kernel_main(uint32_t magic, uint32_t info)
{
	uint64_t rate = tsc_rate(magic), next;

	idt_init();
	seed = number_in(command_line(info), "seed", 1);
	fill_memory();
	fill_vectors();
	fill_msrs();
	fill_registers();
	print("neighbour begins, seed %u\n", seed);
	start_ticks();
	next = read_tsc() + rate;
	for (unsigned round = 0;; round++) {
		int changed = vigil(pattern(round), &ticks, ticks, round % BUSY_EVERY == 0);

		if (changed >= 0)
			broken("general register", (uint64_t)changed, 0, 0);
		check_all(round);
		if (read_tsc() < next)
			continue;
		print("neighbour ok ticks %u worst-gap-us %u\n", ticks, worst_gap * 1000000 / rate);
		worst_gap = 0;
		next += rate;
	}
}
