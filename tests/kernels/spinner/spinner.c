/* SPDX-License-Identifier: MIT */
/*
 * A guest that takes all the time it gets, and says how far it came. Every 100 ms of its own TSC
 * (every=MS: another number) it prints "spinner count N tsc T": N is the loops so far. The command
 * line says how it takes the time:
 *
 *   count  nothing but the loop, interrupts on (so it is without a command line)
 *   cli    the same with interrupts off
 *   exits  a CPUID in every loop
 *   timer  the PIT as a one-shot of its shortest time, restarted by every interrupt
 */
#include "command.h"
#include "kernel.h"

#define PIT_CHANNEL0 0x40
#define PIT_CONTROL  0x43
#define PIT_ONE_SHOT 0x10 /* channel 0, low byte, mode 0 */
#define PIT_SHORTEST 1
#define PRINT_MS     100

static void one_shot(void)
{
	out8(PIT_CONTROL, PIT_ONE_SHOT);
	out8(PIT_CHANNEL0, PIT_SHORTEST);
}

static void tick(struct frame *frame)
{
	(void)frame;
	one_shot();
	pic_end(0);
}

static void start_timer(void)
{
	set_handler(0x20, tick);
	pic_unmask(0);
	one_shot();
}

void kernel_main(uint32_t magic, uint32_t info)
{
	const char *line = command_line(info);
	uint64_t period = tsc_rate(magic) / 1000 * number_in(line, "every", PRINT_MS);
	bool exits = has_word(line, "exits");
	uint64_t next = read_tsc() + period, now;

	idt_init();
	pic_init();
	if (has_word(line, "timer"))
		start_timer();
	if (!has_word(line, "cli"))
		__asm__ volatile("sti");
	for (uint64_t count = 0;; count++) {
		if (exits)
			cpuid(0, 0);
		now = read_tsc();
		if (now < next)
			continue;
		print("spinner count %u tsc %u\n", count, now);
		next = now + period;
	}
}
