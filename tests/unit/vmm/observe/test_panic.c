/* SPDX-License-Identifier: MIT */
/* What the operator sees of a panic: one screen, with the cause. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/registers.h"
#include "lib/x86.h"

/* The program's own panic() is that of the host's tests. */
#define panic monitor_panic
#include "vmm/observe/panic.c"
#undef panic

#define COLUMNS 80
#define ROWS    25

__asm__(".section .rodata\n"
        ".globl text_start, text_end, boot_stack, boot_stack_end\n"
        "text_start: text_end: boot_stack: boot_stack_end: .byte 0\n"
        ".previous");

static char written[16384], recorded[65536];
static bool in_panic_mode;
static uint64_t stopped_at;
static jmp_buf reset;

void log_write(const char *text, size_t length)
{
	assert_true(in_panic_mode);
	strncat(written, text, length);
}

void log_record(const char *text, size_t length)
{
	strncat(recorded, text, length);
}

void log_panic_mode(void)
{
	in_panic_mode = true;
}

hpa_t host_map_root(void)
{
	return 0;
}

const char *symbol_describe(uint64_t address, char *buffer, size_t size)
{
	snprintf(buffer, size, "a_function_with_a_long_name_of_its_own+0x%lx", (unsigned long)address);
	return buffer;
}

unsigned backtrace_collect(const struct code *code, const uint64_t *stack, size_t words, uint64_t *found,
                           unsigned max)
{
	for (unsigned i = 0; i < max; i++)
		found[i] = 0x1000 + i;
	return max;
}

/* 64 events of each of 64 CPUs: nothing for a screen. */
void trace_print(void (*line)(const char *text))
{
	for (unsigned i = 0; i < 640; i++)
		line("an event");
}

void machine_check_collect(void)
{
}

void machine_check_print(void (*line)(const char *text))
{
	line("CPU 3, bank 7: status be00000000800400");
}

static void restart(void)
{
	stopped_at = fake_x86.tsc;
	longjmp(reset, 1);
}

static int setup(void **state)
{
	static struct per_cpu cpu;

	fake_x86_reset();
	fake_x86.tsc_step = 1000000;
	fake_x86.per_cpu = &cpu;
	fake_msr_set(MSR_GS_BASE, 1);
	wait_set_rate(1000000000); /* a tick is a nanosecond */
	written[0] = recorded[0] = '\0';
	in_panic_mode = false;
	panics = 0;
	panic_set_reset(restart);
	return 0;
}

static void raise(unsigned vector)
{
	struct interrupt_frame frame = {.vector = vector, .rip = 0x1234, .error_code = 2};

	memset(frame.gpr, 0xff, sizeof(frame.gpr));
	if (!setjmp(reset))
		panic_exception(&frame);
}

/* Rows of the screen from the last headline on. */
static unsigned rows_of_summary(void)
{
	const char *at = NULL;
	unsigned rows = 0;

	for (const char *next = written; (next = strstr(next, "Nacre panic: ")); next++)
		at = next;
	assert_non_null(at);
	for (; *at; at += strcspn(at, "\n") + 1)
		rows += 1 + (unsigned)(strcspn(at, "\n") - 1) / COLUMNS;
	return rows;
}

static void an_exception_ends_in_one_screen_with_its_cause(void **state)
{
	raise(EXCEPTION_PF);
	assert_non_null(
		strstr(written, "Nacre panic: exception 14 #PF page fault in the monitor, error code 2\n"));
	assert_non_null(strstr(written, "This is a defect of Nacre"));
	assert_in_range(rows_of_summary(), 15, ROWS);
}

static void a_long_message_fits_the_screen(void **state)
{
	if (!setjmp(reset))
		monitor_panic("%0200d", 1);
	assert_in_range(rows_of_summary(), 10, ROWS);
}

static void events_and_deep_callers_are_for_the_serial_line(void **state)
{
	raise(EXCEPTION_GP);
	assert_null(strstr(written, "an event"));
	assert_non_null(strstr(recorded, "an event"));
	assert_non_null(strstr(written, "0000000000001007"));
	assert_null(strstr(written, "0000000000001008"));
	assert_non_null(strstr(recorded, "0000000000001008"));
}

static void the_machine_is_blamed_for_its_own_errors(void **state)
{
	raise(EXCEPTION_MC);
	assert_non_null(strstr(written, "CPU 3, bank 7"));
	assert_null(strstr(written, "defect of Nacre"));
	setup(state);
	raise(EXCEPTION_NMI);
	assert_non_null(strstr(written, "A second NMI came while no processor took interrupts"));
	assert_null(strstr(written, "defect of Nacre"));
}

static void a_reset_follows_when_it_could_be_read(void **state)
{
	raise(EXCEPTION_UD);
	assert_non_null(strstr(written, "Restart in 10 seconds"));
	assert_in_range(stopped_at, 10000000000, 10100000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_exception_ends_in_one_screen_with_its_cause, setup),
		cmocka_unit_test_setup(a_long_message_fits_the_screen, setup),
		cmocka_unit_test_setup(events_and_deep_callers_are_for_the_serial_line, setup),
		cmocka_unit_test_setup(the_machine_is_blamed_for_its_own_errors, setup),
		cmocka_unit_test_setup(a_reset_follows_when_it_could_be_read, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
