/* SPDX-License-Identifier: MIT */
/* The trace rings, and what the shell makes of them: `trace show`, `trace dump`. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/x86.h"
#include "memory.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/cpu.h"
#include "vmm/observe/log.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_live.h"
#include "vmm/shell/shell_trace.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/trace.h"
#include "vmm/vm/vm.h"

#define GOLDEN "tests/unit/vmm/observe/trace_dump.txt" /* tests/harness/trace.py reads it, too */

static struct cpu cpu0 = {.self = &cpu0}, cpu2 = {.self = &cpu2, .index = 2},
		  bare = {.self = &bare, .index = 7};
static struct vm vm0 = {.name = "debian"}, vm3 = {.name = "mach", .number = 3};
static const struct shell_live *live;
static char said[1 << 20];
static size_t said_length;
static unsigned room; /* lines that the console takes in one step */
static char lines[400][128];
static unsigned line_count;

unsigned vm_count = 4;

struct vm *vm_get(unsigned number)
{
	return number == 0 ? &vm0 : number == 3 ? &vm3 : NULL;
}

const char *vm_end_name(enum vm_end end)
{
	return end == VM_FORCED ? "stopped by the operator" : "";
}

unsigned backend_exit_kinds(void)
{
	return 80;
}

const char *backend_exit_name(unsigned reason)
{
	static char name[16];

	snprintf(name, sizeof(name), "REASON %u", reason);
	return name;
}

void log_print(enum log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

void shell_live(const struct shell_live *which)
{
	live = which;
}

bool console_half_free(void)
{
	return room;
}

void shell_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	said_length += (size_t)vsnprintf(said + said_length, sizeof(said) - said_length, format, args);
	va_end(args);
	room -= room > 0;
}

/* Let what is live come to its end, so many lines at a time. */
static void run(unsigned lines_at_once)
{
	do
		room = lines_at_once;
	while (live->step());
	live->end();
}

static void put_line(const char *line)
{
	assert_true(line_count < ARRAY_SIZE(lines));
	snprintf(lines[line_count++], sizeof(lines[0]), "%s", line);
}

/* Rings without records. */
static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_memory_init(MIB(4));
	time_set_rate(1000000000);
	assert_int_equal(trace_init_cpu(0), 0);
	assert_int_equal(trace_init_cpu(2), 0);
	trace_on = false;
	fake_x86.per_cpu = &cpu0;
	fake_x86.tsc = 1000;
	fake_x86.tsc_step = 1;
	said[0] = '\0';
	said_length = line_count = 0;
	room = 1000;
	return 0;
}

static void on(struct cpu *cpu, uint64_t tsc)
{
	fake_x86.per_cpu = cpu;
	fake_x86.tsc = tsc;
}

static void a_ring_keeps_the_newest(void **state)
{
	(void)state;
	assert_true(TRACE_RECORDS >= 4000);
	for (uint64_t i = 0; i < TRACE_RECORDS + 3; i++)
		trace(TRACE_NMI, i, 0);
	assert_int_equal(trace_ring(0)->written, TRACE_RECORDS + 3);
	assert_int_equal(trace_first(trace_ring(0)), 3);
	assert_int_equal(trace_ring(0)->record[2].a, TRACE_RECORDS + 2);
	assert_int_equal(trace_ring(0)->record[3].a, 3);
	assert_int_equal(trace_ring(2)->written, 0);
	assert_null(trace_ring(1));
}

static void a_cpu_without_a_ring_traces_nothing(void **state)
{
	(void)state;
	on(&bare, 5);
	assert_null(trace_vm(TRACE_EXIT, 0, 10, 0, 0));
}

static void records_hold_what_happened(void **state)
{
	struct trace_record *record = trace_vm(TRACE_EXIT, 3, 48, 0xffffffff81000000, 0x181);

	(void)state;
	assert_ptr_equal(record, &trace_ring(0)->record[0]);
	assert_int_equal(record->tsc, 1000);
	assert_int_equal(record->event, TRACE_EXIT);
	assert_int_equal(record->vm, 3);
	assert_int_equal(record->code, 48);
	assert_int_equal(record->a, 0xffffffff81000000);
	assert_int_equal(record->b, 0x181);
	assert_int_equal(trace_vm(TRACE_EXIT, 3, 1000, 0, 0)->code, 255);
}

