/* SPDX-License-Identifier: MIT */
/*
 * The deadlines of one machine's devices, and the one that its platform is told: the earliest.
 */
#ifndef DEVICES_BUS_DEADLINES_H
#define DEVICES_BUS_DEADLINES_H

#include "devices/bus/platform.h"
#include "lib/list.h"

#define DEADLINE_NONE UINT64_MAX

struct device;

/* A device's wish to be called. */
struct deadline {
	struct list link;
	uint64_t at;   /* machine clock, ns; DEADLINE_NONE: not armed */
	uint64_t pass; /* the last run of the deadlines that called it */
	void (*reached)(struct device *device);
	struct device *device;
};

struct deadlines {
	struct list armed; /* by time; equal ones in the order of arming */
	const struct platform *platform;
	uint64_t told; /* to the platform */
	uint64_t pass; /* runs so far */
	bool deferred; /* the earliest is told at the end of a longer work */
};

void deadlines_init(struct deadlines *deadlines, const struct platform *platform);
void deadline_init(struct deadline *deadline, void (*reached)(struct device *device), struct device *device);

/* Ask for a call of `reached` at `at` (DEADLINE_NONE: for none); replaces an earlier wish. */
void deadline_arm(struct deadlines *deadlines, struct deadline *deadline, uint64_t at);

/*
 * Call all that are not after the machine's clock, the earliest first, each at most once: one that
 * arms itself for a time already past is called by the next run.
 */
void deadlines_run(struct deadlines *deadlines);

static inline bool deadlines_are_due(const struct deadlines *deadlines, uint64_t now)
{
	return deadlines->told <= now;
}

/*
 * Before a register shows the time `now`: what is due by then happens first, so that no register
 * runs ahead of an interrupt.
 */
static inline void deadlines_catch_up(struct deadlines *deadlines, uint64_t now)
{
	if (unlikely(deadlines_are_due(deadlines, now)))
		deadlines_run(deadlines);
}

/* Between these two nothing is told; then the earliest is, if it is another. */
void deadlines_defer(struct deadlines *deadlines);
void deadlines_tell(struct deadlines *deadlines);

#endif
