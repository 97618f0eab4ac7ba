/* SPDX-License-Identifier: MIT */
/*
 * Which leaks a processor has, and what is done: vmm/cpu/mitigations.c. The processors follow
 * public reports of real ones; the bits are named here a second time.
 */
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
#define SRBDS_CTRL        BIT(9)
#define MD_CLEAR          BIT(10)
#define IBPB              BIT(26)
#define L1D_FLUSH         BIT(28)
#define ARCH_CAPABILITIES BIT(29)
#define ALL               (MD_CLEAR | IBPB | L1D_FLUSH | ARCH_CAPABILITIES)

/* IA32_ARCH_CAPABILITIES */
#define RDCL_NO     BIT(0)
#define IBRS_ALL    BIT(1)
#define SKIP_L1DFL  BIT(3)
#define MDS_NO      BIT(5)
#define PSCHANGE_NO BIT(6)
#define TSX_CTRL    BIT(7)
#define TAA_NO      BIT(8)
#define RRSBA       BIT(19)
#define BHI_NO      BIT(20)
#define PBRSB_NO    BIT(24)
#define GDS_CTRL    BIT(25)
#define GDS_NO      BIT(26)
#define RFDS_NO     BIT(27)
#define RFDS_CLEAR  BIT(28)

/* IA32_SPEC_CTRL */
#define IBRS        BIT(0)
#define RRSBA_DIS_S BIT(6)
#define BHI_DIS_S   BIT(10)

static char report[4096];

static void append(const char *line)
{
	strcat(report, line);
	strcat(report, "\n");
}

struct processor {
	uint32_t signature;    /* CPUID.1:EAX */
	bool tsx;              /* CPUID.7.0:EBX[11] */
	uint32_t features;     /* CPUID.7.0:EDX */
	uint32_t controls;     /* CPUID.7.2:EDX */
	uint64_t capabilities; /* IA32_ARCH_CAPABILITIES, if the features have it */
};

static void become(struct processor processor)
{
	fake_x86_reset(); /* without ARCH_CAPABILITIES its MSR does not exist: reading it panics */
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 7});
	fake_cpuid_set(1, 0, (struct cpuid_result){.eax = processor.signature});
	fake_cpuid_set(7, 0,
	               (struct cpuid_result){.eax = processor.controls ? 2 : 0,
	                                     .ebx = processor.tsx ? BIT(11) : 0,
	                                     .edx = processor.features});
	fake_cpuid_set(7, 2, (struct cpuid_result){.edx = processor.controls});
	if (processor.features & ARCH_CAPABILITIES)
		fake_msr_set(MSR_ARCH_CAPABILITIES, processor.capabilities);
}

static void make_report(void)
{
	report[0] = 0;
	mitigations_report(append);
}

static void init(struct processor processor, bool on)
{
	become(processor);
	mitigations_init(on);
	make_report();
}

/* The line of `leak` ends in `state`. */
static void assert_says(const char *leak, const char *state)
{
	const char *line = strstr(report, leak);
	char rest[120];

	if (!line)
		fail_msg("no line for %s:\n%s", leak, report);
	snprintf(rest, sizeof(rest), ": %s\n", state);
	line = strstr(line, ": ");
	if (strncmp(line, rest, strlen(rest)) != 0)
		fail_msg("%s is not '%s':\n%s", leak, state, report);
}

static const struct processor sandy_bridge_ep_old = {
	.signature = 0x206d7,
};
static const struct processor skylake = {
	.signature = 0x506e3,
	.tsx = true,
	.features = MD_CLEAR | IBPB | L1D_FLUSH | SRBDS_CTRL,
};
static const struct processor cascade_lake = {
	.signature = 0x50657,
	.tsx = true,
	.features = ALL,
	.capabilities = 0xeb,
};
/* Of two microcodes. */
static const struct processor alder_lake_of_2021 = {
	.signature = 0x90672,
	.features = ALL,
	.controls = 0x17,
	.capabilities = 0xd6b | RRSBA,
};
static const struct processor alder_lake_of_2024 = {
	.signature = 0x90672,
	.features = ALL,
	.controls = 0x17,
	.capabilities = 0xfd6b | RRSBA | PBRSB_NO | GDS_NO | RFDS_CLEAR,
};
static const struct processor sapphire_rapids = {
	.signature = 0x806f8,
	.tsx = true,
	.features = ALL,
	.controls = 0x17,
	.capabilities = 0xfdeb | RRSBA | PBRSB_NO | GDS_NO | RFDS_NO,
};
/* A later one, whose history needs no answer. */
static const struct processor without_leaks = {
	.signature = 0xa06d1,
	.features = ALL,
	.controls = 0x17,
	.capabilities = RDCL_NO | IBRS_ALL | MDS_NO | PSCHANGE_NO | TAA_NO | BHI_NO | RFDS_NO,
};

