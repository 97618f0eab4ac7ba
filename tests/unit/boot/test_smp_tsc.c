/* SPDX-License-Identifier: MIT */
/*
 * Time-stamp counters that differ: boot/smp_tsc.c. The other processor answers whenever the boot
 * processor waits for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "boot/smp_stage.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/observe/log.h"

#define ADJUST_EXISTS BIT(1) /* CPUID.7.0:EBX */

static struct cpu other;
static int64_t skew;        /* of its counter, beside what IA32_TSC_ADJUST says */
static uint64_t own_adjust; /* its IA32_TSC_ADJUST */
static unsigned adjusts;
static bool silent;
static char problem[200], logged[1000];

static void log_append(const char *text, size_t length)
{
	strncat(logged, text, length);
}

static void other_runs(void)
{
	if (silent)
		return;
	if (other.stage == ASKED) {
		other.stage_tsc = fake_x86.tsc + (uint64_t)skew + own_adjust - fake_msr_get(MSR_TSC_ADJUST);
		other.stage = TOLD;
	} else if (other.stage == ADJUST) {
		own_adjust = other.stage_tsc;
		adjusts++;
		other.stage = ADJUSTED;
	}
}

static void start(uint32_t features, int64_t skewed, uint64_t boot_adjust, uint64_t adjust)
{
	fake_x86_reset();
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 0x16});
	fake_cpuid_set(7, 0, (struct cpuid_result){.ebx = features});
	fake_msr_set(MSR_TSC_ADJUST, boot_adjust);
	fake_x86.tsc = 10000000;
	fake_x86.tsc_step = 20;
	fake_x86.relax = other_runs;
	time_set_rate(1000000000);
	log_set_sink((struct log_sink){.write = log_append});
	skew = skewed;
	own_adjust = adjust;
	adjusts = 0;
	silent = false;
	problem[0] = logged[0] = '\0';
	other = (struct cpu){.apic_id = 6, .stage = ALIVE};
}

static void the_boot_processors_adjustment_is_copied(void **state)
{
	(void)state;
	start(ADJUST_EXISTS, 0, (uint64_t)-5000, 123456789);
	assert_true(smp_tsc_align(&other, problem, sizeof(problem)));
	assert_true(own_adjust == (uint64_t)-5000);
	assert_int_equal(adjusts, 1);
	assert_non_null(strstr(logged, "APIC ID 6 was 1234"));
	assert_non_null(strstr(logged, "ticks off: set right"));
}

static void a_counter_that_started_late_is_set_by_measuring(void **state)
{
	static const int64_t skews[] = {-7000000, 3000, 987654321012};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(skews); i++) {
		start(ADJUST_EXISTS, skews[i], 0, 0);
		assert_true(smp_tsc_align(&other, problem, sizeof(problem)));
		assert_in_range(llabs((int64_t)own_adjust + skews[i]), 0, 40);
		assert_int_equal(adjusts, 2);
	}
}

static void a_counter_that_is_right_is_left_alone(void **state)
{
	(void)state;
	start(ADJUST_EXISTS, 0, 77, 77);
	assert_true(smp_tsc_align(&other, problem, sizeof(problem)));
	assert_int_equal(adjusts, 0);
	assert_string_equal(logged, "");
}

static void without_the_register_the_processor_is_left_out(void **state)
{
	(void)state;
	start(0, 5000000, 0, 0);
	assert_false(smp_tsc_align(&other, problem, sizeof(problem)));
	assert_non_null(strstr(problem, "ticks from the boot processor's"));
	assert_int_equal(adjusts, 0);
	start(ADJUST_EXISTS, 5000000, 0, 0);
	silent = true;
	assert_false(smp_tsc_align(&other, problem, sizeof(problem)));
}

/* The boot processor's next word comes while the other waits. */
static void accept_when_answered(void)
{
	if (other.stage == ADJUSTED)
		other.stage = ASKED;
	else if (other.stage == TOLD)
		other.stage = ACCEPTED;
}

static void the_other_processor_answers_until_it_may_go_on(void **state)
{
	(void)state;
	start(ADJUST_EXISTS, 0, 0, 0);
	other.stage = ADJUST;
	other.stage_tsc = 42;
	fake_x86.relax = accept_when_answered;
	smp_tsc_answer(&other);
	assert_int_equal(fake_msr_get(MSR_TSC_ADJUST), 42);
	assert_int_equal(other.stage, ACCEPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_boot_processors_adjustment_is_copied),
		cmocka_unit_test(a_counter_that_started_late_is_set_by_measuring),
		cmocka_unit_test(a_counter_that_is_right_is_left_alone),
		cmocka_unit_test(without_the_register_the_processor_is_left_out),
		cmocka_unit_test(the_other_processor_answers_until_it_may_go_on),
	};

	return cmocka_run_group_tests_name("smp_tsc", tests, NULL, NULL);
}
