/* SPDX-License-Identifier: MIT */
/* What VT-x offers and which of it is used: vmm/vmx/controls.c. */
#include "rigs/vm_rig.h"

static char problem[300];

#define REMEDY                                                                                               \
	", which Nacre needs: use a processor of Intel's Westmere generation (2010) or later, or enable it " \
	"in "                                                                                                \
	"the outer hypervisor."

static int setup(void **state)
{
	(void)state;
	fake_x86_reset();
	rig_cpuid();
	rig_vmx_msrs();
	memset(&vmx_features, 0xa5, sizeof(vmx_features));
	problem[0] = 0;
	return 0;
}

#define control_test(f) cmocka_unit_test_setup(f, setup)

static int detect(void)
{
	return vmx_features_detect(problem, sizeof(problem));
}

static void clear(uint32_t msr, uint64_t bits)
{
	fake_msr_set(msr, fake_msr_get(msr) & ~bits);
}

/* What may be 1 is the upper half of a capability MSR. */
#define ALLOWED(bit) BIT(32 + (bit))

/* ---- Is there VT-x? ---- */

static void no_vt_x_is_said(void **state)
{
	(void)state;
	fake_cpuid_set(1, 0, (struct cpuid_result){.ecx = ~0x20u});
	assert_int_equal(detect(), -ERR_UNSUPPORTED);
	assert_string_equal(problem, "This processor has no Intel VT-x (CPUID.1:ECX.VMX is 0): run Nacre "
	                             "on an Intel processor with VT-x, or in an emulator that offers it.");
}

static void vt_x_that_is_locked_off_is_said(void **state)
{
	(void)state;
	fake_msr_set(MSR_FEATURE_CONTROL, FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX_IN_SMX);
	assert_int_equal(detect(), -ERR_UNSUPPORTED);
	assert_string_equal(problem, "The firmware has locked Intel VT-x off (IA32_FEATURE_CONTROL = 0x3): "
	                             "enable \"Intel Virtualization Technology\" in the firmware setup and "
	                             "power the machine off and on.");
	assert_int_equal(fake_msr_find(MSR_FEATURE_CONTROL)->writes, 0);
}

static void an_open_lock_is_set_and_closed(void **state)
{
	(void)state;
	fake_msr_set(MSR_FEATURE_CONTROL, 0);
	assert_int_equal(detect(), 0);
	assert_int_equal(fake_msr_get(MSR_FEATURE_CONTROL), FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX);
}

/* ---- Required controls ---- */

struct row {
	uint32_t plain, true_msr;
	unsigned bit;
	const char *name;
};

/* clang-format off */
static const struct row needed[] = {
	{MSR_VMX_PINBASED_CTLS,   MSR_VMX_TRUE_PINBASED_CTLS,  0,  "external-interrupt exiting"},
	{MSR_VMX_PINBASED_CTLS,   MSR_VMX_TRUE_PINBASED_CTLS,  3,  "NMI exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 2,  "interrupt-window exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 3,  "TSC offsetting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 7,  "HLT exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 10, "MWAIT exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 11, "RDPMC exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 19, "CR8-load exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 20, "CR8-store exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 22, "NMI-window exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 24, "unconditional I/O exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 28, "use MSR bitmaps"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 29, "MONITOR exiting"},
	{MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS, 31, "activate secondary controls"},
	{MSR_VMX_PROCBASED_CTLS2, MSR_VMX_PROCBASED_CTLS2,     1,  "enable EPT"},
	{MSR_VMX_PROCBASED_CTLS2, MSR_VMX_PROCBASED_CTLS2,     7,  "unrestricted guest"},
	{MSR_VMX_EXIT_CTLS,       MSR_VMX_TRUE_EXIT_CTLS,      2,  "save debug controls"},
	{MSR_VMX_EXIT_CTLS,       MSR_VMX_TRUE_EXIT_CTLS,      9,  "host address-space size"},
	{MSR_VMX_EXIT_CTLS,       MSR_VMX_TRUE_EXIT_CTLS,      15, "acknowledge interrupt on exit"},
	{MSR_VMX_EXIT_CTLS,       MSR_VMX_TRUE_EXIT_CTLS,      18, "save IA32_PAT"},
	{MSR_VMX_EXIT_CTLS,       MSR_VMX_TRUE_EXIT_CTLS,      19, "load IA32_PAT (exit)"},
	{MSR_VMX_EXIT_CTLS,       MSR_VMX_TRUE_EXIT_CTLS,      20, "save IA32_EFER"},
	{MSR_VMX_EXIT_CTLS,       MSR_VMX_TRUE_EXIT_CTLS,      21, "load IA32_EFER (exit)"},
	{MSR_VMX_ENTRY_CTLS,      MSR_VMX_TRUE_ENTRY_CTLS,     2,  "load debug controls"},
	{MSR_VMX_ENTRY_CTLS,      MSR_VMX_TRUE_ENTRY_CTLS,     9,  "IA-32e mode guest"},
	{MSR_VMX_ENTRY_CTLS,      MSR_VMX_TRUE_ENTRY_CTLS,     14, "load IA32_PAT (entry)"},
	{MSR_VMX_ENTRY_CTLS,      MSR_VMX_TRUE_ENTRY_CTLS,     15, "load IA32_EFER (entry)"},
};
/* clang-format on */

