/* SPDX-License-Identifier: MIT */
#include "devices/real/lapic.h"
#include "lib/errors.h"
#include "lib/panic.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "mm/frames.h"
#include "mm/host_map.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/observe/log.h"
#include "vmm/observe/machine_check.h"
#include "vmm/observe/panic.h"
#include "vmm/observe/trace.h"

#define VECTORS   256
#define STUB_SIZE 16 /* interrupts.S */

/* SDM Vol. 3A "64-Bit Mode IDT": entries of the table. */
struct idt_gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

/* SDM Vol. 3A "Task Management in 64-bit Mode": the 64-bit TSS. */
struct packed tss {
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7]; /* IST1 is ist[0] */
	uint64_t reserved2;
	uint16_t reserved3, io_map_base;
};
_Static_assert(sizeof(struct tss) == TSS_LIMIT + 1, "the 64-bit TSS without an I/O permission bitmap");

/* The operand of LGDT, LIDT, SGDT and SIDT. */
struct table_pointer {
	uint16_t limit;
	uint64_t base;
} packed;

#define GDT_CODE       0x00af9b000000ffff /* 64-bit code, DPL 0 */
#define GDT_DATA       0x00cf93000000ffff /* data, writable, DPL 0 */
#define GDT_TSS        0x0000890000000000 /* 64-bit TSS, available */
#define GDT_ENTRIES    5                  /* null, code, data, and two for the TSS */
#define GATE_INTERRUPT 0x8e               /* present, DPL 0, 64-bit interrupt gate */

/* A CPU's own segments: one page, of which it uses a little. */
struct cpu_segments {
	uint64_t gdt[GDT_ENTRIES];
	struct tss tss;
};

/* Vectors that must not trust the stack that they interrupt. */
/* clang-format off */
static const struct {
	uint8_t vector, ist;
} stack_switches[] = {
	{EXCEPTION_NMI, 1},
	{EXCEPTION_DF,  2},
	{EXCEPTION_MC,  3},
};
/* clang-format on */

extern const uint8_t interrupt_stubs[];
void segments_load(const struct table_pointer *gdt);
extern const uint8_t cpu_parked[];
_Noreturn void cpu_park(uint32_t *done);

static struct idt_gate idt[VECTORS], parked_idt[VECTOR_FIRST_FREE];
static struct table_pointer boot_gdt; /* the boot processor's: parked ones need no TSS */

static void interrupts_load_idt(const struct idt_gate *gates, unsigned count)
{
	struct table_pointer pointer = {.limit = (uint16_t)(count * sizeof(*gates) - 1),
	                                .base = (uint64_t)gates};

	__asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

static struct idt_gate gate_to(uint64_t code)
{
	return (struct idt_gate){
		.offset_low = (uint16_t)code,
		.offset_middle = (uint16_t)(code >> 16),
		.offset_high = (uint32_t)(code >> 32),
		.selector = SELECTOR_CODE,
		.type = GATE_INTERRUPT,
	};
}

void interrupts_early_init(struct cpu *cpu)
{
	write_msr(MSR_GS_BASE, (uint64_t)cpu);
	for (unsigned vector = 0; vector < VECTORS; vector++)
		idt[vector] = gate_to((uint64_t)interrupt_stubs + vector * STUB_SIZE);
	interrupts_load_idt(idt, VECTORS);
}

static void interrupts_load_segments(struct cpu_segments *segments)
{
	uint64_t tss = (uint64_t)&segments->tss;
	struct table_pointer pointer = {.limit = sizeof(segments->gdt) - 1, .base = (uint64_t)segments->gdt};

	segments->tss.io_map_base = sizeof(struct tss);
	segments->gdt[SELECTOR_CODE / 8] = GDT_CODE;
	segments->gdt[SELECTOR_DATA / 8] = GDT_DATA;
	segments->gdt[SELECTOR_TSS / 8] =
		GDT_TSS | TSS_LIMIT | (tss & 0xffffff) << 16 | (tss >> 24 & 0xff) << 56;
	segments->gdt[SELECTOR_TSS / 8 + 1] = tss >> 32;
	segments_load(&pointer);
	if (!boot_gdt.base)
		boot_gdt = pointer;
	__asm__ volatile("ltr %0" : : "r"((uint16_t)SELECTOR_TSS) : "memory");
}

int interrupts_init_cpu(struct cpu *cpu)
{
	hpa_t frame = frames_alloc(FRAME_ORDER_4K, FRAME_OWNER_MONITOR, FRAME_DATA);
	struct cpu_segments *segments;

	_Static_assert(sizeof(*segments) <= PAGE_SIZE, "one frame for each CPU");
	if (!frame)
		return -ERR_NO_MEMORY;
	segments = hpa_to_pointer(frame);
	for (size_t i = 0; i < ARRAY_SIZE(stack_switches); i++) {
		void *top = host_map_stack(CPU_STACK_PAGES);

		if (!top)
			return -ERR_NO_MEMORY;
		segments->tss.ist[stack_switches[i].ist - 1] = (uint64_t)top;
	}
	interrupts_load_segments(segments);
	write_msr(MSR_GS_BASE, (uint64_t)cpu);
	for (size_t i = 0; i < ARRAY_SIZE(stack_switches); i++)
		idt[stack_switches[i].vector].ist = stack_switches[i].ist;
	interrupts_load_idt(idt, VECTORS);
	machine_check_init_cpu(); /* without it a machine check shuts the processor down without a word */
	return trace_init_cpu(cpu->index);
}

void interrupts_park_cpu(uint32_t *done)
{
	for (unsigned vector = 0; vector < VECTOR_FIRST_FREE; vector++)
		parked_idt[vector] = gate_to((uint64_t)cpu_parked);
	segments_load(&boot_gdt);
	interrupts_load_idt(parked_idt, VECTOR_FIRST_FREE);
	machine_check_enable();
	cpu_park(done);
}

struct descriptor_tables interrupts_tables(void)
{
	struct table_pointer gdt, interrupt_table;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	__asm__ volatile("sidt %0" : "=m"(interrupt_table));
	return (struct descriptor_tables){
		.gdt = gdt.base,
		.idt = interrupt_table.base,
		.tss = gdt.base + offsetof(struct cpu_segments, tss),
	};
}
