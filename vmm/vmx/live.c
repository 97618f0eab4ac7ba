/*
 * The registers that exits leave in the processor, and the VMCS: whose they are changes here only, when
 * another vCPU gets the processor. SDM Vol. 3C "Guest-State Area" has what the VMCS switches instead.
 */
#include "lib/panic.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/frames.h"
#include "vmm/cpuid.h"
#include "vmm/interrupts.h"
#include "vmm/mitigations.h"
#include "vmm/vmx/vmx.h"

extern const char vmx_exit_entry[];

/* In the order of vcpu_live.msr. The last exists only with RDTSCP. */
static const uint32_t live_msrs[VCPU_LIVE_MSRS] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
};

/* SDM Vol. 1 "Format of an XSAVE Area", as after a reset: FCW and MXCSR, all else zero. */
#define AREA_FCW   0
#define AREA_MXCSR 24

static unsigned live_msr_count(void)
{
	return VCPU_LIVE_MSRS - !vmx_features.rdtscp;
}

/* All components that any guest may have, whatever this one has switched on. */
static void open_extended_state(const struct vcpu *vcpu)
{
	if (vcpu->xcr0 != cpuid_xcr0_mask())
		set_xcr0(cpuid_xcr0_mask());
}

static void save(struct vcpu *vcpu)
{
	struct vcpu_live *live = &vcpu->live;

	for (unsigned i = 0; i < live_msr_count(); i++)
		live->msr[i] = read_msr(live_msrs[i]);
	live->dr[0] = read_dr0();
	live->dr[1] = read_dr1();
	live->dr[2] = read_dr2();
	live->dr[3] = read_dr3();
	live->dr6 = read_dr6();
	live->cr2 = read_cr2();
	if (cpuid_has_xsave())
		open_extended_state(vcpu);
	save_extended_state(hpa_to_pointer(live->extended), cpuid_xcr0_mask(), cpuid_has_xsave());
}

/* XCR0 is open, or unknown. */
static void restore(const struct vcpu *vcpu, bool open)
{
	const struct vcpu_live *live = &vcpu->live;

	for (unsigned i = 0; i < live_msr_count(); i++)
		write_msr(live_msrs[i], live->msr[i]);
	write_dr0(live->dr[0]);
	write_dr1(live->dr[1]);
	write_dr2(live->dr[2]);
	write_dr3(live->dr[3]);
	write_dr6(live->dr6);
	write_cr2(live->cr2);
	if (cpuid_has_xsave() && !open)
		set_xcr0(cpuid_xcr0_mask());
	restore_extended_state(hpa_to_pointer(live->extended), cpuid_xcr0_mask(), cpuid_has_xsave());
	if (cpuid_has_xsave() && vcpu->xcr0 != cpuid_xcr0_mask())
		set_xcr0(vcpu->xcr0);
}

void vmx_reset_live(struct vcpu *vcpu)
{
	hpa_t extended = vcpu->live.extended;
	uint8_t *area = hpa_to_pointer(extended);

	vcpu->live = (struct vcpu_live){.dr6 = 0xffff0ff0, .extended = extended};
	memset(area, 0, PAGE_SIZE);
	*(uint16_t *)(area + AREA_FCW) = 0x37f;
	*(uint32_t *)(area + AREA_MXCSR) = 0x1f80;
	vcpu->xcr0 = 1;
}

static void load_vmcs(struct cpu *cpu, struct vcpu *vcpu)
{
	if (cpu->loaded == vcpu)
		return;
	if (!vmptrld(vcpu->vmcs))
		panic("VMPTRLD refused %#lx", vcpu->vmcs);
	cpu->loaded = vcpu;
}

/* First time here, or back from elsewhere: translations that this CPU still caches may be out of date. */
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

	load_vmcs(cpu, vcpu);
	if (before != vcpu) {
		if (before)
			save(before);
		restore(vcpu, before);
		cpu->live = vcpu;
		mitigations_between_guests();
	}
	if (unlikely(vcpu->home != cpu))
		settle_here(cpu, vcpu);
}

void backend_vcpu_look(struct cpu *cpu, struct vcpu *vcpu)
{
	load_vmcs(cpu, vcpu);
}

/* SDM Vol. 3C "Software Use of Virtual-Machine Control Structures": VMCLEAR before another processor takes
 * it. */
void backend_vcpu_release(struct cpu *cpu, struct vcpu *vcpu)
{
	if (cpu->live == vcpu) {
		save(vcpu);
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
