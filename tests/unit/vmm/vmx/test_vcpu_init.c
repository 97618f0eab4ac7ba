/* SPDX-License-Identifier: MIT */
/* Entering VMX operation and making a VMCS: vmm/vmx/vmx_on.c, vcpu_init.c. */
#include "rigs/vm_rig.h"

static char problem[300];

/* Is this MSR the guest's own? SDM Vol. 3C "MSR-Bitmap Address". */
static bool passes(uint32_t msr, bool write)
{
	const uint8_t *bitmap = hpa_to_pointer(vmread(VMCS_MSR_BITMAP));

	if (msr >= 0xc0000000)
		bitmap += 1024;
	if (write)
		bitmap += 2048;
	msr &= 0x1fff;
	return !(bitmap[msr / 8] >> (msr % 8) & 1);
}

static void the_bitmap_passes_what_the_vmcs_switches(void **state)
{
	static const uint32_t own[] = {MSR_SYSENTER_CS, MSR_SYSENTER_ESP,   MSR_SYSENTER_EIP, MSR_PAT,
	                               MSR_EFER,        MSR_CSTAR,          MSR_FMASK,        MSR_FS_BASE,
	                               MSR_GS_BASE,     MSR_KERNEL_GS_BASE, MSR_TSC_AUX};
	static const uint32_t read_only[] = {MSR_TSC, MSR_STAR, MSR_LSTAR};
	unsigned reads = 0, writes = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(own); i++) {
		assert_true(passes(own[i], false));
		assert_true(passes(own[i], true));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(read_only); i++)
		assert_true(passes(read_only[i], false));
	/* And nothing else. */
	for (uint32_t i = 0; i < 0x2000; i++) {
		reads += passes(i, false) + passes(0xc0000000 + i, false);
		writes += passes(i, true) + passes(0xc0000000 + i, true);
	}
	assert_int_equal(reads, ARRAY_SIZE(own) + ARRAY_SIZE(read_only));
	assert_int_equal(writes, ARRAY_SIZE(own));
}

static void the_regions_begin_with_the_revision(void **state)
{
	(void)state;
	assert_int_equal(*(uint32_t *)hpa_to_pointer(cpu.vmx.vmxon_region), 0x1234);
	assert_int_equal(fake_vmx.loaded, vm.vcpus[0]->vmx.vmcs);
	assert_int_equal(fake_vmx.cleared, vm.vcpus[0]->vmx.vmcs);
	assert_int_equal(*(uint32_t *)hpa_to_pointer(vm.vcpus[0]->vmx.vmcs), 0x1234);
	assert_int_equal(frame_owner(vm.vcpus[0]->vmx.vmcs), VM_OWNER(&vm));
	assert_int_equal(frame_type(vm.vcpus[0]->vmx.vmcs), FRAME_VMX);
	assert_int_equal(frame_owner(pointer_to_hpa(vm.vcpus[0]->resident.extended)), VM_OWNER(&vm));
	assert_int_equal(frame_type(pointer_to_hpa(vm.vcpus[0]->resident.extended)), FRAME_VMX);
}

static void the_processor_gets_the_bits_that_vmx_needs(void **state)
{
	(void)state;
	fake_x86.cr[0] = CR0_PE | CR0_PG | CR0_CD;
	fake_x86.cr[4] = CR4_PAE;
	vmx_features.cr0_fixed1 = 0xffffffff & ~CR0_CD;
	assert_int_equal(backend_cpu_start(&cpu, problem, sizeof(problem)), 0);
	assert_int_equal(fake_x86.cr[0], CR0_PE | CR0_PG | CR0_NE);
	assert_int_equal(fake_x86.cr[4], CR4_PAE | CR4_VMXE | CR4_OSFXSR | CR4_OSXSAVE);
	assert_int_equal(fake_vmx.on, cpu.vmx.vmxon_region);
}

/*
 * SDM Vol. 2A "FXSAVE": without CR4.OSFXSR it may leave the XMM registers out. Westmere has no
 * XSAVE.
 */
