/* SPDX-License-Identifier: MIT */
/* A vCPU's VMCS: made, and filled for the vCPU's first entry. */
#include "lib/errors.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/frames.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/vmx/vmx.h"

int backend_vcpu_create(struct vcpu *vcpu)
{
	hpa_t extended = frames_alloc(FRAME_ORDER_4K, vcpu->owner, FRAME_VMX);

	vcpu->vmx = (struct vmx_vcpu){.vmcs = vmx_alloc_region(vcpu->owner), .vpid = vpid_alloc()};
	vcpu->resident.extended = extended ? hpa_to_pointer(extended) : NULL;
	if (vcpu->vmx.vmcs && vcpu->vmx.vpid && extended)
		return 0;
	backend_vcpu_destroy(vcpu);
	return -ERR_NO_MEMORY;
}

void backend_vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->vmx.vmcs)
		frames_free(vcpu->vmx.vmcs, FRAME_ORDER_4K);
	if (vcpu->vmx.vpid)
		vpid_free(vcpu->vmx.vpid);
	if (vcpu->resident.extended)
		frames_free(pointer_to_hpa(vcpu->resident.extended), FRAME_ORDER_4K);
	vcpu->resident.extended = NULL;
	vcpu->vmx = (struct vmx_vcpu){0};
}

static void vmcs_set_controls(const struct vcpu *vcpu)
{
	vmwrite(VMCS_PIN_CONTROLS, vmx_features.control[CONTROLS_PIN]);
	vmwrite(VMCS_PROCESSOR_CONTROLS, vmx_features.control[CONTROLS_PROCESSOR] | PROCESSOR_MOV_DR);
	vmwrite(VMCS_SECONDARY_CONTROLS, vmx_features.control[CONTROLS_SECONDARY]);
	vmwrite(VMCS_EXIT_CONTROLS, vmx_features.control[CONTROLS_EXIT]);
	vmwrite(VMCS_ENTRY_CONTROLS, vmx_features.control[CONTROLS_ENTRY]);
	vmwrite(VMCS_PAGE_FAULT_MASK, 0);
	vmwrite(VMCS_PAGE_FAULT_MATCH, 0);
	vmwrite(VMCS_CR3_TARGET_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_INTERRUPTION, 0);
	vmwrite(VMCS_MSR_BITMAP, vmx_msr_bitmap());
	vmwrite(VMCS_TSC_OFFSET, vcpu->tsc_offset);
	vmwrite(VMCS_EPT_POINTER, ept_pointer(vcpu->ept));
	if (vmx_features.vpid)
		vmwrite(VMCS_VPID, vcpu->vmx.vpid);
	if (vmx_features.xsaves)
		vmwrite(VMCS_XSS_EXITING_BITMAP, 0);
	if (vmx_features.encls_exit)
		vmwrite(VMCS_ENCLS_EXITING_BITMAP, UINT64_MAX);
	if (vmx_features.enclv_exit)
		vmwrite(VMCS_ENCLV_EXITING_BITMAP, UINT64_MAX);
	vmwrite(VMCS_CR0_MASK, ~vmx_cr0_guest_owned());
	vmwrite(VMCS_CR4_MASK, ~vmx_cr4_guest_owned());
	vmwrite(VMCS_LINK_POINTER, UINT64_MAX);
}

void vmx_set_host_state(const struct cpu *cpu, struct vcpu *vcpu)
{
	struct descriptor_tables tables = interrupts_tables();

	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, read_cr3());
	vmwrite(VMCS_HOST_CR4, read_cr4());
	vmwrite(VMCS_HOST_CS_SELECTOR, SELECTOR_CODE);
	vmwrite(VMCS_HOST_SS_SELECTOR, SELECTOR_DATA);
	vmwrite(VMCS_HOST_DS_SELECTOR, SELECTOR_DATA);
	vmwrite(VMCS_HOST_ES_SELECTOR, SELECTOR_DATA);
	vmwrite(VMCS_HOST_FS_SELECTOR, 0);
	vmwrite(VMCS_HOST_GS_SELECTOR, 0);
	vmwrite(VMCS_HOST_TR_SELECTOR, SELECTOR_TSS);
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_GS_BASE, (uint64_t)cpu);
	vmwrite(VMCS_HOST_TR_BASE, tables.tss);
	vmwrite(VMCS_HOST_GDTR_BASE, tables.gdt);
	vmwrite(VMCS_HOST_IDTR_BASE, tables.idt);
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_PAT, read_msr(MSR_PAT));
	vmwrite(VMCS_HOST_EFER, read_msr(MSR_EFER));
	vmwrite(VMCS_HOST_RSP, (uint64_t)&vcpu->gpr[GPRS]);
	vmx_choose_entry(vcpu);
}

static void vmcs_set_segment(unsigned index, uint16_t selector, uint64_t base, uint32_t limit,
                             uint32_t access)
{
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + 2 * index), selector);
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * index), base);
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_LIMIT + 2 * index), limit);
	vmwrite((enum vmcs_field)(VMCS_GUEST_ES_ACCESS + 2 * index), access);
}

