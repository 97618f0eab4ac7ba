/* SPDX-License-Identifier: MIT */
/*
 * States in which a processor may be, or says that it may not: what a VM entry checks, reached the
 * way a guest can. Each that is allowed is held over exits, so that the entry after them has to
 * take it.
 */
#include "attack.h"

#define DELAY_PORT 0x80

/* Of the GDT in lib/start.S; those from 10 on are free. */
#define GDT_FREE     10
#define SELECTOR_TSS 0x40
#define DATA         0x00cf93000000ffffUL

#define DESCRIPTOR_ABSENT      0x00cf13000000ffffUL
#define DESCRIPTOR_EXPAND_DOWN 0x00cf97000000ffffUL
#define DESCRIPTOR_LONG_AND_D  0x00ef9b000000ffffUL
#define DESCRIPTOR_TSS16       0x0000810000000067UL /* not of IA-32e mode */

#define RFLAGS_NT BIT(14)
#define RFLAGS_ID BIT(21)

#define NOT_CANONICAL 0x0000800000000000UL

extern uint64_t gdt[];

struct packed table_pointer {
	uint16_t limit;
	uint64_t base;
};

static void leave(void)
{
	(void)cpuid(0, 0);
	out8(DELAY_PORT, 0);
}

static void expect(const char *what, uint64_t where, void (*code)(uint64_t), uint64_t argument, int vector)
{
	check_equal(what, where, (uint64_t)attempt(code, argument), (uint64_t)vector);
}

/* ---- Segments ---- */

static void null_ss(uint64_t unused)
{
	uint16_t ss;

	__asm__ volatile("mov %%ss, %0; mov %1, %%ss" : "=&r"(ss) : "r"(0));
	leave();
	__asm__ volatile("mov %0, %%ss" : : "r"(ss));
}

static void load_ds(uint64_t selector)
{
	uint16_t ds;

	__asm__ volatile("mov %%ds, %0; mov %w1, %%ds" : "=&r"(ds) : "r"(selector));
	leave();
	__asm__ volatile("mov %0, %%ds" : : "r"(ds));
}

static void load_ldtr(uint64_t selector)
{
	__asm__ volatile("lldt %w0" : : "r"(selector));
	leave();
}

static void load_tr(uint64_t selector)
{
	__asm__ volatile("ltr %w0" : : "r"(selector));
}

static void jump_far(uint64_t selector)
{
	struct packed {
		uint32_t offset;
		uint16_t selector;
	} target = {.selector = (uint16_t)selector};

	__asm__ volatile("lea 1f(%%rip), %%rax; mov %%eax, %0; ljmp *%0; 1:"
	                 : "+m"(target)
	                 :
	                 : "rax", "memory");
}

static void attack_segments(void)
{
	/* clang-format off */
	static const struct {
		uint64_t descriptor;
		void (*load)(uint64_t);
		int vector;
	} rows[] = {
		{DATA,                   load_ds,   NO_FAULT},
		{DESCRIPTOR_EXPAND_DOWN, load_ds,   NO_FAULT},
		{DESCRIPTOR_ABSENT,      load_ds,   EXCEPTION_NP},
		{DESCRIPTOR_TSS16,       load_ds,   EXCEPTION_GP},
		{DESCRIPTOR_TSS16,       load_tr,   EXCEPTION_GP},
		{DATA,                   load_tr,   EXCEPTION_GP},
		{DATA,                   load_ldtr, EXCEPTION_GP},
		{DESCRIPTOR_LONG_AND_D,  jump_far,  EXCEPTION_GP},
		{DATA,                   jump_far,  EXCEPTION_GP},
	};
	/* clang-format on */

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		gdt[GDT_FREE] = rows[i].descriptor;
		gdt[GDT_FREE + 1] = 0;
		expect("segment", i, rows[i].load, GDT_FREE * 8, rows[i].vector);
	}
	expect("null DS", 0, load_ds, 0, NO_FAULT);
	expect("null SS", 0, null_ss, 0, NO_FAULT);
	expect("null LDTR", 0, load_ldtr, 0, NO_FAULT);
	expect("null TR", 0, load_tr, 0, EXCEPTION_GP);
	expect("busy TR", 0, load_tr, SELECTOR_TSS, EXCEPTION_GP);
	expect("null CS", 0, jump_far, 0, EXCEPTION_GP);
}

