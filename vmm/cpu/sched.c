/* SPDX-License-Identifier: MIT */
/* The scheduler on one processor: wake-ups and turns. */
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/sched_queue.h"
#include "vmm/observe/trace.h"

/* Who wakes after a sleep is ahead of those who ran meanwhile by this much, and no more. */
#define CREDIT_NS SCHED_SLICE_NS
/* A turn is cut short only for an entity that has fallen behind by more. */
#define PREEMPT_NS (SCHED_SLICE_NS / 2)
/*
 * And not before it has lasted this long, however many wake up: switches have a rate. Less than the
 * period of a 1000 Hz tick, so that its guest has 0.2 ms in each for its own work.
 */
#define QUIET_NS 800000
/*
 * Who seems to be further ahead has slept until vtime came round: 35 days beside one of weight 1.
 */
#define AHEAD_MAX_NS 4000000000

void sched_queue_init(struct sched_queue *queue)
{
	*queue = (struct sched_queue){.idle = true};
	list_init(&queue->woken);
	list_init(&queue->ready);
}

void sched_entity_init(struct sched_entity *entity, uint16_t vm, uint16_t weight, uint8_t cap, uint64_t cpus)
{
	*entity = (struct sched_entity){
		.vm = vm,
		.weight = weight,
		.cap = cap,
		.cpus = cpus,
		.refilled = time_now(),
	};
	list_init(&entity->link);
	timer_init(&entity->throttle, sched_throttle_expired);
}

/* ---- Accounts ---- */

void sched_account(struct cpu *cpu)
{
	uint64_t now = time_now();

	if (!cpu->sched.running)
		return;
	queue_raise_floor(&cpu->sched, now);
	if (cpu_count > 1 && !cpu->sched.waiting) /* with others, it balances */
		sched_look_around(cpu, now);
}

uint64_t sched_charge(struct sched_entity *entity, uint64_t start)
{
	struct sched_queue *queue = &this_cpu()->sched;
	uint64_t now = time_now();

	queue_charge(queue, entity, now - start);
	if (queue->running)
		queue->running->since += now - start;
	return now;
}

/* ---- Wake-ups ---- */

void sched_wake(struct sched_entity *entity)
{
	struct cpu *cpu = this_cpu();

	if (entity->state != SCHED_BLOCKED || !sched_is_runnable(entity))
		return;
	entity->state = SCHED_WOKEN;
	list_append(&cpu->sched.woken, &entity->link);
	trace_if_on(TRACE_WAKE, entity->vm, 0, 0, 0);
	cpu_reschedule(cpu);
}

static void sched_enqueue(struct sched_queue *queue, struct sched_entity *entity, uint64_t now)
{
	struct list *at;

	sched_on_wait(entity);
	entity->state = SCHED_READY;
	entity->since = now;
	/* From the back; equals wait in the order in which they came. */
	for (at = queue->ready.prev; at != &queue->ready; at = at->prev)
		if (!vtime_is_behind(entity->vtime, container_of(at, struct sched_entity, link)->vtime))
			break;
	list_append(at->next, &entity->link);
	queue->waiting++;
}

/*
 * What it slept counts for a little; one that moved has not slept, and lags for that reason
 * (sched_arrive()).
 */
static inline void sched_limit_lag(const struct sched_queue *queue, struct sched_entity *entity)
{
	uint64_t floor = queue->floor;

	if (vtime_is_behind(entity->vtime, floor) && !entity->moved)
		entity->vtime = vtime_later(entity->vtime, floor - VTIME_OF_NS(CREDIT_NS));
	else if (vtime_is_behind(floor, entity->vtime) &&
	         vtime_is_behind(floor + VTIME_OF_NS(AHEAD_MAX_NS), entity->vtime))
		entity->vtime = floor;
	entity->moved = false;
}

/* Where another CPU has nothing to do, one that waits goes there. */
static void sched_act_on_wake(struct cpu *cpu, struct sched_entity *entity, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;
	struct cpu *idle;

	list_remove(&entity->link);
	entity->looks = 0;
	if (queue->running)
		queue_raise_floor(queue, now);
	sched_limit_lag(queue, entity);
	queue->load += entity->weight;
	if (sched_throttle(cpu, entity, now)) /* its device events have used it up */
		return;
	sched_enqueue(queue, entity, now);
	if (cpu_count == 1 || !queue->running || !sched_is_runnable(queue->running))
		return;
	idle = sched_find_idle(entity);
	if (idle)
		sched_give(cpu, idle);
}

static inline void sched_act_on_wakes(struct cpu *cpu, uint64_t now)
{
	while (!list_empty(&cpu->sched.woken))
		sched_act_on_wake(cpu, container_of(cpu->sched.woken.next, struct sched_entity, link), now);
}

/* ---- Turns ---- */

