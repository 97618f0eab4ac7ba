/* SPDX-License-Identifier: MIT */
/* What holds an entity back whatever others do: its cap, and the price of what it did to them. */
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/sched_queue.h"

/* A cap allows its part of every such period. */
#define CAP_PERIOD_NS 20000000
/* From a device event that wakes its sleeper not to the next one, doubled by each such event. */
#define LOOK_NS   1000000
#define LOOKS_MAX 5

/* ---- Budgets ---- */

static int64_t sched_whole_budget(const struct sched_entity *entity)
{
	return (int64_t)(time_ticks(CAP_PERIOD_NS) * entity->cap / 100);
}

void sched_refill(struct sched_entity *entity, uint64_t now)
{
	uint64_t elapsed = MIN(now - entity->refilled, time_ticks(CAP_PERIOD_NS));

	entity->budget =
		MIN(entity->budget + (int64_t)(elapsed * entity->cap / 100), sched_whole_budget(entity));
	entity->refilled = now;
}

/* Ticks until the cap allows `wanted` more than now. */
static uint64_t sched_budget_wait(const struct sched_entity *entity, int64_t wanted)
{
	return (uint64_t)(wanted - entity->budget) * 100 / entity->cap;
}

uint64_t sched_charge_event(struct sched_entity *entity, uint64_t start)
{
	uint64_t now = sched_charge(entity, start), wait = time_ticks(LOOK_NS) << entity->looks;

	entity->looks = MIN(entity->looks + 1, LOOKS_MAX);
	if (entity->cap) {
		sched_refill(entity, now);
		if (entity->budget < 0)
			wait = MAX(wait, sched_budget_wait(entity, 0));
	}
	return now + wait;
}

/* ---- Pauses ---- */

void sched_throttle_expired(struct timer *timer)
{
	struct sched_entity *entity = container_of(timer, struct sched_entity, throttle);

	entity->waited += time_now() - entity->since;
	entity->state = SCHED_BLOCKED;
	sched_wake(entity);
	if (entity->state == SCHED_BLOCKED) /* paused meanwhile, or what it woke for is gone */
		sched_on_wait_over(entity);
}

void sched_hold(struct sched_entity *entity, uint32_t ns)
{
	entity->held = time_now() + time_ticks(ns);
	cpu_reschedule(this_cpu());
}

bool sched_throttle_limited(struct cpu *cpu, struct sched_entity *entity, uint64_t now)
{
	uint64_t until = entity->held;

	if (entity->cap) {
		sched_refill(entity, now);
		if (entity->budget <= 0)
			until = MAX(until, now + sched_budget_wait(entity, sched_whole_budget(entity) / 2));
	}
	if (until <= now)
		return false;
	cpu->sched.load -= entity->weight;
	sched_on_wait(entity);
	entity->state = SCHED_THROTTLED;
	entity->since = now;
	cpu_timer_arm(cpu, &entity->throttle, until);
	return true;
}