/* Of another privilege than SS: conforming code at CPL 3. */
#define CONFORMING_CODE64 0x00af9f000000ffffUL
#define CODE64            0x00af9b000000ffffUL
#define DPL(cpl)          ((uint64_t)(cpl) << 45)
#define LDT_OF_16_BYTES   0x000082000000000fUL
#define LOCAL_DATA        (1 << 3 | 4)

static void attack_conforming(void)
{
	/* JMP FAR [RDI]; CPUID; IN, which IOPL 0 forbids to CPL 3 */
	static const uint8_t bytes[] = {0xff, 0x2f, 0x0f, 0xa2, 0xec};
	volatile uint16_t *target = (volatile uint16_t *)(SCRATCH + 64);

	gdt[GDT_FREE] = CONFORMING_CODE64;
	target[0] = (SCRATCH + 2) & 0xffff;
	target[1] = (SCRATCH + 2) >> 16;
	target[2] = GDT_FREE * 8;
	check_equal("conforming code at CPL 3", 3,
	            (uint64_t)attempt_bytes(bytes, sizeof(bytes), 3, SCRATCH + 64), EXCEPTION_GP);
	check_equal("RIP of it", 3, fault.rip, SCRATCH + 4);
}

static void go_out(uint64_t cpl)
{
	__asm__ volatile(
		"mov %%rsp, %%rcx; push %0; push %%rcx; push $2; push %1; lea 1f(%%rip), %%rcx; push %%rcx; "
		"iretq; 1: xor %%eax, %%eax; cpuid; in $0x80, %%al"
		:
		: "r"(cpl), "r"(GDT_FREE * 8 | cpl)
		: "rax", "rbx", "rcx", "rdx", "memory");
}

/*
 * What CPL 1 and 2 alone may have, a null SS. Bochs forgets their CPL in its access rights, so that
 * this is none of attack_states(), which holds in any processor.
 */
void attack_inner_levels(void)
{
	for (uint64_t cpl = 1; cpl < 3; cpl++) {
		gdt[GDT_FREE] = CODE64 | DPL(cpl);
		expect("null SS, and IN, at an inner level", cpl, go_out, cpl, EXCEPTION_GP);
	}
}

static void attack_ldt(void)
{
	static uint64_t table[2] = {0, DATA};
	uint64_t base = (uint64_t)table;

	gdt[GDT_FREE] = LDT_OF_16_BYTES | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	gdt[GDT_FREE + 1] = 0;
	expect("LDTR", 0, load_ldtr, GDT_FREE * 8, NO_FAULT);
	expect("DS of an LDT", 0, load_ds, LOCAL_DATA, NO_FAULT);
	expect("DS behind an LDT", 0, load_ds, LOCAL_DATA + 8, EXCEPTION_GP);
	expect("TR of an LDT", 0, load_tr, LOCAL_DATA, EXCEPTION_GP);
	expect("LDTR of an LDT", 0, load_ldtr, LOCAL_DATA, EXCEPTION_GP);
	gdt[GDT_FREE + 1] = NOT_CANONICAL >> 32;
	expect("LDTR that is not canonical", 0, load_ldtr, GDT_FREE * 8, EXCEPTION_GP);
	load_ldtr(0);
}

static void load_idt(uint64_t base)
{
	struct table_pointer before, pointer = {.base = base};

	__asm__ volatile("sidt %0" : "=m"(before));
	__asm__ volatile("lidt %0" : : "m"(pointer));
	leave();
	__asm__ volatile("lidt %0" : : "m"(before));
}

static void load_gdt(uint64_t base)
{
	struct table_pointer before, pointer = {.base = base};

	__asm__ volatile("sgdt %0" : "=m"(before));
	__asm__ volatile("lgdt %0" : : "m"(pointer));
	leave();
	__asm__ volatile("lgdt %0" : : "m"(before));
}

