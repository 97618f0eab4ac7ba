/* SPDX-License-Identifier: MIT */
/* A vCPU's registers in its VMCS, as vmm/backend.h offers them. */
#include "lib/panic.h"
#include "lib/registers.h"
#include "vmm/x86/cpuid.h"
#include "vmm/vmx/vmx.h"

/* The fields of one kind for ES, CS ... TR are two apart. */
#define OF_SEGMENT(first, index) ((enum vmcs_field)((first) + 2 * (index)))
#define PDPTE_FIELD(i)           ((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * (i)))

#define DEFINE_READER(name, field)                                                                           \
	uint64_t backend_##name(const struct vcpu *vcpu)                                                     \
	{                                                                                                    \
		return vmcs_read(vcpu, field);                                                               \
	}

#define DEFINE_WRITER(name, field)                                                                           \
	void backend_set_##name(struct vcpu *vcpu, uint64_t value)                                           \
	{                                                                                                    \
		vmcs_write(vcpu, field, value);                                                              \
	}

DEFINE_READER(rip, VMCS_GUEST_RIP)
DEFINE_WRITER(rip, VMCS_GUEST_RIP)
DEFINE_READER(rsp, VMCS_GUEST_RSP)
DEFINE_WRITER(rsp, VMCS_GUEST_RSP)
DEFINE_READER(rflags, VMCS_GUEST_RFLAGS)
DEFINE_WRITER(rflags, VMCS_GUEST_RFLAGS)
DEFINE_READER(cr3, VMCS_GUEST_CR3)
DEFINE_WRITER(cr3, VMCS_GUEST_CR3)
DEFINE_READER(efer, VMCS_GUEST_EFER)
DEFINE_READER(dr7, VMCS_GUEST_DR7)
DEFINE_WRITER(dr7, VMCS_GUEST_DR7)
DEFINE_READER(debugctl, VMCS_GUEST_DEBUGCTL)
DEFINE_WRITER(debugctl, VMCS_GUEST_DEBUGCTL)

void backend_set_tsc_offset(struct vcpu *vcpu, uint64_t offset)
{
	vmcs_write(vcpu, VMCS_TSC_OFFSET, offset);
}

/* ---- Control registers ---- */

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

uint64_t backend_cr4_offered(void)
{
	return vmx_cr4_guest_owned() | CR4_MCE;
}

/* Bits that the guest owns are read from the register, the others from the shadow. */
static uint64_t current_cr0(void)
{
	uint64_t owned = vmx_cr0_guest_owned();

	return (vmread(VMCS_GUEST_CR0) & owned) | (vmread(VMCS_CR0_SHADOW) & ~owned);
}

static uint64_t current_cr4(void)
{
	uint64_t owned = vmx_cr4_guest_owned();

	return (vmread(VMCS_GUEST_CR4) & owned) | (vmread(VMCS_CR4_SHADOW) & ~owned);
}

uint64_t backend_cr0(const struct vcpu *vcpu)
{
	uint64_t value;

	vmcs_borrow(vcpu);
	value = current_cr0();
	vmcs_give_back(vcpu);
	return value;
}

uint64_t backend_cr4(const struct vcpu *vcpu)
{
	uint64_t value;

	vmcs_borrow(vcpu);
	value = current_cr4();
	vmcs_give_back(vcpu);
	return value;
}

/*
 * For #DB and #AC see exit_reflect() in exit_event.c. VMX keeps NE set: while the guest's is 0, an
 * FPU error must not reach it as #MF.
 */
uint64_t vmx_exceptions(uint64_t cr0)
{
	return BIT(EXCEPTION_DB) | BIT(EXCEPTION_AC) | BIT(EXCEPTION_MC) |
	       (cr0 & CR0_NE ? 0 : BIT(EXCEPTION_MF));
}

