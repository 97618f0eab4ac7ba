/* SPDX-License-Identifier: MIT */
/* NMIs and device interrupts at exceptions' vectors: what is said, and what goes on. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/lapic.h"
#include "devices/real/wait.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/nmi.h"
#include "vmm/observe/log.h"
#include "vmm/observe/panic.h"
#include "vmm/observe/symbols.h"

/* The monitor's text: INT 2, as after an exit, then something else. */
__asm__(".section .rodata\n"
        ".globl text_start, text_end\n"
        "text_start: .byte 0x90, 0x90, 0xcd, 0x02, 0x90, 0x90, 0x90, 0x90\n"
        "text_end:\n"
        ".previous");
extern const uint8_t text_start[], text_end[];

static struct cpu machine[3];
static struct cpu *current;
static char said[2048];
static unsigned eois, ipis;
static uint8_t in_service, port_b;
static char port_writes[64];
static jmp_buf stopped;

unsigned cpu_count = 3;

struct cpu *cpu_get(unsigned index)
{
	return &machine[index];
}

void log_print(enum log_level level, const char *format, ...)
{
	size_t length = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + length, sizeof(said) - length, format, args);
	va_end(args);
}

bool panic_in_progress(void)
{
	return false;
}

void panic_exception(const struct interrupt_frame *frame)
{
	longjmp(stopped, (int)frame->vector + 1);
}

const char *symbol_describe(uint64_t address, char *buffer, size_t size)
{
	return "somewhere";
}

void lapic_eoi(void)
{
	eois++;
}

bool lapic_in_service(uint8_t vector)
{
	return vector == in_service;
}

static void arrive(unsigned cpu, uint64_t rip)
{
	const struct interrupt_frame frame = {.vector = EXCEPTION_NMI, .rip = rip};

	fake_x86.per_cpu = &machine[cpu];
	assert_int_equal(interrupt_entry(&frame), INTERRUPT_FRAME_WHOLE);
	fake_x86.per_cpu = current;
}

/* CPU 1 answers, CPU 2 does not. */
void lapic_send_ipi(uint32_t apic_id, unsigned delivery, uint8_t vector)
{
	assert_int_equal(delivery, LAPIC_DELIVER_NMI);
	ipis++;
	if (apic_id == 1)
		arrive(1, (uint64_t)text_start + 4);
}

static uint32_t in(uint16_t port, unsigned size)
{
	return port == 0x61 ? port_b : 0xff;
}

static void out(uint16_t port, unsigned size, uint32_t value)
{
	size_t length = strlen(port_writes);

	snprintf(port_writes + length, sizeof(port_writes) - length, "%x=%x ", port, value);
}

static void interrupt(unsigned vector)
{
	const struct interrupt_frame frame = {.vector = vector};

	in_service = (uint8_t)vector;
	(void)interrupt_entry(&frame);
	in_service = 0;
}

static int setup(void **state)
{
	fake_x86_reset();
	fake_x86.tsc = 1000000;
	fake_x86.tsc_step = 1000;
	fake_x86.in = in;
	fake_x86.out = out;
	wait_set_rate(1000000000); /* a tick is a nanosecond */
	for (unsigned i = 0; i < 3; i++)
		machine[i] = (struct cpu){.index = (uint8_t)i, .apic_id = i};
	fake_x86.per_cpu = current = &machine[0];
	said[0] = port_writes[0] = '\0';
	eois = ipis = 0;
	port_b = 0;
	return 0;
}

static void the_button_prints_where_each_cpu_is(void **state)
{
	arrive(0, 0x1234);
	assert_string_equal(said, ""); /* not now: it may have interrupted the log */
	interrupt(0x50);
	assert_non_null(strstr(said, ": the hardware names no source: the NMI button"));
	assert_non_null(strstr(said, "  CPU 0: at 0000000000001234 somewhere\n"));
	assert_non_null(strstr(said, "  CPU 1: in a guest\n"));
	assert_non_null(strstr(said, "  CPU 2: does not answer\n"));
	assert_int_equal(ipis, 2);
	said[0] = '\0';
	interrupt(0x50);
	assert_string_equal(said, ""); /* once */
}

static void a_source_is_named_and_taken_back(void **state)
{
	port_b = 0xb1; /* SERR#, with bits that only tell */
	arrive(0, 0x1234);
	assert_string_equal(port_writes, "61=5 61=1 ");
	interrupt(0x51);
	assert_non_null(strstr(said, "the chipset reports an error (SERR#)"));
	port_writes[0] = said[0] = '\0';
	port_b = 0x43;
	arrive(0, 0x1234);
	assert_string_equal(port_writes, "61=b 61=3 ");
	interrupt(0x51);
	assert_non_null(strstr(said, "an expansion card reports an error (IOCHK#)"));
}

/* Whoever presses it again a second later sees a machine that hangs. */
static void a_second_press_on_a_deaf_machine_panics(void **state)
{
	int end;

	arrive(1, 0x1234);
	fake_x86.tsc += 500000000;
	arrive(1, 0x1234);
	fake_x86.tsc += 600000000;
	end = setjmp(stopped);
	if (!end)
		arrive(1, 0x1234);
	assert_int_equal(end, EXCEPTION_NMI + 1);
	fake_x86.per_cpu = current;
	interrupt(0x52);
}

/* SDM Vol. 3A "Valid Interrupt Vectors": 16 to 31 are accepted by a local APIC. */
static void device_interrupts_below_32_are_counted(void **state)
{
	for (unsigned vector = 16; vector < 32; vector++) {
		const struct interrupt_frame frame = {.vector = vector};
		bool error_code = vector == 17 || vector == 21 || vector == 29 || vector == 30;

		in_service = (uint8_t)vector;
		assert_int_equal(interrupt_entry(&frame),
		                 error_code ? INTERRUPT_FRAME_VECTOR : INTERRUPT_FRAME_WHOLE);
	}
	assert_int_equal(eois, 16);
	assert_non_null(strstr(said, "interrupt vector 31 has no handler\n"));
	in_service = 0;
	interrupt_dispatch(20); /* by a VM exit */
	assert_int_equal(eois, 17);
}

static void exceptions_still_panic(void **state)
{
	for (unsigned vector = 0; vector < 32; vector++) {
		const struct interrupt_frame frame = {.vector = vector};
		int end = setjmp(stopped);

		if (vector == EXCEPTION_NMI)
			continue;
		if (!end)
			(void)interrupt_entry(&frame);
		assert_int_equal(end, vector + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_button_prints_where_each_cpu_is, setup),
		cmocka_unit_test_setup(a_source_is_named_and_taken_back, setup),
		cmocka_unit_test_setup(a_second_press_on_a_deaf_machine_panics, setup),
		cmocka_unit_test_setup(device_interrupts_below_32_are_counted, setup),
		cmocka_unit_test_setup(exceptions_still_panic, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