static void check_needed(bool true_msrs)
{
	for (unsigned i = 0; i < ARRAY_SIZE(needed); i++) {
		uint32_t msr = true_msrs ? needed[i].true_msr : needed[i].plain;
		uint64_t before = fake_msr_get(msr);
		char sentence[300];

		clear(msr, ALLOWED(needed[i].bit));
		snprintf(sentence, sizeof(sentence), "This processor's VT-x lacks the control \"%s\"%s",
		         needed[i].name, REMEDY);
		assert_int_equal(detect(), -ERR_UNSUPPORTED);
		assert_string_equal(problem, sentence);
		fake_msr_set(msr, before);
		assert_int_equal(detect(), 0);
	}
}

static void each_needed_control_is_named_when_it_is_missing(void **state)
{
	(void)state;
	check_needed(true);
}

static void processors_without_true_msrs_are_asked_the_old_way(void **state)
{
	(void)state;
	clear(MSR_VMX_BASIC, BIT(55));
	/* Reading these would be a #GP: no value stands for "does not exist". */
	for (unsigned i = 0; i < fake_x86.msrs; i++)
		if (fake_x86.msr[i].index >= MSR_VMX_TRUE_PINBASED_CTLS &&
		    fake_x86.msr[i].index <= MSR_VMX_TRUE_ENTRY_CTLS)
			fake_x86.msr[i].index = 0xffff0000;
	check_needed(false);
	/* What they force on is used: CR3 exits. */
	assert_true(vmx_features.control[CONTROLS_PROCESSOR] & BIT(15));
	assert_true(vmx_features.control[CONTROLS_PROCESSOR] & BIT(16));
}

static void without_secondary_controls_their_msr_is_not_read(void **state)
{
	(void)state;
	clear(MSR_VMX_TRUE_PROCBASED_CTLS, ALLOWED(31));
	for (unsigned i = 0; i < fake_x86.msrs; i++)
		if (fake_x86.msr[i].index == MSR_VMX_PROCBASED_CTLS2 ||
		    fake_x86.msr[i].index == MSR_VMX_EPT_VPID_CAP)
			fake_x86.msr[i].index = 0xffff0000;
	assert_int_equal(detect(), -ERR_UNSUPPORTED);
	assert_non_null(strstr(problem, "\"activate secondary controls\""));
}

static void ept_itself_must_be_good_enough(void **state)
{
	static const uint64_t capabilities[] = {EPT_CAP_WALK_4, EPT_CAP_WB, EPT_CAP_INVEPT};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(capabilities); i++) {
		clear(MSR_VMX_EPT_VPID_CAP, capabilities[i]);
		assert_int_equal(detect(), -ERR_UNSUPPORTED);
		assert_non_null(strstr(problem, "EPT lacks 4-level walks, write-back tables or "
		                                "INVEPT (IA32_VMX_EPT_VPID_CAP = 0x"));
		fake_msr_set(MSR_VMX_EPT_VPID_CAP, RIG_EPT_CAPABILITIES);
	}
}

/* ---- What is used ---- */

static void the_controls_in_use(void **state)
{
	(void)state;
	assert_int_equal(detect(), 0);
	assert_int_equal(vmx_features.revision, 0x1234);
	assert_int_equal(vmx_features.preemption_shift, 5);
	assert_true(vmx_features.ins_outs_information);
	/* Must-be-1 bits, and the required and wanted ones; nothing that is never used. */
	assert_int_equal(vmx_features.control[CONTROLS_PIN], 0x16 | 0x69);
	assert_int_equal(vmx_features.control[CONTROLS_PROCESSOR], 0x4006172 | 0xb1180c88);
	assert_int_equal(vmx_features.control[CONTROLS_SECONDARY], 0x501090ea);
	assert_int_equal(vmx_features.control[CONTROLS_EXIT], 0x36dfb | 0x7c8204);
	assert_int_equal(vmx_features.control[CONTROLS_ENTRY], 0x11fb | 0xc004);
	assert_true(vmx_features.virtual_nmi);
	assert_true(vmx_features.preemption_timer);
	assert_true(vmx_features.vpid);
	assert_true(vmx_features.rdtscp);
	assert_true(vmx_features.invpcid);
	assert_true(vmx_features.xsaves);
	assert_true(vmx_features.wbinvd_exit);
}

