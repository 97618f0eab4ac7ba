/* SPDX-License-Identifier: MIT */
/*
 * Random bytes executed as code, program by program, at CPL 0 and 3 in 64-, 32- and 16-bit code,
 * and in real and virtual-8086 mode. Each program is single-stepped for a number of instructions,
 * or runs until a fault or the timer ends it. If one wrecks the guest and the machine is reset, the
 * next program goes on from there.
 *
 * The command line: seed=N programs=N first=N a32=0|1. Prints "random at N resets R" now and
 * then. At the end it prints "random done programs N resets R real N v86 N by V V V V". Each V is a
 * set of vectors, as bits, that ended programs in virtual-8086 mode: with IOPL 0 and 3, and with
 * CR4.VME the same.
 */
#include "sandbox.h"
#include "command.h"
#include "kernel.h"
#include "lib/registers.h"
#include "program.h"
#include "record.h"

#define PROGRAMS_DEFAULT 20000
#define PRINT_EVERY      2000
#define STEPS_MAX        32

/* In the place of a code segment. */
#define REAL_MODE 0
#define V86_MODE  1

#define PIT_CHANNEL0 0x40
#define PIT_CONTROL  0x43
#define PIT_RATE     0x34
#define PIT_COUNT    1193 /* 1 ms */

#define RESET_CONTROL 0xcf9
#define RESET_NOW     6

/* Memory that programs reach: physical addresses are their own. */
#define ARENA      MIB(16)
#define ARENA_CODE (ARENA + MIB(1))
#define ARENA_DATA (ARENA + KIB(256))

#define LOW_PROGRAMS      0x8000 /* of 16-bit segments, then of real mode */
#define REAL_PROGRAMS_END 0x20000

#define PORTS_END 0x600
#define HOLE      0xd0000000UL
#define IOAPIC    0xfec00000UL
#define HPET      0xfed00000UL
#define ROM       0xf0000UL
#define VGA       0xb8000UL

#define PAGE_PRESENT BIT(0)
#define PAGE_WRITE   BIT(1)
#define PAGE_USER    BIT(2)
#define PAGE_LARGE   BIT(7)
#define PAGE_OPEN    (PAGE_PRESENT | PAGE_WRITE | PAGE_USER)

extern uint64_t gdt[];
extern const char kernel_start[], kernel_end[];

static struct packed {
	uint32_t reserved;
	uint64_t rsp[3], reserved1, ist[7], reserved2;
	uint16_t reserved3, io_map;
} tss;

static struct {
	uint16_t low, selector, flags, middle;
	uint32_t high, reserved;
} rescue_idt[256];

extern const struct packed idt_pointer {
	uint16_t limit;
	uint64_t base;
} rescue_idt_pointer;
const struct idt_pointer rescue_idt_pointer = {sizeof(rescue_idt) - 1, (uint64_t)rescue_idt};

static uint64_t sandbox_pml4[512] __attribute__((aligned(4096)));
static uint64_t sandbox_pdpt[512] __attribute__((aligned(4096)));
static uint64_t sandbox_directory[4][512] __attribute__((aligned(4096)));
static uint64_t sandbox_kernel[512] __attribute__((aligned(4096)));

static uint64_t ram_end;
static uint64_t ends[END_V86_HANDLER + 1];

/* ---- The sandbox ---- */

static void open_large(uint64_t address)
{
	sandbox_directory[address >> 30][address >> 21 & 511] =
		ALIGN_DOWN(address, MIB(2)) | PAGE_OPEN | PAGE_LARGE;
}

