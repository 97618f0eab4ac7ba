/* SPDX-License-Identifier: MIT */
/*
 * What an exit costs. Runs bare and as a guest on the same emulated machine, whose TSC counts
 * instructions. Every line is "bench NAME VALUE": instructions per operation, without the loop and
 * without what puts the operands into registers, so that a bare machine shows 1. With "wake" on the
 * command line it only measures how soon its timer wakes it.
 */
#include "command.h"
#include "kernel.h"
#include "lib/registers.h"

#define ROUNDS  100 /* of a batch */
#define BATCHES 10

/* Instructions of these operands; afterwards RAX, RBX, RCX and RDX hold anything. */
#define EXECUTE(instructions, rax, rcx, rdx)                                                                 \
	do {                                                                                                 \
		uint64_t a = (rax), c = (rcx), d = (rdx);                                                    \
		__asm__ volatile(instructions : "+a"(a), "+c"(c), "+d"(d) : : "rbx", "memory");              \
	} while (0)

/*
 * The least of several batches: an interrupt that comes meanwhile, or the monitor's console, is no
 * cost of these.
 */
#define TIME_ROUNDS(instructions, rax, rcx, rdx)                                                             \
	({                                                                                                   \
		uint64_t least = UINT64_MAX;                                                                 \
                                                                                                             \
		for (unsigned batch = 0; batch < BATCHES; batch++) {                                         \
			uint64_t begin = read_tsc();                                                         \
                                                                                                             \
			for (volatile unsigned i = 0; i < ROUNDS; i++)                                       \
				EXECUTE(instructions, rax, rcx, rdx);                                        \
			least = MIN(least, read_tsc() - begin);                                              \
		}                                                                                            \
		least;                                                                                       \
	})

/*
 * Of `count` operations in `instructions`, report one, less what loading their operands in a loop
 * costs.
 */
#define MEASURE(name, count, instructions, rax, rcx, rdx)                                                    \
	do {                                                                                                 \
		uint64_t empty = TIME_ROUNDS("", rax, rcx, rdx);                                             \
		uint64_t full = TIME_ROUNDS(instructions, rax, rcx, rdx);                                    \
                                                                                                             \
		print("bench %s %u\n", name, (full - empty + ROUNDS * (count) / 2) / (ROUNDS * (count)));    \
	} while (0)

#define TSC_ADJUST   0x3b
#define HPET_COUNTER 0xfed000f0

static volatile uint64_t woken_at;

static void timer(struct frame *frame)
{
	(void)frame;
	woken_at = read_tsc();
	pic_end(0);
}

/*
 * PIT channel 0, mode 0: one interrupt, `count` ticks after the tick that follows the second byte.
 * Returns a TSC value from before that byte: in a guest, the clock that the device sees is a little
 * later, and what is made of this is an upper bound.
 */
static uint64_t start_timer(uint16_t count)
{
	uint64_t start;

	out8(0x43, 0x30);
	out8(0x40, (uint8_t)count);
	start = read_tsc();
	out8(0x40, (uint8_t)(count >> 8));
	return start;
}

/* TSC ticks from the start of a timer of `count` ticks, until its handler runs. */
static uint64_t sleep(uint16_t count)
{
	uint64_t start = start_timer(count);

	__asm__ volatile("sti; hlt; cli" : : : "memory");
	return woken_at - start;
}

/*
 * From the moment the timer is due to the first instruction of its handler's C. The due time is
 * known from the TSC rate, which two long counts give. The start falls anywhere into a tick: half
 * of one on average.
 */
static void measure_wake(void)
{
	const uint64_t hz = 1193182;
	const uint16_t ticks = 2000;
	const unsigned rounds = 200;
	uint64_t rate, slept = 0, due, longest = 0;

	pic_init();
	pic_unmask(0);
	set_handler(0x20, timer);
	rate = sleep(10000);
	rate = (sleep(60000) - rate) * hz / 50000;
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t took;

		for (volatile unsigned delay = 0; delay < i % 17; delay++) /* another phase each time */
			;
		took = sleep(ticks);
		slept += took;
		longest = MAX(longest, took);
	}
	due = rounds * rate * (2 * ticks + 1) / (2 * hz);
	print("bench hlt_wake %u\n", slept > due ? (slept - due + rounds / 2) / rounds : 0);
	print("bench hlt_wake_worst %u\n", longest - ticks * rate / hz);
	print("bench tsc_hz %u\n", rate);
}

static void measure_exits(void)
{
	uint64_t cr0 = read_cr0() & ~(uint64_t)(CR0_CD | CR0_NW); /* as firmware may have left them */

	start_timer(UINT16_MAX); /* it is read while it counts down */
	MEASURE("exit_cpuid", 1, "cpuid", 0, 0, 0);
	MEASURE("exit_cpuid_1", 1, "cpuid", 1, 0, 0);
	MEASURE("exit_rdmsr", 1, "rdmsr", 0, TSC_ADJUST, 0);
	MEASURE("exit_wrmsr", 1, "wrmsr", 0, TSC_ADJUST, 0);
	MEASURE("exit_pio_pic", 1, "inb %%dx, %%al", 0, 0, 0x21);
	MEASURE("exit_pio_pit", 1, "inb %%dx, %%al", 0, 0, 0x40);
	MEASURE("exit_pio_port61", 1, "inb %%dx, %%al", 0, 0, 0x61);
	MEASURE("exit_pio_pmtimer", 1, "inl %%dx, %%eax", 0, 0, 0x608);
	MEASURE("exit_pio_uart", 1, "inb %%dx, %%al", 0, 0, 0x3fd);
	MEASURE("exit_pio_none", 1, "inb %%dx, %%al", 0, 0, 0x5555);
	MEASURE("exit_mmio_hpet", 1, "mov (%%rcx), %%rax", 0, HPET_COUNTER, 0);
	MEASURE("exit_wbinvd", 1, "wbinvd", 0, 0, 0);
	MEASURE("exit_cr0_wp", 2, "mov %%rax, %%cr0; mov %%rcx, %%cr0", cr0 ^ CR0_WP, cr0, 0);
	MEASURE("exit_cr0_cd", 2, "mov %%rax, %%cr0; mov %%rcx, %%cr0", cr0 ^ CR0_CD, cr0, 0);
}

void kernel_main(uint32_t magic, uint32_t info)
{
	uint64_t entry = read_tsc();

	idt_init();
	print("bench machine %s\n", magic == MULTIBOOT2_LOADED ? "bare" : "guest");
	print("bench tsc_at_entry %u\n", entry);
	if (!has_word(command_line(info), "wake"))
		measure_exits();
	measure_wake();
	print("bench end 0\n");
	power_off();
}
