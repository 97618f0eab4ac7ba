#include "lib/format.h"
#include "lib/x86.h"
#include "vmm/cpu.h"
#include "vmm/trace.h"

static const char *const names[TRACE_EVENTS] = {
	[TRACE_NONE] = "",
	[TRACE_INTERRUPT] = "interrupt",
	[TRACE_NMI] = "NMI",
	[TRACE_EXIT] = "exit",
};

static struct trace_ring rings[TRACE_CPUS];

void trace(enum trace_event event, uint64_t a, uint64_t b)
{
	unsigned index = this_cpu()->index;
	struct trace_record *record;

	if (index >= TRACE_CPUS)
		return;
	record = &rings[index].record[rings[index].written++ % TRACE_RECORDS];
	*record = (struct trace_record){.tsc = read_tsc(), .event = event, .a = a, .b = b};
}

static void print_ring(unsigned cpu, const struct trace_ring *ring, void (*put)(const char *line))
{
	uint64_t end = ring->written, at = end > TRACE_RECORDS ? end - TRACE_RECORDS : 0;

	for (; at < end; at++) {
		struct trace_record record = ring->record[at % TRACE_RECORDS];
		const char *name = record.event < TRACE_EVENTS ? names[record.event] : "";
		char line[96];

		format_buffer(line, sizeof(line), "cpu %u tsc %lu %-9s %lx %lx", cpu, record.tsc, name,
		              record.a, record.b);
		put(line);
	}
}

void trace_print(void (*put)(const char *line))
{
	for (unsigned cpu = 0; cpu < TRACE_CPUS; cpu++)
		print_ring(cpu, &rings[cpu], put);
}
