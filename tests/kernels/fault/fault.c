/* SPDX-License-Identifier: MIT */
/*
 * A guest that fails in many ways. It asks on COM1 which one it shall be; tests/system/faults.py
 * answers and sees what the monitor makes of it.
 */
#include "fault.h"
#include "command.h"
#include "lib/registers.h"

#define COM1     0x3f8
#define LINE_MAX 32

#define HOLE       0xd0000000u /* mapped by our tables, but nothing is there: reads as all ones */
#define UNTOUCHED  0x2800000u  /* RAM that is unused so far: its first access is an EPT violation */
#define RESET_WORD 0x800000u   /* RAM beyond the kernel; a reset does not clear it */
#define RESET_MARK 0x72657365u

#define RESET_CONTROL    0xcf9
#define RESET_NOW        6
#define PIT_CHANNEL0     0x40
#define PIT_CONTROL      0x43
#define PIT_RATE         0x34 /* channel 0, low and high byte, mode 2 */
#define DR7_EXECUTE0     0x402
#define IST_STACK_OFFSET 0x24 /* IST1 in a 64-bit TSS */

struct packed table_pointer {
	uint16_t limit;
	uint64_t base;
};

extern uint64_t gdt[];

static void load_idt(uint64_t base, uint16_t limit)
{
	struct table_pointer pointer = {limit, base};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

static void spin(void)
{
	__asm__ volatile("cli; 1: jmp 1b");
}

static void undefined(void)
{
	__asm__ volatile("ud2");
}

/* ---- Exceptions without a handler ---- */

static void triple64(void)
{
	load_idt(0, 0);
	undefined();
}

static void triple32(void)
{
	enter_protected(protected_triple_fault);
}

static void triple16(void)
{
	enter_protected(real_triple_fault);
}

/* ---- Where nothing is ---- */

static void jump_to_hole(void)
{
	((void (*)(void))(uint64_t)HOLE)();
}

static void nowhere(void)
{
	load_idt(0, 0);
	jump_to_hole();
}

static void tables(void)
{
	write_cr3(HOLE);
}

static void idt(void)
{
	load_idt(HOLE, 0xfff);
	undefined();
}

static void stack(void)
{
	__asm__ volatile("mov %0, %%rsp; push $1; ret" : : "r"(HOLE + 0x1000UL));
}

/* Arithmetic on vectors, with an operand in a hole. */
static void unknown(void)
{
	__asm__ volatile("addps (%0), %%xmm0" : : "r"((uint64_t)HOLE));
}

/* The descriptor of the data segment, from a table in a hole. */
static void descriptors(void)
{
	struct table_pointer pointer = {0xfff, HOLE};

	__asm__ volatile("lgdt %0; mov %1, %%ds" : : "m"(pointer), "r"(0x10));
}

/* ---- What the guest itself survives ---- */

static void survived(struct frame *frame)
{
	print("fault: vector %u at %x\n", frame->vector, frame->rip);
	spin();
}

/* Vector and x87 moves to a hole and back. */
static void moves(void)
{
	uint64_t value[2] = {1, 2};
	uint16_t control = 0;

	__asm__ volatile("fxsave64 (%0); movaps %%xmm0, (%0); movntdq %%xmm0, (%0); sgdt (%0)"
	                 :
	                 : "r"((uint64_t)HOLE)
	                 : "memory");
	__asm__ volatile("fninit; fnstcw (%2); fnstcw %1; movups (%2), %%xmm1; movups %%xmm1, %0"
	                 : "=m"(value), "=m"(control)
	                 : "r"((uint64_t)HOLE));
	print("fault: moved %x %x %x\n", value[0], value[1], (uint64_t)control);
	spin();
}

static void undefined_in_hole(void)
{
	set_handler(EXCEPTION_UD, survived);
	jump_to_hole();
}

/* A single-step trap waits for the end of the shadow of MOV SS, and an exit comes first. */
static void shadow(void)
{
	set_handler(EXCEPTION_DB, survived);
	__asm__ volatile("mov %%ss, %%ecx\n\t"
	                 "pushf\n\t"
	                 "orl $0x100, (%%rsp)\n\t"
	                 "popf\n\t"
	                 "mov %%ecx, %%ss\n\t"
	                 "movb $1, (%0)\n\t"
	                 "nop"
	                 :
	                 : "r"((uint64_t)UNTOUCHED)
	                 : "rcx", "memory");
}

/* ---- What never ends ---- */

static void halt(void)
{
	__asm__ volatile("cli; hlt");
}

static void exits(void)
{
	__asm__ volatile("cli");
	for (;;)
		cpuid(0, 0);
}

static void serial(void)
{
	for (;;)
		out8(COM1, 'x');
}

static void out_strings(void)
{
	__asm__ volatile("1: mov $0x400000, %%rsi; mov %0, %%rcx; rep outsb; jmp 1b"
	                 :
	                 : "r"(1UL << 40), "d"(0x5555));
}

static void in_strings(void)
{
	__asm__ volatile("1: mov %1, %%rdi; mov %0, %%rcx; rep insb; jmp 1b"
	                 :
	                 : "r"(1UL << 40), "r"((uint64_t)HOLE), "d"(0x5555));
}

static volatile uint64_t ticks;

static void tick(struct frame *frame)
{
	(void)frame;
	ticks++;
}

static void tick_and_end(struct frame *frame)
{
	(void)frame;
	ticks++;
	pic_end(0);
}

static void fast_timer(void (*handler)(struct frame *frame))
{
	set_handler(0x20, handler);
	out8(PIT_CONTROL, PIT_RATE);
	out8(PIT_CHANNEL0, 2);
	out8(PIT_CHANNEL0, 0);
	pic_unmask(0);
	for (;;)
		cpu_relax();
}

static void timer(void)
{
	fast_timer(tick_and_end);
}

static void timer_without_end(void)
{
	fast_timer(tick);
}

/*
 * A breakpoint on the first instruction of the handler of #DB, which gets a fresh stack each time:
 * the processor delivers #DB without end and runs no instruction.
 */
static void breakpoint(void)
{
	static uint8_t tss[104];
	static uint8_t handler_stack[4096];
	uint64_t top = (uint64_t)handler_stack + sizeof(handler_stack), base = (uint64_t)tss;
	struct table_pointer idt_pointer;
	uint32_t *gate;
	uint64_t handler;

	for (unsigned i = 0; i < 8; i++)
		tss[IST_STACK_OFFSET + i] = (uint8_t)(top >> 8 * i);
	gdt[6] = 0x0000890000000067 | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	gdt[7] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(0x30));
	__asm__ volatile("sidt %0" : "=m"(idt_pointer));
	gate = (uint32_t *)(idt_pointer.base + 16 * EXCEPTION_DB);
	gate[1] |= 1; /* IST 1 */
	handler = (gate[0] & 0xffff) | (gate[1] & 0xffff0000);
	__asm__ volatile("mov %0, %%dr0; mov %1, %%dr7; int $1"
	                 :
	                 : "r"(handler), "r"((uint64_t)DR7_EXECUTE0));
}

