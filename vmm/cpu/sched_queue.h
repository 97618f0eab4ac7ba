/* SPDX-License-Identifier: MIT */
/*
 * What the files of the scheduler share: virtual time, accounts, and the way out of a queue. Only
 * for sched.c, sched_cap.c and sched_move.c.
 */
#ifndef VMM_CPU_SCHED_QUEUE_H
#define VMM_CPU_SCHED_QUEUE_H

#include "lib/checked.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/time.h"

/* Virtual time: ticks * 1024 / weight. Differences are what counts, so it may wrap. */
#define VTIME_SHIFT     10
#define VTIME_OF_NS(ns) ((time_ticks(ns) << VTIME_SHIFT) / SCHED_WEIGHT_DEFAULT)

static inline bool vtime_is_behind(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static inline uint64_t vtime_later(uint64_t a, uint64_t b)
{
	return vtime_is_behind(a, b) ? b : a;
}

/* The one whose turn is next; null: none waits. */
static inline struct sched_entity *queue_first(const struct sched_queue *queue)
{
	return list_empty(&queue->ready) ? NULL : container_of(queue->ready.next, struct sched_entity, link);
}

static inline void queue_charge(struct sched_queue *queue, struct sched_entity *entity, uint64_t ticks)
{
	entity->ran += ticks;
	entity->vtime += multiply_high(ticks << VTIME_SHIFT, UINT64_MAX / entity->weight);
	entity->budget -= (int64_t)ticks;
	queue->busy += ticks;
}

/*
 * `now` is not after the present: it may be older than what sched_charge() took from the running
 * one for another, whose move took time since.
 */
static inline void queue_charge_running(struct sched_queue *queue, uint64_t now)
{
	struct sched_entity *entity = queue->running;

	if (unlikely((int64_t)(now - entity->since) < 0))
		return;
	queue_charge(queue, entity, now - entity->since);
	entity->since = now;
}

/* Before a vtime is compared with the floor: who runs may have done so for long without a look. */
static inline void queue_raise_floor(struct sched_queue *queue, uint64_t now)
{
	const struct sched_entity *first = queue_first(queue);
	uint64_t vtime;

	queue_charge_running(queue, now);
	vtime = queue->running->vtime;
	if (first && vtime_is_behind(first->vtime, vtime))
		vtime = first->vtime;
	__atomic_store_n(&queue->floor, vtime_later(queue->floor, vtime), __ATOMIC_RELAXED);
}

static inline void queue_remove(struct sched_queue *queue, struct sched_entity *entity, uint64_t now)
{
	list_remove(&entity->link);
	queue->waiting--;
	entity->waited += now - entity->since;
	entity->since = now;
}

/* ---- What holds an entity back: sched_cap.c ---- */

/* Bring what the cap allows up to date. */
void sched_refill(struct sched_entity *entity, uint64_t now);

/* It waited for its cap, or for sched_hold(), and that is over. */
void sched_throttle_expired(struct timer *timer);

/* Of one with a cap or a pause to make: as sched_throttle(). */
bool sched_throttle_limited(struct cpu *cpu, struct sched_entity *entity, uint64_t now);

/* Must it, which runs or has just woken up, wait for its cap, or for sched_hold()? Then it does. */
static inline bool sched_throttle(struct cpu *cpu, struct sched_entity *entity, uint64_t now)
{
	return unlikely(entity->cap || entity->held > now) && sched_throttle_limited(cpu, entity, now);
}

/* ---- Other CPUs: sched_move.c. Where there are any: these cost time. ---- */

/* Another CPU that the affinity allows and that has nothing to do; null: there is none. */
struct cpu *sched_find_idle(const struct sched_entity *entity);

/* Send `to`, which had nothing to do, the first one that waits here and may run there. */
void sched_give(struct cpu *from, struct cpu *to);

/*
 * A look at the other CPUs, at most once in 5 ms; false: not now. If this CPU lags one of them
 * much, it comes closer.
 */
bool sched_look_around(struct cpu *cpu, uint64_t now);

/* At such a look, send one of those that wait to where it is better off. */
void sched_balance(struct cpu *cpu, uint64_t now);

/* This CPU has nothing to do: ask one where entities wait. Not more often than once in 1 ms. */
void sched_ask_for_work(struct cpu *cpu, uint64_t now);

#endif
