/* SPDX-License-Identifier: MIT */
#include "boot/smp.h"
#include "devices/real/lapic.h"
#include "lib/format.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/host_map.h"
#include "mm/layout.h"
#include "vmm/backend.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/cpu_sanitize.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/irq.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/observe/log.h"
#include "vmm/cpu/time.h"

/* boot/trampoline.S, boot/entry.S */
extern const uint8_t trampoline_start[], boot_pml4[];
extern const uint64_t trampoline_size, trampoline_values_at;
void trampoline_switch(void);

struct trampoline_values {
	uint64_t first_cr3; /* below 4 GiB, with the low memory mapped one to one */
	uint64_t efer, cr3, stack, cpu, next, enter;
};

#define LOW_START 0x1000 /* the real-mode vectors and the BIOS data area stay */
#define LOW_END   0xa0000

/*
 * SDM Vol. 3A "MP Initialization Protocol Algorithm for MP Systems", "Typical BSP Initialization
 * Sequence".
 */
#define INIT_WAIT_NS    10000000
#define STARTUP_WAIT_NS 200000
#define STARTUPS        2
#define COME_UP_NS      1000000000

/*
 * How far a processor has come. Each has its own, so that one that comes late is not taken for the
 * next.
 */
enum stage {
	SILENT,
	ALIVE,    /* C code runs there */
	ASKED,    /* for its TSC */
	TOLD,     /* its TSC */
	ACCEPTED, /* it may go on */
	READY,
	RELEASED, /* it may enter its run loop */
	FAILED,
};

static char problem[200];

static void smp_report(struct cpu *cpu, enum stage stage)
{
	__atomic_store_n(&cpu->stage, stage, __ATOMIC_RELEASE);
}

static enum stage smp_reached(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->stage, __ATOMIC_ACQUIRE);
}

static void smp_await(const struct cpu *cpu, enum stage stage)
{
	while (smp_reached(cpu) != stage)
		cpu_relax();
}

static bool smp_start_devices(struct cpu *cpu)
{
	if (mitigations_init_cpu(problem, sizeof(problem)))
		return false;
	if (irq_init_cpu())
		return !backend_cpu_start(cpu, problem, sizeof(problem));
	format_buffer(problem, sizeof(problem), "its local APIC or the timer in it does not work");
	return false;
}

/* The first C code on another processor: interrupts are off. One that failed waits for its INIT. */
static _Noreturn void smp_start_here(struct cpu *cpu)
{
	cpu_sanitize();
	host_map_activate();
	if (interrupts_init_cpu(cpu)) {
		format_buffer(problem, sizeof(problem), "no memory for its stacks");
		smp_report(cpu, FAILED);
	} else {
		smp_report(cpu, ALIVE);
	}
	smp_await(cpu, ASKED);
	cpu->stage_tsc = read_tsc_in_order();
	smp_report(cpu, TOLD);
	smp_await(cpu, ACCEPTED);
	smp_report(cpu, smp_start_devices(cpu) ? READY : FAILED);
	smp_await(cpu, RELEASED);
	backend_run();
}

/* Wait until it has come at least as far, or has failed. */
static bool smp_wait_for(const struct cpu *cpu, enum stage wanted, uint64_t ns)
{
	uint64_t end = time_now() + time_tsc_from_ns(ns);

	while (smp_reached(cpu) < wanted && time_now() < end)
		cpu_relax();
	return smp_reached(cpu) >= wanted && smp_reached(cpu) != FAILED;
}

static void smp_wake(const struct cpu *cpu, hpa_t page)
{
	lapic_send_ipi(cpu->apic_id, LAPIC_DELIVER_INIT, 0);
	smp_wait_for(cpu, ALIVE, INIT_WAIT_NS); /* which is not yet */
	for (unsigned i = 0; i < STARTUPS && smp_reached(cpu) == SILENT; i++) {
		lapic_send_ipi(cpu->apic_id, LAPIC_DELIVER_STARTUP, (uint8_t)(page >> PAGE_SHIFT));
		smp_wait_for(cpu, ALIVE, STARTUP_WAIT_NS);
	}
}

/*
 * All clocks are offsets of the TSC, and VMs move: every processor must have the same. So its own
 * must lie between two looks at this one's.
 */