static void some_events_only_while_it_is_on(void **state)
{
	(void)state;
	trace_if_on(TRACE_WAKE, 0, 0, 0, 0);
	assert_int_equal(trace_ring(0)->written, 0);
	trace_on = true;
	trace_if_on(TRACE_WAKE, 0, 0, 0, 0);
	assert_int_equal(trace_ring(0)->written, 1);
	trace_freeze(true);
	trace(TRACE_NMI, 1, 0);
	assert_int_equal(trace_ring(0)->written, 1);
	trace_freeze(false);
	trace(TRACE_NMI, 1, 0);
	assert_int_equal(trace_ring(0)->written, 2);
}

static void a_panic_prints_the_last_of_each_cpu(void **state)
{
	(void)state;
	trace_print(put_line);
	assert_int_equal(line_count, 0);
	trace(TRACE_INTERRUPT, 0x20, 1);
	on(&cpu2, 2000);
	trace_vm(TRACE_EXIT, 1, 10, 0xffffffff81000000, 0);
	trace_print(put_line);
	assert_int_equal(line_count, 2);
	assert_string_equal(lines[0], "cpu 0 tsc 1000 interrupt vm ffff code 0 20 1");
	assert_string_equal(lines[1], "cpu 2 tsc 2000 exit      vm 1 code a ffffffff81000000 0");
	for (unsigned i = 0; i < 100; i++)
		trace(TRACE_NMI, i, 0);
	line_count = 0;
	trace_print(put_line);
	assert_int_equal(line_count, 1 + TRACE_PRINTED);
	assert_string_equal(lines[1], "cpu 2 tsc 2037 NMI       vm ffff code 0 24 0");
}

/* One of each event, on two CPUs. */
static void fill(void)
{
	on(&cpu0, 1000);
	trace_vm(TRACE_START, 0, 0, 0, 0);
	trace_vm(TRACE_SWITCH, 0, 0, TRACE_NO_VM, 0);
	on(&cpu0, 2000);
	trace_vm(TRACE_EXIT, 0, 10, 0xffffffff81000000, 0)->ticks = 117;
	on(&cpu0, 3000);
	trace_vm(TRACE_EXIT, 0, 1, 0xffffffff81000100, 0)->ticks = 900;
	trace(TRACE_INTERRUPT, 0x31, 7);
	trace_vm(TRACE_INJECT, 0, 0x30, 0, 0);
	on(&cpu2, 3500);
	trace_vm(TRACE_EXIT, 3, 30, 0x1000, 0x2f80008)->ticks = 200;
	trace_vm(TRACE_PORT, 3, 0, 0x2f8, 0);
	on(&cpu0, 5000);
	trace_vm(TRACE_EXIT, 0, 12, 0xffffffff81000200, 0);
	trace_vm(TRACE_BLOCK, 0, 0, 0, 0);
	trace_vm(TRACE_SWITCH, TRACE_NO_VM, 0, 0, 0);
	on(&cpu2, 6000);
	trace_vm(TRACE_SLICE, 3, 0, 0, 0);
	trace_vm(TRACE_SWITCH, 0, 0, 3, 0);
	trace_vm(TRACE_WAKE, 0, 0, 0, 0);
	trace_vm(TRACE_RESET, 0, 0, 0, 0);
	trace_vm(TRACE_STOP, 0, 0, VM_FORCED, 0);
	on(&cpu2, 5990); /* an NMI that took its record before, and its time after */
	trace(TRACE_NMI, 1, 0);
}

static void show_puts_the_cpus_in_order(void **state)
{
	(void)state;
	fill();
	trace_show(100);
	trace(TRACE_NMI, 77, 0); /* not noted: it is frozen */
	run(3);
	assert_string_equal(
		said,
		"    0.000001000 cpu 0  debian           start          \n"
		"    0.000001001 cpu 0  debian           switch         from -\n"
		"    0.000002000 cpu 0  debian           exit           REASON 10, rip ffffffff81000000, "
		"qualification 0, 117 ticks\n"
		"    0.000003000 cpu 0  debian           exit           REASON 1, rip ffffffff81000100, "
		"qualification 0, 900 ticks\n"
		"    0.000003001 cpu 0  -                interrupt      vector 31, 7 so far\n"
		"    0.000003002 cpu 0  debian           inject         vector 30, type 0, error code 0\n"
		"    0.000003500 cpu 2  mach             exit           REASON 30, rip 1000, qualification "
		"2f80008, 200 ticks\n"
		"    0.000003501 cpu 2  mach             unclaimed port 2F8\n"
		"    0.000005000 cpu 0  debian           exit           REASON 12, rip ffffffff81000200, "
		"qualification 0, 0 ticks\n"
		"    0.000005001 cpu 0  debian           block          \n"
		"    0.000005002 cpu 0  -                switch         from debian\n"
		"    0.000006000 cpu 2  mach             slice end      \n"
		"    0.000006001 cpu 2  debian           switch         from mach\n"
		"    0.000006002 cpu 2  debian           wake           \n"
		"    0.000006003 cpu 2  debian           reset          \n"
		"    0.000006004 cpu 2  debian           stop           stopped by the operator\n"
		"    0.000005990 cpu 2  -                NMI            1 so far\n");
	assert_non_null(trace_vm(TRACE_NMI, TRACE_NO_VM, 0, 0, 0)); /* it has thawed */
}

