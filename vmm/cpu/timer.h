/* SPDX-License-Identifier: MIT */
/*
 * Timer queues: one per CPU, ordered by deadline. A queue holds few timers, so it is a sorted list.
 *
 * Locking: the CPU that owns the queue.
 */
#ifndef VMM_CPU_TIMER_H
#define VMM_CPU_TIMER_H

#include "lib/list.h"
#include "lib/types.h"

#define TIMER_NEVER UINT64_MAX

struct timer {
	struct list link;
	uint64_t deadline;                    /* TSC */
	void (*expired)(struct timer *timer); /* may arm and cancel any timer, this one too */
};

struct timer_queue {
	/*
	 * Before the first and after the last, by deadline; equal ones in the order of arming. Its
	 * deadline never comes: so the earliest one is read without a look whether there is any.
	 */
	struct timer end;
};

void timer_queue_init(struct timer_queue *queue);
void timer_init(struct timer *timer, void (*expired)(struct timer *timer));

static inline bool timer_armed(const struct timer *timer)
{
	return !list_empty(&timer->link);
}

/* Fire at TSC `deadline` (TIMER_NEVER cancels); replaces an earlier deadline. */
void timer_arm(struct timer_queue *queue, struct timer *timer, uint64_t deadline);

/* Harmless if not armed. */
static inline void timer_cancel(struct timer *timer)
{
	list_remove(&timer->link);
	timer->deadline = TIMER_NEVER;
}

/*
 * Fire what is due at `now`: at most TIMER_RUN_MAX at a time, so that one which arms itself for the
 * past cannot hold the CPU.
 */
#define TIMER_RUN_MAX 16
void timer_queue_run(struct timer_queue *queue, uint64_t now);

/* The one with the earliest deadline; one that never fires if there is none. */
static inline const struct timer *timer_queue_first(const struct timer_queue *queue)
{
	return container_of(queue->end.link.next, const struct timer, link);
}

/* The earliest deadline, or TIMER_NEVER. */
static inline uint64_t timer_queue_next(const struct timer_queue *queue)
{
	return timer_queue_first(queue)->deadline;
}

#endif
