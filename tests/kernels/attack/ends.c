/* SPDX-License-Identifier: MIT */
/* What ends the guest, or restarts it. */
#include "attack.h"
#include "modes.h"

static const struct packed {
	uint16_t limit;
	uint64_t base;
} no_idt;

void end_triple64(void)
{
	__asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
}

void end_compatibility(void)
{
	compatibility_triple_fault();
}

void end_protected32(void)
{
	enter_protected(protected32_triple_fault);
}

void end_protected16(void)
{
	enter_protected(protected16_triple_fault);
}

void end_virtual86(void)
{
	enter_protected(virtual86_triple_fault);
}

void end_real(void)
{
	enter_protected(real_triple_fault);
}

/* A page of nothing as the top table: not even the exception's handler can be fetched. */
void end_page_tables(void)
{
	for (unsigned i = 0; i < PAGE_SIZE / 8; i++)
		((volatile uint64_t *)SCRATCH)[i] = 0;
	write_cr3(SCRATCH);
}

/* The last bytes of RAM begin ADDPS. */
void end_straddle(void)
{
	volatile uint8_t *last = (volatile uint8_t *)(attack_memory_end - 2);

	last[0] = 0x0f;
	last[1] = 0x58;
	((void (*)(void))last)();
}

static _Noreturn void wait_for_reset(void)
{
	for (;;)
		cpu_relax();
}

void reset_port92(void)
{
	out8(0x92, in8(0x92) | 1);
	wait_for_reset();
}

/* The reset-control register with its "system" bit clear: INIT to the processor. */
void reset_init(void)
{
	out8(0xcf9, 0);
	out8(0xcf9, 4);
	wait_for_reset();
}

void reset_system(void)
{
	out8(0xcf9, 2);
	out8(0xcf9, 6);
	wait_for_reset();
}

void reset_keyboard(void)
{
	out8(0x64, 0xfe);
	wait_for_reset();
}

void reset_output_port(void)
{
	out8(0x64, 0xd1);
	out8(0x60, 0xfe);
	wait_for_reset();
}
