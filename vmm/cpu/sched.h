/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: which entity runs on a processor, and for how long. It knows no vCPU: an entity is
 * embedded in one, and vmm/cpu/cpu_hooks.h says what happens to it. Each processor has a queue of
 * the entities that are on it, ordered by virtual time: run time divided by weight. The one that is
 * furthest behind runs. docs/scheduler.md has the rules and the bounds.
 *
 * A wake-up is posted, and acted on in the run loop. Its caller is in the middle of a device, a
 * timer or an exit handler. When sched_wake() returns, that must not find its vCPU on another CPU,
 * or its timers cancelled.
 *
 * Locking: a queue and its entities belong to their CPU. What others read without a lock says so.
 */
#ifndef VMM_CPU_SCHED_H
#define VMM_CPU_SCHED_H

#include "lib/list.h"
#include "vmm/cpu/cpu_call.h"
#include "vmm/cpu/timer.h"

struct cpu;

/*
 * The longest turn while others wait, and so the longest wait of an entity that uses less than its
 * share.
 */
#define SCHED_SLICE_NS 2000000

#define SCHED_WEIGHT_DEFAULT 100
#define SCHED_WEIGHT_MAX     10000

enum sched_state {
	SCHED_NOWHERE,   /* on no queue: its VM is off, or it is on its way to another CPU */
	SCHED_BLOCKED,   /* nothing to do */
	SCHED_WOKEN,     /* its wake-up is posted: the queue's `woken` */
	SCHED_READY,     /* waits for its turn: the queue's `ready` */
	SCHED_RUNNING,   /* the queue's `running` */
	SCHED_THROTTLED, /* has used up what its cap allows for now */
};

struct sched_entity {
	enum sched_state state;
	uint8_t cpu;            /* index of the CPU that owns it; any CPU may read it, with acquire */
	uint8_t cap;            /* percent of one CPU; 0: none */
	bool moving;            /* on its way to `cpu` */
	bool moved;             /* came from another CPU's queue, where it waited */
	uint16_t weight;        /* 1..SCHED_WEIGHT_MAX */
	uint16_t vm;            /* a number for the trace */
	uint64_t cpus;          /* affinity: a bit per CPU index */
	struct list link;       /* of the queue's `woken` or `ready` */
	uint8_t looks;          /* device events in a row that did not wake it: log2 of the wait */
	uint64_t vtime;         /* ticks run, scaled by SCHED_WEIGHT_DEFAULT / weight */
	uint64_t since;         /* TSC up to which the fields below are right */
	uint64_t ran;           /* TSC ticks since its VM was switched on; any CPU may read these three */
	uint64_t waited;        /* TSC ticks spent READY or THROTTLED: steal time */
	uint64_t switches;      /* times that its turn began */
	uint64_t arrived;       /* TSC when it came to its CPU */
	uint64_t held;          /* TSC until when it may not run: sched_hold() */
	int64_t budget;         /* TSC ticks that the cap still allows */
	uint64_t refilled;      /* TSC when `budget` was last refilled */
	struct timer throttle;  /* ends SCHED_THROTTLED */
	struct cpu_call arrive; /* its way to another CPU */
};

struct sched_queue {
	struct list woken; /* in the order of their wake-ups */
	struct list ready; /* by vtime */
	struct sched_entity *running;
	unsigned waiting;           /* length of `ready`; any CPU may read these two */
	unsigned load;              /* weights of those that run or are ready */
	unsigned placed;            /* entities on this CPU or on their way to it; atomic */
	bool idle;                  /* nothing to run; atomic */
	unsigned last;              /* number of the VM that ran, for the trace */
	uint64_t floor;             /* no entity here is much behind this vtime; any CPU may read both */
	uint64_t lead;              /* what CPUs compare is a vtime + its queue's lead */
	uint64_t turn;              /* TSC when the current turn began */
	struct sched_entity *slept; /* pays for the switch to the next turn; null: whoever begins it */
	uint64_t balanced;          /* TSC of the last look at the other CPUs' queues */
	unsigned asked;             /* index of the CPU last asked for work */
	uint64_t busy;              /* TSC ticks spent on entities; any CPU may read these two */
	uint64_t switches;          /* world switches */
};

void sched_queue_init(struct sched_queue *queue);

/*
 * Before the entity's first turn, and whenever its VM, number `vm`, is off. `weight` and `cap` in
 * their ranges.
 */
void sched_entity_init(struct sched_entity *entity, uint16_t vm, uint16_t weight, uint8_t cap, uint64_t cpus);

/*
 * Send an entity that is nowhere to the CPU with the fewest that the affinity allows; it is known
 * to allow one.
 */
void sched_send(struct sched_entity *entity);

/* The entity, which is nowhere, is now on this CPU. */
void sched_arrive(struct cpu *cpu, struct sched_entity *entity);

/* Take it off this CPU: it is nowhere then. */
void sched_leave(struct cpu *cpu, struct sched_entity *entity);

/*
 * What sched_is_runnable() says of the entity has changed. If it is blocked and wants to run, its
 * wake-up is posted, and the run loop does the rest: the entity preempts who runs, if that has had
 * more than its share, or goes to another CPU that has nothing to do.
 */
void sched_wake(struct sched_entity *entity);

/*
 * Who runs next on this CPU; null: none wants to. Acts on posted wake-ups, ends turns, blocks,
 * throttles, and evens out with the other CPUs. From the run loop.
 */
struct sched_entity *sched_pick(struct cpu *cpu);

/* Bring the account of who runs up to date: one that runs alone is not looked at otherwise. */
void sched_account(struct cpu *cpu);

/*
 * Charge the time from TSC `start` until now to an entity that does not run, instead of the one
 * that runs. Returns the present TSC.
 */
uint64_t sched_charge(struct sched_entity *entity, uint64_t start);

/*
 * The same for a device event of an entity that sleeps. Returns the TSC of the next such event at
 * the earliest: events that do not wake it become rare, and count against its cap.
 */
uint64_t sched_charge_event(struct sched_entity *entity, uint64_t start);

/*
 * The entity, which runs, has done what others pay for. It waits for `ns`, below 2^32, as if its
 * cap were used up, so that it can do so only at a rate.
 */
void sched_hold(struct sched_entity *entity, uint32_t ns);

/* TSC ticks that the entity has run, as of its CPU's last look. Any CPU. */
static inline uint64_t sched_ran(const struct sched_entity *entity)
{
	return __atomic_load_n(&entity->ran, __ATOMIC_RELAXED);
}

/* Index of the CPU that owns the entity, or will when it arrives there. Any CPU. */
static inline unsigned sched_cpu(const struct sched_entity *entity)
{
	return __atomic_load_n(&entity->cpu, __ATOMIC_ACQUIRE);
}

#endif
