/* SPDX-License-Identifier: MIT */
/* The machine's interrupts, set up on the boot processor and on others: vmm/cpu/irq.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "devices/real/ioapic.h"
#include "devices/real/lapic.h"
#include "devices/real/real_pic.h"
#include "devices/real/wait.h"
#include "lib/x86.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/irq.h"
#include "vmm/cpu/time.h"
#include "vmm/cpu/timer_errata.h"
#include "vmm/observe/log.h"

static struct {
	uint32_t id;
	char nmis[64]; /* pin and polarity of each, as they were set */
	unsigned looks, requested_from;
	bool wide_ids, deadline;
} apic;
static struct acpi_info acpi;

/* ---- The hardware's drivers ---- */

bool lapic_init(uint8_t spurious_vector, enum lapic_choice choice, bool wide_ids)
{
	apic.wide_ids = wide_ids;
	return true;
}

void lapic_init_cpu(void)
{
}

void lapic_set_nmi(unsigned lint, bool active_low)
{
	size_t length = strlen(apic.nmis);

	snprintf(apic.nmis + length, sizeof(apic.nmis) - length, "%u%c", lint, active_low ? 'l' : 'h');
}

unsigned lapic_firmware_entries(void)
{
	return 0;
}

bool lapic_x2apic(void)
{
	return false;
}

uint32_t lapic_id(void)
{
	return apic.id;
}

void lapic_eoi(void)
{
}

bool lapic_requested(uint8_t vector)
{
	assert_int_equal(vector, VECTOR_UART);
	return ++apic.looks >= apic.requested_from;
}

bool lapic_timer_init(uint8_t vector, uint64_t tsc_hz, bool deadline)
{
	apic.deadline = deadline;
	return true;
}

const char *lapic_timer_mode(void)
{
	return "no";
}

unsigned ioapic_init(const struct acpi_info *info)
{
	return 1;
}

bool ioapic_route_isa(unsigned irq, uint8_t vector, uint32_t apic_id)
{
	return true;
}

void pic_disable(uint8_t base)
{
}

void interrupt_register(uint8_t vector, void (*handler)(void))
{
}

uint64_t time_tsc_hz = 1000000000;

void cpu_timer_interrupt(void)
{
}

void cpu_reschedule(struct cpu *cpu)
{
}

void log_print(enum log_level level, const char *format, ...)
{
}

/* ---- The tests ---- */

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_x86.tsc_step = 1000;
	wait_set_rate(time_tsc_hz);
	memset(&apic, 0, sizeof(apic));
	timer_errata = (struct timer_errata){0};
	acpi = (struct acpi_info){
		.cpu_count = 2,
		.apic_id = {4, 6},
		.uid = {1, 2},
		.nmi_count = 3,
		.nmi = {{ACPI_ALL_CPUS, 1, false}, {2, 0, true}, {3, 0, false}},
	};
	apic.id = 4;
	irq_init(&acpi, LAPIC_AS_FIRMWARE);
	return 0;
}

static void each_processor_gets_its_nmi_pins(void **state)
{
	(void)state;
	assert_string_equal(apic.nmis, "1h");
	apic.nmis[0] = '\0';
	apic.id = 6;
	assert_true(irq_init_cpu());
	assert_string_equal(apic.nmis, "1h0l");
}

static void an_apic_id_beyond_a_byte_calls_for_x2apic_mode(void **state)
{
	(void)state;
	assert_false(apic.wide_ids);
	acpi.apic_id[1] = 255;
	irq_init(&acpi, LAPIC_AS_FIRMWARE);
	assert_true(apic.wide_ids);
}

static void the_timers_of_all_processors_follow_the_errata(void **state)
{
	(void)state;
	assert_true(apic.deadline);
	timer_errata.no_deadline = true;
	irq_init(&acpi, LAPIC_AS_FIRMWARE);
	assert_false(apic.deadline);
	apic.deadline = true;
	assert_true(irq_init_cpu());
	assert_false(apic.deadline);
}

static void an_interrupt_arrives_when_its_request_is_seen(void **state)
{
	uint64_t start;

	(void)state;
	apic.requested_from = 5;
	assert_true(irq_arrives(VECTOR_UART, 20000));
	assert_int_equal(apic.looks, 5);
	apic.looks = 0;
	apic.requested_from = UINT32_MAX;
	start = fake_x86.tsc;
	assert_false(irq_arrives(VECTOR_UART, 20000));
	assert_in_range(fake_x86.tsc - start, 20000000, 21000000);
	/* However long a system management interrupt took, it is looked at after that. */
	apic.looks = 0;
	apic.requested_from = 1;
	fake_x86.tsc_step = 1000000000;
	assert_true(irq_arrives(VECTOR_UART, 20000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_processor_gets_its_nmi_pins, setup),
		cmocka_unit_test_setup(an_apic_id_beyond_a_byte_calls_for_x2apic_mode, setup),
		cmocka_unit_test_setup(the_timers_of_all_processors_follow_the_errata, setup),
		cmocka_unit_test_setup(an_interrupt_arrives_when_its_request_is_seen, setup),
	};

	return cmocka_run_group_tests_name("irq", tests, NULL, NULL);
}