static void a_processor_that_says_nothing_has_every_leak(void **state)
{
	(void)state;
	init(sandy_bridge_ep_old, true);
	assert_false(mitigations.clear_buffers || mitigations.flush_l1d || mitigations.barrier);
	assert_says("(MDS)", "not possible: microcode lacks it");
	assert_says("(TAA)", "not needed"); /* no transactions */
	assert_says("(L1TF)", "not possible: microcode lacks it");
	assert_says("another guest", "not possible: microcode lacks it");
	assert_says("(RFDS)", "not needed");
	assert_says("(GDS)", "not needed");
	assert_says("(SRBDS)", "not needed");
	assert_says("(SSB)", "open");
	assert_says("iTLB multihit", "on");
	assert_true(mitigations.small_code);
}

static void skylake_gets_all_that_it_can(void **state)
{
	(void)state;
	init(skylake, true);
	assert_true(mitigations.clear_buffers && mitigations.flush_l1d && mitigations.barrier);
	assert_true(mitigations.small_code);
	assert_says("(MDS)", "on");
	assert_says("(TAA)", "on");
	assert_says("(L1TF)", "on");
	assert_says("another guest", "on");
	assert_says("(Retbleed)", "not possible: microcode lacks it");
	assert_says("(RRSBA)", "not needed");
	assert_says("(GDS)", "not possible: microcode lacks it");
	assert_says("(SRBDS)", "on");
	assert_says("(ITS)", "not needed");
	assert_int_equal(fake_msr_get(MSR_SPEC_CTRL), 0);
}

static void cascade_lake_leaks_by_transactions_only(void **state)
{
	struct processor without_tsx = cascade_lake;

	(void)state;
	init(cascade_lake, true);
	assert_says("(MDS)", "not needed");
	assert_says("(TAA)", "on");
	assert_true(mitigations.clear_buffers);
	assert_says("(L1TF)", "not needed");
	assert_false(mitigations.flush_l1d);
	assert_says("iTLB multihit", "not needed");
	assert_false(mitigations.small_code);
	assert_says("(Retbleed)", "on");
	assert_int_equal(fake_msr_get(MSR_SPEC_CTRL), IBRS);

	without_tsx.tsx = false;
	without_tsx.capabilities &= ~TSX_CTRL;
	init(without_tsx, true);
	assert_says("(TAA)", "not needed");
	assert_false(mitigations.clear_buffers);
}

static void alder_lake_needs_verw_for_its_register_files(void **state)
{
	(void)state;
	init(alder_lake_of_2024, true);
	assert_says("(MDS)", "not needed");
	assert_says("(TAA)", "not needed");
	assert_says("(RFDS)", "on");
	assert_true(mitigations.clear_buffers);
	assert_false(mitigations.flush_l1d || mitigations.small_code);
	assert_says("(RRSBA)", "on");
	assert_says("(BHI)", "on");
	assert_says("(PBRSB)", "not needed");
	assert_says("(GDS)", "not needed");
	assert_int_equal(fake_msr_get(MSR_SPEC_CTRL), IBRS | RRSBA_DIS_S | BHI_DIS_S);

	init(alder_lake_of_2021, true);
	assert_says("(RFDS)", "not possible: microcode lacks it");
	assert_false(mitigations.clear_buffers);
}

