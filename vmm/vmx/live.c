/* SPDX-License-Identifier: MIT */
/*
 * The registers that exits leave in the processor, and the VMCS: whose they are changes here only,
 * when another vCPU gets the processor. SDM Vol. 3C "Guest-State Area" has what the VMCS switches
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

/* In the order of vcpu_live.msr. The last exists only with RDTSCP. */
static const uint32_t live_msrs[VCPU_LIVE_MSRS] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
};

#define HAS_LIVE_MSR(i) (live_msrs[i] != MSR_TSC_AUX || vmx_features.rdtscp)

/* SDM Vol. 1 "Format of an XSAVE Area", as after a reset: FCW and MXCSR, all else zero. */
#define AREA_FCW   0
#define AREA_MXCSR 24

/*
 * `mask`: all components that any guest may have, whatever this one has switched on; 0: there is no
 * XSAVE.
 */
static inline void save(struct vcpu *vcpu, uint64_t mask)
{
	struct vcpu_live *live = &vcpu->live;

#pragma GCC unroll 8
	for (unsigned i = VCPU_KNOWN_MSRS; i < VCPU_LIVE_MSRS; i++)
		if (HAS_LIVE_MSR(i))
			live->msr[i] = read_msr(live_msrs[i]);
	live->dr[0] = read_dr0();
	live->dr[1] = read_dr1();
	live->dr[2] = read_dr2();
	live->dr[3] = read_dr3();
	live->dr6 = read_dr6();
	live->cr2 = read_cr2();
	if (mask && vcpu->xcr0 != mask)
		set_xcr0(mask);
	save_extended_state(live->extended, mask, mask);
}

/*
 * `there`: what the processor has. WRMSR is slow, and most guests that run the same kernel have the
 * same values.
 */
static inline void restore_registers(const struct vcpu_live *live, const struct vcpu_live *there)
{
#pragma GCC unroll 8
	for (unsigned i = 0; i < VCPU_LIVE_MSRS; i++)
		if (HAS_LIVE_MSR(i) && live->msr[i] != there->msr[i])
			write_msr(live_msrs[i], live->msr[i]);
	write_dr0(live->dr[0]);
	write_dr1(live->dr[1]);
	write_dr2(live->dr[2]);
	write_dr3(live->dr[3]);
	write_dr6(live->dr6);
	write_cr2(live->cr2);
}

/* Nobody knows what the processor has: anything but this. */
static noinline cold void restore_all_registers(const struct vcpu_live *live)
{
	struct vcpu_live other = *live;

	for (unsigned i = 0; i < sizeof(other) / sizeof(uint64_t); i++)
		((uint64_t *)&other)[i] ^= UINT64_MAX;
	restore_registers(live, &other);
}

/* `before` has just been saved; null: XCR0 is unknown, too. */
static void restore(const struct vcpu *vcpu, const struct vcpu *before, uint64_t mask)
{
	const struct vcpu_live *live = &vcpu->live;

	if (likely(before))
		restore_registers(live, &before->live);
	else
		restore_all_registers(live);
	if (mask && !before)
		set_xcr0(mask);
	restore_extended_state(live->extended, mask, mask);
	if (mask && vcpu->xcr0 != mask)
		set_xcr0(vcpu->xcr0);
}

void vmx_reset_live(struct vcpu *vcpu)
{
	uint8_t *area = vcpu->live.extended;

	vcpu->live = (struct vcpu_live){.dr6 = 0xffff0ff0, .extended = area};
	memset(area, 0, PAGE_SIZE);
	*(uint16_t *)(area + AREA_FCW) = 0x37f;
	*(uint32_t *)(area + AREA_MXCSR) = 0x1f80;
	vcpu->xcr0 = 1;
}

void backend_vcpu_look(struct cpu *cpu, struct vcpu *vcpu)
{
	if (cpu->loaded == vcpu)
		return;
	if (!vmptrld(vcpu->vmcs))
		panic("VMPTRLD refused %#lx", vcpu->vmcs);
	cpu->loaded = vcpu;
}

/*
 * First time here, or back from elsewhere: translations that this CPU still caches may be out of
 * date.
 */
static void settle_here(struct cpu *cpu, struct vcpu *vcpu)
{
	vcpu->home = cpu;
	vmx_set_host_state(cpu, vcpu);
	backend_flush(vcpu);
	vmx_flush_vpid(vcpu);
}

void backend_vcpu_load(struct cpu *cpu, struct vcpu *vcpu)
{
	struct vcpu *before = cpu->live;

	backend_vcpu_look(cpu, vcpu);
	if (before != vcpu) {
		uint64_t mask = cpuid_xcr0_mask();

		if (before)
			save(before, mask);
		restore(vcpu, before, mask);
		cpu->live = vcpu;
		mitigations_between_guests();
	}
	if (unlikely(vcpu->home != cpu))
		settle_here(cpu, vcpu);
}

/*
 * SDM Vol. 3C "Software Use of Virtual-Machine Control Structures": VMCLEAR before another
 * processor takes it.
 */
void backend_vcpu_release(struct cpu *cpu, struct vcpu *vcpu)
{
	if (cpu->live == vcpu) {
		save(vcpu, cpuid_xcr0_mask());
		cpu->live = NULL;
	}
	if (!vmclear(vcpu->vmcs))
		panic("VMCLEAR refused %#lx", vcpu->vmcs);
	vcpu->requests |= ENTRY_LAUNCH;
	vcpu->home = NULL;
	if (cpu->loaded == vcpu)
		cpu->loaded = NULL;
	if (cpu->current == vcpu)
		cpu->current = NULL;
}
