/* SPDX-License-Identifier: MIT */
/*
 * What a write to CR0, CR3 or CR4 means: the checks, the paging mode, the
 * cached PDPTEs. SDM Vol. 2B "MOV—Move to/from Control Registers"; Vol. 3A "Paging Modes
 * and Control Bits", "Initializing IA-32e Mode", "PDPTE Registers".
 */
#include "lib/registers.h"
#include "vmm/x86/cpuid.h"
#include "vmm/vmx/vmx.h"

#define PDPTE_PRESENT BIT(0)

uint64_t vmx_cr0_guest_owned(void)
{
	return CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM | CR0_PG;
}

/* MCE stays ours: the machine's machine checks must reach the monitor. */
uint64_t vmx_cr4_guest_owned(void)
{
	const uint64_t wanted = CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCE |
	                        CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_PCIDE |
	                        CR4_OSXSAVE | CR4_SMEP | CR4_SMAP;

	return wanted & vmx_features.cr4_fixed1;
}

/* The others are reserved and stay 0 whatever is written to them. */
#define CR0_DEFINED                                                                                          \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)

static uint64_t cr0_needed(void)
{
	/* Unrestricted guest lifts PE and PG from the fixed bits. */
	return vmx_features.cr0_fixed0 & ~(CR0_PE | CR0_PG);
}

/* Load the four PDPTEs that PAE paging caches; false: a reserved bit, and nothing is loaded. */
static bool load_pdptes(const struct vcpu *vcpu, uint64_t cr3)
{
	uint64_t reserved = ~((1UL << cpuid_physical_bits()) - 1) | 0x1e6;
	uint64_t pdpte[4];

	guest_read(vcpu->map, cr3 & 0xffffffe0, pdpte, sizeof(pdpte));
	for (unsigned i = 0; i < 4; i++)
		if (pdpte[i] & PDPTE_PRESENT && pdpte[i] & reserved)
			return false;
	for (unsigned i = 0; i < 4; i++)
		vmwrite((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i), pdpte[i]);
	return true;
}

static bool pae_paging(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	return cr0 & CR0_PG && cr4 & CR4_PAE && !(efer & EFER_LMA);
}

static void set_long_mode(bool active)
{
	uint64_t efer = vmread(VMCS_GUEST_EFER), entry = vmread(VMCS_ENTRY_CONTROLS);

	vmwrite(VMCS_GUEST_EFER, active ? efer | EFER_LMA : efer & ~EFER_LMA);
	vmwrite(VMCS_ENTRY_CONTROLS, active ? entry | ENTRY_IA32E_GUEST : entry & ~ENTRY_IA32E_GUEST);
}

static bool tss_is_16_bit(void)
{
	return (vmread(VMCS_GUEST_TR_ACCESS) & 0xf) == 3;
}

/* Turning paging on; false means #GP(0). */
static bool enable_paging(struct vcpu *vcpu)
{
	uint64_t cr4 = vmread(VMCS_GUEST_CR4);

	if (vmread(VMCS_GUEST_EFER) & EFER_LME) {
		if (!(cr4 & CR4_PAE) || vmread(VMCS_GUEST_CS_ACCESS) & SEGMENT_L || tss_is_16_bit())
			return false;
		set_long_mode(true);
		return true;
	}
	return !(cr4 & CR4_PAE) || load_pdptes(vcpu, vmread(VMCS_GUEST_CR3));
}

static bool disable_paging(void)
{
	if (backend_long_code() || vmread(VMCS_GUEST_CR4) & CR4_PCIDE)
		return false;
	if (vmread(VMCS_GUEST_EFER) & EFER_LMA)
		set_long_mode(false);
	return true;
}

enum action vmx_set_cr0(struct vcpu *vcpu, uint64_t value)
{
	uint64_t changed;

	if (value >> 32)
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	value = (value & CR0_DEFINED) | CR0_ET;
	changed = backend_cr0() ^ value;
	if ((value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD)))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (changed & (CR0_CD | CR0_NW) && !(changed & CR0_PG) &&
	    pae_paging(value, vmread(VMCS_GUEST_CR4), vmread(VMCS_GUEST_EFER)) &&
	    !load_pdptes(vcpu, vmread(VMCS_GUEST_CR3)))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (changed & CR0_PG && !(value & CR0_PG ? enable_paging(vcpu) : disable_paging()))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	/* The guest sees CD and NW as it set them, but its memory stays cached. */
	vmwrite(VMCS_CR0_SHADOW, value);
	vmwrite(VMCS_GUEST_CR0, (value & vmx_cr0_guest_owned()) | cr0_needed() | CR0_ET);
	if (changed & (CR0_PG | CR0_PE | CR0_WP))
		vmx_flush_vpid(vcpu);
	return ACTION_ADVANCE;
}

enum action vmx_set_cr3(struct vcpu *vcpu, uint64_t value)
{
	uint64_t cr4 = vmread(VMCS_GUEST_CR4);
	bool keep = cr4 & CR4_PCIDE && value >> 63;

	if (cr4 & CR4_PCIDE)
		value &= ~BIT(63);
	if (value >> cpuid_physical_bits())
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (pae_paging(backend_cr0(), cr4, vmread(VMCS_GUEST_EFER)) && !load_pdptes(vcpu, value))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	vmwrite(VMCS_GUEST_CR3, value);
	if (!keep)
		vmx_flush_vpid(vcpu);
	return ACTION_ADVANCE;
}

enum action vmx_set_cr4(struct vcpu *vcpu, uint64_t value)
{
	const uint64_t flushing = CR4_PGE | CR4_PSE | CR4_PAE | CR4_PCIDE | CR4_SMEP | CR4_SMAP;
	uint64_t allowed = vmx_cr4_guest_owned() | CR4_MCE;
	uint64_t changed = backend_cr4() ^ value;
	uint64_t efer = vmread(VMCS_GUEST_EFER), cr3 = vmread(VMCS_GUEST_CR3);
	bool long_mode = efer & EFER_LMA;

	if (value & ~allowed || (long_mode && !(value & CR4_PAE)))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (changed & value & CR4_PCIDE && (!long_mode || cr3 & 0xfff))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (changed & (CR4_PGE | CR4_PSE | CR4_PAE | CR4_SMEP) && pae_paging(backend_cr0(), value, efer) &&
	    !load_pdptes(vcpu, cr3))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	vmwrite(VMCS_CR4_SHADOW, value);
	vmwrite(VMCS_GUEST_CR4, value | vmx_features.cr4_fixed0 | CR4_MCE);
	if (changed & flushing)
		vmx_flush_vpid(vcpu);
	return ACTION_ADVANCE;
}