static void make_tables(void)
{
	const uint64_t first = (uint64_t)kernel_start;

	sandbox_pml4[0] = (uint64_t)sandbox_pdpt | PAGE_OPEN;
	for (unsigned i = 0; i < 4; i++)
		sandbox_pdpt[i] = (uint64_t)sandbox_directory[i] | PAGE_OPEN;
	for (uint64_t at = first; at < (uint64_t)kernel_end; at += PAGE_SIZE)
		sandbox_kernel[(at - first) / PAGE_SIZE] = at | PAGE_PRESENT;
	sandbox_kernel[((uint64_t)&cell - first) / PAGE_SIZE] |= PAGE_WRITE;
	sandbox_directory[0][first >> 21] = (uint64_t)sandbox_kernel | PAGE_OPEN;
	open_large(0);
	open_large(ARENA);
	open_large(ram_end - 1);
	open_large(ram_end);
	open_large(HOLE);
	open_large(IOAPIC);
	open_large(HPET);
	sandbox_cr3 = (uint64_t)sandbox_pml4;
}

static void make_idt(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t stub = (uint64_t)rescue_stubs[i];

		rescue_idt[i].low = (uint16_t)stub;
		rescue_idt[i].selector = GDT_CODE64;
		/* IST 1; programs may call 3 and 4, and 80h */
		rescue_idt[i].flags = i == 3 || i == 4 || i == 0x80 ? 0xee01 : 0x8e01;
		rescue_idt[i].middle = (uint16_t)(stub >> 16);
		rescue_idt[i].high = (uint32_t)(stub >> 32);
	}
	__asm__ volatile("lidt %0" : : "m"(rescue_idt_pointer));
}

static void make_segments(void)
{
	uint64_t base = (uint64_t)&tss, top = (uint64_t)&cell + sizeof(cell);

	for (unsigned i = 0; i < 3; i++)
		tss.rsp[i] = top;
	for (unsigned i = 0; i < 7; i++)
		tss.ist[i] = top;
	tss.io_map = sizeof(tss);
	gdt[GDT_USER_CODE16 / 8] = 0x008ffb000000ffff;
	gdt[GDT_USER_CODE32 / 8] = 0x00cffb000000ffff;
	gdt[GDT_USER_DATA / 8] = 0x00cff3000000ffff;
	gdt[GDT_USER_CODE64 / 8] = 0x00affb000000ffff;
	gdt[GDT_TSS / 8] = 0x0000890000000067 | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	gdt[GDT_TSS / 8 + 1] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(GDT_TSS));
}

static void set_msrs(void)
{
	write_msr(MSR_STAR, (uint64_t)GDT_CODE64 << 32 | (uint64_t)(GDT_USER_CODE16 - 3) << 48);
	write_msr(MSR_LSTAR, (uint64_t)syscall_rescue);
	write_msr(MSR_CSTAR, (uint64_t)syscall_rescue);
	write_msr(MSR_FMASK, RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_AC);
	write_msr(MSR_SYSENTER_CS, GDT_CODE64);
	write_msr(MSR_SYSENTER_ESP, (uint64_t)&cell + sizeof(cell));
	write_msr(MSR_SYSENTER_EIP, (uint64_t)sysenter_rescue);
	write_msr(MSR_PAT, 0x0007040600070406);
	write_msr(MSR_DEBUGCTL, 0);
}

static void set_devices(void)
{
	pic_init();
	out8(PIT_CONTROL, PIT_RATE);
	out8(PIT_CHANNEL0, PIT_COUNT & 0xff);
	out8(PIT_CHANNEL0, PIT_COUNT >> 8);
	pic_unmask(0);
	out8(0x3f9, 0); /* COM1: no interrupts, 8 bits, no loop */
	out8(0x3fb, 3);
	out8(0x3fc, 3);
}

/*
 * What a program that has left paging or protected mode behind comes to sooner or later, at the low
 * end of memory: MOV AL, FEh; OUT 64h, AL, in any mode. It resets the machine. Around the programs
 * there is UD2.
 */
#define RESETS    0x64e6feb0
#define UNDEFINED 0x0b0f0b0f

static void fill(uint64_t from, uint64_t to, uint32_t with)
{
	for (; from < to; from += sizeof(with))
		*(volatile uint32_t *)from = with;
}

