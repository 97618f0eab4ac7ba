/* SPDX-License-Identifier: MIT */
/* Work that one processor sends another: carried out in the other's run loop. */
#ifndef VMM_CPU_CPU_CALL_H
#define VMM_CPU_CPU_CALL_H

#include "lib/list.h"
#include "lib/types.h"

struct cpu;

/* Embedded in what the work is about. */
struct cpu_call {
	struct list link;
	void (*run)(struct cpu_call *call);
	bool queued; /* atomic */
};

/*
 * Have `call->run(call)` done on `cpu`, in its run loop, outside of any exit handler; at the latest
 * when its guest has kept interrupts waiting for 20 ms. From any CPU, in any context but an NMI. A
 * call that is queued already stays one, and everything that the caller wrote before is visible to
 * the run of it.
 */
void cpu_call(struct cpu *cpu, struct cpu_call *call);

/*
 * Carry out the calls that wait for this CPU. One that queues itself again waits for the next turn
 * of the run loop: guests run before. From the run loop only.
 */
void cpu_run_calls(struct cpu *cpu);

#endif