static void without_xsave_fxsave_takes_the_xmm_registers(void **state)
{
	struct cpuid_result one = cpuid(1, 0), without = one;

	(void)state;
	without.ecx &= ~(uint32_t)BIT(26);
	fake_cpuid_set(1, 0, without);
	cpuid_init(backend_offers(), time_tsc_hz);
	assert_int_equal(cpuid_xcr0_mask(), 0);
	fake_x86.cr[4] = CR4_PAE;
	assert_int_equal(backend_cpu_start(&cpu, problem, sizeof(problem)), 0);
	fake_cpuid_set(1, 0, one);
	cpuid_init(backend_offers(), time_tsc_hz);
	assert_true(fake_x86.cr[4] & CR4_OSFXSR);
}

static void a_refused_vmxon_is_said(void **state)
{
	(void)state;
	fake_vmx.refuse_vmxon = true;
	assert_int_equal(backend_cpu_start(&cpu, problem, sizeof(problem)), -ERR_BUSY);
	assert_string_equal(problem,
	                    "VMXON failed: another hypervisor may hold VT-x; start Nacre without it.");
	fake_vmx.refuse_vmxon = false;
}

static void no_memory_is_said(void **state)
{
	hpa_t taken[64];
	unsigned count = 0, order = FRAME_ORDERS;

	(void)state;
	while (order--)
		for (hpa_t hpa; count < ARRAY_SIZE(taken) &&
		                (hpa = frames_alloc(order, FRAME_OWNER_MONITOR, FRAME_DATA));)
			taken[count++] = hpa | order;
	assert_int_equal(backend_cpu_start(&cpu, problem, sizeof(problem)), -ERR_NO_MEMORY);
	assert_string_equal(problem, "No memory for the VMXON region: give the machine more memory.");
	while (count--)
		frames_free(taken[count] & ~0xfffUL, taken[count] & 0xfff);
}

static void what_the_controls_make_possible_is_offered(void **state)
{
	struct cpuid_backend offers = backend_offers();

	(void)state;
	assert_true(offers.rdtscp && offers.invpcid && offers.xsaves);
	vmx_features.rdtscp = vmx_features.invpcid = vmx_features.xsaves = false;
	offers = backend_offers();
	assert_false(offers.rdtscp || offers.invpcid || offers.xsaves);
}

/* ---- The VMCS ---- */

static void the_controls_are_those_that_were_found(void **state)
{
	(void)state;
	assert_int_equal(vmread(VMCS_PIN_CONTROLS), vmx_features.control[CONTROLS_PIN]);
	assert_int_equal(vmread(VMCS_PROCESSOR_CONTROLS),
	                 vmx_features.control[CONTROLS_PROCESSOR] | PROCESSOR_MOV_DR);
	assert_int_equal(vmread(VMCS_SECONDARY_CONTROLS), vmx_features.control[CONTROLS_SECONDARY]);
	assert_int_equal(vmread(VMCS_EXIT_CONTROLS), vmx_features.control[CONTROLS_EXIT]);
	assert_int_equal(vmread(VMCS_ENTRY_CONTROLS), vmx_features.control[CONTROLS_ENTRY]);
	assert_int_equal(vmread(VMCS_EXCEPTION_BITMAP),
	                 1 << EXCEPTION_DB | 1 << EXCEPTION_AC | 1 << EXCEPTION_MC | 1 << EXCEPTION_MF);
	assert_int_equal(vmread(VMCS_EPT_POINTER), ept_pointer(&vm.ept));
	assert_int_equal(vmread(VMCS_VPID), 1);
	assert_int_equal(vmread(VMCS_TSC_OFFSET), -vm.clock.base);
	assert_int_equal(vmread(VMCS_LINK_POINTER), UINT64_MAX);
	/* A bit is either the guest's or the monitor's. */
	assert_int_equal(vmread(VMCS_CR0_MASK), ~vmx_cr0_guest_owned());
	assert_int_equal(vmread(VMCS_CR4_MASK), ~vmx_cr4_guest_owned());
	assert_false(vmx_cr0_guest_owned() & (CR0_CD | CR0_NW | CR0_NE | CR0_ET));
	assert_false(vmx_cr4_guest_owned() & (CR4_VMXE | CR4_MCE | CR4_SMXE | CR4_LA57 | CR4_PKE));
}

