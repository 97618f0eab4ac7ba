/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include "devices/real/lapic.h"
#include "lib/format.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/host_map.h"
#include "mm/image.h"
#include "mm/paging.h"
#include "vmm/observe/backtrace.h"
#include "vmm/console/console.h"
#include "vmm/cpu/cpu.h"
#include "vmm/observe/log.h"
#include "vmm/observe/panic.h"
#include "vmm/observe/symbols.h"
#include "vmm/observe/trace.h"

#define BACKTRACE_MAX 24

#define MSR_MC0_STATUS 0x401 /* four MSRs a bank: CTL, STATUS, ADDR, MISC */
#define MCI_STATUS_VAL BIT(63)

/* boot/entry.S */
extern const uint8_t boot_stack[], boot_stack_end[];

static unsigned panics;

static void print(const char *format, ...) printf_like(1, 2);

static void print(const char *format, ...)
{
	char text[160];
	size_t length;
	va_list args;

	va_start(args, format);
	length = (size_t)format_buffer_va(text, sizeof(text), format, args);
	va_end(args);
	console_write(text, MIN(length, sizeof(text) - 1));
}

static void print_line(const char *line)
{
	print("  %s\n", line);
}

static _Noreturn void stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

bool panic_in_progress(void)
{
	return __atomic_load_n(&panics, __ATOMIC_RELAXED);
}

/* This CPU's data; null until the GS base is set. */
static const struct cpu *cpu_or_null(void)
{
	return read_msr(MSR_GS_BASE) ? this_cpu() : NULL;
}

/* An NMI leads them to interrupt_nmi(), which does not return during a panic. */
static void stop_others(void)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (cpu_get(i) != cpu_or_null())
			lapic_send_ipi(cpu_get(i)->apic_id, LAPIC_DELIVER_NMI, 0);
}

/*
 * The first to come reports; whoever comes later, on another CPU or by a fault in the report
 * itself, stops.
 */
static void enter(void)
{
	unsigned earlier;

	interrupts_disable();
	earlier = __atomic_fetch_add(&panics, 1, __ATOMIC_ACQ_REL);
	if (earlier == 1)
		print("(a second fault while this was reported)\n");
	if (earlier)
		stop();
	stop_others();
	log_panic_mode();
	console_panic_mode();
}

static bool is_mapped(uint64_t address)
{
	const struct page_table table = {.format = &paging_host, .root = host_map_root()};

	return table.root && page_table_find(&table, address).present;
}

/*
 * How many words lie from `*rsp` to the end of its stack, which has unmapped pages around it.
 * Where the stack has overflowed, `*rsp` becomes its lowest word.
 */
static size_t stack_words(uint64_t *rsp)
{
	const struct cpu *cpu = cpu_or_null();
	uint64_t end;

	*rsp = ALIGN_UP(*rsp, sizeof(uint64_t));
	if (*rsp >= (uint64_t)boot_stack && *rsp < (uint64_t)boot_stack_end)
		return ((uint64_t)boot_stack_end - *rsp) / sizeof(uint64_t);
	if (!is_mapped(*rsp) && cpu && cpu->stack_top)
		*rsp = cpu->stack_top - CPU_STACK_PAGES * PAGE_SIZE;
	end = *rsp;
	for (unsigned pages = 0; pages < CPU_STACK_PAGES && is_mapped(end); pages++)
		end = ALIGN_UP(end + 1, PAGE_SIZE);
	return (end - *rsp) / sizeof(uint64_t);
}

static void print_backtrace(uint64_t rsp)
{
	const struct code code = {text_start, (uint64_t)text_start, (uint64_t)text_end};
	uint64_t found[BACKTRACE_MAX];
	size_t words = stack_words(&rsp);
	unsigned count = backtrace_collect(&code, (const uint64_t *)rsp, words, found, BACKTRACE_MAX);

	/* A call may be a function's last instruction: name the place before the return address. */
	print("called from:\n");
	for (unsigned i = 0; i < count; i++) {
		char name[80];

		print("  %016lx %s\n", found[i], symbol_describe(found[i] - 1, name, sizeof(name)));
	}
}

