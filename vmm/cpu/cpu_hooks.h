/* SPDX-License-Identifier: MIT */
/*
 * What the processors' code calls in the parts above it, which it does not know. Bound at link
 * time, not through pointers: calls through pointers are retpolines, and most of these are on the
 * way from one guest's turn to the next.
 *
 * Locking: on the CPU that is meant, with interrupts off.
 */
#ifndef VMM_CPU_CPU_HOOKS_H
#define VMM_CPU_CPU_HOOKS_H

#include "lib/types.h"

struct cpu;
struct sched_entity;

/* ---- vmm/vm/run_loop.c ---- */

/*
 * Before a guest runs on this CPU again, its run loop looks at calls, at who woke up, and at who is
 * next. From interrupts, timers and exit handlers alike; VECTOR_KICK asks for it, too.
 */
void cpu_reschedule(struct cpu *cpu);

/* cpu_deadline() has changed: where a guest is about to go on, its hardware timer must follow. */
void cpu_deadline_changed(struct cpu *cpu);

/* ---- vmm/vm/vm_sched.c ---- */

/* Would it run, if it were its turn? */
bool sched_is_runnable(const struct sched_entity *entity);

/* It is on this CPU from now on, and blocked. */
void sched_on_arrive(struct sched_entity *entity);

/* It leaves this CPU, which keeps nothing of it: no timer, no register. */
void sched_on_leave(struct cpu *cpu, struct sched_entity *entity);

/* It waits for its turn, or for its budget. */
void sched_on_wait(struct sched_entity *entity);

/* That is over: its turn begins, or it is blocked after all. */
void sched_on_wait_over(struct sched_entity *entity);

/* It has nothing to do. */
void sched_on_block(struct sched_entity *entity);

/* ---- vmm/console/console_irq.c ---- */

/*
 * The boot processor's work between guests. _waits: there is some, to be done within a ms or so.
 * _ready: some can be done now. _run: do a bounded part of it.
 */
bool cpu_background_waits(void);
bool cpu_background_ready(void);
void cpu_background_run(void);

#endif
