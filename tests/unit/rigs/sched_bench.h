/* SPDX-License-Identifier: MIT */
/*
 * Processors for the tests of the scheduler and of calls: vmm/cpu/ as it is, over entities that
 * only use up time. One tick of the TSC is one ns; all processors see the same
 * one.
 */
#ifndef TESTS_UNIT_RIGS_SCHED_BENCH_H
#define TESTS_UNIT_RIGS_SCHED_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/x86.h"
#include "vmm/console/console.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/irq.h"
#include "vmm/cpu/time.h"

#define BENCH_CPUS     4 /* two, unless a test adds the others */
#define BENCH_ENTITIES 8
#define BENCH_STEP     20000 /* ns that all processors run between two looks at their events */
#define MS             1000000UL

#define UNUSED __attribute__((unused))

/*
 * What an entity does: runs for `run` ns, then sleeps for `sleep` ns, again and again; `sleep` 0:
 * it never does.
 */
struct load {
	uint64_t run, sleep;
	uint64_t left;    /* ns of this round */
	uint64_t wakes;   /* TSC; 0: does not sleep */
	uint64_t waits;   /* TSC since when it has been ready */
	uint64_t longest; /* wait in ns, from waking to running */
};

static struct {
	struct cpu cpu[BENCH_CPUS];
	struct sched_entity entity[BENCH_ENTITIES];
	bool sleeps[BENCH_ENTITIES]; /* not runnable */
	struct load load[BENCH_ENTITIES];
	unsigned kicks[BENCH_CPUS];  /* IPIs that wait */
	unsigned kicked[BENCH_CPUS]; /* IPIs ever */
	uint64_t idle[BENCH_CPUS];   /* ns without an entity */
	uint64_t leaving;            /* ns that it takes one to leave a CPU */
	/* Calls of the hooks. */
	unsigned arrived, left, waited, wait_over, blocked;
	jmp_buf *stuck;
} bench;

/* ---- What the processors' code calls ---- */

void lapic_timer_arm(uint64_t deadline);
void lapic_send_ipi(uint32_t apic_id, unsigned delivery, uint8_t vector);

void lapic_timer_arm(uint64_t deadline)
{
	(void)deadline;
}

void lapic_send_ipi(uint32_t apic_id, unsigned delivery, uint8_t vector)
{
	(void)delivery;
	assert_int_equal(vector, VECTOR_KICK);
	for (unsigned i = 0; i < BENCH_CPUS; i++)
		if (bench.cpu[i].apic_id == apic_id) {
			bench.kicks[i]++;
			bench.kicked[i]++;
		}
}

void console_write(const char *text, size_t length)
{
	(void)text;
	(void)length;
}

bool cpu_background_waits(void)
{
	return false;
}

bool cpu_background_ready(void)
{
	return false;
}

void cpu_background_run(void)
{
}

void cpu_deadline_changed(struct cpu *cpu)
{
	assert_ptr_equal(cpu, this_cpu()); /* a timer is armed only where it is */
}

void cpu_reschedule(struct cpu *cpu)
{
	assert_ptr_equal(cpu, this_cpu());
	cpu->rescheduled = true;
}

bool sched_is_runnable(const struct sched_entity *entity)
{
	return !bench.sleeps[entity - bench.entity];
}

void sched_on_arrive(struct sched_entity *entity)
{
	assert_ptr_equal(cpu_get(entity->cpu), this_cpu());
	bench.arrived++;
}

void sched_on_leave(struct cpu *cpu, struct sched_entity *entity)
{
	(void)entity;
	assert_ptr_equal(cpu, this_cpu());
	bench.left++;
	fake_x86.tsc += bench.leaving;
}

void sched_on_wait(struct sched_entity *entity)
{
	(void)entity;
	bench.waited++;
}

void sched_on_wait_over(struct sched_entity *entity)
{
	(void)entity;
	bench.wait_over++;
}

void sched_on_block(struct sched_entity *entity)
{
	assert_true(bench.sleeps[entity - bench.entity]);
	bench.blocked++;
}

/* ---- The processors ---- */

static void bench_halt(void)
{
	longjmp(*bench.stuck, 1);
}

static void bench_on(unsigned cpu)
{
	fake_x86.per_cpu = &bench.cpu[cpu];
}

static void bench_add_cpu(void)
{
	struct cpu *cpu = &bench.cpu[cpu_count];

	cpu->apic_id = 10 + cpu_count;
	cpu_init(cpu, cpu_count);
	cpu_add(cpu);
}

UNUSED static int bench_setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.halt = bench_halt;
	fake_x86.tsc = 5000 * MS;
	time_set_rate(1000000000);
	memset(&bench, 0, sizeof(bench));
	cpu_count = 0;
	bench_add_cpu();
	bench_add_cpu();
	bench_on(0);
	return 0;
}

#define bench_test(f) cmocka_unit_test_setup(f, bench_setup)

/* Is it what the CPU runs? Null: the CPU waits. */
UNUSED static struct sched_entity *bench_current(unsigned cpu)
{
	return bench.cpu[cpu].sched.running;
}