static void start(void)
{
	fill(0, LOW_CODE, RESETS);
	fill(LOW_PROGRAMS, REAL_PROGRAMS_END, UNDEFINED);
	fill(ARENA_CODE, ARENA_CODE + KIB(64), UNDEFINED);
	make_tables();
	make_segments();
	make_idt();
	kernel_cr0 = (read_cr0() | CR0_WP | CR0_MP | CR0_NE) & ~(uint64_t)(CR0_CD | CR0_NW);
	kernel_cr4 = read_cr4();
	if (cpuid(1, 0).ecx & BIT(26))
		kernel_cr4 |= CR4_OSXSAVE;
	kernel_efer = (uint32_t)read_msr(MSR_EFER) | EFER_SCE;
	write_cr0(kernel_cr0);
	write_cr4(kernel_cr4);
	write_msr(MSR_EFER, kernel_efer);
	set_msrs();
	set_devices();
}

_Noreturn void kernel_fault(void)
{
	print("random: the kernel itself failed, vector %u error %x rip %x\n", cell.vector, cell.error_code,
	      cell.end_rip);
	for (;;)
		out8(RESET_CONTROL, RESET_NOW);
}

/* ---- A program ---- */

static bool addresses32; /* may 64-bit code use 32-bit addresses? */

/* clang-format off */
static const struct {
	uint16_t code, data;
	uint8_t cpl;
} contexts[] = {
	{GDT_CODE64,      GDT_DATA,      0},
	{GDT_USER_CODE64, GDT_USER_DATA, 3},
	{GDT_CODE32,      GDT_DATA,      0},
	{GDT_USER_CODE32, GDT_USER_DATA, 3},
	{GDT_CODE16,      GDT_DATA,      0},
	{GDT_USER_CODE16, GDT_USER_DATA, 3},
	{REAL_MODE,       0,             0},
	{V86_MODE,        0,             0}, /* it may clear IF at times */
};
/* clang-format on */

/*
 * Where no RAM is. Rarely, since a vector instruction that reads or writes there ends the guest.
 */
static uint64_t beyond(uint64_t *state)
{
	uint64_t near = random_below(state, 64);

	switch (random_below(state, 64)) {
	case 0: return HOLE + near;
	case 1: return ram_end - 32 + near;
	case 2: return VGA + near;
	case 3: return HPET + random_below(state, 0x400);
	default: return ARENA_DATA + near;
	}
}

static uint64_t interesting(uint64_t *state)
{
	uint64_t near = random_below(state, 64);

	switch (random_below(state, 16)) {
	case 0: return random_next(state);
	case 1: return random_below(state, 256);
	case 2: return beyond(state);
	case 3: return ROM + near;
	case 4: return 0x00007fffffffffe0UL + near;
	case 5: return UINT64_MAX - near;
	case 6: return (uint64_t)kernel_start + random_below(state, 0x8000);
	case 7: return 0xc0000080 + near;
	case 8: return random_below(state, PORTS_END); /* not the register that turns the machine off */
	default: return ARENA_DATA + random_below(state, 0x2000);
	}
}

/*
 * Where its code lies: mostly in the arena, at times across a page, or half beyond the end of RAM.
 */
static uint64_t place(uint64_t *state, uint16_t code)
{
	if (code == GDT_CODE16 || code == GDT_USER_CODE16)
		return LOW_PROGRAMS + random_below(state, 0x4000);
	switch (random_below(state, 512)) {
	case 0: return ram_end - 1 - random_below(state, 32);
	case 1 ... 63: return ARENA_CODE + PAGE_SIZE - 1 - random_below(state, 32);
	default: return ARENA_CODE + random_below(state, 0x8000);
	}
}

static void choose_registers(uint64_t *state, bool stepped)
{
	uint64_t *gpr = &cell.r15;

	for (unsigned i = 0; i < 15; i++)
		gpr[i] = interesting(state);
	cell.flags = stepped ? RFLAGS_TF | (random_below(state, 4) ? RFLAGS_IF : 0) : RFLAGS_IF;
	cell.rflags = (random_below(state, 8) ? 0 : random_below(state, BIT(22)) & ~(uint64_t)RFLAGS_VM) |
	              RFLAGS_RESERVED | cell.flags;
	if (!stepped)
		cell.rflags &= ~(uint64_t)RFLAGS_TF;
	cell.steps = 1 + random_below(state, STEPS_MAX);
}