static void the_host_state_is_the_monitors(void **state)
{
	(void)state;
	assert_int_equal(vmread(VMCS_HOST_CR0), fake_x86.cr[0]);
	assert_int_equal(vmread(VMCS_HOST_CR4), fake_x86.cr[4]);
	assert_int_equal(vmread(VMCS_HOST_CS_SELECTOR), SELECTOR_CODE);
	assert_int_equal(vmread(VMCS_HOST_SS_SELECTOR), SELECTOR_DATA);
	assert_int_equal(vmread(VMCS_HOST_TR_SELECTOR), SELECTOR_TSS);
	assert_int_equal(vmread(VMCS_HOST_GS_BASE), (uintptr_t)&cpu);
	assert_int_equal(vmread(VMCS_HOST_GDTR_BASE), 0x1000);
	assert_int_equal(vmread(VMCS_HOST_IDTR_BASE), 0x2000);
	assert_int_equal(vmread(VMCS_HOST_TR_BASE), 0x3000);
	assert_int_equal(vmread(VMCS_HOST_PAT), 0x0007040600070406);
	assert_int_equal(vmread(VMCS_HOST_EFER), EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE);
	/* entry.S pushes the guest's registers right there. */
	assert_int_equal(vmread(VMCS_HOST_RSP), (uintptr_t)(vm.vcpus[0]->gpr + GPRS));
	assert_int_equal(vmread(VMCS_HOST_RIP), (uintptr_t)vmx_exit_entry);
}

static void a_protected_mode_start(void **state)
{
	(void)state;
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
	assert_int_equal(vmread(VMCS_GUEST_RSP), 0x8000);
	assert_int_equal(vmread(VMCS_GUEST_RFLAGS), RFLAGS_RESERVED);
	assert_int_equal(vmread(VMCS_GUEST_CR0), CR0_PE | CR0_ET | CR0_NE);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET);
	assert_int_equal(backend_cr4(vm.vcpus[0]), 0);
	assert_int_equal(vmread(VMCS_GUEST_EFER), 0);
	assert_int_equal(vmread(VMCS_GUEST_GDTR_BASE), 0x1000);
	assert_int_equal(vmread(VMCS_GUEST_GDTR_LIMIT), 0xff);
	assert_false(backend_long_code(vm.vcpus[0]));
	assert_int_equal(backend_cpl(vm.vcpus[0]), 0);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
}

