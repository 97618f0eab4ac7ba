/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/sched.h"
#include "lib/checked.h"
#include "vmm/backend.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/trace.h"
#include "vmm/vm/vm.h"

/* Virtual time: ticks * 1024 / weight. Differences are what counts, so it may wrap. */
#define VTIME_SHIFT     10
#define VTIME_OF_NS(ns) ((time_ticks(ns) << VTIME_SHIFT) / SCHED_WEIGHT_DEFAULT)

/* Who wakes after a sleep is ahead of those who ran meanwhile by this much, and no more. */
#define CREDIT_NS SCHED_SLICE_NS
/* A turn is cut short only for one that is behind by more. */
#define PREEMPT_NS (SCHED_SLICE_NS / 2)
/*
 * A vCPU moves to a CPU where others have had so much more than it; and is never further ahead or
 * behind there.
 */
#define LAG_NS     10000000
#define LAG_MAX_NS 50000000
/*
 * Who seems to be further ahead has slept until vtime came round: 35 days beside one of weight 1.
 */
#define AHEAD_MAX_NS 4000000000
/* Between two looks at the other CPUs. */
#define BALANCE_NS 10000000
#define ASK_NS     1000000 /* of a CPU that has nothing to do */
/* A cap allows its part of every such period. */
#define CAP_PERIOD_NS 20000000

static bool is_behind(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return is_behind(a, b) ? b : a;
}

static struct vcpu *first_ready(const struct sched_queue *queue)
{
	return list_empty(&queue->ready) ? NULL : container_of(queue->ready.next, struct vcpu, sched.link);
}

void sched_queue_init(struct sched_queue *queue)
{
	*queue = (struct sched_queue){.idle = true};
	list_init(&queue->ready);
}

static void throttle_expired(struct timer *timer)
{
	struct sched_entity *entity = container_of(timer, struct sched_entity, throttle);
	struct vcpu *vcpu = container_of(entity, struct vcpu, sched);

	entity->waited += time_now() - entity->since;
	entity->state = SCHED_BLOCKED;
	sched_wake(vcpu);
	if (entity->state == SCHED_BLOCKED) /* paused meanwhile, or what it woke for is gone */
		vm_run_timers(vcpu->vm);
}

void sched_entity_init(struct vcpu *vcpu, uint16_t weight, uint8_t cap, uint64_t cpus)
{
	vcpu->sched = (struct sched_entity){
		.weight = weight,
		.cap = cap,
		.cpus = cpus,
		.refilled = time_now(),
	};
	list_init(&vcpu->sched.link);
	timer_init(&vcpu->sched.throttle, throttle_expired);
}

/* ---- Accounts ---- */

static inline void charge(struct sched_queue *queue, struct sched_entity *entity, uint64_t ticks)
{
	entity->ran += ticks;
	entity->vtime += multiply_high(ticks << VTIME_SHIFT, UINT64_MAX / entity->weight);
	entity->budget -= (int64_t)ticks;
	queue->busy += ticks;
}

static inline void charge_running(struct sched_queue *queue, uint64_t now)
{
	struct sched_entity *entity = &queue->running->sched;

	charge(queue, entity, now - entity->since);
	entity->since = now;
	__atomic_store_n(&queue->vtime, entity->vtime, __ATOMIC_RELAXED);
}

void sched_charge(struct vcpu *vcpu, uint64_t ticks)
{
	charge(&cpu_get(vcpu->sched.cpu)->sched, &vcpu->sched, ticks);
}

static int64_t whole_budget(const struct sched_entity *entity)
{
	return (int64_t)(time_ticks(CAP_PERIOD_NS) * entity->cap / 100);
}

static void refill(struct sched_entity *entity, uint64_t now)
{
	uint64_t elapsed = MIN(now - entity->refilled, time_ticks(CAP_PERIOD_NS));

	entity->budget = MIN(entity->budget + (int64_t)(elapsed * entity->cap / 100), whole_budget(entity));
	entity->refilled = now;
}

/* ---- The queue ---- */

/* Before a vtime is compared with the floor: who runs may have done so for long without a look. */
static inline void raise_floor(struct sched_queue *queue, uint64_t now)
{
	const struct vcpu *first = first_ready(queue);
	uint64_t vtime;

	charge_running(queue, now);
	vtime = queue->running->sched.vtime;
	if (first && is_behind(first->sched.vtime, vtime))
		vtime = first->sched.vtime;
	queue->floor = later(queue->floor, vtime);
}