/* The guest sees CD and NW as it set them, but its memory stays cached. */
void backend_set_cr0(struct vcpu *vcpu, uint64_t value)
{
	/* Unrestricted guest lifts PE and PG from the fixed bits. */
	uint64_t needed = (vmx_features.cr0_fixed0 & ~(CR0_PE | CR0_PG)) | CR0_ET;

	vmcs_write(vcpu, VMCS_CR0_SHADOW, value);
	vmcs_write(vcpu, VMCS_EXCEPTION_BITMAP, vmx_exceptions(value));
	vmcs_write(vcpu, VMCS_GUEST_CR0, (value & vmx_cr0_guest_owned()) | needed);
}

void backend_set_cr4(struct vcpu *vcpu, uint64_t value)
{
	vmcs_write(vcpu, VMCS_CR4_SHADOW, value);
	vmcs_write(vcpu, VMCS_GUEST_CR4, value | vmx_features.cr4_fixed0 | CR4_MCE);
}

/* VM entry takes the mode from a control, and refuses an LMA that differs from it. */
void backend_set_efer(struct vcpu *vcpu, uint64_t value)
{
	uint64_t entry = vmcs_read(vcpu, VMCS_ENTRY_CONTROLS) & ~ENTRY_IA32E_GUEST;

	vmcs_write(vcpu, VMCS_GUEST_EFER, value);
	vmcs_write(vcpu, VMCS_ENTRY_CONTROLS, entry | (value & EFER_LMA ? ENTRY_IA32E_GUEST : 0));
}

void backend_set_pdptes(struct vcpu *vcpu, const uint64_t pdpte[4])
{
	for (unsigned i = 0; i < 4; i++)
		vmcs_write(vcpu, PDPTE_FIELD(i), pdpte[i]);
}

/* ---- Segments, modes ---- */

void backend_segment(const struct vcpu *vcpu, enum segment_index index, struct segment *segment)
{
	vmcs_borrow(vcpu);
	segment->selector = (uint16_t)vmread(OF_SEGMENT(VMCS_GUEST_ES_SELECTOR, index));
	segment->base = vmread(OF_SEGMENT(VMCS_GUEST_ES_BASE, index));
	segment->limit = (uint32_t)vmread(OF_SEGMENT(VMCS_GUEST_ES_LIMIT, index));
	segment->access = (uint32_t)vmread(OF_SEGMENT(VMCS_GUEST_ES_ACCESS, index));
	vmcs_give_back(vcpu);
}

void backend_set_segment(struct vcpu *vcpu, enum segment_index index, const struct segment *segment)
{
	vmcs_borrow(vcpu);
	vmwrite(OF_SEGMENT(VMCS_GUEST_ES_SELECTOR, index), segment->selector);
	vmwrite(OF_SEGMENT(VMCS_GUEST_ES_BASE, index), segment->base);
	vmwrite(OF_SEGMENT(VMCS_GUEST_ES_LIMIT, index), segment->limit);
	vmwrite(OF_SEGMENT(VMCS_GUEST_ES_ACCESS, index), segment->access);
	vmcs_give_back(vcpu);
}

/* Of GDTR and IDTR, base and limit alone are kept. */
void backend_table(const struct vcpu *vcpu, bool idt, struct segment *table)
{
	*table = (struct segment){
		.base = vmcs_read(vcpu, idt ? VMCS_GUEST_IDTR_BASE : VMCS_GUEST_GDTR_BASE),
		.limit = (uint32_t)vmcs_read(vcpu, idt ? VMCS_GUEST_IDTR_LIMIT : VMCS_GUEST_GDTR_LIMIT),
	};
}

void backend_set_table(struct vcpu *vcpu, bool idt, const struct segment *table)
{
	vmcs_write(vcpu, idt ? VMCS_GUEST_IDTR_BASE : VMCS_GUEST_GDTR_BASE, table->base);
	vmcs_write(vcpu, idt ? VMCS_GUEST_IDTR_LIMIT : VMCS_GUEST_GDTR_LIMIT, table->limit);
}

/* The DPL of SS is the CPL in every mode: SDM Vol. 3C "Guest Register State". */
#define CPL_OF_SS(access) ((access) >> 5 & 3)

