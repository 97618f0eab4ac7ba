/*
 * The processor that a guest sees: CPUID policy, and what follows from it for
 * other parts. SDM Vol. 2A "CPUID—CPU Identification".
 */
#ifndef VMM_CPUID_H
#define VMM_CPUID_H

#include "vmm/vcpu.h"

/* Which hardware features depend on VT-x controls; from the backend. */
struct cpuid_backend {
	bool rdtscp, invpcid, xsaves;
};

/* Compute the policy's answers for this machine, once. `tsc_hz` is told in leaf 15h. */
void cpuid_init(struct cpuid_backend backend, uint64_t tsc_hz);

/* Carry out CPUID: EAX and ECX in, EAX, EBX, ECX and EDX out, upper halves cleared. */
void cpuid_emulate(struct vcpu *vcpu);

/* XCR0 bits that guests may set; 0 without XSAVE. */
uint64_t cpuid_xcr0_mask(void);
bool cpuid_xcr0_valid(uint64_t value);
bool cpuid_has_xsave(void);

/* MAXPHYADDR, and whether 1 GiB pages exist, for the guest. */
uint8_t cpuid_physical_bits(void);
bool cpuid_has_1g_pages(void);

#endif
