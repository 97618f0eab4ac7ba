/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/cpu_sanitize.h"
#include "lib/registers.h"
#include "lib/x86.h"

/* SDM Vol. 4 "Architectural MSRs": IA32_MISC_ENABLE. */
#define MISC_ENABLE_LIMIT_CPUID BIT(22)
#define LIMITED_TO              3 /* the highest leaf while that is set */

#define DR7_NOTHING 0x400 /* bit 10 is always 1 */

enum cpuid_register { EAX, EBX, ECX, EDX };

/* MSRs that become zero where CPUID has any of `bits`. The entry code sets all of CR4. */
/* clang-format off */
static const struct {
	uint8_t leaf, subleaf, reg; /* enum cpuid_register */
	uint32_t bits, msr;
} inherited[] = {
	{0x0a, 0, EAX, 0xfe,            MSR_PERF_GLOBAL_CTRL}, /* from version 2 on */
	{0x07, 0, EBX, (uint32_t)BIT(25), MSR_RTIT_CTL},       /* VMXON fails while it traces */
	{0x07, 0, EDX, (uint32_t)BIT(19), MSR_LBR_CTL},
	{0x07, 0, ECX, (uint32_t)BIT(31), MSR_PKRS},
	{0x07, 0, ECX, (uint32_t)BIT(7),  MSR_S_CET},
	{0x07, 0, ECX, (uint32_t)BIT(7),  MSR_U_CET},
	{0x07, 0, EDX, (uint32_t)BIT(5),  MSR_UINTR_MISC},
	{0x07, 0, EDX, (uint32_t)BIT(5),  MSR_UINTR_TT},
	{0x0d, 1, EAX, (uint32_t)BIT(3),  MSR_XSS},
};
/* clang-format on */

static uint32_t cpuid_register(unsigned leaf, unsigned subleaf, enum cpuid_register reg)
{
	struct cpuid_result result = cpuid(leaf, subleaf);

	switch (reg) {
	case EAX: return result.eax;
	case EBX: return result.ebx;
	case ECX: return result.ecx;
	default: return result.edx;
	}
}

/* The MSR is not everywhere; but where CPUID ends early, it is. */
static void cpuid_lift_limit(void)
{
	uint32_t last = cpuid(0, 0).eax;
	uint64_t value;

	if (last < 2 || last > LIMITED_TO)
		return;
	value = read_msr(MSR_MISC_ENABLE);
	if (value & MISC_ENABLE_LIMIT_CPUID)
		write_msr(MSR_MISC_ENABLE, value & ~MISC_ENABLE_LIMIT_CPUID);
}

void cpu_sanitize(void)
{
	uint32_t last;

	cpuid_lift_limit();
	last = cpuid(0, 0).eax;
	write_dr7(DR7_NOTHING);
	write_msr(MSR_DEBUGCTL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(inherited); i++)
		if (inherited[i].leaf <= last &&
		    cpuid_register(inherited[i].leaf, inherited[i].subleaf, inherited[i].reg) &
		            inherited[i].bits)
			write_msr(inherited[i].msr, 0);
}
