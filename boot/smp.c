/* SPDX-License-Identifier: MIT */
#include "boot/smp.h"
#include "boot/smp_stage.h"
#include "devices/real/lapic.h"
#include "lib/format.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/host_map.h"
#include "mm/layout.h"
#include "vmm/backend.h"
#include "vmm/cpu/cpu_sanitize.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/irq.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/observe/log.h"

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

static char problem[200];

/* The boot processor decides; it may also decide that this one is left out. */
static void smp_await(struct cpu *cpu, enum stage stage)
{
	while (smp_reached(cpu) != stage) {
		if (smp_reached(cpu) == LEFT_OUT)
			interrupts_park_cpu(&cpu->stage);
		cpu_relax();
	}
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

/* The first C code on another processor: interrupts are off. */
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
	smp_tsc_answer(cpu);
	smp_await(cpu, ACCEPTED);
	smp_report(cpu, smp_start_devices(cpu) ? READY : FAILED);
	smp_await(cpu, RELEASED);
	backend_run();
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

/* Wake `cpu`, which goes on at `next`. */
static void smp_wake_at(struct cpu *cpu, hpa_t page, void (*next)(struct cpu *cpu))
{
	*(struct trampoline_values *)hpa_to_pointer(page + trampoline_values_at) = (struct trampoline_values){
		.first_cr3 = (hpa_t)boot_pml4 - IMAGE_BASE,
		.efer = read_msr(MSR_EFER) & (EFER_LME | EFER_NXE),
		.cr3 = host_map_root(),
		.stack = cpu->stack_top,
		.cpu = (uint64_t)cpu,
		.next = (uint64_t)next,
		.enter = (uint64_t)trampoline_switch,
	};
	smp_wake(cpu, page);
}

/* One that runs code parks itself; one that does not must not come late: the values change. */
static void smp_leave_out(struct cpu *cpu)
{
	if (smp_reached(cpu) == SILENT)
		lapic_send_ipi(cpu->apic_id, LAPIC_DELIVER_INIT, 0);
	else
		smp_report(cpu, LEFT_OUT);
}

static void smp_start_cpu(uint32_t apic_id, hpa_t page)
{
	struct cpu *cpu = smp_create_cpu(apic_id);

	if (!cpu) {
		log_warning("cpu: no memory for the processor with APIC ID %u; it is left out\n", apic_id);
		return;
	}
	problem[0] = '\0';
	smp_wake_at(cpu, page, smp_start_here);
	if (smp_wait_for(cpu, ALIVE, COME_UP_NS) && smp_tsc_align(cpu, problem, sizeof(problem))) {
		smp_report(cpu, ACCEPTED);
		if (smp_wait_for(cpu, READY, COME_UP_NS)) {
			cpu_add(cpu);
			smp_report(cpu, RELEASED);
			return;
		}
	}
	log_warning("cpu: the processor with APIC ID %u does not start%s%s; it is left out\n", apic_id,
	            problem[0] ? ": " : "", problem);
	smp_leave_out(cpu);
}

static void smp_park_here(struct cpu *cpu)
{
	cpu_sanitize();
	host_map_activate();
	interrupts_park_cpu(&cpu->stage);
}

/* More processors than run guests share one stack, one after the other. */
static bool smp_park_cpu(uint32_t apic_id, hpa_t page)
{
	static struct cpu surplus;

	if (!surplus.stack_top)
		surplus.stack_top = (uint64_t)host_map_stack(CPU_STACK_PAGES);
	if (!surplus.stack_top)
		return false;
	surplus.apic_id = apic_id;
	surplus.stage = SILENT;
	smp_wake_at(&surplus, page, smp_park_here);
	if (smp_wait_for(&surplus, ALIVE, COME_UP_NS))
		return true;
	smp_leave_out(&surplus);
	return false;
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

/* Processors that run no guest, by why. */
static void smp_say(const char *why, unsigned count)
{
	if (count)
		log_warning("cpu: %u processors are left out: %s\n", count, why);
}

void smp_start(const struct acpi_info *info, unsigned limit, const struct memory_range *ram, unsigned count)
{
	uint32_t own = lapic_id();
	hpa_t page = smp_find_page(ram, count);
	unsigned number = 1, parked = 0, asleep = 0, unreachable = 0;

	if (page)
		memcpy(hpa_to_pointer(page), trampoline_start, trampoline_size);
	for (unsigned i = 0; i < info->cpu_count; i++) {
		uint32_t apic_id = info->apic_id[i];

		if (apic_id == own)
			continue;
		number++;
		if (!page || (!lapic_x2apic() && apic_id > 254)) {
			unreachable++;
		} else if (cpu_count >= limit) {
			*(smp_park_cpu(apic_id, page) ? &parked : &asleep) += 1;
		} else {
			log_info("cpu: starting processor %u of %u, APIC ID %u\n", number, info->cpu_count,
			         apic_id);
			smp_start_cpu(apic_id, page);
		}
	}
	smp_say(page ? "they need x2APIC mode" : "no memory below 640 KiB is free to start them",
	        unreachable);
	smp_say("more than may run guests, and they do not start", asleep);
	if (parked)
		log_info("cpu: %u more processors are parked\n", parked);
	log_info("cpu: %u of %u processors run guests\n", cpu_count, MAX(info->cpu_count, 1));
}
