/* SPDX-License-Identifier: MIT */
/*
 * The processor that a guest sees: CPUID policy, and what follows from it for
 * other parts. SDM Vol. 2A "CPUID—CPU Identification".
 */
#ifndef VMM_X86_CPUID_H
#define VMM_X86_CPUID_H

#include "lib/checked.h"
#include "vmm/x86/vcpu.h"

/* Which hardware features depend on the backend's controls. */
struct cpuid_backend {
	bool rdtscp, invpcid, xsaves;
};

/* Compute the policy's answers for this machine, once. `tsc_hz` is told in leaf 15h. */
void cpuid_init(struct cpuid_backend backend, uint64_t tsc_hz);

#define CPUID_BASIC_LEAVES    0x20
#define CPUID_EXTENDED_LEAVES 9

struct cpuid_answer {
	uint32_t eax, ebx, ecx, edx;
	bool dynamic; /* depends on the subleaf or on the vCPU's state */
} __attribute__((aligned(32)));

/* The policy's answers for subleaf 0: read here on every CPUID, written by cpuid_init() alone. */
extern struct cpuid_table {
	struct cpuid_answer basic[CPUID_BASIC_LEAVES];
	struct cpuid_answer extended[CPUID_EXTENDED_LEAVES]; /* from 80000000h */
	uint32_t max_basic;
} cpuid_table;

static inline void cpuid_give(struct vcpu *vcpu, const struct cpuid_answer *answer)
{
	vcpu->gpr[RAX] = answer->eax;
	vcpu->gpr[RBX] = answer->ebx;
	vcpu->gpr[RCX] = answer->ecx;
	vcpu->gpr[RDX] = answer->edx;
}

/* All leaves; the next function has the short way for most. */
void cpuid_emulate_other(struct vcpu *vcpu);

/* Carry out CPUID: EAX and ECX in, EAX, EBX, ECX and EDX out, upper halves cleared. */
static inline void cpuid_emulate(struct vcpu *vcpu)
{
	uint32_t leaf = (uint32_t)vcpu->gpr[RAX];
	const struct cpuid_answer *answer = &cpuid_table.basic[clamp_index(leaf, CPUID_BASIC_LEAVES)];

	if (likely(leaf <= cpuid_table.max_basic && !answer->dynamic))
		cpuid_give(vcpu, answer);
	else
		cpuid_emulate_other(vcpu);
}

/* XCR0 bits that guests may set; 0 without XSAVE. */
uint64_t cpuid_xcr0_mask(void);
bool cpuid_xcr0_valid(uint64_t value);

/* MAXPHYADDR, and whether 1 GiB pages exist, for the guest. */
uint8_t cpuid_physical_bits(void);
bool cpuid_has_1g_pages(void);

/* ---- IA32_MISC_ENABLE: vcpu->misc_enable has what a guest sets ---- */

#define MISC_LIMIT_CPUID BIT(22) /* leaf 0 names leaf 2 as the highest */
#define MISC_XD_DISABLE  BIT(34) /* no NX */

/* Is NX there, for MISC_XD_DISABLE to hide? */
bool cpuid_has_nx(void);

/* A guest sets MISC_LIMIT_CPUID: from now on leaf 0 depends on the vCPU. */
void cpuid_allow_limit(void);

#endif
