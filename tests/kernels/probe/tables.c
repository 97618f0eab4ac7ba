/* SPDX-License-Identifier: MIT */
/* What every snippet finds around it: page tables, descriptor tables, tasks, code and data. */
#include "probe.h"

#define PAGE_USER        4u
#define FRAME_MASK       0xffffffffff000UL
#define ACCESS_GATE      0x0e
#define ACCESS_TASK_GATE 5

struct packed table_pointer {
	uint16_t limit;
	uint64_t base;
};

uint32_t legacy_idt[256][2];
static uint32_t long_idt[256][4];
static uint64_t gdt[(GDT_LIMIT + 1) / 8];
static uint64_t ldt[4];
static uint64_t low_pages[512] __attribute__((aligned(4096)));
static uint8_t legacy_stubs[256][16];
static uint32_t tss64[0x40], tss32[0x40 + 0x20], other_tss[26 + 2];
static uint8_t exception_stack[4096] __attribute__((aligned(16)));

extern const uint8_t vector_stubs[256][16];
extern uint64_t kernel_cr3;

static void fill(void *to, uint8_t value, size_t size)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
}

static void copy(void *to, const void *from, size_t size)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

/* ---- Once ---- */

/* The lowest 2 MiB in small pages. */
static void map_low(void)
{
	uint64_t *pml4 = (uint64_t *)(read_cr3() & FRAME_MASK), *pdpt = (uint64_t *)(pml4[0] & FRAME_MASK);
	uint64_t *directory = (uint64_t *)(pdpt[0] & FRAME_MASK);

	for (unsigned i = 0; i < 512; i++)
		low_pages[i] = (uint64_t)i << 12 | 3;
	for (unsigned i = CODE >> 12; i <= USER_STACK >> 12; i++)
		low_pages[i] |= PAGE_USER;
	low_pages[READ_ONLY >> 12] &= ~2UL;
	low_pages[NOT_PRESENT >> 12] = 0;
	pml4[0] |= PAGE_USER;
	pdpt[0] |= PAGE_USER;
	directory[0] = (uint64_t)low_pages | 3 | PAGE_USER;
	write_cr3(read_cr3());
}

static uint32_t *low(uint32_t address)
{
	return (uint32_t *)(uint64_t)address;
}

static void make_stubs(void)
{
	uint8_t *real = (uint8_t *)low(REAL_STUBS);

	for (unsigned i = 0; i < 256; i++) {
		uint8_t *stub = legacy_stubs[i];
		uint32_t far = (uint32_t)((uint64_t)legacy_common - (uint64_t)(stub + 10));
		uint16_t near = (uint16_t)(REAL_CODE + (real_common - real_begin) - (REAL_STUBS + 8 * i + 5));

		stub[0] = 0x68; /* push $i; jmp legacy_common */
		copy(stub + 1, &i, 4);
		stub[5] = 0xe9;
		copy(stub + 6, &far, 4);
		real[8 * i] = 0x6a; /* the same in 16 bits */
		real[8 * i + 1] = (uint8_t)i;
		real[8 * i + 2] = 0xe9;
		copy(real + 8 * i + 3, &near, 2);
		low(REAL_IDT)[i] = REAL_STUBS + 8 * i;
	}
	copy(low(REAL_CODE), real_begin, (size_t)(real_end - real_begin));
}

static uint16_t gate_access(unsigned vector)
{
	bool user = vector == EXCEPTION_BP || vector == EXCEPTION_OF || vector == VECTOR_USER ||
	            vector == VECTOR_TASK || vector == VECTOR_ABSENT;

	return (uint16_t)((vector == VECTOR_ABSENT ? 0 : 0x8000) | (user ? 0x6000 : 0) | ACCESS_GATE << 8);
}

