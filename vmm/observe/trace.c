/* SPDX-License-Identifier: MIT */
#include "vmm/observe/trace.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/per_cpu.h"
#include "lib/x86.h"
#include "mm/frames.h"

_Static_assert(sizeof(struct trace_ring) == PAGE_SIZE << TRACE_ORDER, "a ring fills its frames");

static const char *const trace_names[TRACE_EVENTS] = {
	[TRACE_NONE] = "",
	[TRACE_INTERRUPT] = "interrupt",
	[TRACE_NMI] = "NMI",
	[TRACE_EXIT] = "exit",
	[TRACE_INJECT] = "inject",
	[TRACE_SWITCH] = "switch",
	[TRACE_WAKE] = "wake",
	[TRACE_BLOCK] = "block",
	[TRACE_SLICE] = "slice end",
	[TRACE_START] = "start",
	[TRACE_STOP] = "stop",
	[TRACE_RESET] = "reset",
	[TRACE_PORT] = "unclaimed port",
};

bool trace_on;
static bool trace_frozen;
static struct trace_ring *trace_rings[TRACE_CPUS];

int trace_init_cpu(unsigned cpu)
{
	hpa_t frames = frames_alloc(TRACE_ORDER, FRAME_OWNER_MONITOR, FRAME_DATA);

	if (!frames)
		return -ERR_NO_MEMORY;
	trace_rings[cpu] = hpa_to_pointer(frames);
	return 0;
}

struct trace_record *trace_vm(enum trace_event event, unsigned number, unsigned code, uint64_t a, uint64_t b)
{
	struct trace_ring *ring = trace_rings[per_cpu_index()];
	struct trace_record *record;

	if (!ring || __atomic_load_n(&trace_frozen, __ATOMIC_RELAXED))
		return NULL;
	/* At once, so that an NMI takes the next record. */
	record = &ring->record[__atomic_fetch_add(&ring->written, 1, __ATOMIC_RELAXED) % TRACE_RECORDS];
	*record = (struct trace_record){
		.tsc = read_tsc(),
		.a = a,
		.b = b,
		.vm = (uint16_t)number,
		.event = (uint8_t)event,
		.code = (uint8_t)MIN(code, UINT8_MAX),
	};
	return record;
}

void trace_freeze(bool frozen)
{
	__atomic_store_n(&trace_frozen, frozen, __ATOMIC_RELAXED);
}

const struct trace_ring *trace_ring(unsigned cpu)
{
	return trace_rings[cpu];
}

const char *trace_event_name(unsigned event)
{
	return event < TRACE_EVENTS ? trace_names[event] : "";
}

static void trace_print_ring(unsigned cpu, const struct trace_ring *ring, void (*put)(const char *line))
{
	uint64_t end = ring->written;

	for (uint64_t at = end - MIN(end, TRACE_PRINTED); at < end; at++) {
		const struct trace_record *record = &ring->record[at % TRACE_RECORDS];
		char line[128];

		format_buffer(line, sizeof(line), "cpu %u tsc %lu %-9s vm %x code %x %lx %lx", cpu,
		              record->tsc, trace_event_name(record->event), record->vm, record->code,
		              record->a, record->b);
		put(line);
	}
}

void trace_print(void (*put)(const char *line))
{
	for (unsigned cpu = 0; cpu < TRACE_CPUS; cpu++)
		if (trace_rings[cpu])
			trace_print_ring(cpu, trace_rings[cpu], put);
}