static void bit_31_of_the_revision_is_not_part_of_it(void **state)
{
	(void)state;
	fake_msr_set(MSR_VMX_BASIC, fake_msr_get(MSR_VMX_BASIC) | BIT(31));
	assert_int_equal(detect(), 0);
	assert_int_equal(vmx_features.revision, 0x1234);
}

static void wanted_controls_may_be_missing(void **state)
{
	(void)state;
	clear(MSR_VMX_TRUE_PINBASED_CTLS, ALLOWED(5) | ALLOWED(6));
	fake_msr_set(MSR_VMX_PROCBASED_CTLS2, ALLOWED(1) | ALLOWED(7));
	clear(MSR_VMX_BASIC, BIT(54));
	assert_int_equal(detect(), 0);
	assert_false(vmx_features.virtual_nmi);
	assert_false(vmx_features.preemption_timer);
	assert_false(vmx_features.control[CONTROLS_EXIT] & BIT(22)); /* of no use then */
	assert_false(vmx_features.vpid);
	assert_false(vmx_features.rdtscp);
	assert_false(vmx_features.invpcid);
	assert_false(vmx_features.xsaves);
	assert_false(vmx_features.wbinvd_exit);
	assert_false(vmx_features.ins_outs_information);
	assert_int_equal(vmx_features.control[CONTROLS_SECONDARY], 0x82);
}

static void a_preemption_timer_that_starts_anew_is_no_use(void **state)
{
	(void)state;
	clear(MSR_VMX_TRUE_EXIT_CTLS, ALLOWED(22));
	assert_int_equal(detect(), 0);
	assert_false(vmx_features.preemption_timer);
	assert_false(vmx_features.control[CONTROLS_PIN] & PIN_PREEMPTION_TIMER);
}

static void a_vpid_that_cannot_be_flushed_is_no_use(void **state)
{
	static const uint64_t capabilities[] = {VPID_CAP_INVVPID, VPID_CAP_INVVPID_SINGLE};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(capabilities); i++) {
		fake_msr_set(MSR_VMX_EPT_VPID_CAP, RIG_EPT_CAPABILITIES & ~capabilities[i]);
		assert_int_equal(detect(), 0);
		assert_false(vmx_features.vpid);
		assert_false(vmx_features.control[CONTROLS_SECONDARY] & SECONDARY_VPID);
	}
}

/* ---- The report ---- */

static char report[8192];

static void append(const char *line)
{
	assert_true(strlen(line) < 110);
	strcat(report, line);
	strcat(report, "\n");
}

static void every_control_is_in_the_report(void **state)
{
	(void)state;
	fake_msr_set(MSR_VMX_PROCBASED_CTLS2, 0xffffffff00000000 & ~ALLOWED(5));
	assert_int_equal(detect(), 0);
	report[0] = 0;
	vmx_features_report(append);
	for (unsigned i = 0; i < ARRAY_SIZE(needed); i++)
		if (!strstr(report, needed[i].name))
			fail_msg("%s is not in the report", needed[i].name);
	assert_non_null(strstr(
		report, "  pin         0  external-interrupt exiting       have  used      (required)\n"));
	assert_non_null(strstr(
		report, "  secondary   5  enable VPID                      lack  unused    (wanted)\n"));
	assert_non_null(strstr(
		report, "  secondary  17  enable PML                       have  unused    (never)\n"));
	assert_non_null(strstr(
		report, "  processor   2  interrupt-window exiting         have  switched  (as needed)\n"));
	assert_non_null(strstr(report, "  EPT pages: 4K 2M; EPT/VPID capabilities 0x"));
	fake_msr_set(MSR_VMX_EPT_VPID_CAP, (RIG_EPT_CAPABILITIES | EPT_CAP_PAGE_1G) & ~EPT_CAP_PAGE_2M);
	assert_int_equal(detect(), 0);
	report[0] = 0;
	vmx_features_report(append);
	assert_non_null(strstr(report, "  EPT pages: 4K 1G; "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		control_test(no_vt_x_is_said),
		control_test(vt_x_that_is_locked_off_is_said),
		control_test(an_open_lock_is_set_and_closed),
		control_test(each_needed_control_is_named_when_it_is_missing),
		control_test(processors_without_true_msrs_are_asked_the_old_way),
		control_test(without_secondary_controls_their_msr_is_not_read),
		control_test(ept_itself_must_be_good_enough),
		control_test(the_controls_in_use),
		control_test(bit_31_of_the_revision_is_not_part_of_it),
		control_test(wanted_controls_may_be_missing),
		control_test(a_preemption_timer_that_starts_anew_is_no_use),
		control_test(a_vpid_that_cannot_be_flushed_is_no_use),
		control_test(every_control_is_in_the_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
