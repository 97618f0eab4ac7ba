/* SPDX-License-Identifier: MIT */
/* What goes on without end. The operator ends it. */
#include "attack.h"
#include "modes.h"

#define LONG_COUNT (512UL * 512 * 512 * PAGE_SIZE - PAGE_SIZE)
#define GATE_IST1  1
#define PAUSES     200

void flood_cpuid(void)
{
	for (uint32_t leaf = 0;; leaf += 0x01000193)
		cpuid(leaf, leaf);
}

void flood_port(void)
{
	for (uint16_t port = 0x1000;; port = (uint16_t)(port + 1) | 0x1000)
		out32(port, in32(port));
}

void flood_vmcall(void)
{
	for (;;)
		attempt_bytes("\x0f\x01\xc1", 3, 0, 0);
}

static void touch(uint64_t address)
{
	*(volatile uint64_t *)address = 1;
}

void flood_page_fault(void)
{
	for (uint64_t at = WINDOW;; at += PAGE_SIZE)
		attempt(touch, at & (BIT(46) - 1));
}

void flood_hole(void)
{
	for (uint64_t at = HOLE;; at = HOLE + (at + 64) % MIB(64))
		(*(volatile uint64_t *)at)++;
}

void flood_cr3(void)
{
	uint64_t cr3 = read_cr3();

	for (;;) {
		write_cr3(cr3 ^ BIT(3));
		for (unsigned i = 0; i < PAUSES; i++) /* an emulator takes long for each flush */
			cpu_relax();
		write_cr3(cr3);
	}
}

void flood_cr4(void)
{
	uint64_t cr4 = read_cr4(), cr0 = read_cr0();

	for (;;) {
		write_cr4(cr4 ^ CR4_PGE);
		write_cr0(cr0 ^ CR0_CD);
		attempt(write_cr4, cr4 | CR4_VMXE);
		attempt(write_cr4, cr4 | CR4_SMXE);
		write_cr0(cr0 ^ CR0_WP);
		write_cr0(cr0);
		write_cr4(cr4 ^ CR4_MCE);
	}
}

void flood_modes(void)
{
	__asm__ volatile("cli");
	for (;;)
		mode_round();
}

void flood_msr(void)
{
	static const uint32_t indexes[] = {MSR_TSC_ADJUST, MSR_DEBUGCTL, MSR_MTRR_PHYSBASE0,
	                                   MSR_MTRR_DEF_TYPE, MSR_MISC_ENABLE};

	for (unsigned i = 0;; i = (i + 1) % ARRAY_SIZE(indexes))
		write_msr(indexes[i], read_msr(indexes[i]));
}

void flood_tsc(void)
{
	for (;;)
		write_msr(MSR_TSC, random64());
}

void flood_cache(void)
{
	for (uint64_t at = SCRATCH;; at = SCRATCH + (at + 64) % MIB(1))
		__asm__ volatile("wbinvd; invd; invlpg (%0); clflush (%0)" : : "r"(at) : "memory");
}

/* One instruction that lasts for hours, interrupts off. */
void flood_rep_ram(void)
{
	map_one_everywhere(SCRATCH);
	__asm__ volatile("cli; 1: mov %1, %%rdi; mov %0, %%rcx; rep stosb; jmp 1b"
	                 :
	                 : "r"(LONG_COUNT), "r"(WINDOW), "a"(0x55));
}

void flood_rep_hole(void)
{
	map_one_everywhere(HOLE);
	__asm__ volatile("cli; 1: mov %1, %%rdi; mov %0, %%rcx; rep stosb; jmp 1b"
	                 :
	                 : "r"(LONG_COUNT), "r"(WINDOW), "a"(0x55));
}

/* The shadow of MOV SS keeps interrupts out until the instruction after it is done. */
void flood_rep_hole_in_shadow(void)
{
	map_one_everywhere(HOLE);
	__asm__ volatile(
		"cli; 1: mov %1, %%rdi; mov %0, %%rcx; mov %%ss, %%edx; mov %%edx, %%ss; rep stosb; jmp 1b"
		:
		: "r"(LONG_COUNT), "r"(WINDOW), "a"(0x55)
		: "rdx");
}

void flood_rep_port(void)
{
	map_one_everywhere(SCRATCH);
	__asm__ volatile("cli; 1: mov %1, %%rsi; mov %0, %%rcx; rep outsl; jmp 1b"
	                 :
	                 : "r"(LONG_COUNT), "r"(WINDOW), "d"(0x5555));
}

/* The handler of #PF is on a page that is not there, and gets a fresh stack each time. */
void loop_page_fault(void)
{
	struct packed {
		uint16_t limit;
		uint64_t base;
	} pointer;
	uint32_t *gate;

	guard_ist(SCRATCH_END);
	__asm__ volatile("cli; sidt %0" : "=m"(pointer));
	gate = (uint32_t *)(pointer.base + 16 * EXCEPTION_PF);
	gate[0] = (gate[0] & 0xffff0000) | (uint16_t)WINDOW;
	gate[1] = ((uint32_t)WINDOW & 0xffff0000) | (gate[1] & 0xff00) | GATE_IST1;
	gate[2] = (uint32_t)(WINDOW >> 32);
	touch(WINDOW);
}

void loop_closed(void)
{
	__asm__ volatile("cli; 1: jmp 1b");
}

void halt_closed(void)
{
	__asm__ volatile("cli; 1: hlt; jmp 1b");
}
