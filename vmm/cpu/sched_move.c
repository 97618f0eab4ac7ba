/* SPDX-License-Identifier: MIT */
/* The scheduler between processors: which of them an entity is on. */
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/sched_queue.h"

/*
 * An entity moves to a CPU where others have had so much more than it; and is never further ahead
 * or behind there. Nor does a CPU lag another by more.
 */
#define LAG_NS     5000000
#define LAG_MAX_NS 10000000
/* Between two looks at the other CPUs. */
#define BALANCE_NS 5000000
#define ASK_NS     1000000 /* of a CPU that has nothing to do */

static bool sched_allows(const struct sched_entity *entity, unsigned cpu)
{
	return entity->cpus >> cpu & 1;
}

/* ---- The virtual time of other CPUs ---- */

static uint64_t sched_floor_of(unsigned cpu)
{
	const struct sched_queue *queue = &cpu_get(cpu)->sched;

	return __atomic_load_n(&queue->floor, __ATOMIC_RELAXED) +
	       __atomic_load_n(&queue->lead, __ATOMIC_RELAXED);
}

/*
 * Virtual time passes on each CPU at a pace of its own, and not while it is idle. What a CPU lags
 * another is owed to those on it, but no more than a little: one that lags on the other CPU does
 * not move here before this one has caught up, which may take hours.
 */
bool sched_look_around(struct cpu *cpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;
	uint64_t own = sched_floor_of(cpu->index), least = own;

	if (now - queue->balanced < time_ticks(BALANCE_NS))
		return false;
	queue->balanced = now;
	for (unsigned i = 0; i < cpu_count; i++)
		least = vtime_later(least, sched_floor_of(i) - VTIME_OF_NS(LAG_MAX_NS));
	__atomic_store_n(&queue->lead, queue->lead + least - own, __ATOMIC_RELAXED);
	return true;
}

/* ---- The way of one entity ---- */

static void sched_arrived(struct cpu_call *call)
{
	sched_arrive(this_cpu(), container_of(call, struct sched_entity, arrive));
}

/*
 * Hand an entity that is nowhere to another CPU, which owns it as soon as it reads its index in
 * entity->cpu: the release makes all that was done to the entity here visible there.
 */
static void sched_send_to(struct sched_entity *entity, struct cpu *to)
{
	entity->arrive.run = sched_arrived;
	entity->moving = true;
	__atomic_add_fetch(&to->sched.placed, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&entity->cpu, to->index, __ATOMIC_RELEASE);
	cpu_call(to, &entity->arrive);
}

void sched_send(struct sched_entity *entity)
{
	struct cpu *best = cpu_get((unsigned)__builtin_ctzl(entity->cpus));

	for (unsigned i = 0; i < cpu_count; i++)
		if (sched_allows(entity, i) && cpu_get(i)->sched.placed < best->sched.placed)
			best = cpu_get(i);
	sched_send_to(entity, best);
}

void sched_arrive(struct cpu *cpu, struct sched_entity *entity)
{
	struct sched_queue *queue = &cpu->sched;
	uint64_t now = time_now(), lag = VTIME_OF_NS(LAG_MAX_NS);

	entity->vtime -= queue->lead;
	if (queue->running)
		queue_raise_floor(queue, now);
	else if (!queue->waiting)
		queue->floor = vtime_later(queue->floor, entity->vtime);
	/* Queues do not run at one pace: neither starve those here nor be starved by them. */
	entity->vtime = vtime_later(entity->vtime, queue->floor - lag);
	if (vtime_is_behind(queue->floor + lag, entity->vtime))
		entity->vtime = queue->floor + lag;
	entity->state = SCHED_BLOCKED;
	sched_refill(entity, now);
	entity->since = now;
	entity->arrived = now;
	entity->moving = false;
	sched_on_arrive(entity);
	sched_wake(entity);
	entity->moved &= entity->state == SCHED_WOKEN;
}

void sched_leave(struct cpu *cpu, struct sched_entity *entity)
{
	struct sched_queue *queue = &cpu->sched;
	uint64_t now = time_now();

	if (entity->state == SCHED_READY || entity->state == SCHED_RUNNING)
		queue->load -= entity->weight;
	if (entity->state == SCHED_READY)
		queue_remove(queue, entity, now);
	else if (entity->state == SCHED_WOKEN)
		list_remove(&entity->link);
	if (queue->running == entity) {
		queue_charge_running(queue, now);
		queue->running = NULL;
	}
	if (queue->slept == entity)
		queue->slept = NULL;
	timer_cancel(&entity->throttle);
	sched_on_leave(cpu, entity);
	entity->state = SCHED_NOWHERE;
	entity->vtime += queue->lead;
	__atomic_sub_fetch(&queue->placed, 1, __ATOMIC_RELAXED);
}

