/* SPDX-License-Identifier: MIT */
/*
 * A guest that attacks the operator's terminal: it prints without end what terminals answer, obey
 * or wait for the end of, some 5 KB a second. It reads a byte of COM1 only now and then, so answers
 * pile up. The command line: seed=N.
 */
#include "command.h"
#include "kernel.h"
#include "tests/unit/rigs/hostile_output.h"

#define COM1            0x3f8
#define LINE_DATA_READY 0x01
#define PIECES          64 /* for each tick of the 8254, whose rate is the firmware's */
#define VECTOR_PIT      0x20

static void tick(struct frame *frame)
{
	pic_end(0);
}

static void scribble(uint64_t *seed)
{
	char text[HOSTILE_MAX];

	print("%s", hostile_piece(seed, text));
	if (in8(COM1 + 5) & LINE_DATA_READY && hostile_random(seed, 16) == 0)
		in8(COM1);
}

void kernel_main(uint32_t magic, uint32_t info)
{
	uint64_t seed = number_in(command_line(info), "seed", 1);

	idt_init();
	pic_init();
	set_handler(VECTOR_PIT, tick);
	pic_unmask(0);
	print("scribbler begins, seed %u\n", seed);
	for (;;) {
		for (unsigned i = 0; i < PIECES; i++)
			scribble(&seed);
		__asm__ volatile("sti; hlt; cli");
	}
}
