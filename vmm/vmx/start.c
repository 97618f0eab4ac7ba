/* SPDX-License-Identifier: MIT */
/* Entering VMX operation, and the life of a VMCS. */
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/panic.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/frames.h"
#include "vmm/x86/cpuid.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/x86/msr.h"
#include "vmm/vmx/vmx.h"

static hpa_t msr_bitmap; /* one for all VMs: the policy is the same */

int backend_detect(char *problem, size_t size)
{
	return vmx_features_detect(problem, size);
}

struct cpuid_backend backend_offers(void)
{
	return (struct cpuid_backend){
		.rdtscp = vmx_features.rdtscp,
		.invpcid = vmx_features.invpcid,
		.xsaves = vmx_features.xsaves,
	};
}

void backend_report(void (*put)(const char *line))
{
	vmx_features_report(put);
}

/*
 * SDM Vol. 3C "MSR-Bitmap Address": reads low, reads high, writes low, writes high, 1 KiB each; 1
 * means exit.
 */
static void pass_through(uint8_t *bitmap, uint32_t msr, bool writes)
{
	uint8_t *half = bitmap + (msr >= 0xc0000000 ? 1024 : 0);
	uint32_t bit = msr & 0x1fff;

	half[bit / 8] &= (uint8_t)~BIT(bit % 8);
	if (writes)
		half[2048 + bit / 8] &= (uint8_t)~BIT(bit % 8);
}

static int create_msr_bitmap(void)
{
	/* Registers that the VMCS switches, or that the monitor never uses: the guest's own. */
	static const uint32_t guests_own[] = {
		MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_PAT,     MSR_EFER,
		MSR_CSTAR,       MSR_FMASK,        MSR_FS_BASE,      MSR_GS_BASE, MSR_KERNEL_GS_BASE,
	};
	uint8_t *bitmap;

	if (msr_bitmap)
		return 0;
	msr_bitmap = frames_alloc(FRAME_ORDER_4K, FRAME_OWNER_MONITOR, FRAME_VMX);
	if (!msr_bitmap)
		return -ERR_NO_MEMORY;
	bitmap = hpa_to_pointer(msr_bitmap);
	memset(bitmap, 0xff, PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_SIZE(guests_own); i++)
		pass_through(bitmap, guests_own[i], true);
	pass_through(bitmap, MSR_STAR, false);
	pass_through(bitmap, MSR_LSTAR, false);
	pass_through(bitmap, MSR_TSC, false); /* reads get the offset as RDTSC does */
	if (vmx_features.rdtscp)
		pass_through(bitmap, MSR_TSC_AUX, true);
	return 0;
}

/* VMXON region and VMCS begin with the revision: SDM Vol. 3C "Format of the VMCS Region". */
static hpa_t must_check alloc_region(uint16_t owner)
{
	hpa_t region = frames_alloc(FRAME_ORDER_4K, owner, FRAME_VMX);

	if (region)
		*(uint32_t *)hpa_to_pointer(region) = vmx_features.revision;
	return region;
}

/* The controls are chosen once: every processor must have the ones of the first. */
static int check_features(char *problem, size_t size)
{
	struct vmx_features first = vmx_features;
	int error = vmx_features_detect(problem, size);

	if (!error && (memcmp(first.control, vmx_features.control, sizeof(first.control)) ||
	               first.revision != vmx_features.revision || first.ept_vpid != vmx_features.ept_vpid)) {
		format_buffer(problem, size, "its VT-x differs from the boot processor's");
		error = -ERR_UNSUPPORTED;
	}
	vmx_features = first;
	return error;
}

int backend_cpu_start(struct cpu *cpu, char *problem, size_t size)
{
	int error = cpu->index ? check_features(problem, size) : 0;

	if (error)
		return error;
	if (create_msr_bitmap() || !(cpu->vmxon_region = alloc_region(FRAME_OWNER_MONITOR))) {
		format_buffer(problem, size, "No memory for the VMXON region: give the machine more memory.");
		return -ERR_NO_MEMORY;
	}
	write_cr0((read_cr0() | vmx_features.cr0_fixed0) & vmx_features.cr0_fixed1);
	write_cr4((read_cr4() | vmx_features.cr4_fixed0) & vmx_features.cr4_fixed1);
	write_cr4(read_cr4() | CR4_OSFXSR | (cpuid_xcr0_mask() ? CR4_OSXSAVE : 0));
	if (!vmxon(cpu->vmxon_region)) {
		format_buffer(problem, size,
		              "VMXON failed: another hypervisor may hold VT-x; start Nacre without it.");
		return -ERR_BUSY;
	}
	if (!cpu->index)
		ept_setup((struct ept_features){
			.pages_2m = vmx_features.ept_vpid & EPT_CAP_PAGE_2M,
			.pages_1g = vmx_features.ept_vpid & EPT_CAP_PAGE_1G,
		});
	return 0;
}

int backend_vcpu_create(struct vcpu *vcpu)
{
	hpa_t extended = frames_alloc(FRAME_ORDER_4K, vcpu->owner, FRAME_VMX);

	vcpu->vmcs = alloc_region(vcpu->owner);
	vcpu->live.extended = extended ? hpa_to_pointer(extended) : NULL;
	if (vcpu->vmcs && extended)
		return 0;
	backend_vcpu_destroy(vcpu);
	return -ERR_NO_MEMORY;
}

