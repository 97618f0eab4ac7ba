/* SPDX-License-Identifier: MIT */
/* `trace show`: the last records of all CPUs in the order of time. */
#include "lib/format.h"
#include "vmm/console/console_internal.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_live.h"
#include "vmm/shell/shell_trace.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/trace.h"
#include "vmm/vm/vm.h"

#define STEP_NS  10000000
#define NS_PER_S 1000000000

static uint64_t position[TRACE_CPUS]; /* the next record of each ring */

static const struct trace_record *record_at(unsigned cpu, uint64_t at)
{
	return &trace_ring(cpu)->record[at % TRACE_RECORDS];
}

/* Go back by one record: the latest of those before the positions. False: there is none. */
static bool step_back(void)
{
	unsigned latest = TRACE_CPUS;

	for (unsigned cpu = 0; cpu < TRACE_CPUS; cpu++) {
		const struct trace_ring *ring = trace_ring(cpu);

		if (ring && position[cpu] > trace_first(ring) &&
		    (latest == TRACE_CPUS ||
		     record_at(cpu, position[cpu] - 1)->tsc > record_at(latest, position[latest] - 1)->tsc))
			latest = cpu;
	}
	if (latest == TRACE_CPUS)
		return false;
	position[latest]--;
	return true;
}

/* The CPU whose next record is the earliest; TRACE_CPUS: there is none. */
static unsigned find_next(void)
{
	unsigned earliest = TRACE_CPUS;

	for (unsigned cpu = 0; cpu < TRACE_CPUS; cpu++)
		if (trace_ring(cpu) && position[cpu] < trace_ring(cpu)->written &&
		    (earliest == TRACE_CPUS ||
		     record_at(cpu, position[cpu])->tsc < record_at(earliest, position[earliest])->tsc))
			earliest = cpu;
	return earliest;
}

static const char *name_of(uint64_t number)
{
	const struct vm *vm = number < vm_count ? vm_get((unsigned)number) : NULL;

	return vm ? vm->name : "-";
}

/* What the fields of a record mean. */
static void describe(const struct trace_record *record, char *text, size_t size)
{
	switch (record->event) {
	case TRACE_EXIT:
		format_buffer(text, size, "%s, rip %lx, qualification %lx, %u ticks",
		              backend_exit_name(record->code), record->a, record->b, record->ticks);
		break;
	case TRACE_INTERRUPT:
		format_buffer(text, size, "vector %02lx, %lu so far", record->a, record->b);
		break;
	case TRACE_NMI: format_buffer(text, size, "%lu so far", record->a); break;
	case TRACE_INJECT:
		format_buffer(text, size, "vector %02x, type %lu, error code %lx", record->code, record->a,
		              record->b);
		break;
	case TRACE_SWITCH: format_buffer(text, size, "from %s", name_of(record->a)); break;
	case TRACE_STOP: format_buffer(text, size, "%s", vm_end_name((enum vm_end)record->a)); break;
	case TRACE_PORT: format_buffer(text, size, "%lX", record->a); break;
	default: *text = '\0';
	}
}

static void print_record(unsigned cpu, const struct trace_record *record)
{
	uint64_t ns = time_ns_from_tsc(record->tsc);
	char text[160];

	describe(record, text, sizeof(text));
	shell_print("%5lu.%09lu cpu %-2u %-16s %-14s %s\n", ns / NS_PER_S, ns % NS_PER_S, cpu,
	            name_of(record->vm), trace_event_name(record->event), text);
}

static bool step(void)
{
	while (console_half_free()) {
		unsigned cpu = find_next();

		if (cpu == TRACE_CPUS)
			return false;
		print_record(cpu, record_at(cpu, position[cpu]++));
	}
	return true;
}

static void end(void)
{
	trace_freeze(false);
}

void trace_show(unsigned count)
{
	static const struct shell_live live = {.step = step, .end = end, .interval = STEP_NS};

	trace_freeze(true);
	for (unsigned cpu = 0; cpu < TRACE_CPUS; cpu++)
		position[cpu] = trace_ring(cpu) ? trace_ring(cpu)->written : 0;
	while (count && step_back())
		count--;
	shell_live(&live);
}
