/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/timer.h"

void timer_init(struct timer *timer, void (*expired)(struct timer *timer))
{
	list_init(&timer->link);
	timer->deadline = TIMER_NEVER;
	timer->expired = expired;
}

void timer_queue_init(struct timer_queue *queue)
{
	timer_init(&queue->end, NULL);
}

void timer_arm(struct timer_queue *queue, struct timer *timer, uint64_t deadline)
{
	struct list *at;

	timer_cancel(timer);
	if (deadline == TIMER_NEVER)
		return;
	timer->deadline = deadline;
	/* From the back: most timers are armed for later than those that wait. */
	for (at = queue->end.link.prev; at != &queue->end.link; at = at->prev)
		if (container_of(at, struct timer, link)->deadline <= deadline)
			break;
	list_append(at->next, &timer->link); /* before at->next is after `at` */
}

void timer_queue_run(struct timer_queue *queue, uint64_t now)
{
	for (unsigned i = 0; i < TIMER_RUN_MAX && timer_armed(&queue->end); i++) {
		struct timer *timer = container_of(queue->end.link.next, struct timer, link);

		if (timer->deadline > now)
			break;
		timer_cancel(timer);
		timer->expired(timer);
	}
}