static void attack_tables(void)
{
	static const uint64_t bases[] = {0, UINT32_MAX, NOT_CANONICAL - 1, UINT64_MAX, ~(NOT_CANONICAL - 1)};

	for (unsigned i = 0; i < ARRAY_SIZE(bases); i++) {
		expect("IDTR", i, load_idt, bases[i], NO_FAULT);
		expect("GDTR", i, load_gdt, bases[i], NO_FAULT);
	}
	expect("IDTR that is not canonical", 0, load_idt, NOT_CANONICAL, EXCEPTION_GP);
	expect("GDTR that is not canonical", 0, load_gdt, NOT_CANONICAL, EXCEPTION_GP);
}

/* ---- MSRs ---- */

static uint32_t msr;

static void write(uint64_t value)
{
	uint64_t before = read_msr(msr);

	write_msr(msr, value);
	leave();
	write_msr(msr, before);
}

static void read(uint64_t address)
{
	leave();
	*(volatile uint8_t *)address;
}

/* The bit of a page that forbids execution is reserved as long as EFER.NXE is 0. */
static void attack_nxe(void)
{
	uint64_t efer = read_msr(MSR_EFER);

	if (!(cpuid(0x80000001, 0).edx & BIT(20)))
		return;
	map_page(WINDOW, SCRATCH, BIT(63));
	write_msr(MSR_EFER, efer | EFER_NXE);
	expect("NX with NXE", 0, read, WINDOW, NO_FAULT);
	write_msr(MSR_EFER, efer & ~(uint64_t)EFER_NXE);
	expect("NX without NXE", 0, read, WINDOW, EXCEPTION_PF);
	check_equal("error code", 0, fault.error_code, 9); /* present, reserved */
	write_msr(MSR_EFER, efer);
	unmap_page(WINDOW);
}

static void attack_msrs_of_state(void)
{
	static const uint32_t addresses[] = {MSR_FS_BASE, MSR_GS_BASE,      MSR_KERNEL_GS_BASE,
	                                     MSR_LSTAR,   MSR_SYSENTER_ESP, MSR_SYSENTER_EIP};

	for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++) {
		msr = addresses[i];
		expect("MSR", msr, write, NOT_CANONICAL - 1, NO_FAULT);
		expect("MSR", msr, write, ~(NOT_CANONICAL - 1), NO_FAULT);
		expect("MSR", msr, write, NOT_CANONICAL, EXCEPTION_GP);
		expect("MSR", msr, write, ~NOT_CANONICAL, EXCEPTION_GP);
	}
	msr = MSR_EFER;
	expect("EFER.SCE", 0, write, read_msr(MSR_EFER) ^ EFER_SCE, NO_FAULT);
	expect("EFER without LME", 0, write, read_msr(MSR_EFER) & ~(uint64_t)EFER_LME, EXCEPTION_GP);
	expect("EFER, reserved", 0, write, read_msr(MSR_EFER) | BIT(1), EXCEPTION_GP);
	expect("EFER, reserved", 1, write, read_msr(MSR_EFER) | BIT(63), EXCEPTION_GP);
	msr = MSR_PAT;
	for (unsigned type = 0; type < 16; type++)
		expect("PAT", type, write, read_msr(MSR_PAT) ^ (type ^ 6), /* entry 0 is 6 */
		       type < 8 && type != 2 && type != 3 ? NO_FAULT : EXCEPTION_GP);
}

/* ---- Control registers ---- */

static void set_cr0(uint64_t value)
{
	uint64_t before = read_cr0();

	write_cr0(value);
	leave();
	write_cr0(before);
}

static void set_cr4(uint64_t value)
{
	uint64_t before = read_cr4();

	write_cr4(value);
	leave();
	write_cr4(before);
}

