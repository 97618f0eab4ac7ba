/* SPDX-License-Identifier: MIT */
#include "vmm/vmx/controls.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/cpu/timer_errata.h"
#include "vmm/vmx/vmcs.h"

struct vmx_features vmx_features;

/*
 * SDM Vol. 3C "VM-Execution Control Fields", "VM-Exit Control Fields", "VM-Entry Control Fields".
 */
/* clang-format off */
const struct vmx_control vmx_controls[] = {
	{CONTROLS_PIN,       0,  REQUIRED, "external-interrupt exiting"},
	{CONTROLS_PIN,       3,  REQUIRED, "NMI exiting"},
	{CONTROLS_PIN,       5,  WANTED,   "virtual NMIs"},                    /* else NMIs wait for IF */
	{CONTROLS_PIN,       6,  WANTED,   "VMX-preemption timer"},            /* else local APIC timer */
	{CONTROLS_PIN,       7,  NEVER,    "posted interrupts"},               /* no emulated APIC yet */
	{CONTROLS_PROCESSOR, 2,  DYNAMIC,  "interrupt-window exiting"},
	{CONTROLS_PROCESSOR, 3,  REQUIRED, "TSC offsetting"},
	{CONTROLS_PROCESSOR, 7,  REQUIRED, "HLT exiting"},
	{CONTROLS_PROCESSOR, 9,  NEVER,    "INVLPG exiting"},                  /* EPT: guest's own affair */
	{CONTROLS_PROCESSOR, 10, REQUIRED, "MWAIT exiting"},
	{CONTROLS_PROCESSOR, 11, REQUIRED, "RDPMC exiting"},
	{CONTROLS_PROCESSOR, 12, NEVER,    "RDTSC exiting"},                   /* the offset does it */
	{CONTROLS_PROCESSOR, 15, NEVER,    "CR3-load exiting"},                /* EPT */
	{CONTROLS_PROCESSOR, 16, NEVER,    "CR3-store exiting"},               /* EPT */
	{CONTROLS_PROCESSOR, 19, REQUIRED, "CR8-load exiting"},
	{CONTROLS_PROCESSOR, 20, REQUIRED, "CR8-store exiting"},
	{CONTROLS_PROCESSOR, 21, NEVER,    "use TPR shadow"},                  /* no emulated APIC yet */
	{CONTROLS_PROCESSOR, 22, DYNAMIC,  "NMI-window exiting"},
	{CONTROLS_PROCESSOR, 23, DYNAMIC,  "MOV-DR exiting"},                  /* vmx_watch_ports() */
	{CONTROLS_PROCESSOR, 24, REQUIRED, "unconditional I/O exiting"},
	{CONTROLS_PROCESSOR, 25, NEVER,    "use I/O bitmaps"},                 /* every port is emulated */
	{CONTROLS_PROCESSOR, 27, NEVER,    "monitor trap flag"},
	{CONTROLS_PROCESSOR, 28, REQUIRED, "use MSR bitmaps"},
	{CONTROLS_PROCESSOR, 29, REQUIRED, "MONITOR exiting"},
	{CONTROLS_PROCESSOR, 30, NEVER,    "PAUSE exiting"},
	{CONTROLS_PROCESSOR, 31, REQUIRED, "activate secondary controls"},
	{CONTROLS_SECONDARY, 0,  NEVER,    "virtualize APIC accesses"},        /* no emulated APIC yet */
	{CONTROLS_SECONDARY, 1,  REQUIRED, "enable EPT"},
	{CONTROLS_SECONDARY, 2,  NEVER,    "descriptor-table exiting"},        /* tables are the guest's */
	{CONTROLS_SECONDARY, 3,  WANTED,   "enable RDTSCP"},                   /* else hidden in CPUID */
	{CONTROLS_SECONDARY, 4,  NEVER,    "virtualize x2APIC mode"},
	{CONTROLS_SECONDARY, 5,  WANTED,   "enable VPID"},                     /* else entries flush */
	{CONTROLS_SECONDARY, 6,  WANTED,   "WBINVD exiting"},                  /* else it runs */
	{CONTROLS_SECONDARY, 7,  REQUIRED, "unrestricted guest"},
	{CONTROLS_SECONDARY, 8,  NEVER,    "APIC-register virtualization"},
	{CONTROLS_SECONDARY, 9,  NEVER,    "virtual-interrupt delivery"},
	{CONTROLS_SECONDARY, 10, NEVER,    "PAUSE-loop exiting"},              /* one vCPU per VM */
	{CONTROLS_SECONDARY, 11, NEVER,    "RDRAND exiting"},
	{CONTROLS_SECONDARY, 12, WANTED,   "enable INVPCID"},                  /* else hidden in CPUID */
	{CONTROLS_SECONDARY, 13, NEVER,    "enable VM functions"},
	{CONTROLS_SECONDARY, 14, NEVER,    "VMCS shadowing"},
	{CONTROLS_SECONDARY, 15, WANTED,   "enable ENCLS exiting"},            /* else hidden in CPUID */
	{CONTROLS_SECONDARY, 16, NEVER,    "RDSEED exiting"},
	{CONTROLS_SECONDARY, 17, NEVER,    "enable PML"},
	{CONTROLS_SECONDARY, 18, NEVER,    "EPT-violation #VE"},
	{CONTROLS_SECONDARY, 20, WANTED,   "enable XSAVES/XRSTORS"},           /* else hidden in CPUID */
	{CONTROLS_SECONDARY, 22, NEVER,    "mode-based execute control"},
	{CONTROLS_SECONDARY, 25, NEVER,    "use TSC scaling"},
	{CONTROLS_SECONDARY, 26, NEVER,    "enable user wait and pause"},      /* hidden in CPUID */
	{CONTROLS_SECONDARY, 28, WANTED,   "enable ENCLV exiting"},            /* else hidden in CPUID */
	{CONTROLS_SECONDARY, 30, WANTED,   "bus-lock detection"},              /* else they have no rate */
	{CONTROLS_EXIT,      2,  REQUIRED, "save debug controls"},
	{CONTROLS_EXIT,      9,  REQUIRED, "host address-space size"},
	{CONTROLS_EXIT,      15, REQUIRED, "acknowledge interrupt on exit"},
	{CONTROLS_EXIT,      18, REQUIRED, "save IA32_PAT"},
	{CONTROLS_EXIT,      19, REQUIRED, "load IA32_PAT (exit)"},
	{CONTROLS_EXIT,      20, REQUIRED, "save IA32_EFER"},
	{CONTROLS_EXIT,      21, REQUIRED, "load IA32_EFER (exit)"},
	{CONTROLS_EXIT,      22, WANTED,   "save VMX-preemption timer value"}, /* else local APIC timer */
	{CONTROLS_ENTRY,     2,  REQUIRED, "load debug controls"},
	{CONTROLS_ENTRY,     9,  DYNAMIC,  "IA-32e mode guest"},
	{CONTROLS_ENTRY,     14, REQUIRED, "load IA32_PAT (entry)"},
	{CONTROLS_ENTRY,     15, REQUIRED, "load IA32_EFER (entry)"},
};
/* clang-format on */
const unsigned vmx_control_count = ARRAY_SIZE(vmx_controls);