static void show_takes_the_last_ones(void **state)
{
	(void)state;
	on(&cpu0, 1000);
	for (uint64_t i = 0; i < 2 * TRACE_RECORDS; i++)
		trace(TRACE_NMI, i, 0);
	on(&cpu2, 1500);
	trace(TRACE_NMI, 5, 0);
	on(&cpu2, 9500);
	trace(TRACE_NMI, 6, 0);
	trace_show(2);
	run(100);
	assert_string_equal(said, "    0.000009189 cpu 0  -                NMI            8189 so far\n"
	                          "    0.000009500 cpu 2  -                NMI            6 so far\n");
	said_length = 0;
	trace_show(TRACE_RECORDS * 3); /* as many as there are */
	run(100);
	assert_non_null(strstr(said, " 5 so far\n"));
}

static void crc_is_the_one_of_zlib(void **state)
{
	(void)state;
	assert_int_equal(crc32_add(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(crc32_add(crc32_add(0, "1234", 4), "56789", 5), 0xcbf43926);
	assert_int_equal(crc32_add(0, "", 0), 0);
}

/* tests/harness/trace.py takes it from here. */
static void dump_is_the_golden_one(void **state)
{
	static char golden[16384];
	FILE *file = fopen(GOLDEN, "r");

	(void)state;
	fill();
	on(&cpu0, 7000);
	trace_dump();
	run(5);
	if (file) {
		golden[fread(golden, 1, sizeof(golden) - 1, file)] = '\0';
		fclose(file);
	}
	if (strcmp(said, golden)) {
		fputs(said, stdout);
		fail_msg("the dump, which stands above, is not the one in " GOLDEN);
	}
	assert_non_null(trace_vm(TRACE_NMI, TRACE_NO_VM, 0, 0, 0));
}

static void a_dump_that_is_broken_off_says_so(void **state)
{
	(void)state;
	fill();
	trace_dump();
	room = 4;
	assert_true(live->step());
	live->end();
	assert_non_null(strstr(said, "\n---- nacre trace broken off\n"));
	assert_null(strstr(said, "trace end"));
	assert_non_null(trace_vm(TRACE_NMI, TRACE_NO_VM, 0, 0, 0));
}

static void a_full_ring_begins_with_its_oldest(void **state)
{
	char line[64];

	(void)state;
	on(&cpu2, 0x1000);
	for (uint64_t i = 0; i < TRACE_RECORDS + 16; i++)
		trace(TRACE_NMI, i, 0);
	trace_dump();
	run(100);
	snprintf(line, sizeof(line), "\n:c 2 %lx %lx\n:r 1010 2 ffff 0 0 10\n:r 1 2 ffff 0 0 11\n",
	         TRACE_RECORDS + 16, TRACE_RECORDS);
	assert_non_null(strstr(said, line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_ring_keeps_the_newest, setup),
		cmocka_unit_test_setup(a_cpu_without_a_ring_traces_nothing, setup),
		cmocka_unit_test_setup(records_hold_what_happened, setup),
		cmocka_unit_test_setup(some_events_only_while_it_is_on, setup),
		cmocka_unit_test_setup(a_panic_prints_the_last_of_each_cpu, setup),
		cmocka_unit_test_setup(show_puts_the_cpus_in_order, setup),
		cmocka_unit_test_setup(show_takes_the_last_ones, setup),
		cmocka_unit_test_setup(crc_is_the_one_of_zlib, setup),
		cmocka_unit_test_setup(dump_is_the_golden_one, setup),
		cmocka_unit_test_setup(a_dump_that_is_broken_off_says_so, setup),
		cmocka_unit_test_setup(a_full_ring_begins_with_its_oldest, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
