/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/cpu_call.h"
#include "devices/real/lapic.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/irq.h"

void cpu_call(struct cpu *cpu, struct cpu_call *call)
{
	if (__atomic_exchange_n(&call->queued, true, __ATOMIC_ACQ_REL))
		return;
	spin_lock(&cpu->calls_lock);
	list_append(&cpu->calls, &call->link);
	spin_unlock(&cpu->calls_lock);
	if (cpu == this_cpu())
		cpu_reschedule(cpu);
	else
		lapic_send_ipi(cpu->apic_id, LAPIC_DELIVER_FIXED, VECTOR_KICK);
}

/* The next; null: there is none, or it is `again`. */
static struct cpu_call *cpu_take_call(struct cpu *cpu, const struct cpu_call *again)
{
	struct cpu_call *call = NULL;

	spin_lock(&cpu->calls_lock);
	if (!list_empty(&cpu->calls)) {
		call = container_of(cpu->calls.next, struct cpu_call, link);
		if (call == again)
			call = NULL;
		else
			list_remove(&call->link);
	}
	spin_unlock(&cpu->calls_lock);
	return call;
}

static void cpu_run_call(struct cpu *cpu, struct cpu_call *call)
{
	struct stretch_part part = stretch_begin_part(&cpu->stretches);
	void (*run)(struct cpu_call * call) = call->run; /* the call may be gone after it */

	/*
	 * From here on it may be queued again. An exchange, since a store would acquire nothing: a
	 * caller that found the call queued relies on this run to see its data.
	 */
	(void)__atomic_exchange_n(&call->queued, false, __ATOMIC_ACQ_REL);
	run(call);
	stretch_end_part(&cpu->stretches, part, STRETCH_CALL, (const void *)run);
}

void cpu_run_calls(struct cpu *cpu)
{
	const struct cpu_call *again = NULL;
	struct cpu_call *call;

	while ((call = cpu_take_call(cpu, again))) {
		cpu_run_call(cpu, call);
		if (!again && __atomic_load_n(&cpu->calls.prev, __ATOMIC_RELAXED) == &call->link)
			again = call; /* it has queued itself */
		cpu_pause(cpu);
	}
}
