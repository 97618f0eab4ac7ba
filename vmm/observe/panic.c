/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include "devices/real/wait.h"
#include "lib/format.h"
#include "lib/per_cpu.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/host_map.h"
#include "mm/image.h"
#include "mm/paging.h"
#include "vmm/observe/backtrace.h"
#include "vmm/observe/log.h"
#include "vmm/observe/machine_check.h"
#include "vmm/observe/panic.h"
#include "vmm/observe/symbols.h"
#include "vmm/observe/trace.h"

#define BACKTRACE_MAX   24
#define BACKTRACE_SHOWN 8  /* of them in the summary, which fits a screen of 25 lines */
#define RESET_SECONDS   10 /* for whoever looks */

/* boot/entry.S */
extern const uint8_t boot_stack[], boot_stack_end[];

static const char panic_own_defect[] = "This is a defect of Nacre: please report the lines above.";
static const char panic_hardware_error[] =
	"The hardware reported an error of its own, by a machine check: the lines above say in which bank.";

static const char panic_deaf_machine[] =
	"A second NMI came while no processor took interrupts: the lines above say where this one was.";

static unsigned panics;
static void (*panic_stop_others)(void);
static void (*panic_reset)(void);

void panic_set_stop_others(void (*stop)(void))
{
	panic_stop_others = stop;
}

void panic_set_reset(void (*reset)(void))
{
	panic_reset = reset;
}

static void panic_print(const char *format, ...) printf_like(1, 2);

static void panic_print(const char *format, ...)
{
	char text[320];
	size_t length;
	va_list args;

	va_start(args, format);
	length = (size_t)format_buffer_va(text, sizeof(text), format, args);
	va_end(args);
	log_write(text, MIN(length, sizeof(text) - 1));
}

static void panic_print_line(const char *line)
{
	panic_print("  %s\n", line);
}

static void panic_record_line(const char *line)
{
	char text[160];
	size_t length = (size_t)format_buffer(text, sizeof(text), "  %s\n", line);

	log_record(text, MIN(length, sizeof(text) - 1));
}

static _Noreturn void panic_stop_cpu(void)
{
	for (;;)
		__asm__ volatile("sfence; cli; hlt"); /* the last pixels may wait to be combined */
}

bool panic_in_progress(void)
{
	return __atomic_load_n(&panics, __ATOMIC_RELAXED);
}

/*
 * The first to come reports; whoever comes later, on another CPU or by a fault in the report
 * itself, stops.
 */
static void panic_enter(void)
{
	unsigned earlier;

	interrupts_disable();
	earlier = __atomic_fetch_add(&panics, 1, __ATOMIC_ACQ_REL);
	if (earlier == 1)
		panic_print("(a second fault while this was reported)\n");
	if (earlier)
		panic_stop_cpu();
	if (panic_stop_others)
		panic_stop_others();
	log_panic_mode();
}

static bool panic_is_mapped(uint64_t address)
{
	const struct page_table table = {.format = &paging_host, .root = host_map_root()};

	return table.root && page_table_find(&table, address).present;
}

/*
 * How many words lie from `*rsp` to the end of its stack, which has unmapped pages around it.
 * Where the stack has overflowed, `*rsp` becomes its lowest word.
 */
static size_t panic_stack_words(uint64_t *rsp)
{
	const struct per_cpu *cpu = per_cpu_or_null();
	uint64_t end;

	*rsp = ALIGN_UP(*rsp, sizeof(uint64_t));
	if (*rsp >= (uint64_t)boot_stack && *rsp < (uint64_t)boot_stack_end)
		return ((uint64_t)boot_stack_end - *rsp) / sizeof(uint64_t);
	if (!panic_is_mapped(*rsp) && cpu && cpu->stack_top)
		*rsp = cpu->stack_top - CPU_STACK_PAGES * PAGE_SIZE;
	end = *rsp;
	for (unsigned pages = 0; pages < CPU_STACK_PAGES && panic_is_mapped(end); pages++)
		end = ALIGN_UP(end + 1, PAGE_SIZE);
	return (end - *rsp) / sizeof(uint64_t);
}