/* 67h for 32-bit addresses becomes 66h in 64-bit code where the command line says a32=0. */
static uint8_t narrow_addresses(unsigned context, uint8_t byte)
{
	bool long_code = contexts[context].code == GDT_CODE64 || contexts[context].code == GDT_USER_CODE64;

	return long_code && !addresses32 && byte == 0x67 ? 0x66 : byte;
}

static void protected_program(const uint8_t program[PROGRAM_SIZE], uint64_t *state, unsigned context)
{
	bool short_addresses =
		contexts[context].code == GDT_CODE16 || contexts[context].code == GDT_USER_CODE16;

	cell.cs = contexts[context].code;
	cell.ss = contexts[context].data;
	cell.rip = place(state, contexts[context].code);
	cell.rsp = random_below(state, 16) ? ARENA_DATA + 0x4000 : interesting(state);
	if (short_addresses)
		cell.rsp = 0xf000;
	for (unsigned i = 0; i < PROGRAM_SIZE; i++)
		((volatile uint8_t *)cell.rip)[i] = narrow_addresses(context, program[i]);
	sandbox_run(contexts[context].data);
}

static void run(uint64_t seed, uint64_t number)
{
	uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15UL + (number + 1) * 0xd1342543de82ef95UL;
	uint8_t program[PROGRAM_SIZE];
	unsigned context, flags;
	bool stepped;

	state |= 1;
	for (unsigned i = 0; i < 4; i++)
		random_next(&state);
	context = (unsigned)random_below(&state, ARRAY_SIZE(contexts));
	stepped = random_below(&state, 8) != 0;
	flags = program_make(program, &state, !stepped && !contexts[context].cpl);
	choose_registers(&state, stepped);
	if (contexts[context].code == REAL_MODE)
		real_program(program, &state);
	else if (contexts[context].code == V86_MODE)
		v86_program(program, &state);
	else
		protected_program(program, &state, context);
	ends[cell.vector]++;
	if (flags & PROGRAM_PORTS)
		set_devices();
	else if (cell.vector == 0x20)
		pic_end(0);
	if (flags & PROGRAM_WRMSR)
		set_msrs();
}

static void print_ends(const struct record *record)
{
	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends[i])
			print("random vector %u ended %u\n", (uint64_t)i, ends[i]);
	print("random done programs %u resets %u real %u v86 %u by", record->next - record->begun,
	      record->resets, record->real, record->v86);
	for (unsigned i = 0; i < V86_VARIANTS; i++)
		print(" %x", (uint64_t)record->v86_vectors[i]);
	print("\n");
}

void kernel_main(uint32_t magic, uint32_t info)
{
	const char *line = command_line(info);
	uint64_t programs = number_in(line, "programs", PROGRAMS_DEFAULT);
	struct record record;
	uint64_t end;

	(void)magic;
	addresses32 = number_in(line, "a32", 1);
	ram_end = memory_end(info) ? memory_end(info) : MIB(64);
	if (record_load(&record)) {
		record.seed = number_in(line, "seed", record.seed);
		record.resets++;
	} else {
		record.seed = number_in(line, "seed", read_tsc());
		record.next = record.begun = number_in(line, "first", 0);
	}
	end = record.begun + programs;
	start(); /* the command line is gone */
	print("random begins, seed %u first %u\n", record.seed, record.next);
	while (record.next < end) {
		uint64_t number = record.next++;

		if (number % PRINT_EVERY == 0)
			print("random at %u resets %u\n", number, record.resets);
		record_store(&record);
		run(record.seed, number);
		record.real += cell.vector == END_REAL;
		if (cell.vector == END_V86) {
			record.v86++;
			record.v86_vectors[v86_state.variant] |= (uint32_t)BIT(v86_state.vector & 31);
		}
	}
	print_ends(&record);
	for (;;)
		__asm__ volatile("cli; hlt");
}