/* ---- Where there is time to spare ---- */

struct cpu *sched_find_idle(const struct sched_entity *entity)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (sched_allows(entity, i) && cpu_get(i) != this_cpu() &&
		    __atomic_load_n(&cpu_get(i)->sched.idle, __ATOMIC_RELAXED))
			return cpu_get(i);
	return NULL;
}

/* Is there one to spare? The first in the queue of a CPU where none runs is about to. */
static bool sched_has_spare(const struct sched_queue *queue)
{
	return queue->waiting > !queue->running;
}

static void sched_move(struct cpu *from, struct sched_entity *entity, struct cpu *to)
{
	uint64_t start = time_now();

	__atomic_store_n(&to->sched.idle, false, __ATOMIC_RELAXED); /* no other CPU sends it one as well */
	sched_leave(from, entity);
	if (from->sched.running) /* not whoever happens to run here */
		sched_charge(entity, start);
	entity->moved = true;
	sched_send_to(entity, to);
}

void sched_give(struct cpu *from, struct cpu *to)
{
	if (!sched_has_spare(&from->sched) || !__atomic_load_n(&to->sched.idle, __ATOMIC_RELAXED))
		return;
	for (struct list *at = from->sched.ready.next; at != &from->sched.ready; at = at->next) {
		struct sched_entity *entity = container_of(at, struct sched_entity, link);

		if (sched_allows(entity, to->index)) {
			sched_move(from, entity, to);
			return;
		}
	}
}

/* On a CPU where entities wait: the CPU that sent the call had nothing to do. */
static void sched_asked(struct cpu_call *call)
{
	sched_give(this_cpu(), container_of(call, struct cpu, ask));
}

/*
 * Not each time that this CPU's guests fall asleep: it is an interrupt for the others'. They look
 * themselves, too.
 */
void sched_ask_for_work(struct cpu *cpu, uint64_t now)
{
	if (now - cpu->sched.balanced < time_ticks(ASK_NS))
		return;
	for (unsigned i = 0; i < cpu_count; i++) {
		struct cpu *other = cpu_get((cpu->sched.asked + 1 + i) % cpu_count);

		if (other != cpu && __atomic_load_n(&other->sched.waiting, __ATOMIC_RELAXED)) {
			cpu->sched.asked = other->index;
			cpu->sched.balanced = now;
			cpu->ask.run = sched_asked;
			cpu_call(other, &cpu->ask);
			return;
		}
	}
}

/* Would `entity`, which waits here, get more there? Or has it had less than those there? */
static bool sched_is_better(const struct sched_queue *here, const struct sched_entity *entity, unsigned there)
{
	return __atomic_load_n(&cpu_get(there)->sched.load, __ATOMIC_RELAXED) + entity->weight < here->load ||
	       vtime_is_behind(entity->vtime + here->lead + VTIME_OF_NS(LAG_NS), sched_floor_of(there));
}

/* Where `entity` would be better off: an idle CPU, or the one that is ahead most; null: nowhere. */
static struct cpu *sched_find_better(const struct cpu *here, const struct sched_entity *entity)
{
	struct cpu *best = sched_find_idle(entity);

	if (best)
		return best;
	for (unsigned i = 0; i < cpu_count; i++)
		if (i != here->index && sched_allows(entity, i) && sched_is_better(&here->sched, entity, i) &&
		    (!best || vtime_is_behind(sched_floor_of(best->index), sched_floor_of(i))))
			best = cpu_get(i);
	return best;
}

/*
 * Of those that would be better off elsewhere, the one that came first goes. If the last to come
 * went on again, it would find company wherever it is, while the others have a CPU alone by turns.
 */
void sched_balance(struct cpu *cpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;
	struct sched_entity *chosen = NULL;
	struct cpu *to = NULL;

	if (!sched_has_spare(queue) || !sched_look_around(cpu, now))
		return;
	for (struct list *at = queue->ready.next; at != &queue->ready; at = at->next) {
		struct sched_entity *entity = container_of(at, struct sched_entity, link);
		struct cpu *better = sched_find_better(cpu, entity);

		if (better && (!chosen || entity->arrived < chosen->arrived)) {
			chosen = entity;
			to = better;
		}
	}
	if (chosen)
		sched_move(cpu, chosen, to);
}
