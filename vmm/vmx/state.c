/* SPDX-License-Identifier: MIT */
/* The current vCPU's registers, as vmm/backend.h offers them. */
#include "lib/panic.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "vmm/x86/cpuid.h"
#include "vmm/vmx/vmx.h"

uint64_t backend_rip(void)
{
	return vmread(VMCS_GUEST_RIP);
}

uint64_t backend_rsp(void)
{
	return vmread(VMCS_GUEST_RSP);
}

uint64_t backend_rflags(void)
{
	return vmread(VMCS_GUEST_RFLAGS);
}

void backend_set_rip(uint64_t value)
{
	vmwrite(VMCS_GUEST_RIP, value);
}

void backend_set_rsp(uint64_t value)
{
	vmwrite(VMCS_GUEST_RSP, value);
}

void backend_set_rflags(uint64_t value)
{
	vmwrite(VMCS_GUEST_RFLAGS, value);
}

/* Bits that the guest owns are read from the register, the others from the shadow. */
uint64_t backend_cr0(void)
{
	uint64_t owned = vmx_cr0_guest_owned();

	return (vmread(VMCS_GUEST_CR0) & owned) | (vmread(VMCS_CR0_SHADOW) & ~owned);
}

uint64_t backend_cr4(void)
{
	uint64_t owned = vmx_cr4_guest_owned();

	return (vmread(VMCS_GUEST_CR4) & owned) | (vmread(VMCS_CR4_SHADOW) & ~owned);
}

uint64_t backend_efer(void)
{
	return vmread(VMCS_GUEST_EFER);
}

uint64_t backend_debugctl(void)
{
	return vmread(VMCS_GUEST_DEBUGCTL);
}

void backend_set_debugctl(uint64_t value)
{
	vmwrite(VMCS_GUEST_DEBUGCTL, value);
}

void backend_segment(enum segment_index index, struct segment *segment)
{
	segment->selector = (uint16_t)vmread((enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + 2 * index));
	segment->base = vmread((enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * index));
	segment->limit = (uint32_t)vmread((enum vmcs_field)(VMCS_GUEST_ES_LIMIT + 2 * index));
	segment->access = (uint32_t)vmread((enum vmcs_field)(VMCS_GUEST_ES_ACCESS + 2 * index));
}

/* The DPL of SS is the CPL in every mode: SDM Vol. 3C "Guest Register State". */
uint8_t backend_cpl(void)
{
	return vmread(VMCS_GUEST_SS_ACCESS) >> 5 & 3;
}

bool backend_long_code(void)
{
	return vmread(VMCS_GUEST_EFER) & EFER_LMA && vmread(VMCS_GUEST_CS_ACCESS) & SEGMENT_L;
}

void backend_paging(struct guest_paging *paging)
{
	*paging = (struct guest_paging){
		.cr0 = backend_cr0(),
		.cr3 = vmread(VMCS_GUEST_CR3),
		.cr4 = backend_cr4(),
		.efer = vmread(VMCS_GUEST_EFER),
		.rflags = vmread(VMCS_GUEST_RFLAGS),
		.cpl = backend_cpl(),
		.physical_bits = cpuid_physical_bits(),
		.has_1g_pages = cpuid_has_1g_pages(),
	};
	if (paging->cr0 & CR0_PG && paging->cr4 & CR4_PAE && !(paging->efer & EFER_LMA))
		for (unsigned i = 0; i < 4; i++)
			paging->pdpte[i] = vmread((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i));
}

void backend_set_cr2(uint64_t value)
{
	write_cr2(value);
}

/*
 * SDM Vol. 3C "Pending debug exceptions"; Vol. 3B "Single-Stepping on Branches": no instruction
 * that exits is one.
 */
void vmx_instruction_done_traced(uint64_t rflags)
{
	vmwrite(VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF);
	if (rflags & RFLAGS_TF && !(vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		vmwrite(VMCS_GUEST_PENDING_DEBUG, vmread(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

void backend_instruction_done(void)
{
	vmx_instruction_done();
}

void backend_set_tsc_offset(uint64_t offset)
{
	vmwrite(VMCS_TSC_OFFSET, offset);
}

void vmx_processor_control(uint64_t control, bool on)
{
	uint64_t controls = vmread(VMCS_PROCESSOR_CONTROLS);

	vmwrite(VMCS_PROCESSOR_CONTROLS, on ? controls | control : controls & ~control);
}

void vmx_flush_vpid(const struct vcpu *vcpu)
{
	/*
	 * Without VPID every entry and exit flushes: SDM Vol. 3C "Operations that Invalidate Cached
	 * Mappings".
	 */
	if (vmx_features.vpid &&
	    !invvpid(INVVPID_SINGLE_CONTEXT, (struct invalidation){.context = vcpu->vpid}))
		panic("INVVPID refused VPID %u", vcpu->vpid);
}

void backend_flush(struct vcpu *vcpu)
{
	bool single = vmx_features.ept_vpid & EPT_CAP_INVEPT_SINGLE;

	if (!invept(single ? INVEPT_SINGLE_CONTEXT : INVEPT_ALL_CONTEXTS,
	            (struct invalidation){.context = ept_pointer(vcpu->ept)}))
		panic("INVEPT refused EPTP %#lx", ept_pointer(vcpu->ept));
}