uint8_t backend_cpl(const struct vcpu *vcpu)
{
	return CPL_OF_SS(vmcs_read(vcpu, VMCS_GUEST_SS_ACCESS));
}

bool vmx_long_code(void)
{
	return vmread(VMCS_GUEST_EFER) & EFER_LMA && vmread(VMCS_GUEST_CS_ACCESS) & SEGMENT_L;
}

bool backend_long_code(const struct vcpu *vcpu)
{
	bool is_long;

	vmcs_borrow(vcpu);
	is_long = vmx_long_code();
	vmcs_give_back(vcpu);
	return is_long;
}

void backend_paging(const struct vcpu *vcpu, struct guest_paging *paging)
{
	vmcs_borrow(vcpu);
	*paging = (struct guest_paging){
		.cr0 = current_cr0(),
		.cr3 = vmread(VMCS_GUEST_CR3),
		.cr4 = current_cr4(),
		.efer = vmread(VMCS_GUEST_EFER),
		.rflags = vmread(VMCS_GUEST_RFLAGS),
		.cpl = CPL_OF_SS(vmread(VMCS_GUEST_SS_ACCESS)),
		.physical_bits = cpuid_physical_bits(),
		.has_1g_pages = cpuid_has_1g_pages(),
	};
	if (paging->cr0 & CR0_PG && paging->cr4 & CR4_PAE && !(paging->efer & EFER_LMA))
		for (unsigned i = 0; i < 4; i++)
			paging->pdpte[i] = vmread(PDPTE_FIELD(i));
	vmcs_give_back(vcpu);
}

/* ---- The boundary between two instructions ---- */

/*
 * SDM Vol. 3C "Pending debug exceptions"; Vol. 3B "Single-Stepping on Branches": no instruction
 * that exits is one.
 */
void vmx_single_step(uint64_t rflags)
{
	vmwrite(VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF);
	if (rflags & RFLAGS_TF && !(vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF))
		vmwrite(VMCS_GUEST_PENDING_DEBUG, vmread(VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BS);
}

void backend_trap_breakpoints(struct vcpu *vcpu, uint64_t met)
{
	vmcs_write(vcpu, VMCS_GUEST_PENDING_DEBUG,
	           vmcs_read(vcpu, VMCS_GUEST_PENDING_DEBUG) | PENDING_DEBUG_BREAKPOINT | met);
}

void backend_end_shadow(struct vcpu *vcpu)
{
	uint64_t blocking = vmcs_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY);

	if (blocking & (BLOCKING_STI | BLOCKING_MOV_SS))
		vmcs_write(vcpu, VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(BLOCKING_STI | BLOCKING_MOV_SS));
}

void backend_instruction_done(struct vcpu *vcpu)
{
	assert_monitor(this_cpu()->vmx.loaded == vcpu);
	vmx_instruction_done();
}

void backend_block_nmis(struct vcpu *vcpu, bool block)
{
	uint64_t blocking = vmcs_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY);

	vmcs_write(vcpu, VMCS_GUEST_INTERRUPTIBILITY,
	           block ? blocking | BLOCKING_NMI : blocking & ~BLOCKING_NMI);
	vcpu->vmx.nmi_blocked = block && !vmx_features.virtual_nmi;
}

void vmx_processor_control(uint64_t control, bool on)
{
	uint64_t controls = vmread(VMCS_PROCESSOR_CONTROLS);

	vmwrite(VMCS_PROCESSOR_CONTROLS, on ? controls | control : controls & ~control);
}

void backend_flush_physical(const struct vcpu *vcpu)
{
	bool single = vmx_features.ept_vpid & EPT_CAP_INVEPT_SINGLE;

	if (!invept(single ? INVEPT_SINGLE_CONTEXT : INVEPT_ALL_CONTEXTS,
	            (struct invalidation){.context = ept_pointer(vcpu->ept)}))
		panic("INVEPT refused EPTP %#lx", ept_pointer(vcpu->ept));
}
