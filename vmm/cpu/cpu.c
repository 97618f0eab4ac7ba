/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/cpu.h"
#include "devices/real/lapic.h"
#include "lib/x86.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/time.h"

#define INTERRUPTS_NS      20000000 /* the longest that a guest may keep interrupts waiting */
#define PAUSE_NS           100000   /* of what takes long: then interrupts are let in */
#define INTERRUPTS_SOON_NS 1000000  /* while the operator waits for output: a UART's FIFO takes as long */

/* What lib/per_cpu.h says of the beginning of struct cpu. */
_Static_assert(offsetof(struct cpu, self) == offsetof(struct per_cpu, self) &&
                       offsetof(struct cpu, stack_top) == offsetof(struct per_cpu, stack_top) &&
                       offsetof(struct cpu, current) == offsetof(struct per_cpu, current) &&
                       offsetof(struct cpu, index) == offsetof(struct per_cpu, index),
               "struct per_cpu is the beginning of struct cpu");

unsigned cpu_count;
static struct cpu *cpus[CPUS_MAX];

void cpu_init(struct cpu *cpu, unsigned index)
{
	cpu->self = cpu;
	cpu->index = (uint8_t)index;
	cpu->slice_end = TIMER_NEVER;
	timer_queue_init(&cpu->timers);
	timer_queue_init(&cpu->sleepers);
	sched_queue_init(&cpu->sched);
	list_init(&cpu->calls);
}

void cpu_add(struct cpu *cpu)
{
	cpus[cpu->index] = cpu;
	__atomic_store_n(&cpu_count, cpu->index + 1, __ATOMIC_RELEASE);
}

struct cpu *cpu_get(unsigned index)
{
	return cpus[index];
}

void cpu_stop_others(void)
{
	const void *own = per_cpu_or_null();

	for (unsigned i = 0; i < cpu_count; i++)
		if (cpus[i] != own)
			lapic_send_ipi(cpus[i]->apic_id, LAPIC_DELIVER_NMI, 0);
}

/* ---- Time ---- */

static inline void cpu_arm_in(struct cpu *cpu, struct timer_queue *queue, struct timer *timer,
                              uint64_t deadline)
{
	if (deadline == timer->deadline)
		return;
	timer_arm(queue, timer, deadline);
	cpu_deadline_changed(cpu);
}

void cpu_timer_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline)
{
	cpu_arm_in(cpu, &cpu->timers, timer, deadline);
}

void cpu_sleeper_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline)
{
	cpu_arm_in(cpu, &cpu->sleepers, timer, deadline);
}

static inline void cpu_interrupts_taken(struct cpu *cpu, uint64_t now)
{
	bool soon = !cpu->index && cpu_background_waits();

	cpu->interrupts_due = now + (soon ? time_ticks(INTERRUPTS_SOON_NS) : time_ticks(INTERRUPTS_NS));
}

static inline void cpu_run_timers(struct cpu *cpu, uint64_t now)
{
	if (cpu->slice_end <= now) {
		cpu->slice_end = TIMER_NEVER;
		cpu_reschedule(cpu);
	}
	if (timer_queue_next(&cpu->timers) <= now) {
		cpu->stretches.timer = (const void *)timer_queue_first(&cpu->timers)->expired;
		timer_queue_run(&cpu->timers, now);
	}
	if (MAX(timer_queue_next(&cpu->sleepers), cpu->quiet) <= now) {
		cpu->stretches.timer = (const void *)timer_queue_first(&cpu->sleepers)->expired;
		timer_queue_run(&cpu->sleepers, now);
	}
}

void cpu_timer_interrupt(void)
{
	cpu_run_timers(this_cpu(), time_now());
	cpu_deadline_changed(this_cpu());
}

/* At TSC `now`. */
static inline void cpu_open_window(struct cpu *cpu, uint64_t now)
{
	stretch_close(&cpu->stretches, now);
	interrupts_window();
	now = time_now();
	stretch_open(&cpu->stretches, now);
	cpu_interrupts_taken(cpu, now);
	cpu_run_timers(cpu, now);
	if (cpu->rescheduled) /* the run loop is next, which looks at both */
		return;
	cpu_deadline_changed(cpu);
	sched_account(cpu);
}

void cpu_catch_up(struct cpu *cpu)
{
	cpu_open_window(cpu, time_now());
}

void cpu_pause(struct cpu *cpu)
{
	uint64_t now = time_now();

	if (now - cpu->stretches.start > time_ticks(PAUSE_NS))
		cpu_open_window(cpu, now);
}

/* ---- Idle ---- */

static void cpu_run_background(struct cpu *cpu)
{
	struct stretch_part part = stretch_begin_part(&cpu->stretches);

	cpu_background_run();
	stretch_end_part(&cpu->stretches, part, STRETCH_CONSOLE, NULL);
	cpu_catch_up(cpu);
}

static void cpu_sleep(struct cpu *cpu, uint64_t now)
{
	lapic_timer_arm(cpu_deadline(cpu));
	stretch_close(&cpu->stretches, now);
	wait_for_interrupt();
	now = time_now();
	stretch_open(&cpu->stretches, now);
	cpu_interrupts_taken(cpu, now);
}

void cpu_idle(struct cpu *cpu)
{
	uint64_t now = time_now();

	if (cpu_deadline(cpu) <= now)
		cpu_open_window(cpu, now); /* many guests' timers must not keep interrupts out */
	else if (!cpu->index && cpu_background_ready())
		cpu_run_background(cpu);
	else if (list_empty(&cpu->calls))
		cpu_sleep(cpu, now);
}