static void a_long_mode_start(void **state)
{
	struct vcpu_start start = {
		.mode = START_LONG,
		.rip = 0x1000000,
		.rsp = 0x7000,
		.cr3 = 0x9000,
		.gpr = {[RSI] = 0x8000, [R15] = 15},
		.gdt = 0x500,
		.gdt_limit = 0x27,
		.cs = 0x10,
		.ds = 0x18,
		.tr = 0x20,
	};

	(void)state;
	backend_vcpu_start(&cpu, vm.vcpus[0], &start);
	assert_int_equal(vmread(VMCS_GUEST_EFER), EFER_LME | EFER_LMA);
	assert_int_equal(vmread(VMCS_GUEST_CR0), CR0_PE | CR0_ET | CR0_NE | CR0_PG);
	assert_int_equal(backend_cr4(vm.vcpus[0]), CR4_PAE);
	assert_int_equal(vmread(VMCS_GUEST_CR3), 0x9000);
	assert_true(vmread(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_GUEST);
	assert_true(backend_long_code(vm.vcpus[0]));
	assert_int_equal(backend_rip(vm.vcpus[0]), 0x1000000);
	assert_int_equal(backend_rsp(vm.vcpus[0]), 0x7000);
	assert_int_equal(backend_rflags(vm.vcpus[0]), RFLAGS_RESERVED);
	assert_int_equal(backend_efer(vm.vcpus[0]), EFER_LME | EFER_LMA);
	assert_int_equal(vm.vcpus[0]->gpr[RSI], 0x8000);
	assert_int_equal(vm.vcpus[0]->gpr[R15], 15);
	assert_int_equal(vmread(VMCS_GUEST_CS_SELECTOR), 0x10);
	assert_int_equal(vmread(VMCS_GUEST_TR_SELECTOR), 0x20);
	assert_int_equal(vmread(VMCS_GUEST_ES_SELECTOR), 0x18);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
	assert_true(vm.vcpus[0]->requests & ENTRY_LAUNCH);
}

static void a_real_mode_start(void **state)
{
	struct vcpu_start start = {.mode = START_REAL,
	                           .rip = 0x7c00,
	                           .rsp = 0x7b00,
	                           .rflags = RFLAGS_IF,
	                           .gpr = {[RDX] = 0x80},
	                           .cs = 0xf000,
	                           .ds = 0x40};

	(void)state;
	backend_vcpu_start(&cpu, vm.vcpus[0], &start);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_ET);
	assert_int_equal(vmread(VMCS_GUEST_CR0), CR0_ET | CR0_NE);
	assert_int_equal(backend_efer(vm.vcpus[0]), 0);
	assert_int_equal(backend_rip(vm.vcpus[0]), 0x7c00);
	assert_int_equal(backend_rflags(vm.vcpus[0]), RFLAGS_RESERVED | RFLAGS_IF);
	assert_int_equal(vm.vcpus[0]->gpr[RDX], 0x80);
	assert_int_equal(vmread(VMCS_GUEST_CS_SELECTOR), 0xf000);
	assert_int_equal(vmread(VMCS_GUEST_CS_BASE), 0xf0000);
	assert_int_equal(vmread(VMCS_GUEST_CS_LIMIT), 0xffff);
	assert_int_equal(vmread(VMCS_GUEST_CS_ACCESS), 0x9b);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		if (i == SEG_CS)
			continue;
		assert_int_equal(vmread((enum vmcs_field)(VMCS_GUEST_ES_BASE + 2 * i)), 0x400);
		assert_int_equal(vmread((enum vmcs_field)(VMCS_GUEST_ES_LIMIT + 2 * i)), 0xffff);
		assert_int_equal(vmread((enum vmcs_field)(VMCS_GUEST_ES_ACCESS + 2 * i)), 0x93);
	}
	assert_int_equal(vmread(VMCS_GUEST_IDTR_BASE), 0);
	assert_int_equal(vmread(VMCS_GUEST_IDTR_LIMIT), 0x3ff);
	assert_false(vmread(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_GUEST);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
}

static void a_start_forgets_the_last_life(void **state)
{
	const struct vcpu_start start = {.rip = 1, .gdt = 2, .gdt_limit = 3, .cs = 8, .ds = 16, .tr = 24};
	unsigned invepts = fake_vmx.invepts, invvpids = fake_vmx.invvpids, restores = fake_vmx.restores;
	unsigned saves = fake_vmx.saves;
	uint8_t *extended = vm.vcpus[0]->resident.extended;

	(void)state;
	rig_long_mode();
	fake_msr_set(MSR_LSTAR, 0x1234);
	fake_msr_set(MSR_TSC_AUX, 5);
	fake_x86.cr[2] = 0x5678;
	fake_vmx.dr[0] = fake_vmx.dr[6] = 7;
	fake_vmx.xcr0 = 7;
	memset(extended, 0xcc, PAGE_SIZE);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 1);
	vmwrite(VMCS_ENTRY_INTERRUPTION, INJECT(EVENT_INTERRUPT, 0x30));
	backend_vcpu_start(&cpu, vm.vcpus[0], &start);
	assert_int_equal(*(uint16_t *)extended, 0x37f); /* FCW and MXCSR; all else, and XSTATE_BV, is zero */
	assert_int_equal(*(uint32_t *)(extended + 24), 0x1f80);
	for (unsigned i = 0; i < PAGE_SIZE; i++)
		if (i >= 2 && (i < 24 || i >= 28))
			assert_int_equal(extended[i], 0);
	/* The processor gets it with its next turn, and what was there before is not kept. */
	backend_vcpu_load(&cpu, vm.vcpus[0]);
	assert_int_equal(fake_vmx.saves, saves);
	assert_int_equal(fake_vmx.restores, restores + 1);
	assert_int_equal(fake_msr_get(MSR_LSTAR), 0);
	assert_int_equal(fake_msr_get(MSR_TSC_AUX), 0);
	assert_int_equal(fake_x86.cr[2], 0);
	assert_int_equal(fake_vmx.dr[0], 0);
	assert_int_equal(fake_vmx.dr[6], 0xffff0ff0);
	assert_int_equal(fake_vmx.xcr0, 1);
	assert_int_equal(vm.vcpus[0]->xcr0, 1);
	assert_int_equal(vmread(VMCS_ENTRY_INTERRUPTION), 0);
	assert_int_equal(vmread(VMCS_GUEST_PENDING_DEBUG), 0);
	assert_int_equal(fake_vmx.invepts, invepts + 1);
	assert_int_equal(fake_vmx.invvpids, invvpids + 1);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
}