/* Does the first that waits lag so much that it need not wait for the end of the turn? */
static bool sched_is_urgent(const struct sched_entity *first, const struct sched_queue *queue)
{
	return vtime_is_behind(first->vtime + VTIME_OF_NS(PREEMPT_NS), queue->running->vtime);
}

/* The turn ends at TSC `end`, or when the budget of its cap is spent. */
static inline void sched_arm_slice(struct cpu *cpu, uint64_t now, uint64_t end)
{
	const struct sched_entity *entity = cpu->sched.running;

	if (entity->cap)
		end = MIN(end, now + (uint64_t)MAX(entity->budget, 1));
	cpu->slice_end = end;
}

/* When `running`, which goes on, must look at those who wait. */
static uint64_t sched_turn_end(const struct cpu *cpu)
{
	const struct sched_queue *queue = &cpu->sched;

	if (!queue->waiting)
		return TIMER_NEVER;
	return sched_is_urgent(queue_first(queue), queue) ? cpu->quiet
	                                                  : queue->turn + time_ticks(SCHED_SLICE_NS);
}

/* Must the turn of `running`, which wants to go on, end for those who wait? */
static bool sched_turn_is_over(struct cpu *cpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;
	const struct sched_entity *first = queue_first(queue);

	if (now - queue->turn < time_ticks(SCHED_SLICE_NS))
		return first && now >= cpu->quiet && sched_is_urgent(first, queue);
	queue->turn = now;
	return first && !vtime_is_behind(queue->running->vtime, first->vtime);
}

static void sched_block(struct sched_queue *queue, struct sched_entity *entity)
{
	queue->load -= entity->weight;
	entity->state = SCHED_BLOCKED;
	trace_if_on(TRACE_BLOCK, entity->vm, 0, 0, 0);
	sched_on_block(entity);
}

/* May `running` go on? Otherwise it is put where it belongs. */
static bool sched_goes_on(struct cpu *cpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;
	struct sched_entity *running = queue->running;

	queue_raise_floor(queue, now);
	if (!sched_is_runnable(running)) {
		sched_block(queue, running);
		queue->slept = running;
	} else if (!sched_throttle(cpu, running, now)) {
		if (!sched_turn_is_over(cpu, now))
			return true;
		trace_if_on(TRACE_SLICE, running->vm, 0, 0, 0);
		sched_enqueue(queue, running, now);
	}
	queue->running = NULL;
	return false;
}

static void sched_begin_turn(struct cpu *cpu, struct sched_entity *entity, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;

	queue_remove(queue, entity, now);
	entity->state = SCHED_RUNNING;
	entity->switches++;
	queue->switches++;
	queue->running = entity;
	trace_if_on(TRACE_SWITCH, entity->vm, 0, queue->last, 0);
	queue->last = entity->vm;
	queue->turn = now;
	cpu->quiet = now + time_ticks(QUIET_NS);
	__atomic_store_n(&queue->idle, false, __ATOMIC_RELAXED);
	sched_on_wait_over(entity);
}

static void sched_go_idle(struct cpu *cpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;

	if (queue->last != TRACE_NO_VM)
		trace_if_on(TRACE_SWITCH, TRACE_NO_VM, 0, queue->last, 0);
	queue->last = TRACE_NO_VM;
	queue->slept = NULL;
	cpu->slice_end = TIMER_NEVER;
	cpu->quiet = 0;
	__atomic_store_n(&queue->idle, true, __ATOMIC_RELAXED);
	if (cpu_count > 1)
		sched_ask_for_work(cpu, now);
}

struct sched_entity *sched_pick(struct cpu *cpu)
{
	struct sched_queue *queue = &cpu->sched;
	uint64_t now = time_now();
	struct sched_entity *next;

	sched_act_on_wakes(cpu, now);
	if (queue->running && sched_goes_on(cpu, now)) {
		/* A heavy one may go on for many turns, and the other CPU sleep. */
		if (cpu_count > 1 && queue->waiting && sched_find_idle(queue_first(queue)))
			sched_balance(cpu, now);
		sched_arm_slice(cpu, now, sched_turn_end(cpu));
		return queue->running;
	}
	if (cpu_count > 1)
		sched_balance(cpu, now);
	while ((next = queue_first(queue))) {
		if (sched_is_runnable(next)) {
			sched_begin_turn(cpu, next, now);
			sched_arm_slice(cpu, now,
			                queue->waiting ? now + time_ticks(SCHED_SLICE_NS) : TIMER_NEVER);
			return next;
		}
		queue_remove(queue, next, now);
		sched_block(queue, next);
		sched_on_wait_over(next);
		sched_act_on_wakes(cpu, now); /* its devices may have woken it just then */
	}
	sched_go_idle(cpu, now);
	return NULL;
}
