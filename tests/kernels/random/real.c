/* SPDX-License-Identifier: MIT */
/* Programs in real-address mode, and where such programs lie. */
#include "kernel.h"
#include "program.h"
#include "sandbox.h"

#define DATA_SEGMENT 0x2000

extern const struct packed table_pointer {
	uint16_t limit;
	uint64_t base;
} gdt_pointer, real_idt_pointer;
extern const uint16_t real_step_at, real_tick_at, real_other_at; /* offsets in segment 0 */

/* Offset and segment of each handler, as the processor reads them. */
static struct {
	uint16_t offset, segment;
} vectors[256];
const struct table_pointer real_idt_pointer = {sizeof(vectors) - 1, (uint64_t)vectors};

/* Mostly RAM; else the hole or memory of the screen, ROM, or RAM's end below 1 MiB. */
uint16_t low_data_segment(uint64_t *state)
{
	static const uint16_t others[] = {0xa000, 0xb800, 0xc000, 0xf000, 0x9f00, 0xffff};

	return random_below(state, 32) ? DATA_SEGMENT : others[random_below(state, ARRAY_SIZE(others))];
}

uint16_t low_place(const uint8_t program[PROGRAM_SIZE], uint64_t *state)
{
	uint16_t at = (uint16_t)(random_below(state, 16) ? random_below(state, 0xf000)
	                                                 : 0x10000 - PROGRAM_SIZE / 2);

	for (unsigned i = 0; i < PROGRAM_SIZE; i++)
		*(volatile uint8_t *)(LOW_CODE_SEGMENT * 16UL + (uint16_t)(at + i)) = program[i];
	return at;
}

void real_program(const uint8_t program[PROGRAM_SIZE], uint64_t *state)
{
	struct real_state *real = (struct real_state *)REAL_STATE;

	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++)
		vectors[i].offset = i == 1 ? real_step_at : i == 0x20 ? real_tick_at : real_other_at;
	for (unsigned i = 0; i < 8; i++)
		real->gpr[i] = (uint32_t)(&cell.r15)[i];
	real->gpr[4] = 0x7000;
	real->ss = LOW_STACK_SEGMENT;
	real->cs = LOW_CODE_SEGMENT;
	real->ip = low_place(program, state);
	real->ds = low_data_segment(state);
	real->flags = (uint16_t)cell.rflags;
	real->steps = (uint32_t)cell.steps;
	real->step_flags = (uint16_t)cell.flags;
	real->gdt_limit = gdt_pointer.limit;
	real->gdt_base = (uint32_t)gdt_pointer.base;
	real->cr0 = (uint32_t)kernel_cr0;
	real->cr4 = (uint32_t)kernel_cr4;
	real_run();
	cell.vector = real->vector == 0x20 ? 0x20 : END_REAL; /* a program may have written there */
}
