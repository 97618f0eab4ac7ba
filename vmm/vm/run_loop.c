/* SPDX-License-Identifier: MIT */
/*
 * The run loop of a processor: calls, who runs next, and what that one has to do before it enters.
 */
#include "vmm/backend.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

#define CALLS_NS 100000 /* the turn of a vCPU while there are calls that queue themselves again */

void cpu_reschedule(struct cpu *cpu)
{
	cpu->rescheduled = true;
	if (cpu->current)
		vcpu_request(cpu->current, REQUEST_RESCHEDULE);
}

/* With other requests the backend looks at the deadline when it has settled them. */
void cpu_deadline_changed(struct cpu *cpu)
{
	if (cpu->current && !(cpu->current->requests & ~(uint32_t)ENTRY_ACTIONS))
		backend_deadline_changed(cpu);
}

/* Whose sleep made the processor free pays for the switch to the next turn. */
static noinline void run_loop_load_charged(struct cpu *cpu, struct vcpu *vcpu)
{
	uint64_t start = time_now();

	backend_vcpu_load(cpu, vcpu);
	sched_charge(cpu->sched.slept, start);
	cpu->sched.slept = NULL;
}

/* Apart, as the others here: what they keep in registers the loop need not save. */
static noinline cold void run_loop_work(struct cpu *cpu, struct vm *vm)
{
	struct stretch_part part = stretch_begin_part(&cpu->stretches);
	const char *step = vm_work(vm);

	stretch_end_part(&cpu->stretches, part, STRETCH_WORK, step);
	cpu_catch_up(cpu);
}

/* Calls were queued again. */
static noinline cold void run_loop_shorten_turn(struct cpu *cpu)
{
	uint64_t end = time_now() + time_ticks(CALLS_NS);

	cpu->slice_end = MIN(cpu->slice_end, end);
}

struct vcpu *run_loop_next(struct cpu *cpu)
{
	for (;;) {
		struct sched_entity *entity;
		struct vcpu *vcpu;

		if (!list_empty(&cpu->calls))
			cpu_run_calls(cpu);
		cpu->rescheduled = false; /* whatever asked for it until now is seen here */
		entity = sched_pick(cpu);
		if (!entity) {
			cpu_idle(cpu);
			continue;
		}
		vcpu = container_of(entity, struct vcpu, sched);
		cpu->current = vcpu;
		if (vcpu->requests & REQUEST_WORK) {
			run_loop_work(cpu, vcpu->vm);
			continue;
		}
		if (cpu->sched.slept)
			run_loop_load_charged(cpu, vcpu);
		else
			backend_vcpu_load(cpu, vcpu);
		vcpu->requests &= ~(uint32_t)(REQUEST_HALTED | REQUEST_RESCHEDULE);
		if (unlikely(!list_empty(&cpu->calls)))
			run_loop_shorten_turn(cpu);
		if (likely(!cpu->rescheduled))
			return vcpu;
	}
}