void sched_account(struct cpu *cpu)
{
	if (cpu->sched.running)
		raise_floor(&cpu->sched, time_now());
}

static void enqueue(struct sched_queue *queue, struct vcpu *vcpu, uint64_t now)
{
	struct list *at;

	vm_hold_timers(vcpu->vm);
	vcpu->sched.state = SCHED_READY;
	vcpu->sched.since = now;
	/* From the back; equals wait in the order in which they came. */
	for (at = queue->ready.prev; at != &queue->ready; at = at->prev)
		if (!is_behind(vcpu->sched.vtime, container_of(at, struct vcpu, sched.link)->sched.vtime))
			break;
	list_append(at->next, &vcpu->sched.link);
	queue->waiting++;
}

static void dequeue(struct sched_queue *queue, struct vcpu *vcpu, uint64_t now)
{
	list_remove(&vcpu->sched.link);
	queue->waiting--;
	vcpu->sched.waited += now - vcpu->sched.since;
	vcpu->sched.since = now;
}

/* The turn ends when others wait, or the budget of its cap is spent. */
static void arm_slice(struct cpu *cpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;
	const struct sched_entity *entity = &queue->running->sched;
	uint64_t end = TIMER_NEVER;

	if (queue->waiting)
		end = queue->turn + time_ticks(SCHED_SLICE_NS);
	if (entity->cap)
		end = MIN(end, now + (uint64_t)MAX(entity->budget, 1));
	cpu->slice_end = end;
}

/* ---- Other CPUs ---- */

static bool allowed(const struct vcpu *vcpu, unsigned cpu)
{
	return vcpu->sched.cpus >> cpu & 1;
}

static void arrived(struct cpu_call *call)
{
	struct vcpu *vcpu = container_of(call, struct vcpu, arrive);

	sched_arrive(this_cpu(), vcpu);
}

/* Hand a vCPU that is nowhere to another CPU. */
static void send(struct vcpu *vcpu, struct cpu *to)
{
	vcpu->arrive.run = arrived;
	vcpu->moving = true;
	__atomic_add_fetch(&to->sched.placed, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&vcpu->sched.cpu, to->index, __ATOMIC_RELEASE);
	cpu_call(to, &vcpu->arrive);
}

static struct cpu *find_idle(const struct vcpu *vcpu)
{
	for (unsigned i = 0; i < cpu_count; i++)
		if (allowed(vcpu, i) && cpu_get(i) != this_cpu() &&
		    __atomic_load_n(&cpu_get(i)->sched.idle, __ATOMIC_RELAXED))
			return cpu_get(i);
	return NULL;
}

/* Is there one to spare? The first in the queue of a CPU where nobody runs is about to. */
static bool has_spare(const struct sched_queue *queue)
{
	return queue->waiting > !queue->running;
}

static void move(struct cpu *from, struct vcpu *vcpu, struct cpu *to)
{
	__atomic_store_n(&to->sched.idle, false, __ATOMIC_RELAXED); /* nobody else sends it one as well */
	sched_leave(from, vcpu);
	send(vcpu, to);
}

/* On a CPU where vCPUs wait: the CPU `to` had nothing to do. */
static void give(struct cpu_call *call)
{
	struct cpu *to = container_of(call, struct cpu, ask), *from = this_cpu();

	if (!has_spare(&from->sched) || !__atomic_load_n(&to->sched.idle, __ATOMIC_RELAXED))
		return;
	for (struct list *at = from->sched.ready.next; at != &from->sched.ready; at = at->next) {
		struct vcpu *vcpu = container_of(at, struct vcpu, sched.link);

		if (allowed(vcpu, to->index)) {
			move(from, vcpu, to);
			return;
		}
	}
}

/* Have `from` give `to` one that waits there. */
static void ask(struct cpu *from, struct cpu *to)
{
	to->ask.run = give;
	cpu_call(from, &to->ask);
}

/*
 * Not each time that this CPU's guests fall asleep: it is an interrupt for the others'. They look
 * around themselves, too.
 */
static void ask_for_work(struct cpu *cpu, uint64_t now)
{
	if (now - cpu->sched.balanced < time_ticks(ASK_NS))
		return;
	for (unsigned i = 0; i < cpu_count; i++) {
		struct cpu *other = cpu_get((cpu->sched.asked + 1 + i) % cpu_count);

		if (other != cpu && __atomic_load_n(&other->sched.waiting, __ATOMIC_RELAXED)) {
			cpu->sched.asked = other->index;
			cpu->sched.balanced = now;
			ask(other, cpu);
			return;
		}
	}
}

