/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/cpu.h"
#include "devices/real/lapic.h"
#include "lib/x86.h"
#include "vmm/backend.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/irq.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

#define LOOK_NS      20000000 /* the longest that a guest may keep interrupts waiting */
#define LOOK_SOON_NS 1000000  /* while the operator waits for output: a UART's FIFO takes as long */

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

/*
 * While guests run, vmm/vmx/run.c watches the deadline: as it is at the end of vmx_settle(), if
 * that is next.
 */
static inline void deadline_changed(struct cpu *cpu)
{
	if (cpu->current && !(cpu->current->requests & ~(uint32_t)ENTRY_ACTIONS))
		backend_deadline_changed(cpu);
}

void cpu_timer_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline)
{
	if (deadline == timer->deadline)
		return;
	timer_arm(&cpu->timers, timer, deadline);
	deadline_changed(cpu);
}

static inline void interrupts_taken(struct cpu *cpu, uint64_t now)
{
	bool soon = !cpu->index && cpu_background_waits();

	cpu->look = now + (soon ? time_ticks(LOOK_SOON_NS) : time_ticks(LOOK_NS));
}

static inline void do_what_is_due(struct cpu *cpu, uint64_t now)
{
	if (cpu->slice_end <= now) {
		cpu->slice_end = TIMER_NEVER;
		cpu_look_around(cpu);
	}
	if (timer_queue_next(&cpu->timers) <= now)
		timer_queue_run(&cpu->timers, now);
	deadline_changed(cpu);
}

void cpu_timer_interrupt(void)
{
	do_what_is_due(this_cpu(), time_now());
}

void cpu_catch_up(struct cpu *cpu)
{
	uint64_t now;

	interrupts_window();
	now = time_now();
	interrupts_taken(cpu, now);
	do_what_is_due(cpu, now);
	if (!cpu->current || !(cpu->current->requests & REQUEST_YIELD)) /* else sched_pick() is next */
		sched_account(cpu);
}

/* ---- Calls ---- */

void cpu_look_around(struct cpu *cpu)
{
	if (cpu->current)
		vcpu_request(cpu->current, REQUEST_YIELD);
}

void cpu_call(struct cpu *cpu, struct cpu_call *call)
{
	if (__atomic_exchange_n(&call->queued, true, __ATOMIC_ACQ_REL))
		return;
	spin_lock(&cpu->calls_lock);
	list_append(&cpu->calls, &call->link);
	spin_unlock(&cpu->calls_lock);
	if (cpu == this_cpu())
		cpu_look_around(cpu);
	else
		lapic_send_ipi(cpu->apic_id, LAPIC_DELIVER_FIXED, VECTOR_KICK);
}

static struct cpu_call *take_call(struct cpu *cpu)
{
	struct cpu_call *call = NULL;

	spin_lock(&cpu->calls_lock);
	if (!list_empty(&cpu->calls)) {
		call = container_of(cpu->calls.next, struct cpu_call, link);
		list_remove(&call->link);
	}
	spin_unlock(&cpu->calls_lock);
	return call;
}

void cpu_run_calls(struct cpu *cpu)
{
	struct cpu_call *call;

	while (!list_empty(&cpu->calls) && (call = take_call(cpu))) {
		__atomic_store_n(&call->queued, false,
		                 __ATOMIC_RELEASE); /* from here on it may be queued again */
		call->run(call);
	}
}

/* ---- The run loop ---- */

void cpu_idle(struct cpu *cpu)
{
	if (cpu_deadline(cpu) <= time_now()) {
		cpu_catch_up(cpu); /* many guests' timers must not keep interrupts out */
	} else if (!cpu->index && cpu_background_ready()) {
		cpu_background_run();
	} else if (list_empty(&cpu->calls)) {
		lapic_timer_arm(cpu_deadline(cpu));
		wait_for_interrupt();
		interrupts_taken(cpu, time_now());
	}
}

struct vcpu *cpu_schedule(struct cpu *cpu)
{
	for (;;) {
		struct vcpu *vcpu;

		if (!list_empty(&cpu->calls))
			cpu_run_calls(cpu);
		vcpu = sched_pick(cpu);
		if (!vcpu) {
			cpu_idle(cpu);
			continue;
		}
		cpu->current = vcpu;
		if (vcpu->requests & REQUEST_WORK) {
			vm_work(vcpu->vm);
			cpu_catch_up(cpu);
			continue;
		}
		backend_vcpu_load(cpu, vcpu);
		vcpu->requests &= ~(uint32_t)(REQUEST_HALTED | REQUEST_YIELD);
		if (likely(list_empty(&cpu->calls))) /* else this CPU has called itself meanwhile */
			return vcpu;
	}
}
