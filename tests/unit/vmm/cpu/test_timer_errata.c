/* SPDX-License-Identifier: MIT */
/* Which timers are not to be trusted: vmm/cpu/timer_errata.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/cpu/timer_errata.h"

#define HYPERVISOR BIT(31)

static void init_on(uint32_t signature, uint32_t microcode, uint32_t features, enum timer_choice choice)
{
	fake_x86_reset();
	fake_cpuid_set(1, 0, (struct cpuid_result){.eax = signature, .ecx = features});
	fake_msr_set(MSR_BIOS_SIGN_ID, (uint64_t)microcode << 32);
	timer_errata_init(choice);
}

/* The write that asks for the revision does not change it on a processor. */
static void keep(uint32_t index, uint64_t value)
{
	(void)index;
	(void)value;
}

static bool deadline_works(uint32_t signature, uint32_t microcode, uint32_t features)
{
	fake_x86_reset();
	fake_cpuid_set(1, 0, (struct cpuid_result){.eax = signature, .ecx = features});
	fake_msr_set(MSR_BIOS_SIGN_ID, (uint64_t)microcode << 32);
	fake_x86.write_msr = keep;
	timer_errata_init(TIMERS_AUTO);
	return !timer_errata.no_deadline;
}

static void the_preemption_timer_is_not_used_where_it_counts_wrongly(void **state)
{
	static const uint32_t wrong[] = {0x106a0, 0x106a1, 0x106a4, 0x106a5, 0x106e5,
	                                 0x20652, 0x20655, 0x206e6, 0x306a8};
	static const uint32_t right[] = {0x206c2, 0x206a7, 0x306a9, 0x306c3, 0x506e3, 0xa0671};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		init_on(wrong[i], 1, 0, TIMERS_AUTO);
		assert_true(timer_errata.no_preemption_timer);
	}
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		init_on(right[i], 0xffffffff, 0, TIMERS_AUTO);
		assert_false(timer_errata.no_preemption_timer);
	}
}

static void tsc_deadline_needs_the_microcode_that_mends_it(void **state)
{
	/* clang-format off */
	static const struct {
		uint32_t signature, mended;
	} processors[] = {
		{0x306c3, 0x22},      /* i7-4770 */
		{0x40651, 0x20},      /* i5-4300U */
		{0x40661, 0x17},      /* i7-4770HQ */
		{0x306f2, 0x3a},      /* Xeon E5-2620 v3 */
		{0x306f4, 0x0f},      /* Xeon E7 v3 */
		{0x306d4, 0x25},      /* i5-5300U */
		{0x40671, 0x17},      /* i7-5775C */
		{0x406f1, 0xb000020}, /* Xeon E5-2620 v4 */
		{0x50662, 0x11},      /* Xeon D */
		{0x50663, 0x700000e}, /* Xeon D-1541 */
		{0x50664, 0xf00000c}, /* Xeon D */
		{0x50665, 0xe000003}, /* Xeon D */
		{0x406e3, 0xb2},      /* i7-6600U */
		{0x506e3, 0xb2},      /* i7-6700 */
		{0x50653, 0x1000136}, /* Xeon, Skylake */
		{0x50654, 0x2000014}, /* Xeon Gold 6130 */
		{0x806e9, 0x52},      /* i7-7500U */
		{0x906e9, 0x52},      /* i7-7700 */
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(processors); i++) {
		assert_false(deadline_works(processors[i].signature, processors[i].mended - 1, 0));
		assert_true(deadline_works(processors[i].signature, processors[i].mended, 0));
		assert_true(deadline_works(processors[i].signature, 1, HYPERVISOR));
		assert_true(deadline_works(processors[i].signature, 0, 0)); /* an emulator */
	}
	assert_true(deadline_works(0x50657, 1, 0)); /* Cascade Lake */
	assert_true(deadline_works(0x206a7, 1, 0)); /* Sandy Bridge */
	assert_true(deadline_works(0x50661, 1, 0)); /* a stepping without an entry */
}

static void the_operator_can_do_without_either(void **state)
{
	(void)state;
	init_on(0xa0671, 1, 0, TIMERS_LAPIC);
	assert_true(timer_errata.no_preemption_timer && !timer_errata.no_deadline);
	init_on(0xa0671, 1, 0, TIMERS_ONE_SHOT);
	assert_true(timer_errata.no_preemption_timer && timer_errata.no_deadline);
	init_on(0xa0671, 1, 0, TIMERS_AUTO);
	assert_false(timer_errata.no_preemption_timer || timer_errata.no_deadline);
}

/* An emulator has the number of such a processor, and not its erratum. */
static void the_operator_can_use_the_preemption_timer_in_spite_of_an_erratum(void **state)
{
	(void)state;
	init_on(0x20652, 1, 0, TIMERS_PREEMPTION);
	assert_false(timer_errata.no_preemption_timer);
	fake_msr_set(MSR_BIOS_SIGN_ID, 0x21ull << 32);
	fake_cpuid_set(1, 0, (struct cpuid_result){.eax = 0x306c3});
	fake_x86.write_msr = keep;
	timer_errata_init(TIMERS_PREEMPTION);
	assert_true(timer_errata.no_deadline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_preemption_timer_is_not_used_where_it_counts_wrongly),
		cmocka_unit_test(tsc_deadline_needs_the_microcode_that_mends_it),
		cmocka_unit_test(the_operator_can_do_without_either),
		cmocka_unit_test(the_operator_can_use_the_preemption_timer_in_spite_of_an_erratum),
	};

	return cmocka_run_group_tests_name("timer_errata", tests, NULL, NULL);
}