static void print_where(uint64_t rip)
{
	const struct cpu *cpu = cpu_or_null();
	char name[80];

	print("at %016lx %s on CPU %u\n", rip, symbol_describe(rip, name, sizeof(name)),
	      cpu ? cpu->index : 0);
}

static void print_system_registers(void)
{
	print("  cr0 %016lx cr2 %016lx cr3 %016lx cr4 %016lx\n", read_cr0(), read_cr2(), read_cr3(),
	      read_cr4());
}

static void print_registers(const struct interrupt_frame *frame)
{
	/* In the order of frame->gpr. */
	static const char name[][4] = {"r15", "r14", "r13", "r12", "r11", "r10", "r9 ", "r8 ",
	                               "rdi", "rsi", "rbp", "rbx", "rdx", "rcx", "rax"};

	for (size_t i = ARRAY_SIZE(name); i-- > 0;)
		print("  %s %016lx%s", name[i], frame->gpr[i], i % 4 ? "" : "\n");
	print("  cs %04lx ss %04lx rsp %016lx rflags %016lx\n", frame->cs, frame->ss, frame->rsp,
	      frame->rflags);
}

/* SDM Vol. 3B "Machine-Check Architecture": which banks say what. */
static void print_machine_check(void)
{
	unsigned banks = read_msr(MSR_MCG_CAP) & 0xff;

	print("  IA32_MCG_STATUS %016lx\n", read_msr(MSR_MCG_STATUS));
	for (unsigned bank = 0; bank < banks; bank++) {
		uint64_t status = read_msr(MSR_MC0_STATUS + bank * 4);

		if (status & MCI_STATUS_VAL)
			print("  IA32_MC%u_STATUS %016lx\n", bank, status);
	}
}

static _Noreturn void finish(uint64_t rsp)
{
	print_backtrace(rsp);
	print("the last events, oldest first:\n");
	trace_print(print_line);
	print("Nacre has stopped, and every guest with it. This is a defect of Nacre: please "
	      "report the lines above.\n");
	stop();
}

void panic(const char *format, ...)
{
	char text[256];
	va_list args;

	enter();
	va_start(args, format);
	format_buffer_va(text, sizeof(text), format, args);
	va_end(args);
	console_write("\nNacre panic: ", 14);
	console_write(text, strnlen(text, sizeof(text)));
	print("\n");
	print_where((uint64_t)__builtin_return_address(0));
	print_system_registers();
	finish((uint64_t)__builtin_frame_address(0));
}

static const char *const exception_names[] = {
	"#DE divide error",
	"#DB debug",
	"NMI",
	"#BP breakpoint",
	"#OF overflow",
	"#BR bound range exceeded",
	"#UD invalid opcode",
	"#NM no FPU",
	"#DF double fault",
	"",
	"#TS invalid TSS",
	"#NP segment not present",
	"#SS stack fault",
	"#GP general protection",
	"#PF page fault",
	"",
	"#MF x87 error",
	"#AC alignment check",
	"#MC machine check",
	"#XM SIMD error",
	"#VE virtualization",
	"#CP control protection",
};

static const char *exception_name(unsigned vector)
{
	return vector < ARRAY_SIZE(exception_names) ? exception_names[vector] : "";
}

void panic_exception(const struct interrupt_frame *frame)
{
	enter();
	print("\nNacre panic: exception %u %s in the monitor, error code %lx\n", (unsigned)frame->vector,
	      exception_name((unsigned)frame->vector), frame->error_code);
	print_where(frame->rip);
	print_registers(frame);
	print_system_registers();
	if (frame->vector == EXCEPTION_MC)
		print_machine_check();
	finish(frame->rsp);
}
