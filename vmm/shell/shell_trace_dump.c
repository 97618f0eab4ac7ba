/* SPDX-License-Identifier: MIT */
/* `trace dump`: the rings as text for tools/trace_to_json.py. docs/trace.md has the format. */
#include <stdarg.h>
#include "lib/format.h"
#include "vmm/console/console_internal.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_live.h"
#include "vmm/shell/shell_trace.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/trace.h"
#include "vmm/vm/vm.h"

#define STEP_NS  10000000
#define LINE_MAX 128

/* How far the dump has come. */
static struct {
	uint64_t lines;
	uint32_t crc;
	unsigned cpu;
	uint64_t at, tsc; /* the next record of that CPU, and the time of the one before */
	bool complete;
} dump;

uint32_t crc32_add(uint32_t crc, const char *bytes, size_t length)
{
	crc = ~crc;
	for (size_t i = 0; i < length; i++) {
		crc ^= (uint8_t)bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* One line of the dump, with its newline. */
static void trace_dump_put(const char *format, ...) printf_like(1, 2);

static void trace_dump_put(const char *format, ...)
{
	char line[LINE_MAX];
	size_t length;
	va_list args;

	va_start(args, format);
	length = (size_t)format_buffer_va(line, sizeof(line), format, args);
	va_end(args);
	length = MIN(length, sizeof(line) - 1);
	dump.crc = crc32_add(dump.crc, line, length);
	dump.lines++;
	shell_print("%s", line);
}

static void trace_dump_put_names(void)
{
	trace_dump_put(":t %lx %lx\n", time_tsc_hz, time_now());
	for (unsigned i = 1; i < TRACE_EVENTS; i++)
		trace_dump_put(":e %x %s\n", i, trace_event_name(i));
	for (unsigned i = 0; i < backend_exit_kinds(); i++)
		trace_dump_put(":x %x %s\n", i, backend_exit_name(i));
	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i))
			trace_dump_put(":v %x %s\n", i, vm_get(i)->name);
}

/* Fields that are 0 are left out at the end of the line. */
static void trace_dump_put_record(const struct trace_record *record)
{
	const uint64_t field[] = {record->tsc - dump.tsc, record->event, record->vm, record->code,
	                          record->ticks,          record->a,     record->b};
	char line[LINE_MAX];
	unsigned count = ARRAY_SIZE(field);
	int length = 0;

	while (count > 2 && !field[count - 1])
		count--;
	for (unsigned i = 0; i < count; i++)
		length += format_buffer(line + length, sizeof(line) - (size_t)length, " %lx", field[i]);
	trace_dump_put(":r%s\n", line);
	dump.tsc = record->tsc;
}

/* False: there was no more. */
static bool trace_dump_put_next(void)
{
	const struct trace_ring *ring;

	for (; dump.cpu < TRACE_CPUS; dump.cpu++, dump.at = 0) {
		ring = trace_ring(dump.cpu);
		if (!ring || dump.at == ring->written)
			continue;
		if (dump.at < trace_first(ring) || !dump.at) {
			dump.at = trace_first(ring);
			dump.tsc = 0;
			trace_dump_put(":c %x %lx %lx\n", dump.cpu, ring->written, ring->written - dump.at);
		}
		trace_dump_put_record(&ring->record[dump.at++ % TRACE_RECORDS]);
		return true;
	}
	return false;
}

static bool trace_dump_step(void)
{
	while (console_half_free()) {
		if (trace_dump_put_next())
			continue;
		shell_print("---- nacre trace end %lu %08x\n", dump.lines, dump.crc);
		dump.complete = true;
		return false;
	}
	return true;
}

static void trace_dump_end(void)
{
	trace_freeze(false);
	if (!dump.complete)
		shell_print("---- nacre trace broken off\n");
}

void trace_dump(void)
{
	static const struct shell_live live = {
		.step = trace_dump_step, .end = trace_dump_end, .interval = STEP_NS};

	trace_freeze(true);
	dump = (typeof(dump)){0};
	shell_print("---- nacre trace begin %u\n", TRACE_DUMP_VERSION);
	trace_dump_put_names();
	shell_live(&live);
}
