/* SPDX-License-Identifier: MIT */
#include "vmm/x86/exit_instructions.h"
#include "lib/registers.h"
#include "vmm/backend.h"
#include "vmm/vm_calls.h"
#include "vmm/x86/cpuid.h"

enum action exit_cpuid(struct vcpu *vcpu)
{
	cpuid_emulate(vcpu);
	return ACTION_ADVANCE;
}

/*
 * SDM Vol. 2 "XSETBV". The processor has checked CR4.OSXSAVE; Bochs exits before it has looked at
 * CPL.
 */
enum action exit_xsetbv(struct vcpu *vcpu)
{
	uint64_t value = vcpu->gpr[RDX] << 32 | (uint32_t)vcpu->gpr[RAX];

	if (backend_cpl(vcpu) != 0 || (uint32_t)vcpu->gpr[RCX] != 0 || !cpuid_xcr0_valid(value))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	backend_set_xcr0(vcpu, value);
	return ACTION_ADVANCE;
}

/* CPUID says that there are no performance counters, so every index is out of range. */
enum action exit_rdpmc(struct vcpu *vcpu)
{
	return vcpu_raise(vcpu, EXCEPTION_GP, 0);
}

/*
 * A guest owns no device that reads memory past the caches, so writing them back has no effect that
 * the guest could see; and INVD must never drop lines that hold a neighbour's data.
 */
enum action exit_cache(struct vcpu *vcpu)
{
	return ACTION_ADVANCE;
}

enum action exit_undefined(struct vcpu *vcpu)
{
	return vcpu_raise(vcpu, EXCEPTION_UD, 0);
}

enum action exit_triple_fault(struct vcpu *vcpu)
{
	return vm_stop(vcpu->vm, VM_TRIPLE_FAULT);
}
