/* SPDX-License-Identifier: MIT */
/*
 * Processors for the tests of the scheduler and of calls: vmm/cpu/cpu.c and vmm/cpu/sched.c as they
 * are, over vCPUs that only use up time. One tick of the TSC is one ns; all processors see the same
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
#include "vmm/backend.h"
#include "vmm/console/console.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/irq.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

#define BENCH_CPUS 2
#define BENCH_VMS  8
#define BENCH_STEP 20000 /* ns that all processors run between two looks at their events */
#define MS         1000000UL

#define UNUSED __attribute__((unused))

/*
 * What a vCPU does: runs for `run` ns, then sleeps for `sleep` ns, again and again; `sleep` 0: it
 * never does.
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
	struct vm vm[BENCH_VMS];
	struct vcpu vcpu[BENCH_VMS];
	struct load load[BENCH_VMS];
	unsigned kicks[BENCH_CPUS];   /* IPIs that wait */
	unsigned kicked[BENCH_CPUS];  /* IPIs ever */
	uint64_t idle[BENCH_CPUS];    /* ns without a vCPU */
	unsigned released, held, ran; /* calls of backend_vcpu_release(), vm_hold_timers(), vm_run_timers() */
	unsigned halted_said;
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

void backend_deadline_changed(const struct cpu *cpu)
{
	assert_ptr_equal(cpu, this_cpu()); /* a timer is armed only where it is */
}

void backend_vcpu_load(struct cpu *cpu, struct vcpu *vcpu)
{
	assert_int_equal(vcpu->sched.cpu, cpu->index);
}

void backend_vcpu_release(struct cpu *cpu, struct vcpu *vcpu)
{
	assert_ptr_equal(cpu, this_cpu());
	bench.released++;
	if (cpu->current == vcpu)
		cpu->current = NULL;
}

void vm_hold_timers(struct vm *vm)
{
	(void)vm;
	bench.held++;
}

void vm_run_timers(struct vm *vm)
{
	(void)vm;
	bench.ran++;
}

void vm_say_halted(struct vm *vm)
{
	(void)vm;
	bench.halted_said++;
}

void vm_work(struct vm *vm)
{
	vm->vcpus[0]->requests &= ~(uint32_t)REQUEST_WORK;
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

UNUSED static int bench_setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.halt = bench_halt;
	fake_x86.tsc = 5000 * MS;
	time_set_rate(1000000000);
	memset(&bench, 0, sizeof(bench));
	cpu_count = 0;
	for (unsigned i = 0; i < BENCH_CPUS; i++) {
		bench.cpu[i].apic_id = 10 + i;
		cpu_init(&bench.cpu[i], i);
		cpu_add(&bench.cpu[i]);
	}
	bench_on(0);
	return 0;
}

#define bench_test(f) cmocka_unit_test_setup(f, bench_setup)

UNUSED static struct vcpu *bench_vcpu(unsigned i)
{
	return &bench.vcpu[i];
}

/* A vCPU that is on CPU `cpu` and wants to run. */
UNUSED static struct vcpu *bench_add(unsigned i, unsigned cpu, uint16_t weight, uint8_t cap, uint64_t cpus)
{
	struct vcpu *vcpu = bench_vcpu(i);

	vcpu->vm = &bench.vm[i];
	sched_entity_init(vcpu, weight, cap, cpus);
	vcpu->sched.cpu = (uint8_t)cpu;
	bench.cpu[cpu].sched.placed++;
	bench_on(cpu);
	sched_arrive(&bench.cpu[cpu], vcpu);
	return vcpu;
}

/* It shall run and sleep in turns. */
UNUSED static void bench_sleeps(unsigned i, uint64_t run, uint64_t sleep)
{
	bench.load[i].run = bench.load[i].left = run;
	bench.load[i].sleep = sleep;
}

/* The run loop of the current CPU, up to its next entry; false: it waits. */
UNUSED static bool bench_schedule(void)
{
	struct cpu *cpu = this_cpu();
	jmp_buf here;

	bench.stuck = &here;
	if (setjmp(here)) {
		cpu->current = NULL;
		return false;
	}
	cpu->current = NULL;
	(void)cpu_schedule(cpu);
	return true;
}

/* One vCPU's step, as long as that is. */
static void bench_run(struct vcpu *vcpu)
{
	unsigned i = (unsigned)(vcpu->vm - bench.vm);
	struct load *load = &bench.load[i];

	vcpu->requests &= ~(uint32_t)REQUEST_INTERRUPT; /* taken */
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

static void bench_events(unsigned index)
{
	struct cpu *cpu = &bench.cpu[index];

	bench_on(index);
	if (bench.kicks[index]) {
		bench.kicks[index] = 0;
		cpu_look_around(this_cpu());
	}
	for (unsigned i = 0; i < BENCH_VMS; i++) {
		struct load *load = &bench.load[i];

		if (bench.vcpu[i].sched.cpu != index || !load->wakes || load->wakes > fake_x86.tsc ||
		    bench.vcpu[i].sched.state == SCHED_NOWHERE || bench.vcpu[i].sched.state == SCHED_RUNNING)
			continue;
		load->wakes = 0;
		load->waits = fake_x86.tsc;
		vcpu_request_and_wake(&bench.vcpu[i], REQUEST_INTERRUPT);
	}
	if (MIN(cpu_deadline(cpu), cpu->look) <= fake_x86.tsc) /* the preemption timer */
		cpu_catch_up(cpu);
}

/* Does it sleep, as cpu_idle() does, until a kick, a timer, or what its vCPUs wait for? */
static bool bench_halted(unsigned i)
{
	const struct cpu *cpu = &bench.cpu[i];

	if (cpu->current || bench.kicks[i] || cpu_deadline(cpu) <= fake_x86.tsc ||
	    !list_empty(&cpu->sched.ready))
		return false;
	for (unsigned v = 0; v < BENCH_VMS; v++)
		if (bench.vcpu[v].sched.cpu == i && bench.load[v].wakes &&
		    bench.load[v].wakes <= fake_x86.tsc)
			return false;
	return true;
}

/* Let time pass for all processors. */
UNUSED static void bench_pass(uint64_t ns)
{
	for (uint64_t end = fake_x86.tsc + ns; fake_x86.tsc < end; fake_x86.tsc += BENCH_STEP) {
		for (unsigned i = 0; i < cpu_count; i++) {
			struct cpu *cpu = &bench.cpu[i];

			if (!bench_halted(i)) {
				bench_events(i);
				if (!cpu->current || cpu->current->requests & ~(uint32_t)REQUESTS_TO_DELIVER)
					(void)bench_schedule();
			}
			if (!cpu->current)
				bench.idle[i] += BENCH_STEP;
		}
		/* It ends its round after this step. */
		for (unsigned i = 0; i < cpu_count; i++) {
			struct vcpu *vcpu = bench.cpu[i].current;

			if (!vcpu)
				continue;
			bench_run(vcpu);
			if (bench.load[vcpu->vm - bench.vm].wakes) {
				vcpu->requests |= REQUEST_HALTED;
				vcpu->wakes = REQUEST_INTERRUPT;
			}
		}
	}
}

/* Up to the present: the accounts are those of the CPU's last look. */
UNUSED static uint64_t bench_ran(unsigned i)
{
	struct sched_entity *entity = &bench_vcpu(i)->sched;

	return entity->ran + (entity->state == SCHED_RUNNING ? fake_x86.tsc - entity->since : 0);
}

#endif