/* Fields and MSRs that a processor lacks are not touched. */
static void what_is_missing_is_left_alone(void **state)
{
	const struct vcpu_start start = {.cs = 8, .ds = 16, .tr = 24};
	unsigned invvpids;

	(void)state;
	vmx_features.vpid = vmx_features.xsaves = vmx_features.rdtscp = false;
	vmx_features.ept_vpid &= ~EPT_CAP_INVEPT_SINGLE; /* then all contexts are flushed */
	vmwrite(VMCS_VPID, 77);
	vmwrite(VMCS_XSS_EXITING_BITMAP, 77);
	fake_msr_set(MSR_TSC_AUX, 77);
	invvpids = fake_vmx.invvpids;
	backend_vcpu_start(&cpu, vm.vcpus[0], &start);
	backend_vcpu_load(&cpu, vm.vcpus[0]);
	assert_int_equal(vmread(VMCS_VPID), 77);
	assert_int_equal(vmread(VMCS_XSS_EXITING_BITMAP), 77);
	assert_int_equal(fake_msr_get(MSR_TSC_AUX), 77);
	assert_int_equal(fake_vmx.invvpids, invvpids);
}

/* Enclaves are hidden, and so are the instructions that make them: all leaves exit. */
static void enclave_instructions_exit(void **state)
{
	const struct vcpu_start start = {.cs = 8, .ds = 16, .tr = 24};

	(void)state;
	assert_true(vmx_features.encls_exit && vmx_features.enclv_exit);
	vmwrite(VMCS_ENCLS_EXITING_BITMAP, 0);
	vmwrite(VMCS_ENCLV_EXITING_BITMAP, 0);
	backend_vcpu_start(&cpu, vm.vcpus[0], &start);
	assert_int_equal(vmread(VMCS_ENCLS_EXITING_BITMAP), UINT64_MAX);
	assert_int_equal(vmread(VMCS_ENCLV_EXITING_BITMAP), UINT64_MAX);
}

static void debug_control_and_tsc_offset_reach_the_vmcs(void **state)
{
	(void)state;
	backend_set_debugctl(vm.vcpus[0], 2);
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), 2);
	assert_int_equal(backend_debugctl(vm.vcpus[0]), 2);
	backend_set_tsc_offset(vm.vcpus[0], 0x1234);
	assert_int_equal(vmread(VMCS_TSC_OFFSET), 0x1234);
	backend_set_cr2(vm.vcpus[0], 0x99);
	assert_int_equal(fake_x86.cr[2], 0x99);
}

static char report[16384];

static void append(const char *line)
{
	strcat(report, line);
	strcat(report, "\n");
}

static void the_report_comes_from_the_features(void **state)
{
	(void)state;
	report[0] = 0;
	backend_report(append);
	assert_non_null(strstr(report, "unrestricted guest"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(the_bitmap_passes_what_the_vmcs_switches),
		rig_test(the_regions_begin_with_the_revision),
		rig_test(the_processor_gets_the_bits_that_vmx_needs),
		rig_test(without_xsave_fxsave_takes_the_xmm_registers),
		rig_test(a_refused_vmxon_is_said),
		rig_test(no_memory_is_said),
		rig_test(what_the_controls_make_possible_is_offered),
		rig_test(the_controls_are_those_that_were_found),
		rig_test(the_host_state_is_the_monitors),
		rig_test(a_protected_mode_start),
		rig_test(a_long_mode_start),
		rig_test(a_real_mode_start),
		rig_test(a_start_forgets_the_last_life),
		rig_test(what_is_missing_is_left_alone),
		rig_test(enclave_instructions_exit),
		rig_test(debug_control_and_tsc_offset_reach_the_vmcs),
		rig_test(the_report_comes_from_the_features),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