/* Appendix "Basic VMX Information": bit 55 says that the TRUE capability MSRs exist. */
#define BASIC_TRUE_CONTROLS BIT(55)
#define BASIC_INS_OUTS      BIT(54)

/* clang-format off */
static const struct {
	uint32_t plain, true_controls;
} capability_msr[CONTROL_SETS] = {
	[CONTROLS_PIN]       = {MSR_VMX_PINBASED_CTLS,   MSR_VMX_TRUE_PINBASED_CTLS},
	[CONTROLS_PROCESSOR] = {MSR_VMX_PROCBASED_CTLS,  MSR_VMX_TRUE_PROCBASED_CTLS},
	[CONTROLS_SECONDARY] = {MSR_VMX_PROCBASED_CTLS2, MSR_VMX_PROCBASED_CTLS2},
	[CONTROLS_EXIT]      = {MSR_VMX_EXIT_CTLS,       MSR_VMX_TRUE_EXIT_CTLS},
	[CONTROLS_ENTRY]     = {MSR_VMX_ENTRY_CTLS,      MSR_VMX_TRUE_ENTRY_CTLS},
};
/* clang-format on */

static bool control_is_missing(const struct vmx_features *features, const struct vmx_control *control)
{
	return !(features->allowed[control->set] & BIT(control->bit));
}

static int controls_detect_vmx(char *problem, size_t size)
{
	uint64_t feature_control;

	if (!(cpuid(1, 0).ecx & BIT(5))) {
		format_buffer(problem, size,
		              "This processor has no Intel VT-x (CPUID.1:ECX.VMX is 0): run Nacre on an "
		              "Intel processor with VT-x, or in an emulator that offers it.");
		return -ERR_UNSUPPORTED;
	}
	/* SDM Vol. 3C "Enabling and Entering VMX Operation". */
	feature_control = read_msr(MSR_FEATURE_CONTROL);
	if (!(feature_control & FEATURE_CONTROL_LOCKED)) {
		feature_control |= FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMX;
		write_msr(MSR_FEATURE_CONTROL, feature_control);
	}
	if (!(feature_control & FEATURE_CONTROL_VMX)) {
		format_buffer(problem, size,
		              "The firmware has locked Intel VT-x off (IA32_FEATURE_CONTROL = %#lx): "
		              "enable \"Intel Virtualization Technology\" in the firmware setup and "
		              "power the machine off and on.",
		              feature_control);
		return -ERR_UNSUPPORTED;
	}
	return 0;
}