/* Access rights: SDM Vol. 3C Table "Format of Access Rights". */
#define ACCESS_DATA     0xc093 /* read/write, accessed, 32-bit, page granularity */
#define ACCESS_CODE_32  0xc09b
#define ACCESS_CODE_64  0xa09b
#define ACCESS_DATA_16  0x93 /* read/write, accessed, byte granularity */
#define ACCESS_CODE_16  0x9b
#define ACCESS_BUSY_TSS 0x8b

#define REAL_LIMIT     0xffff
#define REAL_IDT_LIMIT 0x3ff /* 256 vectors of 4 bytes, from address 0 */

static void vmcs_set_segments(const struct vcpu_start *start)
{
	bool real = start->mode == START_REAL;
	uint32_t limit = real ? REAL_LIMIT : UINT32_MAX;
	uint32_t code = start->mode == START_LONG ? ACCESS_CODE_64 : real ? ACCESS_CODE_16 : ACCESS_CODE_32;

	for (unsigned i = SEG_ES; i <= SEG_GS; i++)
		vmcs_set_segment(i, start->ds, real ? start->ds << 4 : 0, limit,
		                 real ? ACCESS_DATA_16 : ACCESS_DATA);
	vmcs_set_segment(SEG_CS, start->cs, real ? start->cs << 4 : 0, limit, code);
	vmcs_set_segment(SEG_LDTR, 0, 0, 0, (uint32_t)SEGMENT_UNUSABLE);
	vmcs_set_segment(SEG_TR, start->tr, 0, TSS_LIMIT, ACCESS_BUSY_TSS);
	vmwrite(VMCS_GUEST_GDTR_BASE, start->gdt);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, start->gdt_limit);
	vmwrite(VMCS_GUEST_IDTR_BASE, 0);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, real ? REAL_IDT_LIMIT : 0);
}

static void vmcs_set_registers(const struct vcpu_start *start)
{
	bool long_mode = start->mode == START_LONG;
	uint64_t cr0 = CR0_ET | (start->mode != START_REAL ? CR0_PE : 0) | (long_mode ? CR0_PG : 0);
	uint64_t cr4 = long_mode ? CR4_PAE : 0;
	uint64_t fixed0 = vmx_features.cr0_fixed0 & ~(CR0_PE | CR0_PG);

	vmwrite(VMCS_CR0_SHADOW, cr0);
	vmwrite(VMCS_EXCEPTION_BITMAP, vmx_exceptions(cr0));
	vmwrite(VMCS_GUEST_CR0, cr0 | fixed0);
	vmwrite(VMCS_CR4_SHADOW, cr4);
	vmwrite(VMCS_GUEST_CR4, cr4 | vmx_features.cr4_fixed0 | CR4_MCE);
	vmwrite(VMCS_GUEST_CR3, start->cr3);
	vmwrite(VMCS_GUEST_EFER, long_mode ? EFER_LME | EFER_LMA : 0);
	if (long_mode)
		vmwrite(VMCS_ENTRY_CONTROLS, vmread(VMCS_ENTRY_CONTROLS) | ENTRY_IA32E_GUEST);
	vmwrite(VMCS_GUEST_RIP, start->rip);
	vmwrite(VMCS_GUEST_RSP, start->rsp);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | start->rflags);
	vmwrite(VMCS_GUEST_DR7, 0x400);
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_PAT, 0x0007040600070406); /* as after reset: SDM Vol. 3A "IA32_PAT MSR" */
	vmwrite(VMCS_GUEST_SYSENTER_CS, 0);
	vmwrite(VMCS_GUEST_SYSENTER_ESP, 0);
	vmwrite(VMCS_GUEST_SYSENTER_EIP, 0);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, 0);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
	for (unsigned i = 0; i < 4; i++)
		vmwrite((enum vmcs_field)(VMCS_GUEST_PDPTE0 + 2 * i), 0);
}

static uint32_t vcpu_entry_mitigations(void)
{
	return (mitigations.clear_buffers ? ENTRY_MITIGATE_BUFFERS : 0) |
	       (mitigations.flush_l1d ? ENTRY_MITIGATE_L1D : 0);
}

void backend_vcpu_start(struct cpu *cpu, struct vcpu *vcpu, const struct vcpu_start *start)
{
	vmx_reset_resident(cpu, vcpu);
	vmcs_clear(cpu, vcpu);
	vcpu_request(vcpu, vcpu_entry_mitigations());
	vcpu->vmx.nmi_blocked = vcpu->vmx.nmi_waiting = vcpu->vmx.watches_ports = false;
	memcpy(vcpu->gpr, start->gpr, sizeof(vcpu->gpr));
	vmcs_load(cpu, vcpu);
	vmcs_set_controls(vcpu);
	vmcs_set_segments(start);
	vmcs_set_registers(start);
}
