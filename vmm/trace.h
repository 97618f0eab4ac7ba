/*
 * The trace ring: the last few things that each CPU did, cheap enough to be always on.
 * The shell shows it, and panic prints it.
 */
#ifndef VMM_TRACE_H
#define VMM_TRACE_H

#include "lib/types.h"

#define TRACE_RECORDS 64 /* per CPU; a power of two */
#define TRACE_CPUS    16 /* CPUs with a higher index are not traced */

enum trace_event {
	TRACE_NONE,
	TRACE_INTERRUPT, /* a: vector, b: interrupts of that vector so far */
	TRACE_NMI,       /* a: NMIs so far */
	TRACE_EXIT,      /* a: exit reason, b: guest RIP */
	TRACE_EVENTS,
};

struct trace_record {
	uint64_t tsc;
	uint64_t event; /* enum trace_event */
	uint64_t a, b;
};

struct trace_ring {
	uint64_t written; /* records ever; its low bits index `record` */
	struct trace_record record[TRACE_RECORDS];
};

/* Note one event of this CPU. Callable from anywhere after interrupts_init_cpu(), NMI included. */
void trace(enum trace_event event, uint64_t a, uint64_t b);

/* One line per record, oldest first, without newline, for each CPU that has any. */
void trace_print(void (*put)(const char *line));

#endif
