/* SPDX-License-Identifier: MIT */
/*
 * The longest stretch for which a processor let interrupts wait, by what took most of it.
 *
 * A stretch begins with a look at who runs next, or after a window for interrupts. It ends with a
 * VM entry, a window or a sleep. Its parts are what may take long: calls, work steps, commands. A
 * part may have parts, and only its own time counts for it. The handler of an interrupt is a
 * stretch by itself.
 *
 * Exits that are always short have no stretch, since two reads of the TSC cost them 5 %. While a
 * vCPU is measured, traced or audited, each of its exits has one. docs/performance.md has the
 * figures.
 *
 * Locking: the CPU itself. Whoever shows another CPU's reads each field as it is.
 */
#ifndef VMM_CPU_STRETCH_H
#define VMM_CPU_STRETCH_H

#include "lib/types.h"
#include "lib/x86.h"

enum stretch_cause {
	STRETCH_LOOP,      /* who runs next. `what`: the first timer's function, if one fired */
	STRETCH_EXIT,      /* `what`: the name of the exit */
	STRETCH_INTERRUPT, /* `what`: the handler */
	STRETCH_CALL,      /* from this CPU or another. `what`: the function */
	STRETCH_WORK,      /* a step of a VM's making or end. `what`: its name */
	STRETCH_CONSOLE,   /* the console, while no guest runs. `what`: null */
	STRETCH_COMMAND,   /* `what`: the name of the shell's command */
	STRETCH_CAUSES,
};

struct stretches {
	uint64_t start; /* TSC, of the one that goes on; 0: there is none */
	uint64_t inner; /* ticks of its parts that are over; 0: it has none */
	const void *timer;
	struct stretch_own {
		enum stretch_cause cause;
		uint64_t ticks;
		const void *what;
	} largest; /* part of the one that goes on */
	struct stretch_record {
		uint64_t ticks;
		const void *what;
	} longest[STRETCH_CAUSES];
};

/* What a part must keep while it goes on. */
struct stretch_part {
	uint64_t start, inner;
};

static inline void stretch_open(struct stretches *stretches, uint64_t now)
{
	stretches->start = now;
	stretches->timer = NULL;
}

/* The end of a stretch that has parts, or is longer than any that had none. */
void stretch_close_noted(struct stretches *stretches, uint64_t now);

/* The one that goes on ends, if there is one. */
static inline void stretch_close(struct stretches *stretches, uint64_t now)
{
	uint64_t start = stretches->start;

	if (start && unlikely(stretches->inner || now - start > stretches->longest[STRETCH_LOOP].ticks))
		stretch_close_noted(stretches, now);
	stretches->start = 0;
}

/* A part of the stretch that goes on. */
struct stretch_part stretch_begin_part(struct stretches *stretches);
void stretch_end_part(struct stretches *stretches, struct stretch_part part, enum stretch_cause cause,
                      const void *what);

/* A whole stretch, apart from the one that may go on. */
static inline void stretch_note(struct stretches *stretches, enum stretch_cause cause, const void *what,
                                uint64_t ticks)
{
	if (unlikely(ticks > stretches->longest[cause].ticks))
		stretches->longest[cause] = (struct stretch_record){ticks, what};
}

/* The longest by this cause on any CPU, and the CPU; ticks 0: there was none. */
struct stretch_record stretch_longest(enum stretch_cause cause, unsigned *cpu);

/* What took most of it, in words: "a shell command, list". STRETCH_TEXT_MAX bytes are enough. */
#define STRETCH_TEXT_MAX 80
void stretch_describe(enum stretch_cause cause, const void *what, char *text, size_t size);

/*
 * One line without its end: the longest of all. 2 * STRETCH_TEXT_MAX bytes are enough. Returns
 * `text`.
 */
const char *stretch_describe_longest(char *text, size_t size);

/* The same to the log. The tests hold it to a bar. */
void stretch_log_longest(void);

#endif
