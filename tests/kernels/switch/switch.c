/* SPDX-License-Identifier: MIT */
/*
 * What it costs to go from one guest to the next. Two of these share a processor, and each watches
 * the TSC. A long step of it is a time away, that is the other one's turn and two switches; between
 * two of them lies a run of its own, with the exits in it. After some turns it prints, once,
 *
 *   switch turns N away A run R step S
 *
 * A and R are the sums of N times in ticks, less or plus what the loop itself took at their ends. S
 * is the ticks from one look to the next. Then it goes on, as the other one's neighbour.
 */
#include "kernel.h"

#define AWAY   50000 /* ticks: no exit takes as long, and every turn takes longer */
#define WARM   1000  /* turns, while the other one starts and the operator types */
#define ROUNDS 500

static uint64_t look(void)
{
	uint64_t tsc = read_tsc();

	__asm__ volatile("" : : : "memory");
	return tsc;
}

/* Watch until `turns` more times away are over. The caller is at the start of a run. */
static void watch(unsigned turns, uint64_t *away, uint64_t *run, uint64_t *step)
{
	uint64_t last = look(), start = last;

	*away = *run = 0;
	*step = UINT64_MAX;
	while (turns) {
		uint64_t now = look(), gap = now - last;

		if (gap > AWAY) {
			*run += last - start;
			*away += gap;
			start = now;
			turns--;
		} else if (gap < *step) {
			*step = gap;
		}
		last = now;
	}
}

void kernel_main(uint32_t magic, uint32_t info)
{
	uint64_t away, run, step;

	(void)magic;
	(void)info;
	print("switch begins\n");
	watch(WARM, &away, &run, &step);
	watch(ROUNDS, &away, &run, &step);
	print("switch turns %u away %u run %u step %u\n", (uint64_t)ROUNDS, away - ROUNDS * step,
	      run + ROUNDS * step, step);
	for (;;)
		cpu_relax();
}
