/* SPDX-License-Identifier: MIT */
/* Few of a machine's devices wait for something at a time, so a sorted list is enough. */
#include "devices/bus/deadlines.h"

static struct deadline *deadline_of(struct list *link)
{
	return container_of(link, struct deadline, link);
}

void deadlines_init(struct deadlines *deadlines, const struct platform *platform)
{
	*deadlines = (struct deadlines){.platform = platform, .told = DEADLINE_NONE};
	list_init(&deadlines->armed);
}

void deadline_init(struct deadline *deadline, void (*reached)(struct device *device), struct device *device)
{
	*deadline = (struct deadline){.at = DEADLINE_NONE, .reached = reached, .device = device};
	list_init(&deadline->link);
}

void deadlines_defer(struct deadlines *deadlines)
{
	deadlines->deferred = true;
}

static inline void deadlines_update(struct deadlines *deadlines)
{
	uint64_t earliest = DEADLINE_NONE;

	if (!list_empty(&deadlines->armed))
		earliest = deadline_of(deadlines->armed.next)->at;
	if (deadlines->deferred || earliest == deadlines->told)
		return;
	deadlines->told = earliest;
	deadlines->platform->events->deadline_changed(deadlines->platform->context, earliest);
}

void deadlines_tell(struct deadlines *deadlines)
{
	deadlines->deferred = false;
	deadlines_update(deadlines);
}

static inline void deadline_insert(struct list *armed, struct deadline *deadline)
{
	struct list *after = armed->next;

	while (after != armed && deadline_of(after)->at <= deadline->at)
		after = after->next;
	list_append(after, &deadline->link); /* in front of it: the list is a circle */
}

void deadline_arm(struct deadlines *deadlines, struct deadline *deadline, uint64_t at)
{
	if (deadline->at == at)
		return;
	list_remove(&deadline->link);
	deadline->at = at;
	if (at != DEADLINE_NONE)
		deadline_insert(&deadlines->armed, deadline);
	deadlines_update(deadlines);
}

/* The first that is due and has not run in this pass; null: none. */
static inline struct deadline *deadlines_due(struct deadlines *deadlines, uint64_t now)
{
	for (struct list *link = deadlines->armed.next; link != &deadlines->armed; link = link->next) {
		struct deadline *deadline = deadline_of(link);

		if (deadline->at > now)
			break;
		if (deadline->pass != deadlines->pass)
			return deadline;
	}
	return NULL;
}

void deadlines_run(struct deadlines *deadlines)
{
	uint64_t now = clock_now(deadlines->platform->clock);
	struct deadline *deadline;

	if (deadlines->told > now)
		return;
	deadlines_defer(deadlines);
	deadlines->pass++;
	while ((deadline = deadlines_due(deadlines, now))) {
		deadline->pass = deadlines->pass;
		deadline->at = DEADLINE_NONE;
		list_remove(&deadline->link);
		deadline->reached(deadline->device);
	}
	deadlines_tell(deadlines);
}
