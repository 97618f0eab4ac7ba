/* SPDX-License-Identifier: MIT */
/*
 * SDM Vol. 2B "MOV—Move to/from Control Registers"; Vol. 3A "Paging Modes and Control Bits",
 * "Initializing IA-32e Mode", "PDPTE Registers".
 */
#include "vmm/x86/cr.h"
#include "lib/registers.h"
#include "vmm/backend.h"
#include "vmm/x86/cpuid.h"

#define PDPTE_PRESENT BIT(0)

#define TSS_BUSY_16_BIT 3

/* The others are reserved and stay 0 whatever is written to them. */
#define CR0_DEFINED                                                                                          \
	(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)

/* Load the four PDPTEs that PAE paging caches; false: a reserved bit, and nothing is loaded. */
static bool cr_load_pdptes(struct vcpu *vcpu, uint64_t cr3)
{
	uint64_t reserved = ~((1UL << cpuid_physical_bits()) - 1) | 0x1e6;
	uint64_t pdpte[4];

	guest_read(vcpu->map, cr3 & 0xffffffe0, pdpte, sizeof(pdpte));
	for (unsigned i = 0; i < 4; i++)
		if (pdpte[i] & PDPTE_PRESENT && pdpte[i] & reserved)
			return false;
	backend_set_pdptes(vcpu, pdpte);
	return true;
}

static bool cr_is_pae_paging(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
	return cr0 & CR0_PG && cr4 & CR4_PAE && !(efer & EFER_LMA);
}

static bool cr0_enters_long_mode(struct vcpu *vcpu, uint64_t cr4, uint64_t efer)
{
	struct segment cs, tr;

	backend_segment(vcpu, SEG_CS, &cs);
	backend_segment(vcpu, SEG_TR, &tr);
	if (!(cr4 & CR4_PAE) || cs.access & SEGMENT_L || SEGMENT_TYPE(&tr) == TSS_BUSY_16_BIT)
		return false;
	backend_set_efer(vcpu, efer | EFER_LMA);
	return true;
}

/* Turning paging on; false means #GP(0). */
static bool cr0_enable_paging(struct vcpu *vcpu)
{
	uint64_t cr4 = backend_cr4(vcpu), efer = backend_efer(vcpu);

	if (efer & EFER_LME)
		return cr0_enters_long_mode(vcpu, cr4, efer);
	return !(cr4 & CR4_PAE) || cr_load_pdptes(vcpu, backend_cr3(vcpu));
}

static bool cr0_disable_paging(struct vcpu *vcpu)
{
	uint64_t efer = backend_efer(vcpu);

	if (backend_long_code(vcpu) || backend_cr4(vcpu) & CR4_PCIDE)
		return false;
	if (efer & EFER_LMA)
		backend_set_efer(vcpu, efer & ~EFER_LMA);
	return true;
}

enum action cr0_write(struct vcpu *vcpu, uint64_t value)
{
	uint64_t changed;

	if (value >> 32)
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	value = (value & CR0_DEFINED) | CR0_ET;
	changed = backend_cr0(vcpu) ^ value;
	if ((value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD)))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (changed & (CR0_CD | CR0_NW) && !(changed & CR0_PG) &&
	    cr_is_pae_paging(value, backend_cr4(vcpu), backend_efer(vcpu)) &&
	    !cr_load_pdptes(vcpu, backend_cr3(vcpu)))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (changed & CR0_PG && !(value & CR0_PG ? cr0_enable_paging(vcpu) : cr0_disable_paging(vcpu)))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	backend_set_cr0(vcpu, value);
	if (changed & (CR0_PG | CR0_PE | CR0_WP))
		backend_flush_linear(vcpu);
	return ACTION_ADVANCE;
}

/* LMSW changes PE (only from 0 to 1), MP, EM and TS. */
enum action cr0_load_status(struct vcpu *vcpu, uint64_t data)
{
	const uint64_t loaded = CR0_MP | CR0_EM | CR0_TS;

	return cr0_write(vcpu, (backend_cr0(vcpu) & ~loaded) | (data & (loaded | CR0_PE)));
}

enum action cr0_clear_ts(struct vcpu *vcpu)
{
	return cr0_write(vcpu, backend_cr0(vcpu) & ~CR0_TS);
}

enum action cr3_write(struct vcpu *vcpu, uint64_t value)
{
	uint64_t cr4 = backend_cr4(vcpu);
	bool keep = cr4 & CR4_PCIDE && value >> 63;

	if (cr4 & CR4_PCIDE)
		value &= ~BIT(63);
	if (value >> cpuid_physical_bits())
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (cr_is_pae_paging(backend_cr0(vcpu), cr4, backend_efer(vcpu)) && !cr_load_pdptes(vcpu, value))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	backend_set_cr3(vcpu, value);
	if (!keep)
		backend_flush_linear(vcpu);
	return ACTION_ADVANCE;
}

enum action cr4_write(struct vcpu *vcpu, uint64_t value)
{
	const uint64_t flushing = CR4_PGE | CR4_PSE | CR4_PAE | CR4_PCIDE | CR4_SMEP | CR4_SMAP;
	uint64_t changed = backend_cr4(vcpu) ^ value;
	uint64_t efer = backend_efer(vcpu), cr3 = backend_cr3(vcpu);
	bool long_mode = efer & EFER_LMA;

	if (value & ~backend_cr4_offered() || (long_mode && !(value & CR4_PAE)))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (changed & value & CR4_PCIDE && (!long_mode || cr3 & 0xfff))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	if (changed & (CR4_PGE | CR4_PSE | CR4_PAE | CR4_SMEP) &&
	    cr_is_pae_paging(backend_cr0(vcpu), value, efer) && !cr_load_pdptes(vcpu, cr3))
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	backend_set_cr4(vcpu, value);
	if (changed & flushing)
		backend_flush_linear(vcpu);
	return ACTION_ADVANCE;
}

enum action cr8_write(struct vcpu *vcpu, uint64_t value)
{
	if (value > 15)
		return vcpu_raise(vcpu, EXCEPTION_GP, 0);
	vcpu->cr8 = value;
	return ACTION_ADVANCE;
}
