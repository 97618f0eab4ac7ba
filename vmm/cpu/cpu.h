/* SPDX-License-Identifier: MIT */
/*
 * What belongs to one physical processor. %gs:0 holds its address while the
 * monitor runs; VM exits restore it from the VMCS.
 *
 * Locking: the CPU itself, except for what is marked. Work for it from elsewhere is sent as a call:
 * vmm/cpu/cpu_call.h.
 */
#ifndef VMM_CPU_CPU_H
#define VMM_CPU_CPU_H

#include "lib/list.h"
#include "lib/spinlock.h"
#include "lib/per_cpu.h"
#include "lib/x86.h"
#include "vmm/cpu/cpu_backend.h"
#include "vmm/cpu/cpu_call.h"
#include "vmm/cpu/sched.h"
#include "vmm/cpu/stretch.h"
#include "vmm/cpu/timer.h"

struct vcpu; /* not known here */

#define CPUS_MAX 64 /* affinity is a mask of 64 bits */

struct cpu {
	/* Known to assembly (vmm/vmx/entry.S); the offsets are asserted in vmm/vmx/run.c. */
	struct cpu *self;
	uint64_t stack_top;
	struct vcpu *current; /* entered next; null only inside vmx_serve_requests() */

	uint8_t index; /* 0 is the boot processor */
	uint32_t apic_id;
	union { /* one vendor's, chosen at boot */
		struct vmx_cpu vmx;
	};
	struct timer_queue timers;
	struct timer_queue sleepers; /* device events of vCPUs that sleep; held until `quiet` */
	uint64_t quiet;              /* TSC; 0 while no vCPU runs: sched.c */
	bool rescheduled;            /* cpu_reschedule() was called since the run loop last began */
	uint64_t slice_end;          /* TSC when the turn ends; TIMER_NEVER: it need not */
	uint64_t interrupts_due;     /* TSC when real interrupts that wait are taken at the latest */
	uint32_t stage;              /* of its start; atomic. This and the next of boot/smp.c */
	uint64_t stage_tsc;          /* its own TSC then */
	struct sched_queue sched;
	struct stretches stretches;

	struct spinlock calls_lock;
	struct list calls;   /* of struct cpu_call; under calls_lock */
	struct cpu_call ask; /* to another CPU, for something to run: sched_move.c */
};

/* Processors that run guests; 1 until boot/smp.c has started the others. */
extern unsigned cpu_count;

/* The CPU `index`, below cpu_count. */
struct cpu *cpu_get(unsigned index);

/* Make `cpu`, whose index is cpu_count, known. At boot. */
void cpu_add(struct cpu *cpu);

/* All fields but those of assembly: empty queues, nothing to do. */
void cpu_init(struct cpu *cpu, unsigned index);

/* An NMI for every other CPU: in a panic they stop at it. In any state. */
void cpu_stop_others(void);

static inline struct cpu *this_cpu(void)
{
	return per_cpu_base();
}

/* TSC of the next timer event. */
static inline uint64_t cpu_deadline(const struct cpu *cpu)
{
	uint64_t sleeper = MAX(timer_queue_next(&cpu->sleepers), cpu->quiet);
	uint64_t other = MIN(timer_queue_next(&cpu->timers), cpu->slice_end);

	return MIN(other, sleeper);
}

/* Arm (TIMER_NEVER: cancel) a timer of this CPU and take the new earliest deadline over. */
void cpu_timer_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline);

/*
 * The same for a device event of a vCPU that sleeps. It waits while the turn of another vCPU is so
 * young that a wake-up could not end it (`quiet`).
 */
void cpu_sleeper_arm(struct cpu *cpu, struct timer *timer, uint64_t deadline);

/* VECTOR_TIMER has come: while guests run, only where there is no preemption timer. */
void cpu_timer_interrupt(void);

/*
 * Take the real interrupts that wait, and fire the timers that are due. Interrupts cause exits, but
 * a guest can have them wait: by an event whose delivery exits again and again, so that no
 * instruction is ever begun; and Bochs (2.7 to 3.0) does not deliver them while the guest's IF has
 * been 0 since VM entry.
 */
void cpu_catch_up(struct cpu *cpu);

/* The same if interrupts have waited for long: between the pieces of what takes long. */
void cpu_pause(struct cpu *cpu);

/* Nothing to run: wait for an interrupt, or do background work (vmm/cpu/cpu_hooks.h). */
void cpu_idle(struct cpu *cpu);
#endif
