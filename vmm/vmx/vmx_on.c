/* SPDX-License-Identifier: MIT */
/* Entering VMX operation, and what all vCPUs share. */
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "lib/x86.h"
#include "mm/frames.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/x86/cpuid.h"
#include "vmm/vmx/vmx.h"

static hpa_t msr_bitmap;

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
static void msr_pass_through(uint8_t *bitmap, uint32_t msr, bool writes)
{
	uint8_t *half = bitmap + (msr >= 0xc0000000 ? 1024 : 0);
	uint32_t bit = msr & 0x1fff;

	half[bit / 8] &= (uint8_t)~BIT(bit % 8);
	if (writes)
		half[2048 + bit / 8] &= (uint8_t)~BIT(bit % 8);
}

static int msr_bitmap_create(void)
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
		msr_pass_through(bitmap, guests_own[i], true);
	msr_pass_through(bitmap, MSR_STAR, false);
	msr_pass_through(bitmap, MSR_LSTAR, false);
	msr_pass_through(bitmap, MSR_TSC, false); /* reads get the offset as RDTSC does */
	if (vmx_features.rdtscp)
		msr_pass_through(bitmap, MSR_TSC_AUX, true);
	return 0;
}

hpa_t vmx_msr_bitmap(void)
{
	return msr_bitmap;
}

/* SDM Vol. 3C "Format of the VMCS Region". */
hpa_t vmx_alloc_region(uint16_t owner)
{
	hpa_t region = frames_alloc(FRAME_ORDER_4K, owner, FRAME_VMX);

	if (region)
		*(uint32_t *)hpa_to_pointer(region) = vmx_features.revision;
	return region;
}

/* The controls are chosen once: every processor must have the ones of the first. */
static int vmx_features_compare(char *problem, size_t size)
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
	int error = cpu->index ? vmx_features_compare(problem, size) : 0;
	hpa_t *region = &cpu->vmx.vmxon_region;

	if (error)
		return error;
	if (msr_bitmap_create() || !(*region = vmx_alloc_region(FRAME_OWNER_MONITOR))) {
		format_buffer(problem, size, "No memory for the VMXON region: give the machine more memory.");
		return -ERR_NO_MEMORY;
	}
	write_cr0((read_cr0() | vmx_features.cr0_fixed0) & vmx_features.cr0_fixed1);
	write_cr4((read_cr4() | vmx_features.cr4_fixed0) & vmx_features.cr4_fixed1);
	write_cr4(read_cr4() | CR4_OSFXSR | (cpuid_xcr0_mask() ? CR4_OSXSAVE : 0));
	if (!vmxon(*region)) {
		format_buffer(problem, size,
		              "VMXON failed: another hypervisor may hold VT-x; start Nacre without it.");
		return -ERR_BUSY;
	}
	ept_setup((struct ept_features){
		.pages_2m = vmx_features.ept_vpid & EPT_CAP_PAGE_2M,
		.pages_1g = vmx_features.ept_vpid & EPT_CAP_PAGE_1G,
		.small_code = mitigations.small_code,
	});
	return 0;
}
