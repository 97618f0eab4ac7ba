/* SPDX-License-Identifier: MIT */
/*
 * Programs in virtual-8086 mode: SDM Vol. 3B "Virtual-8086 Mode", which IA-32e mode does not have.
 */
#include "kernel.h"
#include "lib/registers.h"
#include "program.h"
#include "sandbox.h"

#define PORTS 65536

/* SDM Vol. 3A "32-Bit Paging": pages of 4 KiB, and of 4 MiB with CR4.PSE. */
#define PAGE_PRESENT BIT(0)
#define PAGE_WRITE   BIT(1)
#define PAGE_USER    BIT(2)
#define PAGE_LARGE   BIT(7)

extern uint64_t gdt[];

/* SDM Vol. 3A "Task-State Segment (TSS)". */
static struct packed {
	uint32_t link, esp0, ss0, unused[22];
	uint16_t trap, io_map;
	uint8_t redirection[32]; /* of INT n, with CR4.VME; 0: through the program's own vectors */
	uint8_t io[PORTS / 8 + 1];
} tss;

static struct {
	uint16_t low, selector, flags, high;
} idt[256];

extern const struct packed table_pointer {
	uint16_t limit;
	uint64_t base;
} v86_idt_pointer;
const struct table_pointer v86_idt_pointer = {sizeof(idt) - 1, (uint64_t)idt};

struct v86_state v86_state;

/*
 * The first 1 MiB is the program's, except a segment that is absent and one that is read-only;
 * from 4 MiB on it is the kernel's.
 */
#define ABSENT_SEGMENT    0x4000
#define READ_ONLY_SEGMENT 0x5000

uint32_t v86_directory[1024] __attribute__((aligned(4096)));
static uint32_t v86_pages[1024] __attribute__((aligned(4096)));

static void make_pages(void)
{
	for (unsigned i = 0; i < MIB(1) / PAGE_SIZE; i++) {
		uint32_t segment = i << 8 & 0xf000;

		v86_pages[i] = i << 12 | PAGE_USER | (segment == READ_ONLY_SEGMENT ? 0 : PAGE_WRITE) |
		               (segment == ABSENT_SEGMENT ? 0 : PAGE_PRESENT);
	}
	v86_directory[0] = (uint32_t)(uint64_t)v86_pages | PAGE_USER | PAGE_WRITE | PAGE_PRESENT;
	v86_directory[1] = 0x400000 | PAGE_LARGE | PAGE_WRITE | PAGE_PRESENT;
}

static uint16_t data_segment(uint64_t *state)
{
	switch (random_below(state, 16)) {
	case 0: return ABSENT_SEGMENT;
	case 1: return READ_ONLY_SEGMENT;
	default: return low_data_segment(state);
	}
}

static void make_idt(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(idt); i++) {
		idt[i].low = (uint16_t)(uint64_t)v86_stubs[i];
		idt[i].high = (uint16_t)((uint64_t)v86_stubs[i] >> 16);
		idt[i].selector = GDT_CODE32;
		idt[i].flags = i == 3 || i == 4 || i == 0x80 ? 0xee00 : 0x8e00;
	}
}

/* Without the map of ports that the program may use, each is #GP. */
static void make_tss(uint64_t *state)
{
	uint64_t base = (uint64_t)&tss;
	uint64_t limit = (random_below(state, 2) ? sizeof(tss) : offsetof(typeof(tss), io)) - 1;

	tss.esp0 = (uint32_t)(uint64_t)&cell + sizeof(cell);
	tss.ss0 = GDT_DATA;
	tss.io_map = offsetof(typeof(tss), io);
	tss.io[PORTS / 8] = 0xff;
	for (unsigned i = 0; i < sizeof(tss.redirection); i++)
		tss.redirection[i] = (uint8_t)random_below(state, 256);
	gdt[GDT_TSS32 / 8] =
		0x0000890000000000 | (limit & 0xffff) | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
}

void v86_program(const uint8_t program[PROGRAM_SIZE], uint64_t *state)
{
	bool vme = cpuid(1, 0).edx & BIT(1) && random_below(state, 2);
	uint32_t iopl = random_below(state, 2) ? RFLAGS_IOPL : 0;

	make_idt();
	make_pages();
	make_tss(state);
	v86_state = (struct v86_state){
		.edi = (uint32_t)cell.rdi,
		.esi = (uint32_t)cell.rsi,
		.ebp = (uint32_t)cell.rbp,
		.ebx = (uint32_t)cell.rbx,
		.edx = (uint32_t)cell.rdx,
		.ecx = (uint32_t)cell.rcx,
		.eax = (uint32_t)cell.rax,
		.eip = low_place(program, state),
		.cs = LOW_CODE_SEGMENT,
		.eflags = ((uint32_t)cell.rflags & ~RFLAGS_IOPL) | iopl | RFLAGS_VM,
		.esp = 0x7000,
		.ss = LOW_STACK_SEGMENT,
		.es = data_segment(state),
		.ds = data_segment(state),
		.fs = data_segment(state),
		.gs = data_segment(state),
		.steps = (uint32_t)cell.steps,
		.step_flags = (uint32_t)cell.flags,
		.cr4 = (uint32_t)((kernel_cr4 & ~(uint64_t)CR4_PAE) | CR4_PSE | (vme ? CR4_VME : 0)),
		.variant = (vme ? 2 : 0) | (iopl ? 1 : 0),
	};
	v86_run();
	/* The handler itself is where a step over POP SS; INT3 ends. */
	if (v86_state.vector == 0x20)
		cell.vector = 0x20;
	else
		cell.vector = v86_state.end_eflags & RFLAGS_VM ? END_V86 : END_V86_HANDLER;
}