/* Where `vcpu`, which waits here, would be better off; null: nowhere. */
static struct cpu *find_better(const struct cpu *here, const struct vcpu *vcpu)
{
	struct cpu *best = find_idle(vcpu);
	uint64_t vtime = vcpu->sched.vtime + VTIME_OF_NS(LAG_NS);

	for (unsigned i = 0; !best && i < cpu_count; i++)
		if (i != here->index && allowed(vcpu, i) &&
		    is_behind(vtime, __atomic_load_n(&cpu_get(i)->sched.vtime, __ATOMIC_RELAXED)))
			best = cpu_get(i);
	return best;
}

/* Send one of those that wait to where it is better off. */
static void balance(struct cpu *cpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;

	if (cpu_count == 1 || !has_spare(queue) || now - queue->balanced < time_ticks(BALANCE_NS))
		return;
	queue->balanced = now;
	for (struct list *at = queue->ready.next; at != &queue->ready; at = at->next) {
		struct vcpu *vcpu = container_of(at, struct vcpu, sched.link);
		struct cpu *to = find_better(cpu, vcpu);

		if (to) {
			move(cpu, vcpu, to);
			return;
		}
	}
}

void sched_send(struct vcpu *vcpu)
{
	struct cpu *best = cpu_get((unsigned)__builtin_ctzl(vcpu->sched.cpus));

	for (unsigned i = 0; i < cpu_count; i++)
		if (allowed(vcpu, i) && cpu_get(i)->sched.placed < best->sched.placed)
			best = cpu_get(i);
	send(vcpu, best);
}

void sched_arrive(struct cpu *cpu, struct vcpu *vcpu)
{
	struct sched_queue *queue = &cpu->sched;
	struct sched_entity *entity = &vcpu->sched;
	uint64_t now = time_now(), lag = VTIME_OF_NS(LAG_MAX_NS);

	if (queue->running)
		raise_floor(queue, now);
	else if (!queue->waiting)
		queue->floor = later(queue->floor, entity->vtime);
	/* Queues do not run at one pace: neither starve those here nor be starved by them. */
	entity->vtime = later(entity->vtime, queue->floor - lag);
	if (is_behind(queue->floor + lag, entity->vtime))
		entity->vtime = queue->floor + lag;
	entity->state = SCHED_BLOCKED;
	refill(entity, now);
	entity->since = now;
	vcpu->moving = false;
	vm_run_timers(vcpu->vm);
	if (vcpu->vm->terminal)
		vcpu->vm->terminal->ops->arrive(vcpu->vm->terminal);
	sched_wake(vcpu);
}

void sched_leave(struct cpu *cpu, struct vcpu *vcpu)
{
	struct sched_queue *queue = &cpu->sched;
	uint64_t now = time_now();

	if (vcpu->sched.state == SCHED_READY)
		dequeue(queue, vcpu, now);
	if (queue->running == vcpu) {
		charge_running(queue, now);
		queue->running = NULL;
	}
	timer_cancel(&vcpu->sched.throttle);
	vm_hold_timers(vcpu->vm);
	if (vcpu->vm->terminal)
		vcpu->vm->terminal->ops->leave(vcpu->vm->terminal);
	backend_vcpu_release(cpu, vcpu);
	vcpu->sched.state = SCHED_NOWHERE;
	__atomic_sub_fetch(&queue->placed, 1, __ATOMIC_RELAXED);
}

/* ---- Turns ---- */

void sched_wake(struct vcpu *vcpu)
{
	struct cpu *cpu = this_cpu(), *idle;
	struct sched_queue *queue = &cpu->sched;
	struct sched_entity *entity = &vcpu->sched;
	uint64_t now = time_now();

	if (entity->state != SCHED_BLOCKED || !vcpu_wants_to_run(vcpu))
		return;
	if (queue->running)
		raise_floor(queue, now);
	if (is_behind(queue->floor + VTIME_OF_NS(AHEAD_MAX_NS), entity->vtime))
		entity->vtime = queue->floor;
	entity->vtime = later(entity->vtime, queue->floor - VTIME_OF_NS(CREDIT_NS));
	enqueue(queue, vcpu, now);
	trace_if_on(TRACE_WAKE, vcpu->vm_number, 0, 0, 0);
	if (!queue->running)
		return;
	idle = cpu_count > 1 ? find_idle(vcpu) : NULL;
	if (idle) /* from the run loop: devices may be in the middle of what woke it */
		ask(cpu, idle);
	if (is_behind(entity->vtime + VTIME_OF_NS(PREEMPT_NS), queue->running->sched.vtime))
		cpu_look_around(cpu);
	else
		arm_slice(cpu, now);
	backend_deadline_changed(cpu);
}

