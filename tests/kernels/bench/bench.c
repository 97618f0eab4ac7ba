/*
 * What an exit costs. Runs bare and as a guest on the same emulated machine, whose TSC counts
 * instructions. Every line is "bench NAME VALUE": instructions per operation, without the loop.
 */
#include "kernel.h"

#define ROUNDS 1000

/* The cost of ROUNDS times `body`, less that of the empty loop. */
#define MEASURE(name, body)                                                                                   \
	do {                                                                                                  \
		uint64_t begin, empty, full;                                                                  \
		begin = read_tsc();                                                                           \
		for (volatile unsigned i = 0; i < ROUNDS; i++)                                                \
			;                                                                                     \
		empty = read_tsc() - begin;                                                                   \
		begin = read_tsc();                                                                           \
		for (volatile unsigned i = 0; i < ROUNDS; i++) {                                              \
			body;                                                                                 \
		}                                                                                             \
		full = read_tsc() - begin;                                                                    \
		print("bench %s %u\n", name, (full - empty + ROUNDS / 2) / ROUNDS);                           \
	} while (0)

#define TSC_ADJUST 0x3b

static volatile uint64_t woken_at;

static void timer(struct frame *frame)
{
	(void)frame;
	woken_at = read_tsc();
	pic_end(0);
}

/* PIT channel 0, mode 0: one interrupt `count` ticks after the second byte. */
static void start_timer(uint16_t count)
{
	out8(0x43, 0x30);
	out8(0x40, (uint8_t)count);
	out8(0x40, (uint8_t)(count >> 8));
}

/*
 * From the moment the timer is due to the first instruction of its handler. The due time is known
 * from the TSC rate, which two long counts give.
 */
static void measure_wake(void)
{
	const uint64_t hz = 1193182;
	uint64_t start, due, sum = 0, rate, shortest, longest;
	const unsigned rounds = 100;

	pic_init();
	pic_unmask(0);
	set_handler(0x20, timer);

	start_timer(10000);
	start = read_tsc();
	__asm__ volatile("sti; hlt; cli");
	shortest = woken_at - start;
	start_timer(60000);
	start = read_tsc();
	__asm__ volatile("sti; hlt; cli");
	longest = woken_at - start;
	rate = (longest - shortest) * hz / 50000;

	for (unsigned i = 0; i < rounds; i++) {
		start_timer(2000);
		start = read_tsc();
		__asm__ volatile("sti; hlt; cli");
		/* Mode 0 counts on the tick after the load: 2000 + 1. */
		due = start + 2001 * rate / hz;
		sum += woken_at > due ? woken_at - due : 0;
	}
	print("bench hlt_wake %u\n", sum / rounds);
	print("bench tsc_hz %u\n", rate);
}

void kernel_main(uint32_t magic, uint32_t info)
{
	(void)info;
	idt_init();
	print("bench machine %s\n", magic == MULTIBOOT2_LOADED ? "bare" : "guest");
	MEASURE("exit_cpuid", cpuid(0, 0));
	MEASURE("exit_cpuid_1", cpuid(1, 0));
	MEASURE("exit_rdmsr", read_msr(TSC_ADJUST));
	MEASURE("exit_wrmsr", write_msr(TSC_ADJUST, 0));
	MEASURE("exit_pio_pic", in8(0x21));
	MEASURE("exit_pio_pit", in8(0x40));
	MEASURE("exit_pio_port61", in8(0x61));
	MEASURE("exit_pio_pmtimer", in32(0x608));
	MEASURE("exit_pio_uart", in8(0x3fd));
	MEASURE("exit_pio_none", in8(0x5555));
	MEASURE("exit_wbinvd", __asm__ volatile("wbinvd" : : : "memory"));
	{
		uint64_t cr0 = read_cr0();

		MEASURE("exit_cr0_wp_pair", { write_cr0(cr0 ^ 0x10000); write_cr0(cr0); });
		MEASURE("exit_cr0_cd_pair", { write_cr0(cr0 | 0x40000000); write_cr0(cr0); });
	}
	measure_wake();
	print("bench end 0\n");
	power_off();
}
