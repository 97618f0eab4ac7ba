/* SPDX-License-Identifier: MIT */
#include "vmm/x86/msr.h"
#include "lib/checked.h"
#include "lib/registers.h"
#include "lib/segment.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "vmm/backend.h"
#include "vmm/x86/cpuid.h"
#include "vmm/x86/exit_instructions.h"

/* What one MSR does. A missing function: that direction is #GP(0). */
struct msr_rule {
	bool (*read)(struct vcpu *vcpu, uint32_t index, uint64_t *value);
	bool (*write)(struct vcpu *vcpu, uint32_t index, uint64_t value);
};

static bool msr_read_zero(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = 0;
	return true;
}

static bool msr_ignore(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	return true;
}

static bool msr_read_host(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = read_msr(index);
	return true;
}

/* ---- Time: SDM Vol. 3B "Time-Stamp Counter Adjustment" ---- */

static void msr_move_tsc(struct vcpu *vcpu, uint64_t by)
{
	vcpu->tsc_offset += by;
	backend_set_tsc_offset(vcpu, vcpu->tsc_offset);
}

static bool msr_read_time(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = read_tsc() + vcpu->tsc_offset;
	return true;
}

static bool msr_write_time(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	uint64_t by = value - (read_tsc() + vcpu->tsc_offset);

	vcpu->tsc_adjust += by;
	msr_move_tsc(vcpu, by);
	return true;
}

static bool msr_read_adjust(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = vcpu->tsc_adjust;
	return true;
}

static bool msr_write_adjust(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	uint64_t by = value - vcpu->tsc_adjust;

	vcpu->tsc_adjust = value;
	msr_move_tsc(vcpu, by);
	return true;
}

/* ---- Facts about the processor ---- */

static bool msr_read_apic_base(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = 0xfee00000 |
	         BIT(8); /* boot processor; the APIC is globally disabled, CPUID says there is none */
	return true;
}

/*
 * What is not reserved is taken and changes nothing, as on a board whose APIC is wired off. Bit 10
 * needs x2APIC, which CPUID does not offer.
 */
#define APIC_BASE_RESERVED (0xffUL | BIT(9) | BIT(10))

static bool msr_write_apic_base(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	return !(value & APIC_BASE_RESERVED) && !(value >> cpuid_physical_bits());
}

static bool msr_read_feature_control(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = FEATURE_CONTROL_LOCKED; /* as firmware leaves it with VT-x off */
	return true;
}

/*
 * MISC_ENABLE: fast strings may be switched, and what CPUID tells (cpuid_dynamic()); there are no
 * branch-trace or PEBS facilities.
 */
#define MISC_FAST_STRINGS BIT(0)
#define MISC_BTS_MISSING  BIT(11)
#define MISC_PEBS_MISSING BIT(12)
#define MISC_KEPT         (MISC_FAST_STRINGS | MISC_LIMIT_CPUID | MISC_XD_DISABLE)

static bool msr_read_misc_enable(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = vcpu->misc_enable;
	return true;
}

static bool msr_write_misc_enable(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	if (value & MISC_XD_DISABLE && !cpuid_has_nx())
		return false;
	if (value & MISC_LIMIT_CPUID)
		cpuid_allow_limit();
	vcpu->misc_enable = (vcpu->misc_enable & ~MISC_KEPT) | (value & MISC_KEPT);
	return true;
}

/* ---- Debug control: LBR recording is accepted and does nothing, BTF works ---- */

static bool msr_read_debugctl(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = backend_debugctl(vcpu);
	return true;
}

static bool msr_write_debugctl(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	if (value & ~(DEBUGCTL_LBR | DEBUGCTL_BTF))
		return false;
	backend_set_debugctl(vcpu, value & DEBUGCTL_BTF);
	return true;
}

/*
 * ---- MTRRs: kept, without effect ----
 * All guest RAM is write-back and there is no device memory whose type matters.
 * SDM Vol. 3A "Memory Type Range Registers (MTRRs)".
 */
#define MTRR_VARIABLE 8
#define MTRRCAP_VALUE (MTRR_VARIABLE | BIT(8) | BIT(10)) /* fixed ranges, write combining */

static unsigned mtrr_slot(uint32_t index)
{
	if (index <= MSR_MTRR_PHYSMASK7)
		return index - MSR_MTRR_PHYSBASE0;
	switch (index) {
	case MSR_MTRR_FIX64K_00000: return 16;
	case MSR_MTRR_FIX16K_80000: return 17;
	case MSR_MTRR_FIX16K_A0000: return 18;
	default: return 19 + index - MSR_MTRR_FIX4K_C0000;
	}
}