static void later_servers_need_predictors_restricted_and_no_flush(void **state)
{
	(void)state;
	init(sapphire_rapids, true);
	assert_false(mitigations.clear_buffers || mitigations.flush_l1d || mitigations.small_code);
	assert_says("(RFDS)", "not needed");
	assert_says("(TAA)", "not needed");
	assert_int_equal(fake_msr_get(MSR_SPEC_CTRL), IBRS | RRSBA_DIS_S | BHI_DIS_S);
	init(without_leaks, true);
	assert_says("(BHI)", "not needed");
	assert_int_equal(fake_msr_get(MSR_SPEC_CTRL), IBRS);
	assert_false(mitigations.clear_buffers || mitigations.flush_l1d || mitigations.small_code);
}

static void an_outer_hypervisor_may_flush_for_us(void **state)
{
	(void)state;
	init((struct processor){.features = ALL, .capabilities = SKIP_L1DFL}, true);
	assert_says("(L1TF)", "not needed");
	assert_false(mitigations.flush_l1d);
}

static void the_config_turns_off_what_costs_time(void **state)
{
	(void)state;
	init(skylake, false);
	assert_false(mitigations.clear_buffers || mitigations.flush_l1d || mitigations.barrier);
	assert_false(mitigations.small_code);
	assert_says("(MDS)", "off by config");
	assert_says("iTLB multihit", "off by config");
	assert_says("(SRBDS)", "on");
	init(sapphire_rapids, false);
	assert_int_equal(fake_msr_get(MSR_SPEC_CTRL), 0);
	assert_says("(RFDS)", "not needed");
	init(sandy_bridge_ep_old, false);
	assert_says("(L1TF)", "off by config");
}

static void what_is_built_in_is_named(void **state)
{
	(void)state;
	init(skylake, true);
	assert_non_null(strstr(report, "retpolines: built in\n"));
	assert_says("(Spectre v1)", "built in");
	assert_says("(RSB)", "built in");
	assert_says("guest values in registers", "built in");
	assert_says("lazy FPU switching", "built in");
	assert_says("Meltdown", "built in");
	assert_says("(VMSCAPE)", "built in");
	assert_says("(MMIO)", "built in");
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

/* ---- The other processors ---- */

static void what_one_processor_needs_is_done_on_all(void **state)
{
	char problem[200];

	(void)state;
	init(without_leaks, true);
	become(alder_lake_of_2024);
	assert_int_equal(mitigations_init_cpu(problem, sizeof(problem)), 0);
	assert_true(mitigations.clear_buffers);
	assert_int_equal(fake_msr_get(MSR_SPEC_CTRL), IBRS | RRSBA_DIS_S | BHI_DIS_S);
	make_report();
	assert_says("(RFDS)", "on");

	/* One that lacks the means makes the answer incomplete. */
	become(alder_lake_of_2021);
	assert_int_equal(mitigations_init_cpu(problem, sizeof(problem)), 0);
	make_report();
	assert_says("(RFDS)", "not possible: microcode lacks it");
}

static void a_processor_without_the_others_registers_is_left_out(void **state)
{
	struct processor old = skylake;
	char problem[200] = "";

	(void)state;
	init(skylake, true);
	old.features &= ~(uint32_t)L1D_FLUSH;
	become(old);
	assert_int_not_equal(mitigations_init_cpu(problem, sizeof(problem)), 0);
	assert_non_null(strstr(problem, "update the firmware"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_processor_that_says_nothing_has_every_leak),
		cmocka_unit_test(skylake_gets_all_that_it_can),
		cmocka_unit_test(cascade_lake_leaks_by_transactions_only),
		cmocka_unit_test(alder_lake_needs_verw_for_its_register_files),
		cmocka_unit_test(later_servers_need_predictors_restricted_and_no_flush),
		cmocka_unit_test(an_outer_hypervisor_may_flush_for_us),
		cmocka_unit_test(the_config_turns_off_what_costs_time),
		cmocka_unit_test(what_is_built_in_is_named),
		cmocka_unit_test(an_old_processor_is_not_asked_for_leaf_7),
		cmocka_unit_test(what_one_processor_needs_is_done_on_all),
		cmocka_unit_test(a_processor_without_the_others_registers_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