/* What does not fit the screen goes to the serial line. */
static void panic_print_backtrace(uint64_t rsp)
{
	const struct code code = {text_start, (uint64_t)text_start, (uint64_t)text_end};
	uint64_t found[BACKTRACE_MAX];
	size_t words = panic_stack_words(&rsp);
	unsigned count = backtrace_collect(&code, (const uint64_t *)rsp, words, found, BACKTRACE_MAX);

	panic_print("called from:\n");
	for (unsigned i = 0; i < count; i++) {
		char name[80], line[120];

		/* A call may be a function's last instruction: name what is before it. */
		format_buffer(line, sizeof(line), "%016lx %s", found[i],
		              symbol_describe(found[i] - 1, name, sizeof(name)));
		if (i < BACKTRACE_SHOWN)
			panic_print_line(line);
		else
			panic_record_line(line);
	}
}

static void panic_print_where(uint64_t rip)
{
	const struct per_cpu *cpu = per_cpu_or_null();
	char name[80];

	panic_print("at %016lx %s on CPU %u\n", rip, symbol_describe(rip, name, sizeof(name)),
	            cpu ? cpu->index : 0);
}

static void panic_print_system_registers(void)
{
	panic_print("  cr0 %016lx cr2 %016lx\n  cr3 %016lx cr4 %016lx\n", read_cr0(), read_cr2(), read_cr3(),
	            read_cr4());
}

static void panic_print_registers(const struct interrupt_frame *frame)
{
	/* In the order of frame->gpr. */
	static const char name[][4] = {"r15", "r14", "r13", "r12", "r11", "r10", "r9 ", "r8 ",
	                               "rdi", "rsi", "rbp", "rbx", "rdx", "rcx", "rax"};

	for (size_t i = ARRAY_SIZE(name); i-- > 0;)
		panic_print("  %s %016lx%s", name[i], frame->gpr[i], i % 3 ? "" : "\n");
	panic_print("  cs %04lx ss %04lx rsp %016lx rflags %016lx\n", frame->cs, frame->ss, frame->rsp,
	            frame->rflags);
}

/*
 * The cause comes at once, should the report itself fail. Then, for a serial line, what is longer
 * than a screen. The summary is last, so that it stays on a screen that has no way back.
 */
static void panic_begin(const char *cause)
{
	panic_print("\nNacre panic: %s\n", cause);
	log_record("the last events, oldest first:\n", 31);
	trace_print(panic_record_line);
	panic_print("\nNacre panic: %s\n", cause);
}

static void panic_reset_soon(void)
{
	struct wait wait = wait_begin(RESET_SECONDS * 1000000);

	panic_print("Restart in %u seconds, since on_panic = reset.\n", RESET_SECONDS);
	while (!wait_over(&wait))
		cpu_relax();
	panic_reset();
}

static _Noreturn void panic_finish(uint64_t rsp, const char *blame)
{
	panic_print_backtrace(rsp);
	panic_print("Nacre has stopped, and every guest with it.\n%s\n", blame);
	if (panic_reset)
		panic_reset_soon();
	panic_stop_cpu();
}

void panic(const char *format, ...)
{
	char text[256];
	va_list args;

	panic_enter();
	va_start(args, format);
	format_buffer_va(text, sizeof(text), format, args);
	va_end(args);
	panic_begin(text);
	panic_print_where((uint64_t)__builtin_return_address(0));
	panic_print_system_registers();
	panic_finish((uint64_t)__builtin_frame_address(0), panic_own_defect);
}

static const char *const panic_exception_names[] = {
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

static const char *panic_exception_name(unsigned vector)
{
	return vector < ARRAY_SIZE(panic_exception_names) ? panic_exception_names[vector] : "";
}

static const char *panic_blame(unsigned vector)
{
	switch (vector) {
	case EXCEPTION_MC: return panic_hardware_error;
	case EXCEPTION_NMI: return panic_deaf_machine;
	default: return panic_own_defect;
	}
}

void panic_exception(const struct interrupt_frame *frame)
{
	unsigned vector = (unsigned)frame->vector;
	char cause[128];

	if (vector == EXCEPTION_MC) /* all CPUs come here, and all but the first stop in the next line */
		machine_check_collect();
	panic_enter();
	format_buffer(cause, sizeof(cause), "exception %u %s in the monitor, error code %lx", vector,
	              panic_exception_name(vector), frame->error_code);
	panic_begin(cause);
	panic_print_where(frame->rip);
	panic_print_registers(frame);
	panic_print_system_registers();
	if (vector == EXCEPTION_MC)
		machine_check_print(panic_print_line);
	panic_finish(frame->rsp, panic_blame(vector));
}