static bool memory_type_valid(uint8_t type)
{
	return type == 0 || type == 1 || (type >= 4 && type <= 6);
}

static bool msr_read_mtrr_cap(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = MTRRCAP_VALUE;
	return true;
}

static bool msr_read_mtrr(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = vcpu->mtrr[mtrr_slot(index)];
	return true;
}

static bool msr_write_variable_mtrr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	bool mask = index & 1;
	uint64_t reserved = mask ? 0x7ff : 0xf00;

	if (value >> cpuid_physical_bits() || value & reserved ||
	    (!mask && !memory_type_valid((uint8_t)value)))
		return false;
	vcpu->mtrr[mtrr_slot(index)] = value;
	return true;
}

static bool msr_write_fixed_mtrr(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	for (unsigned i = 0; i < 64; i += 8)
		if (!memory_type_valid((uint8_t)(value >> i)))
			return false;
	vcpu->mtrr[mtrr_slot(index)] = value;
	return true;
}

static bool msr_read_mtrr_default(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	*value = vcpu->mtrr_default;
	return true;
}

static bool msr_write_mtrr_default(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	if (value & ~0xcffUL || !memory_type_valid((uint8_t)value))
		return false;
	vcpu->mtrr_default = value;
	return true;
}

/* ---- Where SYSCALL goes: reads pass the bitmap ---- */

static bool msr_write_syscall(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	if (index == MSR_LSTAR && !is_canonical(value))
		return false;
	backend_set_resident_msr(vcpu, index == MSR_STAR ? RESIDENT_STAR : RESIDENT_LSTAR, value);
	return true;
}

/* MCG_STATUS: nothing to clear. IA32_XSS: no supervisor state component is offered. */
static bool msr_write_only_zero(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	return value == 0;
}

/*
 * The policy, by index, so that finding a rule is one look. What is not listed does not exist:
 * #GP(0), as on a processor without it.
 */
#define LOW_MSRS 0x300

/* clang-format off */
static const struct msr_rule msr_rules[LOW_MSRS] = {
	[MSR_P5_MC_ADDR]                                  = {msr_read_zero,            msr_ignore},
	[MSR_P5_MC_TYPE]                                  = {msr_read_zero,            msr_ignore},
	[MSR_TSC]                                         = {msr_read_time,            msr_write_time},
	[MSR_PLATFORM_ID]                                 = {msr_read_zero,            NULL},
	[MSR_APIC_BASE]                                   = {msr_read_apic_base,       msr_write_apic_base},
	/* No bus whose strapping it would show. */
	[MSR_EBL_CR_POWERON]                              = {msr_read_zero,            msr_ignore},
	[MSR_FEATURE_CONTROL]                             = {msr_read_feature_control, NULL},
	[MSR_TSC_ADJUST]                                  = {msr_read_adjust,          msr_write_adjust},
	/* Microcode is the machine's. */
	[MSR_BIOS_UPDT_TRIG]                              = {NULL,                     msr_ignore},
	/* Its revision may be known. */
	[MSR_BIOS_SIGN_ID]                                = {msr_read_host,            msr_ignore},
	[MSR_MTRRCAP]                                     = {msr_read_mtrr_cap,        NULL},
	/* No machine-check banks. */
	[MSR_MCG_CAP]                                     = {msr_read_zero,            NULL},
	[MSR_MCG_STATUS]                                  = {msr_read_zero,            msr_write_only_zero},
	/* The frequency is the machine's. Systems read these without a look at CPUID. */
	[MSR_PERF_STATUS]                                 = {msr_read_zero,            NULL},
	[MSR_PERF_CTL]                                    = {msr_read_zero,            msr_ignore},
	[MSR_MISC_ENABLE]                                 = {msr_read_misc_enable,     msr_write_misc_enable},
	[MSR_DEBUGCTL]                                    = {msr_read_debugctl,        msr_write_debugctl},
	[MSR_MTRR_PHYSBASE0 ... MSR_MTRR_PHYSMASK7]       = {msr_read_mtrr,            msr_write_variable_mtrr},
	[MSR_MTRR_FIX64K_00000]                           = {msr_read_mtrr,            msr_write_fixed_mtrr},
	[MSR_MTRR_FIX16K_80000 ... MSR_MTRR_FIX16K_A0000] = {msr_read_mtrr,            msr_write_fixed_mtrr},
	[MSR_MTRR_FIX4K_C0000 ... MSR_MTRR_FIX4K_F8000]   = {msr_read_mtrr,            msr_write_fixed_mtrr},
	[MSR_MTRR_DEF_TYPE]                               = {msr_read_mtrr_default,    msr_write_mtrr_default},
};
/* clang-format on */