/* Must the turn of `running`, which wants to go on, end for those who wait? */
static bool turn_is_over(struct sched_queue *queue, uint64_t now)
{
	const struct vcpu *first = first_ready(queue);
	uint64_t vtime = queue->running->sched.vtime;

	if (now - queue->turn < time_ticks(SCHED_SLICE_NS))
		return first && is_behind(first->sched.vtime + VTIME_OF_NS(PREEMPT_NS), vtime);
	queue->turn = now;
	return first && !is_behind(vtime, first->sched.vtime);
}

static void block(struct vcpu *vcpu)
{
	vcpu->sched.state = SCHED_BLOCKED;
	trace_if_on(TRACE_BLOCK, vcpu->vm_number, 0, 0, 0);
	if (vcpu->requests & REQUEST_HALTED)
		vm_say_halted(vcpu->vm);
}

/* Does the cap stop it for now? */
static bool throttle(struct cpu *cpu, struct vcpu *vcpu, uint64_t now)
{
	struct sched_entity *entity = &vcpu->sched;
	int64_t wanted;

	if (!entity->cap)
		return false;
	refill(entity, now);
	if (entity->budget > 0)
		return false;
	wanted = whole_budget(entity) / 2 - entity->budget;
	vm_hold_timers(vcpu->vm);
	entity->state = SCHED_THROTTLED;
	cpu_timer_arm(cpu, &entity->throttle, now + (uint64_t)wanted * 100 / entity->cap);
	return true;
}

/* May `running` go on? Otherwise it is put where it belongs. */
static bool goes_on(struct cpu *cpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;
	struct vcpu *running = queue->running;

	raise_floor(queue, now);
	if (!vcpu_wants_to_run(running)) {
		block(running);
	} else if (!throttle(cpu, running, now)) {
		if (!turn_is_over(queue, now))
			return true;
		trace_if_on(TRACE_SLICE, running->vm->number, 0, 0, 0);
		enqueue(queue, running, now);
	}
	queue->running = NULL;
	return false;
}

static void begin_turn(struct cpu *cpu, struct vcpu *vcpu, uint64_t now)
{
	struct sched_queue *queue = &cpu->sched;

	dequeue(queue, vcpu, now);
	vcpu->sched.state = SCHED_RUNNING;
	vcpu->sched.switches++;
	queue->switches++;
	queue->running = vcpu;
	trace_if_on(TRACE_SWITCH, vcpu->vm_number, 0, queue->last, 0);
	queue->last = vcpu->vm_number;
	queue->turn = now;
	__atomic_store_n(&queue->idle, false, __ATOMIC_RELAXED);
	vm_run_timers(vcpu->vm);
}

struct vcpu *sched_pick(struct cpu *cpu)
{
	struct sched_queue *queue = &cpu->sched;
	uint64_t now = time_now();
	struct vcpu *next;

	if (queue->running && goes_on(cpu, now)) {
		/* A heavy one may go on for many turns, and the other CPU sleep. */
		if (queue->waiting && find_idle(first_ready(queue)))
			balance(cpu, now);
		arm_slice(cpu, now);
		return queue->running;
	}
	balance(cpu, now);
	while ((next = first_ready(queue))) {
		if (vcpu_wants_to_run(next)) {
			begin_turn(cpu, next, now);
			arm_slice(cpu, now);
			return next;
		}
		dequeue(queue, next, now);
		block(next);
		vm_run_timers(next->vm);
	}
	if (queue->last != TRACE_NO_VM)
		trace_if_on(TRACE_SWITCH, TRACE_NO_VM, 0, queue->last, 0);
	queue->last = TRACE_NO_VM;
	cpu->slice_end = TIMER_NEVER;
	__atomic_store_n(&queue->idle, true, __ATOMIC_RELAXED);
	ask_for_work(cpu, now);
	return NULL;
}