static void alignment(void)
{
	enter_protected(protected_aligned_check);
}

static void reset(void)
{
	out8(RESET_CONTROL, RESET_NOW);
}

static void reset_loop(void)
{
	*(volatile uint32_t *)(uint64_t)RESET_WORD = RESET_MARK;
	reset();
}

/* ---- Which ---- */

/* clang-format off */
static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"triple64",          triple64},
	{"triple32",          triple32},
	{"triple16",          triple16},
	{"nowhere",           nowhere},
	{"tables",            tables},
	{"idt",               idt},
	{"stack",             stack},
	{"unknown",           unknown},
	{"moves",             moves},
	{"descriptors",       descriptors},
	{"undefined",         undefined_in_hole},
	{"shadow",            shadow},
	{"halt",              halt},
	{"spin",              spin},
	{"exits",             exits},
	{"serial",            serial},
	{"outs",              out_strings},
	{"ins",               in_strings},
	{"timer",             timer},
	{"timer-without-end", timer_without_end},
	{"breakpoint",        breakpoint},
	{"alignment",         alignment},
	{"reset",             reset},
	{"reset-loop",        reset_loop},
};
/* clang-format on */

void kernel_main(uint32_t magic, uint32_t info)
{
	char line[LINE_MAX];

	(void)magic;
	(void)info;
	if (*(volatile uint32_t *)(uint64_t)RESET_WORD == RESET_MARK)
		reset();
	idt_init();
	pic_init();
	__asm__ volatile("sti");
	print("fault: which?\n");
	read_line(line, sizeof(line));
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		if (same(line, cases[i].name)) {
			print("fault: %s\n", line);
			cases[i].run();
		}
	}
	print("fault: there is no case '%s', or it came back\n", line);
	spin();
}