static void controls_detect(struct vmx_features *features, uint64_t basic)
{
	for (unsigned set = 0; set < CONTROL_SETS; set++) {
		uint32_t msr = basic & BASIC_TRUE_CONTROLS ? capability_msr[set].true_controls
		                                           : capability_msr[set].plain;
		uint64_t capability;

		/* The secondary MSR exists only if the primary controls can activate it. */
		if (set == CONTROLS_SECONDARY && !(features->allowed[CONTROLS_PROCESSOR] & BIT(31)))
			continue;
		capability = read_msr(msr);
		features->control[set] = (uint32_t)capability; /* must be 1 */
		features->allowed[set] = (uint32_t)(capability >> 32);
	}
	for (const struct vmx_control *c = vmx_controls; c < vmx_controls + ARRAY_SIZE(vmx_controls); c++)
		if ((c->need == REQUIRED || c->need == WANTED) && !control_is_missing(features, c))
			features->control[c->set] |= (uint32_t)BIT(c->bit);
}

static bool control_is_used(const struct vmx_features *features, enum control_set set, uint32_t bit)
{
	return features->control[set] & bit;
}

static int controls_check(const struct vmx_features *features, char *problem, size_t size)
{
	for (const struct vmx_control *c = vmx_controls; c < vmx_controls + ARRAY_SIZE(vmx_controls); c++) {
		if ((c->need != REQUIRED && c->need != DYNAMIC) || !control_is_missing(features, c))
			continue;
		format_buffer(problem, size,
		              "This processor's VT-x lacks the control \"%s\", which Nacre needs: use a "
		              "processor of Intel's Westmere generation (2010) or later, or enable it "
		              "in the outer hypervisor.",
		              c->name);
		return -ERR_UNSUPPORTED;
	}
	if (~features->ept_vpid & (EPT_CAP_WALK_4 | EPT_CAP_WB | EPT_CAP_INVEPT)) {
		format_buffer(problem, size,
		              "This processor's EPT lacks 4-level walks, write-back tables or "
		              "INVEPT (IA32_VMX_EPT_VPID_CAP = %#lx), which Nacre needs: use a "
		              "later processor.",
		              features->ept_vpid);
		return -ERR_UNSUPPORTED;
	}
	return 0;
}

int vmx_features_detect(char *problem, size_t size)
{
	struct vmx_features *features = &vmx_features;
	uint64_t basic, misc;
	int error;

	*features = (struct vmx_features){0};
	error = controls_detect_vmx(problem, size);
	if (error)
		return error;

	basic = read_msr(MSR_VMX_BASIC);
	misc = read_msr(MSR_VMX_MISC);
	features->revision = (uint32_t)basic & 0x7fffffff;
	features->ins_outs_information = basic & BASIC_INS_OUTS;
	features->preemption_shift = misc & 0x1f;
	features->cr0_fixed0 = read_msr(MSR_VMX_CR0_FIXED0);
	features->cr0_fixed1 = read_msr(MSR_VMX_CR0_FIXED1);
	features->cr4_fixed0 = read_msr(MSR_VMX_CR4_FIXED0);
	features->cr4_fixed1 = read_msr(MSR_VMX_CR4_FIXED1);
	controls_detect(features, basic);
	/* The MSR exists only with EPT or VPID. */
	if (features->allowed[CONTROLS_SECONDARY] & (BIT(1) | SECONDARY_VPID))
		features->ept_vpid = read_msr(MSR_VMX_EPT_VPID_CAP);
	/* A VPID is of use only if it can be flushed. */
	if (!(features->ept_vpid & VPID_CAP_INVVPID) || !(features->ept_vpid & VPID_CAP_INVVPID_SINGLE))
		features->control[CONTROLS_SECONDARY] &= ~(uint32_t)SECONDARY_VPID;

	/* Unless its value is saved, the preemption timer begins again with every entry. */
	if (!control_is_used(features, CONTROLS_EXIT, BIT(22)) || timer_errata.no_preemption_timer)
		features->control[CONTROLS_PIN] &= ~(uint32_t)PIN_PREEMPTION_TIMER;
	if (!control_is_used(features, CONTROLS_PIN, PIN_PREEMPTION_TIMER))
		features->control[CONTROLS_EXIT] &= ~(uint32_t)BIT(22);

	features->virtual_nmi = control_is_used(features, CONTROLS_PIN, PIN_VIRTUAL_NMI);
	features->preemption_timer = control_is_used(features, CONTROLS_PIN, PIN_PREEMPTION_TIMER);
	features->vpid = control_is_used(features, CONTROLS_SECONDARY, SECONDARY_VPID);
	features->rdtscp = control_is_used(features, CONTROLS_SECONDARY, SECONDARY_RDTSCP);
	features->invpcid = control_is_used(features, CONTROLS_SECONDARY, SECONDARY_INVPCID);
	features->xsaves = control_is_used(features, CONTROLS_SECONDARY, SECONDARY_XSAVES);
	features->encls_exit = control_is_used(features, CONTROLS_SECONDARY, SECONDARY_ENCLS_EXITING);
	features->enclv_exit = control_is_used(features, CONTROLS_SECONDARY, SECONDARY_ENCLV_EXITING);
	features->wbinvd_exit = control_is_used(features, CONTROLS_SECONDARY, BIT(6));
	return controls_check(features, problem, size);
}
