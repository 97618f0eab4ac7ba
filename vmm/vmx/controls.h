/* SPDX-License-Identifier: MIT */
/*
 * Which VT-x controls this processor has, which of them Nacre uses, and
 * what follows for the rest of the monitor.
 * SDM Vol. 3D Appendix "VMX Capability Reporting Facility".
 */
#ifndef VMM_VMX_CONTROLS_H
#define VMM_VMX_CONTROLS_H

#include "lib/types.h"

enum control_set {
	CONTROLS_PIN,
	CONTROLS_PROCESSOR,
	CONTROLS_SECONDARY,
	CONTROLS_EXIT,
	CONTROLS_ENTRY,
	CONTROL_SETS,
};

enum vmx_need {
	REQUIRED, /* no guest runs without it */
	WANTED,   /* used where the processor has it; the fallback is named in the row */
	DYNAMIC,  /* must exist; switched per vCPU while it runs */
	NEVER,    /* left off, for the reason in the row */
};

struct vmx_control {
	uint8_t set, bit, need; /* enum vmx_need */
	const char *name;
};

extern const struct vmx_control vmx_controls[];
extern const unsigned vmx_control_count;

struct vmx_features {
	uint32_t revision;               /* VMCS revision identifier */
	uint32_t control[CONTROL_SETS];  /* values for the VMCS: what is used */
	uint32_t allowed[CONTROL_SETS];  /* what may be 1 */
	uint64_t cr0_fixed0, cr0_fixed1; /* with unrestricted guest: PE and PG may be 0 */
	uint64_t cr4_fixed0, cr4_fixed1;
	uint64_t ept_vpid;        /* IA32_VMX_EPT_VPID_CAP */
	uint8_t preemption_shift; /* the preemption timer counts TSC >> this */
	bool preemption_timer, virtual_nmi, vpid, rdtscp, invpcid, xsaves, wbinvd_exit, encls_exit,
		enclv_exit;
	bool ins_outs_information; /* INS/OUTS exits describe address size and segment */
};

extern struct vmx_features vmx_features;

/*
 * Fill vmx_features from this processor's CPUID and MSRs. Returns 0, or
 * -ERR_UNSUPPORTED with one sentence in `problem` that names what is missing
 * and the remedy. Must run before VMXON; may set and lock IA32_FEATURE_CONTROL.
 */
int must_check vmx_features_detect(char *problem, size_t size);

/* Nothing if there is no VT-x; else a heading and one line per control, "name  have|lack
 * used|unused|required", to `put`. */
void vmx_features_report(void (*put)(const char *line));

#define EPT_CAP_PAGE_1G         BIT(17)
#define EPT_CAP_PAGE_2M         BIT(16)
#define EPT_CAP_WALK_4          BIT(6)
#define EPT_CAP_WB              BIT(14)
#define EPT_CAP_INVEPT          BIT(20)
#define EPT_CAP_ACCESSED_DIRTY  BIT(21)
#define EPT_CAP_INVEPT_SINGLE   BIT(25)
#define EPT_CAP_INVEPT_ALL      BIT(26)
#define VPID_CAP_INVVPID        BIT(32)
#define VPID_CAP_INVVPID_SINGLE BIT(41)

#endif