void backend_vcpu_destroy(struct vcpu *vcpu)
{
	if (vcpu->vmcs)
		frames_free(vcpu->vmcs, FRAME_ORDER_4K);
	if (vcpu->live.extended)
		frames_free(pointer_to_hpa(vcpu->live.extended), FRAME_ORDER_4K);
	vcpu->live.extended = NULL;
	vcpu->vmcs = 0;
}

static void set_controls(const struct vcpu *vcpu)
{
	vmwrite(VMCS_PIN_CONTROLS, vmx_features.control[CONTROLS_PIN]);
	vmwrite(VMCS_PROCESSOR_CONTROLS, vmx_features.control[CONTROLS_PROCESSOR]);
	vmwrite(VMCS_SECONDARY_CONTROLS, vmx_features.control[CONTROLS_SECONDARY]);
	vmwrite(VMCS_EXIT_CONTROLS, vmx_features.control[CONTROLS_EXIT]);
	vmwrite(VMCS_ENTRY_CONTROLS, vmx_features.control[CONTROLS_ENTRY]);
	/* See reflect() in exit_event.c for #DB and #AC. */
	vmwrite(VMCS_EXCEPTION_BITMAP, BIT(EXCEPTION_DB) | BIT(EXCEPTION_AC) | BIT(EXCEPTION_MC));
	vmwrite(VMCS_PAGE_FAULT_MASK, 0);
	vmwrite(VMCS_PAGE_FAULT_MATCH, 0);
	vmwrite(VMCS_CR3_TARGET_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_STORE_COUNT, 0);
	vmwrite(VMCS_EXIT_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
	vmwrite(VMCS_ENTRY_INTERRUPTION, 0);
	vmwrite(VMCS_MSR_BITMAP, msr_bitmap);
	vmwrite(VMCS_TSC_OFFSET, vcpu->tsc_offset);
	vmwrite(VMCS_EPT_POINTER, ept_pointer(vcpu->ept));
	if (vmx_features.vpid)
		vmwrite(VMCS_VPID, vcpu->vpid);
	if (vmx_features.xsaves)
		vmwrite(VMCS_XSS_EXITING_BITMAP, 0);
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

static void set_segment(unsigned index, uint16_t selector, uint64_t base, uint32_t limit, uint32_t access)
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

static void set_segments(const struct vcpu_start *start)
{
	bool real = start->mode == START_REAL;
	uint32_t limit = real ? REAL_LIMIT : UINT32_MAX;
	uint32_t code = start->mode == START_LONG ? ACCESS_CODE_64 : real ? ACCESS_CODE_16 : ACCESS_CODE_32;

	for (unsigned i = SEG_ES; i <= SEG_GS; i++)
		set_segment(i, start->ds, real ? start->ds << 4 : 0, limit,
		            real ? ACCESS_DATA_16 : ACCESS_DATA);
	set_segment(SEG_CS, start->cs, real ? start->cs << 4 : 0, limit, code);
	set_segment(SEG_LDTR, 0, 0, 0, (uint32_t)SEGMENT_UNUSABLE);
	set_segment(SEG_TR, start->tr, 0, TSS_LIMIT, ACCESS_BUSY_TSS);
	vmwrite(VMCS_GUEST_GDTR_BASE, start->gdt);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, start->gdt_limit);
	vmwrite(VMCS_GUEST_IDTR_BASE, 0);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, real ? REAL_IDT_LIMIT : 0);
}

static void set_guest_registers(const struct vcpu_start *start)
{
	bool long_mode = start->mode == START_LONG;
	uint64_t cr0 = CR0_ET | (start->mode != START_REAL ? CR0_PE : 0) | (long_mode ? CR0_PG : 0);
	uint64_t cr4 = long_mode ? CR4_PAE : 0;
	uint64_t fixed0 = vmx_features.cr0_fixed0 & ~(CR0_PE | CR0_PG);

	vmwrite(VMCS_CR0_SHADOW, cr0);
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

static uint32_t entry_mitigations(void)
{
	return (mitigations.clear_buffers ? ENTRY_MITIGATE_BUFFERS : 0) |
	       (mitigations.flush_l1d ? ENTRY_MITIGATE_L1D : 0);
}

void backend_vcpu_start(struct cpu *cpu, struct vcpu *vcpu, const struct vcpu_start *start)
{
	if (cpu->live == vcpu)
		cpu->live = NULL; /* what it had is gone */
	if (!vmclear(vcpu->vmcs))
		panic("VMCLEAR refused %#lx", vcpu->vmcs);
	if (cpu->loaded == vcpu)
		cpu->loaded = NULL;
	vcpu->home = NULL;
	vcpu_request(vcpu, ENTRY_LAUNCH | entry_mitigations());
	memcpy(vcpu->gpr, start->gpr, sizeof(vcpu->gpr));
	vmx_reset_live(vcpu);
	backend_vcpu_look(cpu, vcpu);
	set_controls(vcpu);
	set_segments(start);
	set_guest_registers(start);
}