static void attack_control_registers(void)
{
	uint64_t cr0 = read_cr0(), cr4 = read_cr4();

	for (unsigned i = 0; i < 64; i++) { /* CD and NW, and MP, EM, TS, NE */
		uint64_t value = (cr0 & ~(CR0_CD | CR0_NW | CR0_MP | CR0_EM | CR0_TS | CR0_NE)) |
		                 (i & 1 ? CR0_CD : 0) | (i & 2 ? CR0_NW : 0) | (i & 4 ? CR0_MP : 0) |
		                 (i & 8 ? CR0_EM : 0) | (i & 16 ? CR0_TS : 0) | (i & 32 ? CR0_NE : 0);

		expect("CR0", value, set_cr0, value, (i & 3) == 2 ? EXCEPTION_GP : NO_FAULT);
	}
	expect("CR0 without PG", 0, set_cr0, cr0 & ~(uint64_t)CR0_PG, EXCEPTION_GP);
	expect("CR0 without PE", 0, set_cr0, cr0 & ~(uint64_t)CR0_PE, EXCEPTION_GP);
	expect("CR0 without PG and PE", 0, set_cr0, cr0 & ~(uint64_t)(CR0_PG | CR0_PE), EXCEPTION_GP);
	expect("CR4 without PAE", 0, set_cr4, cr4 & ~(uint64_t)CR4_PAE, EXCEPTION_GP);
	if (!(cpuid(1, 0).ecx & BIT(17)))
		return;
	expect("CR4.PCIDE", 0, set_cr4, cr4 | CR4_PCIDE, NO_FAULT);
	write_cr3(read_cr3() | BIT(3));
	expect("CR4.PCIDE with PCD in CR3", 0, set_cr4, cr4 | CR4_PCIDE, EXCEPTION_GP);
	write_cr3(read_cr3() & ~BIT(3));
}

/* ---- Flags, shadows and pending traps ---- */

static void flags(uint64_t value)
{
	uint64_t after;

	__asm__ volatile("push %1; popf; mov $0, %%eax; cpuid; out %%al, $0x80; pushf; pop %0; push $2; popf"
	                 : "=&r"(after)
	                 : "r"(value)
	                 : "rax", "rbx", "rcx", "rdx", "memory");
	check_equal("RFLAGS after exits", value, after, value);
}

static void step_over_exit(uint64_t unused)
{
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; cpuid; nop"
	                 :
	                 : "a"(0)
	                 : "rbx", "rcx", "rdx", "memory");
}

static void step_over_exit_in_shadow(uint64_t unused)
{
	__asm__ volatile("pushf; orl $0x100, (%%rsp); mov %%ss, %%ecx; popf; mov %%ecx, %%ss; cpuid; nop"
	                 :
	                 : "a"(0)
	                 : "rbx", "rcx", "rdx", "memory");
}

static void exit_in_shadows(uint64_t unused)
{
	__asm__ volatile("mov %%ss, %%ecx; mov %%ecx, %%ss; cpuid; sti; cpuid; cli; sti; out %%al, $0x80; cli"
	                 :
	                 : "a"(0)
	                 : "rbx", "rcx", "rdx", "memory");
}

static void return_to(uint64_t rip)
{
	__asm__ volatile(
		"mov %%ss, %%ecx; push %%rcx; push %%rsp; pushf; mov %%cs, %%ecx; push %%rcx; push %0; iretq"
		:
		: "r"(rip)
		: "rcx", "memory");
}

static void return_from_task(uint64_t unused)
{
	__asm__ volatile("pushf; orl $0x4000, (%%rsp); popf; iretq" : : : "memory");
}

static void attack_flags(void)
{
	static const uint64_t values[] = {
		0,
		RFLAGS_IOPL,
		RFLAGS_NT,
		RFLAGS_AC,
		RFLAGS_DF,
		RFLAGS_OF | RFLAGS_SF,
		RFLAGS_ID,
		RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC | RFLAGS_DF | RFLAGS_OF | RFLAGS_SF | RFLAGS_ID,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
		expect("RFLAGS", values[i], flags, values[i] | RFLAGS_RESERVED, NO_FAULT);
	expect("a step over CPUID", 0, step_over_exit, 0, EXCEPTION_DB);
	expect("a step over CPUID behind MOV SS", 0, step_over_exit_in_shadow, 0, EXCEPTION_DB);
	expect("exits in shadows", 0, exit_in_shadows, 0, NO_FAULT);
	expect("IRET to what is not canonical", 0, return_to, NOT_CANONICAL, EXCEPTION_GP);
	expect("IRET with NT", 0, return_from_task, 0, EXCEPTION_GP);
}

void attack_states(void)
{
	attack_segments();
	attack_conforming();
	attack_ldt();
	attack_tables();
	attack_msrs_of_state();
	attack_nxe();
	attack_control_registers();
	attack_flags();
}