static void make_idts(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint32_t stub = (uint32_t)(uint64_t)vector_stubs[i],
			 old = (uint32_t)(uint64_t)legacy_stubs[i];

		long_idt[i][0] = SEL_CODE64 << 16 | (stub & 0xffff);
		long_idt[i][1] = (stub & 0xffff0000) | gate_access(i) | 1; /* IST 1 */
		long_idt[i][2] = long_idt[i][3] = 0;
		legacy_idt[i][0] = SEL_CODE32 << 16 | (old & 0xffff);
		legacy_idt[i][1] = (old & 0xffff0000) | gate_access(i);
	}
	legacy_idt[VECTOR_TASK][0] = SEL_TASK << 16;
	legacy_idt[VECTOR_TASK][1] = 0x8000 | 0x6000 | ACCESS_TASK_GATE << 8;
}

void tables_init(void)
{
	map_low();
	make_stubs();
	make_idts();
}

/* ---- Before each snippet ---- */

static void set_descriptor(unsigned selector, uint32_t base, uint32_t limit, uint16_t access)
{
	gdt[selector / 8] = (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
	                    (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(base >> 24) << 56;
}

/* A row: selector, base, limit, access byte with the flags in its top four bits. */
/* clang-format off */
static const struct {
	uint16_t selector;
	uint32_t limit;
	uint16_t access;
} segments[] = {
	{SEL_CODE64,      0xfffff, 0xa09b},
	{SEL_DATA,        0xfffff, 0xc093},
	{SEL_CODE32,      0xfffff, 0xc09b},
	{SEL_CODE16,      0xffff,  0x009b},
	{SEL_DATA16,      0xffff,  0x0093},
	{SEL_USER_CODE32, 0xfffff, 0xc0fb},
	{SEL_USER_DATA,   0xfffff, 0xc0f3},
	{SEL_USER_CODE64, 0xfffff, 0xa0fb},
	{SEL_USER_CODE16, 0xffff,  0x00fb},
	{SEL_USER_DATA16, 0xffff,  0x00f3},
	{SEL_ABSENT,      0xfffff, 0xc073},
	{SEL_CONFORMING,  0xfffff, 0xc09f},
	{SEL_EXECUTE,     0xfffff, 0xc0f9},
	{SEL_READ,        0xfffff, 0xc0f1},
	{SEL_DOWN,        0x0ffff, 0x40f7},
};
/* clang-format on */

static void set_gate(unsigned selector, uint16_t target, uint16_t type)
{
	gdt[selector / 8] = CODE_GATE | (uint64_t)target << 16 | (uint64_t)type << 40;
}

static void reset_gdt(bool is_long)
{
	fill(gdt, 0, sizeof(gdt));
	for (unsigned i = 0; i < ARRAY_SIZE(segments); i++)
		set_descriptor(segments[i].selector & 0xfff8, 0, segments[i].limit, segments[i].access);
	set_descriptor(SEL_TSS64, (uint32_t)(uint64_t)tss64, sizeof(tss64) - 1, 0x89);
	set_descriptor(SEL_LDT, (uint32_t)(uint64_t)ldt, sizeof(ldt) - 1, 0x82);
	set_gate(SEL_GATE, is_long ? SEL_CODE64 : SEL_CODE32, 0xec);
	if (is_long)
		return; /* the rest has other meanings or lengths there */
	set_descriptor(SEL_TSS32, (uint32_t)(uint64_t)tss32, sizeof(tss32) - 1, 0x89);
	set_descriptor(SEL_TASK, (uint32_t)(uint64_t)other_tss, 0x67, 0xe9);
	set_descriptor(SEL_SHORT_TASK, (uint32_t)(uint64_t)other_tss, 0x66, 0xe9);
	set_descriptor(SEL_ABSENT_TASK, (uint32_t)(uint64_t)other_tss, 0x67, 0x69);
	gdt[SEL_TASK_GATE / 8] = (uint64_t)SEL_TASK << 16 | (uint64_t)0xe5 << 40;
	set_gate(SEL_GATE16, SEL_CODE16, 0xe4);
}

/* Port 80h and the one above it are the user's by the I/O bitmap. */
static void allow_ports(uint32_t *tss, size_t size)
{
	fill((uint8_t *)tss + 0x68, 0xff, size - 0x68);
	((uint8_t *)tss)[0x68 + 0x80 / 8] = 0xfc;
	tss[0x64 / 4] = 0x68 << 16;
}

static void reset_tasks(void)
{
	uint64_t top = (uint64_t)exception_stack + sizeof(exception_stack);

	fill(tss64, 0, sizeof(tss64));
	fill(tss32, 0, sizeof(tss32));
	fill(other_tss, 0, sizeof(other_tss));
	tss64[1] = OTHER_STACK;   /* RSP0 */
	tss64[9] = (uint32_t)top; /* IST1 */
	allow_ports(tss64, sizeof(tss64));
	tss32[1] = SYSTEM_STACK;
	tss32[2] = SEL_DATA;
	allow_ports(tss32, sizeof(tss32));
	other_tss[7] = (uint32_t)kernel_cr3;
	other_tss[8] = CODE_TASK;
	other_tss[9] = 2;
	for (unsigned i = 10; i < 18; i++)
		other_tss[i] = 0x77770000 + i;
	other_tss[14] = OTHER_STACK; /* ESP */
	other_tss[18] = other_tss[20] = other_tss[21] = SEL_DATA;
	other_tss[19] = SEL_CODE32;
	other_tss[22] = other_tss[23] = 0;
	other_tss[25] = 0x68 << 16;
}

const uint8_t data_initial[512] = {
	[0x00] = GDT_LIMIT,
	1, /* a GDT, longer: the base is written by tables_reset() */
	[0x10] = 0xff,
	0x07, /* an IDT */
	[0x20] = 0,
	0,
	0,
	0,
	SEL_GATE | 3,
	0, /* far pointers of 32-bit operand size */
	[0x28] = 0,
	CODE_FAR >> 8,
	0,
	0,
	SEL_CODE32,
	0,
	[0x30] = 0,
	CODE_FAR >> 8,
	0,
	0,
	SEL_USER_CODE32,
	0,
	[0x38] = 0,
	0,
	0,
	0,
	SEL_TASK,
	0,
	[0x40] = 0,
	0,
	0,
	0,
	SEL_TASK_GATE,
	0,
	[0x48] = 0,
	0,
	0,
	0,
	SEL_SHORT_TASK,
	0,
	[0x50] = 0,
	0,
	0,
	0,
	SEL_ABSENT_TASK,
	0,
	[0x58] = 0,
	0,
	0,
	0,
	SEL_GATE16,
	0,
	[0x60] = 1,
	0,
	0,
	0,
	5,
	0,
	0,
	0, /* bounds: 1 to 5 */
	[0x68] = 0,
	CODE_FAR >> 8,
	SEL_CODE16,
	0, /* a far pointer of 16-bit operand size */
	[0x70] = 0,
	CODE_FAR >> 8,
	0,
	0,
	0,
	0,
};

void tables_reset(enum mode mode)
{
	uint32_t idt = (uint32_t)(uint64_t)(mode & LONG ? (void *)long_idt : (void *)legacy_idt);
	uint32_t base = (uint32_t)(uint64_t)gdt;

	reset_gdt(mode & LONG);
	reset_tasks();
	fill(low(CODE), 0xcc, CODE_SIZE);
	copy(low(DATA), data_initial, sizeof(data_initial));
	copy((uint8_t *)low(DATA) + 2, &base, 4);
	copy((uint8_t *)low(DATA) + 0x12, mode == REAL ? &(uint32_t){REAL_IDT} : &idt, 4);
	fill((uint8_t *)low(DATA) + sizeof(data_initial), 0, XSAVE_SIZE);
	fill(low(KERNEL_STACK & ~0xfffu), 0, 0x1000);
	ldt[1] = gdt[SEL_USER_DATA / 8];
	tables_load();
}

void tables_load(void)
{
	struct table_pointer gdt_pointer = {GDT_LIMIT, (uint64_t)gdt},
			     idt_pointer = {4095, (uint64_t)long_idt};

	gdt[SEL_TSS64 / 8] &= ~(2UL << 40); /* not busy */
	gdt[SEL_TSS64 / 8 + 1] = 0;
	__asm__ volatile("lgdt %0; lidt %1; ltr %w2; lldt %w3"
	                 :
	                 : "m"(gdt_pointer), "m"(idt_pointer), "r"(SEL_TSS64), "r"(0));
}