/* An entity that is on CPU `cpu` and wants to run. */
UNUSED static struct sched_entity *bench_add(unsigned i, unsigned cpu, uint16_t weight, uint8_t cap,
                                             uint64_t cpus)
{
	struct sched_entity *entity = &bench.entity[i];

	sched_entity_init(entity, (uint16_t)i, weight, cap, cpus);
	entity->cpu = (uint8_t)cpu;
	bench.sleeps[i] = false;
	bench.cpu[cpu].sched.placed++;
	bench_on(cpu);
	sched_arrive(&bench.cpu[cpu], entity);
	return entity;
}

/* It shall run and sleep in turns. */
UNUSED static void bench_sleeps(unsigned i, uint64_t run, uint64_t sleep)
{
	bench.load[i].run = bench.load[i].left = run;
	bench.load[i].sleep = sleep;
}

/* As vmm/vm/run_loop.c: calls, then who is next, or a wait. */
static void bench_loop(struct cpu *cpu)
{
	do {
		cpu_run_calls(cpu);
		cpu->rescheduled = false;
		while (!sched_pick(cpu)) {
			cpu_idle(cpu);
			cpu_run_calls(cpu);
			cpu->rescheduled = false;
		}
	} while (cpu->rescheduled);
}

/* The run loop of the current CPU, up to its next entry; false: it waits. */
UNUSED static bool bench_schedule(void)
{
	jmp_buf here;

	bench.stuck = &here;
	if (setjmp(here))
		return false;
	bench_loop(this_cpu());
	return true;
}

/* One step of an entity, as long as that is. */
static void bench_run(unsigned i)
{
	struct load *load = &bench.load[i];

	if (load->waits) {
		load->longest = MAX(load->longest, fake_x86.tsc - load->waits);
		load->waits = 0;
	}
	if (!load->sleep)
		return;
	if (load->left > BENCH_STEP) {
		load->left -= BENCH_STEP;
		return;
	}
	load->left = load->run;
	load->wakes = fake_x86.tsc + BENCH_STEP + load->sleep;
}

static void bench_wake(unsigned i)
{
	bench.sleeps[i] = false;
	sched_wake(&bench.entity[i]);
}

static void bench_events(unsigned index)
{
	struct cpu *cpu = &bench.cpu[index];

	bench_on(index);
	if (bench.kicks[index]) {
		bench.kicks[index] = 0;
		cpu_reschedule(this_cpu());
	}
	for (unsigned i = 0; i < BENCH_ENTITIES; i++) {
		const struct sched_entity *entity = &bench.entity[i];
		struct load *load = &bench.load[i];

		if (entity->cpu != index || !load->wakes || load->wakes > fake_x86.tsc ||
		    entity->state == SCHED_NOWHERE || entity->state == SCHED_RUNNING)
			continue;
		load->wakes = 0;
		load->waits = fake_x86.tsc;
		bench_wake(i);
	}
	if (MIN(cpu_deadline(cpu), cpu->interrupts_due) <= fake_x86.tsc) /* the preemption timer */
		cpu_catch_up(cpu);
}

/* Does it sleep, as cpu_idle() does, until a kick, a timer, or what its entities wait for? */
static bool bench_halted(unsigned i)
{
	const struct cpu *cpu = &bench.cpu[i];

	if (cpu->sched.running || bench.kicks[i] || cpu_deadline(cpu) <= fake_x86.tsc ||
	    !list_empty(&cpu->sched.ready) || !list_empty(&cpu->sched.woken))
		return false;
	for (unsigned v = 0; v < BENCH_ENTITIES; v++)
		if (bench.entity[v].cpu == i && bench.load[v].wakes && bench.load[v].wakes <= fake_x86.tsc)
			return false;
	return true;
}

/* What each CPU says of its load is true. */
static void bench_check_loads(void)
{
	for (unsigned c = 0; c < cpu_count; c++) {
		unsigned load = 0;

		for (unsigned i = 0; i < BENCH_ENTITIES; i++)
			if (bench.entity[i].cpu == c &&
			    (bench.entity[i].state == SCHED_READY || bench.entity[i].state == SCHED_RUNNING))
				load += bench.entity[i].weight;
		assert_int_equal(bench.cpu[c].sched.load, load);
	}
}

/* Let time pass for all processors. */
UNUSED static void bench_pass(uint64_t ns)
{
	for (uint64_t end = fake_x86.tsc + ns; fake_x86.tsc < end; fake_x86.tsc += BENCH_STEP) {
		for (unsigned i = 0; i < cpu_count; i++) {
			struct cpu *cpu = &bench.cpu[i];

			if (!bench_halted(i)) {
				bench_events(i);
				if (!cpu->sched.running || cpu->rescheduled ||
				    !sched_is_runnable(cpu->sched.running))
					(void)bench_schedule();
			}
			if (!cpu->sched.running)
				bench.idle[i] += BENCH_STEP;
		}
		/* It ends its round after this step. */
		for (unsigned i = 0; i < cpu_count; i++) {
			const struct sched_entity *running = bench.cpu[i].sched.running;
			unsigned which = running ? (unsigned)(running - bench.entity) : 0;

			if (!running)
				continue;
			bench_run(which);
			bench.sleeps[which] |= bench.load[which].wakes != 0;
		}
	}
	bench_check_loads();
}

/* Up to the present: the accounts are those of the CPU's last look. */
UNUSED static uint64_t bench_ran(unsigned i)
{
	const struct sched_entity *entity = &bench.entity[i];

	return entity->ran + (entity->state == SCHED_RUNNING ? fake_x86.tsc - entity->since : 0);
}

#endif
