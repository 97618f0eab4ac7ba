/* SPDX-License-Identifier: MIT */
/* What firmware may have left on in a processor: vmm/cpu/cpu_sanitize.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/cpu/cpu_sanitize.h"

#define LIMIT BIT(22)

/* SDM Vol. 4, Table "IA-32 Architectural MSRs". */
static const uint32_t zeroed[] = {0x38f, 0x570, 0x14ce, 0x6e1, 0x6a0, 0x6a2, 0x988, 0x98a, 0xda0};

static void left_on(void)
{
	fake_x86_reset();
	fake_x86.dr7 = 0x455;
	fake_msr_set(MSR_DEBUGCTL, 0x40);
	for (size_t i = 0; i < ARRAY_SIZE(zeroed); i++)
		fake_msr_set(zeroed[i], 0x1001);
}

static void a_processor_with_everything_is_left_with_nothing_on(void **state)
{
	(void)state;
	left_on();
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 0x20}); /* Sapphire Rapids */
	fake_cpuid_set(7, 0, (struct cpuid_result){.ebx = 0xf3bfb7ef, .ecx = 0xfb417fee, .edx = 0xffdd4432});
	fake_cpuid_set(0xa, 0, (struct cpuid_result){.eax = 0x08300805});
	fake_cpuid_set(0xd, 1, (struct cpuid_result){.eax = 0x1f});
	cpu_sanitize();
	for (size_t i = 0; i < ARRAY_SIZE(zeroed); i++)
		assert_int_equal(fake_msr_get(zeroed[i]), 0);
	assert_int_equal(fake_msr_get(MSR_DEBUGCTL), 0);
	assert_int_equal(fake_x86.dr7, 0x400);
}

static void no_register_is_written_that_the_processor_lacks(void **state)
{
	(void)state;
	left_on();
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 0xb}); /* Westmere: leaf 7 is beyond the table */
	fake_cpuid_set(0xa, 0, (struct cpuid_result){.eax = 0x07300403});
	fake_cpuid_set(0xd, 1, (struct cpuid_result){.eax = 0x1f});
	cpu_sanitize();
	assert_int_equal(fake_msr_get(0x38f), 0);
	for (size_t i = 1; i < ARRAY_SIZE(zeroed); i++)
		assert_int_equal(fake_msr_get(zeroed[i]), 0x1001);
}

static struct cpuid_result limited_cpuid(uint32_t leaf, uint32_t subleaf)
{
	(void)subleaf;
	if (leaf)
		return (struct cpuid_result){
			.edx = UINT32_MAX, .ecx = UINT32_MAX, .ebx = UINT32_MAX, .eax = UINT32_MAX};
	return (struct cpuid_result){.eax = fake_msr_get(MSR_MISC_ENABLE) & LIMIT ? 3 : 0xd};
}

static void the_limit_on_cpuid_goes_first(void **state)
{
	(void)state;
	left_on();
	fake_msr_set(MSR_MISC_ENABLE, 0x850081 | LIMIT);
	fake_x86.cpuid_hook = limited_cpuid;
	cpu_sanitize();
	assert_int_equal(fake_msr_get(MSR_MISC_ENABLE), 0x850081 & ~LIMIT);
	for (size_t i = 0; i < ARRAY_SIZE(zeroed); i++)
		assert_int_equal(fake_msr_get(zeroed[i]), 0);
}

static void without_a_limit_its_register_is_not_read(void **state)
{
	(void)state;
	left_on();
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 0xd});
	cpu_sanitize(); /* reading an MSR without a value panics */
	assert_null(fake_msr_find(MSR_MISC_ENABLE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_processor_with_everything_is_left_with_nothing_on),
		cmocka_unit_test(no_register_is_written_that_the_processor_lacks),
		cmocka_unit_test(the_limit_on_cpuid_goes_first),
		cmocka_unit_test(without_a_limit_its_register_is_not_read),
	};

	return cmocka_run_group_tests_name("cpu_sanitize", tests, NULL, NULL);
}