/* The few above LOW_MSRS; the others that exist there pass the bitmap and never come here. */
static const struct msr_rule msr_xss = {msr_read_zero, msr_write_only_zero};
static const struct msr_rule msr_syscall = {NULL, msr_write_syscall};
static const struct msr_rule msr_none;

static const struct msr_rule *msr_find_rule(uint32_t index)
{
	if (likely(index < LOW_MSRS))
		return &msr_rules[clamp_index(index, LOW_MSRS)];
	if (index == MSR_STAR || index == MSR_LSTAR)
		return &msr_syscall;
	return index == MSR_XSS ? &msr_xss : &msr_none;
}

bool msr_read(struct vcpu *vcpu, uint32_t index, uint64_t *value)
{
	const struct msr_rule *rule = msr_find_rule(index);

	return rule->read && rule->read(vcpu, index, value);
}

bool msr_write(struct vcpu *vcpu, uint32_t index, uint64_t value)
{
	const struct msr_rule *rule = msr_find_rule(index);

	return rule->write && rule->write(vcpu, index, value);
}

static struct msr_refusal *msr_find_refusal(struct vcpu *vcpu, uint32_t index, bool write)
{
	for (unsigned i = 0; i < MSR_REFUSALS; i++)
		if (vcpu->refused[i].count && vcpu->refused[i].index == index &&
		    vcpu->refused[i].write == write)
			return &vcpu->refused[i];
	return &vcpu->refused[MSR_REFUSALS - 1];
}

/* #GP, and a note of it in front of the others; the one that gives way is the oldest. */
static noinline cold enum action msr_refuse(struct vcpu *vcpu, bool write, uint64_t value)
{
	uint32_t index = (uint32_t)vcpu->gpr[RCX];
	struct msr_refusal *found = msr_find_refusal(vcpu, index, write);
	bool again = found->count && found->index == index && found->write == write;
	struct msr_refusal refusal = {index, write, again ? found->count + 1 : 1, value, backend_rip(vcpu)};

	memmove(&vcpu->refused[1], &vcpu->refused[0], (size_t)(found - vcpu->refused) * sizeof(*found));
	vcpu->refused[0] = refusal;
	return vcpu_raise(vcpu, EXCEPTION_GP, 0);
}

enum action exit_rdmsr(struct vcpu *vcpu)
{
	uint64_t value;

	if (!msr_read(vcpu, (uint32_t)vcpu->gpr[RCX], &value))
		return msr_refuse(vcpu, false, 0);
	vcpu->gpr[RAX] = (uint32_t)value;
	vcpu->gpr[RDX] = value >> 32;
	return ACTION_ADVANCE;
}

enum action exit_wrmsr(struct vcpu *vcpu)
{
	uint64_t value = vcpu->gpr[RDX] << 32 | (uint32_t)vcpu->gpr[RAX];

	if (!msr_write(vcpu, (uint32_t)vcpu->gpr[RCX], value))
		return msr_refuse(vcpu, true, value);
	return ACTION_ADVANCE;
}

void msr_reset(struct vcpu *vcpu)
{
	for (unsigned i = 0; i < ARRAY_SIZE(vcpu->mtrr); i++)
		vcpu->mtrr[i] = 0;
	/* As firmware leaves it: everything write-back by default, fixed ranges included. */
	for (unsigned i = mtrr_slot(MSR_MTRR_FIX64K_00000); i <= mtrr_slot(MSR_MTRR_FIX4K_F8000); i++)
		vcpu->mtrr[i] = 0x0606060606060606;
	vcpu->mtrr_default = BIT(11) | BIT(10) | 6;
	/* Every processor with VT-x has the MSR. Kernels judge REP MOVS and STOS by its bit 0. */
	vcpu->misc_enable =
		(read_msr(MSR_MISC_ENABLE) & MISC_FAST_STRINGS) | MISC_BTS_MISSING | MISC_PEBS_MISSING;
	vcpu->tsc_adjust = 0;
}
