/* SPDX-License-Identifier: MIT */
/*
 * Who has the processor: whose VMCS is current, and whose are the registers that exits leave in the
 * processor. Both change here only. SDM Vol. 3C "Guest-State Area" has what the VMCS switches
 * instead.
 */
#include "lib/panic.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/frames.h"
#include "vmm/x86/cpuid.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/vmx/vmx.h"

/* ---- The current VMCS ---- */

static void vmcs_point_to(const struct vcpu *vcpu)
{
	if (!vmptrld(vcpu->vmx.vmcs))
		panic("VMPTRLD refused %#lx", vcpu->vmx.vmcs);
}

void vmcs_load(struct cpu *cpu, struct vcpu *vcpu)
{
	if (cpu->vmx.loaded == vcpu)
		return;
	vmcs_point_to(vcpu);
	cpu->vmx.loaded = vcpu;
}

void vmcs_clear(struct cpu *cpu, struct vcpu *vcpu)
{
	if (!vmclear(vcpu->vmx.vmcs))
		panic("VMCLEAR refused %#lx", vcpu->vmx.vmcs);
	vcpu_request(vcpu, ENTRY_LAUNCH);
	if (vcpu->vmx.home)
		guest_map_leave_cpu(vcpu->map, vcpu->vmx.home->index);
	vcpu->vmx.home = NULL;
	if (cpu->vmx.loaded == vcpu)
		cpu->vmx.loaded = NULL;
}

/* Another CPU may hold parts of its VMCS, so only its own may borrow it. */
noinline cold void vmcs_borrow_other(const struct vcpu *vcpu)
{
	assert_monitor(!vcpu->vmx.home || vcpu->vmx.home == this_cpu());
	vmcs_point_to(vcpu);
}

noinline cold void vmcs_give_back_other(void)
{
	if (this_cpu()->vmx.loaded)
		vmcs_point_to(this_cpu()->vmx.loaded);
}

noinline cold uint64_t vmcs_read_other(const struct vcpu *vcpu, enum vmcs_field field)
{
	uint64_t value;

	vmcs_borrow_other(vcpu);
	value = vmread(field);
	vmcs_give_back_other();
	return value;
}

noinline cold void vmcs_write_other(const struct vcpu *vcpu, enum vmcs_field field, uint64_t value)
{
	vmcs_borrow_other(vcpu);
	vmwrite(field, value);
	vmcs_give_back_other();
}

/* ---- Resident registers ---- */

/* The last exists only with RDTSCP. */
static const uint32_t resident_msr_index[RESIDENT_MSRS] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
};

#define HAS_RESIDENT_MSR(i) (resident_msr_index[i] != MSR_TSC_AUX || vmx_features.rdtscp)

/* SDM Vol. 1 "Format of an XSAVE Area", as after a reset: FCW and MXCSR, the rest zero. */
#define AREA_FCW   0
#define AREA_MXCSR 24

static bool is_resident(const struct vcpu *vcpu)
{
	return this_cpu()->vmx.resident == vcpu;
}

/*
 * `mask`: all components that any guest may have, whatever this one has switched on; 0: there is no
 * XSAVE.
 */
static inline void resident_save(struct vcpu *vcpu, uint64_t mask)
{
	struct resident_registers *to = &vcpu->resident;

#pragma GCC unroll 8
	for (unsigned i = RESIDENT_MSRS_KNOWN; i < RESIDENT_MSRS; i++)
		if (HAS_RESIDENT_MSR(i))
			to->msr[i] = read_msr(resident_msr_index[i]);
	to->dr[0] = read_dr0();
	to->dr[1] = read_dr1();
	to->dr[2] = read_dr2();
	to->dr[3] = read_dr3();
	to->dr6 = read_dr6();
	to->cr2 = read_cr2();
	if (mask && vcpu->xcr0 != mask)
		set_xcr0(mask);
	save_extended_state(to->extended, mask, mask);
}

/*
 * `there`: what the processor has. WRMSR is slow, and most guests that run the same kernel have the
 * same values.
 */
static inline void resident_restore_from(const struct resident_registers *from,
                                         const struct resident_registers *there)
{
#pragma GCC unroll 8
	for (unsigned i = 0; i < RESIDENT_MSRS; i++)
		if (HAS_RESIDENT_MSR(i) && from->msr[i] != there->msr[i])
			write_msr(resident_msr_index[i], from->msr[i]);
	write_dr0(from->dr[0]);
	write_dr1(from->dr[1]);
	write_dr2(from->dr[2]);
	write_dr3(from->dr[3]);
	write_dr6(from->dr6);
	write_cr2(from->cr2);
}

