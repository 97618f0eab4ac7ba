/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: which vCPU runs on a processor, and for how long. Each processor has a queue of
 * the vCPUs that are on it, ordered by virtual time: run time divided by weight. The one that is
 * furthest behind runs. docs/scheduler.md has the rules and the bounds.
 *
 * Locking: a queue and its entities belong to their CPU. What others read without a lock says so.
 */
#ifndef VMM_CPU_SCHED_H
#define VMM_CPU_SCHED_H

#include "lib/list.h"
#include "vmm/cpu/timer.h"

struct cpu;
struct vcpu;

/*
 * The longest turn while others wait, and so the longest wait of a vCPU that uses less than its
 * share.
 */
#define SCHED_SLICE_NS 2000000

#define SCHED_WEIGHT_DEFAULT 100
#define SCHED_WEIGHT_MAX     10000

enum sched_state {
	SCHED_NOWHERE,   /* on no queue: the VM is off, or on its way to another CPU */
	SCHED_BLOCKED,   /* nothing to do */
	SCHED_READY,     /* waits for its turn */
	SCHED_RUNNING,   /* the queue's `running` */
	SCHED_THROTTLED, /* has used up what its cap allows for now */
};

struct sched_entity {
	enum sched_state state;
	uint8_t cpu;           /* index of the CPU that it is on; any CPU may read it, and verify there */
	uint8_t cap;           /* percent of one CPU; 0: none */
	uint16_t weight;       /* 1..SCHED_WEIGHT_MAX */
	uint64_t cpus;         /* affinity: a bit per CPU index */
	struct list link;      /* of the queue's `ready` */
	uint64_t vtime;        /* ticks run, scaled by SCHED_WEIGHT_DEFAULT / weight */
	uint64_t since;        /* TSC up to which the fields below are right */
	uint64_t ran;          /* TSC ticks since its VM was switched on; any CPU may read these three */
	uint64_t waited;       /* TSC ticks spent READY or THROTTLED: steal time */
	uint64_t switches;     /* times that its turn began */
	int64_t budget;        /* TSC ticks that the cap still allows */
	uint64_t refilled;     /* TSC when `budget` was last refilled */
	struct timer throttle; /* ends SCHED_THROTTLED */
};

struct sched_queue {
	struct list ready; /* by vtime */
	struct vcpu *running;
	unsigned waiting;  /* length of `ready`; any CPU may read it */
	unsigned placed;   /* vCPUs on this CPU or on their way to it; atomic */
	bool idle;         /* nothing to run; atomic */
	unsigned last;     /* number of the VM that ran, for the trace */
	uint64_t vtime;    /* of `running` at its last look; any CPU may read it */
	uint64_t floor;    /* nobody in the queue is much behind this vtime */
	uint64_t turn;     /* TSC when the current turn began */
	uint64_t balanced; /* TSC of the last look at the other CPUs' queues */
	unsigned asked;    /* index of the CPU last asked for work */
	uint64_t busy;     /* TSC ticks spent on vCPUs; any CPU may read these two */
	uint64_t switches; /* world switches */
};

void sched_queue_init(struct sched_queue *queue);

/* Before the vCPU's first turn, and whenever its VM is off. `weight` and `cap` in their ranges. */
void sched_entity_init(struct vcpu *vcpu, uint16_t weight, uint8_t cap, uint64_t cpus);

/*
 * Send a vCPU that is nowhere to the CPU with the fewest that the affinity allows; it is known to
 * allow one.
 */
void sched_send(struct vcpu *vcpu);

/* The vCPU, which is nowhere, is now on this CPU. */
void sched_arrive(struct cpu *cpu, struct vcpu *vcpu);

/* Take it off this CPU: it is nowhere then, and the hardware holds nothing of it. */
void sched_leave(struct cpu *cpu, struct vcpu *vcpu);

/*
 * The vCPU's requests have changed, and it may want to run now. Preempts who runs if that has
 * had more than its share; where another CPU has nothing to do, it goes there.
 */
void sched_wake(struct vcpu *vcpu);

/*
 * Who runs next on this CPU; null: nobody wants to. Ends turns, blocks, throttles, and evens out
 * with the other CPUs.
 */
struct vcpu *sched_pick(struct cpu *cpu);

/* Bring the account of who runs up to date: one that runs alone is not looked at otherwise. */
void sched_account(struct cpu *cpu);

/* Charge `ticks` of the CPU's time, spent while another vCPU ran or none. */
void sched_charge(struct vcpu *vcpu, uint64_t ticks);

/* TSC ticks that the vCPU has run, as of its CPU's last look. Any CPU. */
static inline uint64_t sched_ran(const struct sched_entity *entity)
{
	return __atomic_load_n(&entity->ran, __ATOMIC_RELAXED);
}

#endif
