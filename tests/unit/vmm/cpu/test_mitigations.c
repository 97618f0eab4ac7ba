/* SPDX-License-Identifier: MIT */
/* Which speculation mitigations run: vmm/cpu/mitigations.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/x86/vcpu.h"

/* CPUID.7.0:EDX */
#define MD_CLEAR          BIT(10)
#define L1D_FLUSH         BIT(28)
#define ARCH_CAPABILITIES BIT(29)

/* IA32_ARCH_CAPABILITIES */
#define RDCL_NO    BIT(0)
#define SKIP_L1DFL BIT(3)
#define MDS_NO     BIT(5)
#define TAA_NO     BIT(8)

static char report[2048];

static void append(const char *line)
{
	strcat(report, line);
	strcat(report, "\n");
}

static void init(uint32_t features, uint64_t capabilities, bool on)
{
	fake_x86_reset(); /* without ARCH_CAPABILITIES its MSR does not exist: reading it panics */
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 7});
	fake_cpuid_set(7, 0, (struct cpuid_result){.edx = features});
	if (features & ARCH_CAPABILITIES)
		fake_msr_set(MSR_ARCH_CAPABILITIES, capabilities);
	mitigations_init(on);
	report[0] = 0;
	mitigations_report(append);
}

/* clang-format off */
static const struct {
	uint32_t features;
	uint64_t capabilities;
	bool on;
	bool buffers, l1d; /* are they on? */
	const char *says_buffers, *says_l1d;
} cases[] = {
	{0,					0,			 true,  0, 0, "not possible: microcode lacks it", "not possible: microcode lacks it"},
	{0,					0,			 false, 0, 0, "off by config",                    "off by config"                   },
	{MD_CLEAR | L1D_FLUSH,                     0,                         true,  1, 1, "on",                               "on"                              },
	{MD_CLEAR | L1D_FLUSH,                     0,                         false, 0, 0, "off by config",                    "off by config"                   },
	{MD_CLEAR,				 0,			 true,  1, 0, "on",                               "not possible: microcode lacks it"},
	{L1D_FLUSH,				0,			 true,  0, 1, "not possible: microcode lacks it", "on"                              },
	{MD_CLEAR | L1D_FLUSH | ARCH_CAPABILITIES, 0,                         true,  1, 1, "on",                               "on"                              },
	{MD_CLEAR | L1D_FLUSH | ARCH_CAPABILITIES, RDCL_NO,                   true,  1, 0, "on",                               "not needed"                      },
	{MD_CLEAR | L1D_FLUSH | ARCH_CAPABILITIES, SKIP_L1DFL,                true,  1, 0, "on",                               "not needed"                      },
	{MD_CLEAR | L1D_FLUSH | ARCH_CAPABILITIES, MDS_NO,                    true,  1, 1, "on",                               "on"                              }, /* TAA is left */
	{MD_CLEAR | L1D_FLUSH | ARCH_CAPABILITIES, TAA_NO,                    true,  1, 1, "on",                               "on"                              }, /* MDS is left */
	{MD_CLEAR | L1D_FLUSH | ARCH_CAPABILITIES, MDS_NO | TAA_NO | RDCL_NO, true,  0, 0, "not needed",
         "not needed"																	    },
	{MD_CLEAR | L1D_FLUSH | ARCH_CAPABILITIES, MDS_NO | TAA_NO | RDCL_NO, false, 0, 0, "not needed",
         "not needed"																	    },
};
/* clang-format on */

static void each_processor_gets_what_it_needs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		char buffers[100], l1d[100];

		init(cases[i].features, cases[i].capabilities, cases[i].on);
		assert_int_equal(mitigations.clear_buffers, cases[i].buffers);
		assert_int_equal(mitigations.flush_l1d, cases[i].l1d);
		snprintf(buffers, sizeof(buffers), "VERW on entry: %s\n", cases[i].says_buffers);
		snprintf(l1d, sizeof(l1d), "L1D flush on entry: %s\n", cases[i].says_l1d);
		if (!strstr(report, buffers) || !strstr(report, l1d))
			fail_msg("case %u:\n%s", i, report);
	}
}

static void what_is_built_in_is_named(void **state)
{
	(void)state;
	init(0, 0, true);
	assert_non_null(strstr(report, "Spectre v2"));
	assert_non_null(strstr(report, "retpolines, built in\n"));
	assert_non_null(strstr(report, "RSB"));
	assert_non_null(strstr(report, "guest values in registers"));
}

static void an_old_processor_is_not_asked_for_leaf_7(void **state)
{
	(void)state;
	fake_x86_reset();
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 6});
	fake_cpuid_set(7, 0, (struct cpuid_result){.edx = UINT32_MAX});
	mitigations_init(true);
	assert_false(mitigations.clear_buffers || mitigations.flush_l1d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_processor_gets_what_it_needs),
		cmocka_unit_test(what_is_built_in_is_named),
		cmocka_unit_test(an_old_processor_is_not_asked_for_leaf_7),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
