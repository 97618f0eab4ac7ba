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

static uint64_t trace_show_position[TRACE_CPUS]; /* the next record of each ring */

static const struct trace_record *trace_show_record_at(unsigned cpu, uint64_t at)
{
	return &trace_ring(cpu)->record[at % TRACE_RECORDS];
}

/* Go back by one record: the latest of those before the positions. False: there is none. */
static bool trace_show_step_back(void)
{
	unsigned latest = TRACE_CPUS;

	for (unsigned cpu = 0; cpu < TRACE_CPUS; cpu++) {
		const struct trace_ring *ring = trace_ring(cpu);

		if (ring && trace_show_position[cpu] > trace_first(ring) &&
		    (latest == TRACE_CPUS ||
		     trace_show_record_at(cpu, trace_show_position[cpu] - 1)->tsc >
		             trace_show_record_at(latest, trace_show_position[latest] - 1)->tsc))
			latest = cpu;
	}
	if (latest == TRACE_CPUS)
		return false;
	trace_show_position[latest]--;
	return true;
}

/* The CPU whose next record is the earliest; TRACE_CPUS: there is none. */
static unsigned trace_show_find_next(void)
{
	unsigned earliest = TRACE_CPUS;

	for (unsigned cpu = 0; cpu < TRACE_CPUS; cpu++)
		if (trace_ring(cpu) && trace_show_position[cpu] < trace_ring(cpu)->written &&
		    (earliest == TRACE_CPUS ||
		     trace_show_record_at(cpu, trace_show_position[cpu])->tsc <
		             trace_show_record_at(earliest, trace_show_position[earliest])->tsc))
			earliest = cpu;
	return earliest;
}

static const char *trace_show_name_of(uint64_t number)
{
	const struct vm *vm = number < vm_count ? vm_get((unsigned)number) : NULL;

	return vm ? vm->name : "-";
}

/* What the fields of a record mean. */
static void trace_show_describe(const struct trace_record *record, char *text, size_t size)
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
	case TRACE_SWITCH: format_buffer(text, size, "from %s", trace_show_name_of(record->a)); break;
	case TRACE_STOP: format_buffer(text, size, "%s", vm_end_name((enum vm_end)record->a)); break;
	case TRACE_PORT: format_buffer(text, size, "%lX", record->a); break;
	default: *text = '\0';
	}
}

static void trace_show_print_record(unsigned cpu, const struct trace_record *record)
{
	uint64_t ns = time_ns_from_tsc(record->tsc);
	char text[160];

	trace_show_describe(record, text, sizeof(text));
	shell_print("%5lu.%09lu cpu %-2u %-16s %-14s %s\n", ns / NS_PER_S, ns % NS_PER_S, cpu,
	            trace_show_name_of(record->vm), trace_event_name(record->event), text);
}

static bool trace_show_step(void)
{
	while (console_half_free()) {
		unsigned cpu = trace_show_find_next();

		if (cpu == TRACE_CPUS)
			return false;
		trace_show_print_record(cpu, trace_show_record_at(cpu, trace_show_position[cpu]++));
	}
	return true;
}

static void trace_show_end(void)
{
	trace_freeze(false);
}

void trace_show(unsigned count)
{
	static const struct shell_live live = {
		.step = trace_show_step, .end = trace_show_end, .interval = STEP_NS};

	trace_freeze(true);
	for (unsigned cpu = 0; cpu < TRACE_CPUS; cpu++)
		trace_show_position[cpu] = trace_ring(cpu) ? trace_ring(cpu)->written : 0;
	while (count && trace_show_step_back())
		count--;
	shell_live(&live);
}