/* What the processor has is unknown: anything except this. */
static noinline cold void resident_restore_all(const struct resident_registers *from)
{
	struct resident_registers other = *from;

	for (unsigned i = 0; i < sizeof(other) / sizeof(uint64_t); i++)
		((uint64_t *)&other)[i] ^= UINT64_MAX;
	resident_restore_from(from, &other);
}

/* `before` has just been saved; null: XCR0 is unknown, too. */
static void resident_restore(const struct vcpu *vcpu, const struct vcpu *before, uint64_t mask)
{
	const struct resident_registers *from = &vcpu->resident;

	if (likely(before))
		resident_restore_from(from, &before->resident);
	else
		resident_restore_all(from);
	if (mask && !before)
		set_xcr0(mask);
	restore_extended_state(from->extended, mask, mask);
	if (mask && vcpu->xcr0 != mask)
		set_xcr0(vcpu->xcr0);
}

void vmx_reset_resident(struct cpu *cpu, struct vcpu *vcpu)
{
	uint8_t *area = vcpu->resident.extended;

	if (cpu->vmx.resident == vcpu)
		cpu->vmx.resident = NULL; /* what it had is gone */
	vcpu->resident = (struct resident_registers){.dr6 = 0xffff0ff0, .extended = area};
	memset(area, 0, PAGE_SIZE);
	*(uint16_t *)(area + AREA_FCW) = 0x37f;
	*(uint32_t *)(area + AREA_MXCSR) = 0x1f80;
	vcpu->xcr0 = 1;
}

void backend_set_resident_msr(struct vcpu *vcpu, enum resident_msr msr, uint64_t value)
{
	vcpu->resident.msr[msr] = value;
	if (is_resident(vcpu))
		write_msr(resident_msr_index[msr], value);
}

void backend_set_xcr0(struct vcpu *vcpu, uint64_t value)
{
	vcpu->xcr0 = value;
	if (is_resident(vcpu))
		set_xcr0(value);
}

void backend_set_cr2(struct vcpu *vcpu, uint64_t value)
{
	if (is_resident(vcpu))
		write_cr2(value);
	else
		vcpu->resident.cr2 = value;
}

uint64_t backend_dr(const struct vcpu *vcpu, unsigned index)
{
	if (!is_resident(vcpu))
		return vcpu->resident.dr[index];
	switch (index) {
	case 0: return read_dr0();
	case 1: return read_dr1();
	case 2: return read_dr2();
	default: return read_dr3();
	}
}

uint64_t backend_dr6(const struct vcpu *vcpu)
{
	return is_resident(vcpu) ? read_dr6() : vcpu->resident.dr6;
}

void backend_set_dr6(struct vcpu *vcpu, uint64_t value)
{
	if (is_resident(vcpu))
		write_dr6(value);
	else
		vcpu->resident.dr6 = value;
}

/* ---- From one vCPU to the next, and from one CPU to the next ---- */

/*
 * Its first time here, or back from elsewhere. This CPU may still cache translations of an earlier
 * stay, or of an earlier vCPU with the same VPID or the same EPT frame.
 */
static void vcpu_make_home(struct cpu *cpu, struct vcpu *vcpu)
{
	vcpu->vmx.home = cpu;
	guest_map_enter_cpu(vcpu->map, cpu->index);
	vmx_set_host_state(cpu, vcpu);
	backend_flush_physical(vcpu);
	backend_flush_linear(vcpu);
}

void backend_vcpu_load(struct cpu *cpu, struct vcpu *vcpu)
{
	struct vcpu *before = cpu->vmx.resident;

	vmcs_load(cpu, vcpu);
	if (before != vcpu) {
		uint64_t mask = cpuid_xcr0_mask();

		if (before)
			resident_save(before, mask);
		resident_restore(vcpu, before, mask);
		cpu->vmx.resident = vcpu;
		mitigations_between_guests();
	}
	if (unlikely(vcpu->vmx.home != cpu))
		vcpu_make_home(cpu, vcpu);
}

/*
 * SDM Vol. 3C "Software Use of Virtual-Machine Control Structures": VMCLEAR before another
 * processor takes it.
 */
void backend_vcpu_release(struct cpu *cpu, struct vcpu *vcpu)
{
	if (cpu->vmx.resident == vcpu) {
		resident_save(vcpu, cpuid_xcr0_mask());
		cpu->vmx.resident = NULL;
	}
	vmcs_clear(cpu, vcpu);
	if (cpu->current == vcpu)
		cpu->current = NULL;
}
