/* SPDX-License-Identifier: MIT */
#include "vmm/cpu/mitigations.h"
#include "lib/registers.h"
#include "lib/x86.h"

/* CPUID.7.0:EDX */
#define HAS_MD_CLEAR          BIT(10)
#define HAS_IBPB              BIT(26)
#define HAS_L1D_FLUSH         BIT(28)
#define HAS_ARCH_CAPABILITIES BIT(29)

/* IA32_ARCH_CAPABILITIES */
#define CAPABILITY_RDCL_NO          BIT(0)
#define CAPABILITY_SKIP_L1DFL_ENTRY BIT(3)
#define CAPABILITY_MDS_NO           BIT(5)
#define CAPABILITY_TAA_NO           BIT(8)

struct mitigations mitigations;

void mitigations_init(bool on)
{
	uint32_t features = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).edx : 0;
	uint64_t capabilities = features & HAS_ARCH_CAPABILITIES ? read_msr(MSR_ARCH_CAPABILITIES) : 0;

	mitigations.wanted = on;
	mitigations.barrier = on && features & HAS_IBPB;
	mitigations.buffers_safe = capabilities & CAPABILITY_MDS_NO && capabilities & CAPABILITY_TAA_NO;
	/* An outer hypervisor that flushes for us says SKIP_L1DFL_VMENTRY. */
	mitigations.l1d_safe = capabilities & (CAPABILITY_RDCL_NO | CAPABILITY_SKIP_L1DFL_ENTRY);
	mitigations.clear_buffers = on && !mitigations.buffers_safe && features & HAS_MD_CLEAR;
	mitigations.flush_l1d = on && !mitigations.l1d_safe && features & HAS_L1D_FLUSH;
}