static bool smp_has_our_tsc(struct cpu *cpu)
{
	uint64_t before = read_tsc_in_order(), after;

	smp_report(cpu, ASKED);
	if (!smp_wait_for(cpu, TOLD, COME_UP_NS))
		return false;
	after = read_tsc_in_order();
	if (cpu->stage_tsc - before <= after - before)
		return true;
	format_buffer(problem, sizeof(problem),
	              "its time-stamp counter is %ld ticks from the boot processor's: update the firmware",
	              (int64_t)(cpu->stage_tsc - before));
	return false;
}

static struct cpu *smp_create_cpu(uint32_t apic_id)
{
	hpa_t frame = frames_alloc(FRAME_ORDER_4K, FRAME_OWNER_MONITOR, FRAME_DATA);
	void *stack = host_map_stack(CPU_STACK_PAGES);
	struct cpu *cpu;

	_Static_assert(sizeof(*cpu) <= PAGE_SIZE, "one frame for each CPU");
	if (!frame || !stack)
		return NULL;
	cpu = hpa_to_pointer(frame);
	cpu_init(cpu, cpu_count);
	cpu->stack_top = (uint64_t)stack;
	cpu->apic_id = apic_id;
	return cpu;
}

static void smp_start_cpu(uint32_t apic_id, hpa_t page)
{
	struct trampoline_values *values = hpa_to_pointer(page + trampoline_values_at);
	struct cpu *cpu = smp_create_cpu(apic_id);

	if (!cpu) {
		log_warning("cpu: no memory for the processor with APIC ID %u; it is left out\n", apic_id);
		return;
	}
	*values = (struct trampoline_values){
		.first_cr3 = (hpa_t)boot_pml4 - IMAGE_BASE,
		.efer = read_msr(MSR_EFER) & (EFER_LME | EFER_NXE),
		.cr3 = host_map_root(),
		.stack = cpu->stack_top,
		.cpu = (uint64_t)cpu,
		.next = (uint64_t)smp_start_here,
		.enter = (uint64_t)trampoline_switch,
	};
	problem[0] = '\0';
	smp_wake(cpu, page);
	if (smp_wait_for(cpu, ALIVE, COME_UP_NS) && smp_has_our_tsc(cpu)) {
		smp_report(cpu, ACCEPTED);
		if (smp_wait_for(cpu, READY, COME_UP_NS)) {
			cpu_add(cpu);
			smp_report(cpu, RELEASED);
			return;
		}
	}
	log_warning("cpu: the processor with APIC ID %u does not start%s%s; it is left out\n", apic_id,
	            problem[0] ? ": " : "", problem);
	lapic_send_ipi(apic_id, LAPIC_DELIVER_INIT, 0); /* should it come late: the values change */
}

/*
 * A page of low memory that is RAM: the trampoline's for as long as it is needed. 0: there is none.
 */
static hpa_t smp_find_page(const struct memory_range *ram, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		hpa_t start = MAX(ALIGN_UP(ram[i].start, PAGE_SIZE), LOW_START);

		if (start + PAGE_SIZE <= MIN(ram[i].end, LOW_END))
			return start;
	}
	return 0;
}

void smp_start(const struct acpi_info *info, const struct memory_range *ram, unsigned count)
{
	uint32_t own = lapic_id();
	hpa_t page = smp_find_page(ram, count);
	unsigned named = 0;

	for (unsigned i = 0; i < info->cpu_count; i++) {
		uint32_t apic_id = info->apic_id[i];

		if (apic_id == own)
			continue;
		if (!page || cpu_count == CPUS_MAX || (!lapic_x2apic() && apic_id > 254)) {
			log_warning("cpu: the processor with APIC ID %u is left out: %s\n", apic_id,
			            !page                   ? "no memory below 640 KiB is free to start it"
			            : cpu_count == CPUS_MAX ? "Nacre runs on 64 at most"
			                                    : "it needs x2APIC mode");
			continue;
		}
		if (!named++)
			memcpy(hpa_to_pointer(page), trampoline_start, trampoline_size);
		log_info("cpu: starting processor %u of %u, APIC ID %u\n", named + 1, info->cpu_count,
		         apic_id);
		smp_start_cpu(apic_id, page);
	}
	log_info("cpu: %u of %u processors run guests\n", cpu_count, MAX(info->cpu_count, 1));
}
