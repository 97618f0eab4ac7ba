/* SPDX-License-Identifier: MIT */
/*
 * The trace: the last few thousand things that each CPU did. Interrupts, NMIs and the lives of VMs
 * are always noted; exits, injections and the scheduler's doings when somebody asked for them
 * (`trace on`). docs/trace.md has the fields of each event.
 *
 * Locking: a ring belongs to its CPU, NMIs included. Whoever reads another CPU's ring freezes the
 * trace first, and may still find one record there that is being written.
 */
#ifndef VMM_OBSERVE_TRACE_H
#define VMM_OBSERVE_TRACE_H

#include "lib/types.h"

#define TRACE_CPUS    256    /* a CPU's index is a byte */
#define TRACE_NO_VM   0xffff /* no VM is meant, or the monitor runs */
#define TRACE_PRINTED 64     /* what a panic prints of each CPU */

enum trace_event {
	TRACE_NONE,
	TRACE_INTERRUPT, /* a: vector, b: interrupts of that vector so far */
	TRACE_NMI,       /* a: NMIs so far */
	TRACE_EXIT,      /* code: exit reason, a: guest RIP, b: exit qualification, ticks: spent on it */
	TRACE_INJECT,    /* code: vector, a: enum event_type, b: error code */
	TRACE_SWITCH,    /* vm: who runs from now on (TRACE_NO_VM: the CPU idles), a: who ran until now */
	TRACE_WAKE,      /* the VM wants to run again */
	TRACE_BLOCK,     /* the VM has nothing to do */
	TRACE_SLICE,     /* its turn is over, and it waits for the next */
	TRACE_START,     /* the VM starts */
	TRACE_STOP,      /* a: enum vm_end */
	TRACE_RESET,     /* the VM restarts */
	TRACE_PORT,      /* access to a port that no device has. a: port */
	TRACE_EVENTS,
};

struct trace_record {
	uint64_t tsc, a, b;
	uint32_t ticks; /* TSC ticks that it took; 0: it took none, or is not over */
	uint16_t vm;    /* its number */
	uint8_t event;  /* enum trace_event */
	uint8_t code;
};

/* One block of frames. */
#define TRACE_ORDER   5
#define TRACE_RECORDS ((PAGE_SIZE << TRACE_ORDER) / sizeof(struct trace_record) - 1)

struct trace_ring {
	uint64_t written; /* records ever; modulo TRACE_RECORDS it is the index of the next */
	uint64_t reserved[3];
	struct trace_record record[TRACE_RECORDS];
};

extern bool trace_on; /* are the events noted that cost something? */

/* Give the CPU with this index its ring, before anything is traced there. -ERR_NO_MEMORY */
int must_check trace_init_cpu(unsigned cpu);

/*
 * Note one event of this CPU. Callable from anywhere after interrupts_early_init(), NMI included.
 * trace_vm() returns the record, to set its `ticks`, or null where there is none.
 */
struct trace_record *trace_vm(enum trace_event event, unsigned number, unsigned code, uint64_t a, uint64_t b);

static inline void trace(enum trace_event event, uint64_t a, uint64_t b)
{
	trace_vm(event, TRACE_NO_VM, 0, a, b);
}

/* The same, but only while the trace is on. */
static inline void trace_if_on(enum trace_event event, unsigned number, unsigned code, uint64_t a, uint64_t b)
{
	if (unlikely(trace_on))
		trace_vm(event, number, code, a, b);
}

/* From now on nothing is noted, or it is again. */
void trace_freeze(bool frozen);

/* The ring of a CPU, below TRACE_CPUS; null if it has none. */
const struct trace_ring *trace_ring(unsigned cpu);

/* The number of the oldest record that is still there. */
static inline uint64_t trace_first(const struct trace_ring *ring)
{
	return ring->written > TRACE_RECORDS ? ring->written - TRACE_RECORDS : 0;
}

/* "interrupt"; "" for what is no event. */
const char *trace_event_name(unsigned event);

/*
 * One line for each of the last TRACE_PRINTED records of each CPU, oldest first, without newline.
 */
void trace_print(void (*put)(const char *line));

#endif
