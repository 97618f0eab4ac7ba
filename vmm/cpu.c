#include "vmm/cpu.h"
#include "devices/real/lapic.h"
#include "lib/x86.h"
#include "vmm/console.h"
#include "vmm/backend.h"
#include "vmm/time.h"

#define LOOK_NS 20000000 /* the longest that a guest may keep interrupts waiting */

/* While guests run the preemption timer watches the deadline, if there is one (vmm/vmx/run.c). */
static void deadline_changed(struct cpu *cpu)
{
	cpu->deadline = timer_queue_next(&cpu->timers);
	if (backend_watches_deadline())
		backend_deadline_changed(cpu);
	else
		lapic_timer_arm(cpu->deadline);
}

void cpu_timer_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline)
{
	timer_arm(&cpu->timers, timer, deadline);
	deadline_changed(cpu);
}

static void interrupts_taken(struct cpu *cpu)
{
	cpu->look = time_now() + time_tsc_from_ns(LOOK_NS);
}

static void run_timers(struct cpu *cpu)
{
	timer_queue_run(&cpu->timers, time_now());
	deadline_changed(cpu);
}

void cpu_catch_up(struct cpu *cpu)
{
	interrupts_window();
	interrupts_taken(cpu);
	run_timers(cpu);
}

void cpu_idle(struct cpu *cpu)
{
	if (cpu->deadline <= time_now()) {
		run_timers(cpu);
	} else if (console_busy()) {
		console_poll();
	} else {
		lapic_timer_arm(cpu->deadline);
		wait_for_interrupt();
		interrupts_taken(cpu);
	}
}
