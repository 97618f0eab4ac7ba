/* SPDX-License-Identifier: MIT */
/* What RDMSR and WRMSR do: vmm/x86/msr.c. */
#include "rigs/vm_rig.h"
#include "vmm/x86/msr.h"

static bool reads(uint32_t index, uint64_t *value)
{
	*value = 0x5a5a5a5a5a5a5a5a;
	return msr_read(vm.vcpus[0], index, value);
}

static bool writes(uint32_t index, uint64_t value)
{
	return msr_write(vm.vcpus[0], index, value);
}

#define assert_reads(index, expected)                                                                        \
	do {                                                                                                 \
		uint64_t got;                                                                                \
		assert_true(reads(index, &got));                                                             \
		assert_int_equal(got, (expected));                                                           \
	} while (0)

/* A value is taken and comes back. */
#define assert_keeps(index, value)                                                                           \
	do {                                                                                                 \
		assert_true(writes(index, value));                                                           \
		assert_reads(index, value);                                                                  \
	} while (0)

/* #GP(0), and the register is as before. */
#define assert_refuses(index, value)                                                                         \
	do {                                                                                                 \
		uint64_t before, after;                                                                      \
		bool known = reads(index, &before);                                                          \
		assert_false(writes(index, value));                                                          \
		assert_int_equal(reads(index, &after), known);                                               \
		assert_int_equal(after, before);                                                             \
	} while (0)

/* ---- Which exist ---- */

static const uint32_t readable[] = {
	MSR_P5_MC_ADDR,        MSR_P5_MC_TYPE,        MSR_TSC,
	MSR_PLATFORM_ID,       MSR_APIC_BASE,         MSR_FEATURE_CONTROL,
	MSR_TSC_ADJUST,        MSR_BIOS_SIGN_ID,      MSR_MTRRCAP,
	MSR_MCG_CAP,           MSR_MCG_STATUS,        MSR_MISC_ENABLE,
	MSR_EBL_CR_POWERON,    MSR_PERF_STATUS,       MSR_PERF_CTL,
	MSR_DEBUGCTL,          MSR_MTRR_FIX64K_00000, MSR_MTRR_FIX16K_80000,
	MSR_MTRR_FIX16K_A0000, MSR_MTRR_DEF_TYPE,
};

static bool exists(uint32_t index)
{
	for (unsigned i = 0; i < ARRAY_SIZE(readable); i++)
		if (readable[i] == index)
			return true;
	return (index >= MSR_MTRR_PHYSBASE0 && index <= MSR_MTRR_PHYSMASK7) ||
	       (index >= MSR_MTRR_FIX4K_C0000 && index <= MSR_MTRR_FIX4K_F8000) || index == MSR_XSS;
}

static void all_others_do_not_exist(void **state)
{
	uint64_t value;

	(void)state;
	for (uint32_t index = 0; index < 0x2000; index++) {
		if (reads(index, &value) != exists(index))
			fail_msg("MSR %#x can%s be read", index, exists(index) ? "not" : "");
		if (!exists(index) && index != MSR_BIOS_UPDT_TRIG)
			assert_false(writes(index, 0));
	}
	for (uint32_t index = 0xc0000000; index < 0xc0002000; index++) {
		assert_false(reads(index, &value)); /* those that exist pass the bitmap */
		if (index != MSR_STAR && index != MSR_LSTAR)
			assert_false(writes(index, 0));
	}
	assert_false(reads(UINT32_MAX, &value));
	assert_false(reads(0x40000000, &value));
}

/* The processor has them, and the VM knows what they are. */
static void system_call_targets_are_known(void **state)
{
	(void)state;
	assert_true(writes(MSR_STAR, UINT64_MAX));
	assert_int_equal(fake_msr_get(MSR_STAR), UINT64_MAX);
	assert_int_equal(vm.vcpus[0]->resident.msr[0], UINT64_MAX);
	assert_true(writes(MSR_LSTAR, 0xffff800000000000));
	assert_false(writes(MSR_LSTAR, 0x0000800000000000));
	assert_false(writes(MSR_LSTAR, 0xfffe800000000000));
	assert_int_equal(fake_msr_get(MSR_LSTAR), 0xffff800000000000);
	assert_int_equal(vm.vcpus[0]->resident.msr[1], 0xffff800000000000);
}

static void facts_cannot_be_written(void **state)
{
	/* clang-format off */
	static const struct {
		uint32_t index;
		uint64_t value;
	} facts[] = {
		{MSR_PLATFORM_ID,     0},
		{MSR_FEATURE_CONTROL, FEATURE_CONTROL_LOCKED},
		{MSR_MTRRCAP,         0x508},
		{MSR_MCG_CAP,         0},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(facts); i++) {
		assert_reads(facts[i].index, facts[i].value);
		assert_refuses(facts[i].index, facts[i].value);
	}
}

static void microcode_is_the_machines(void **state)
{
	uint64_t value;

	(void)state;
	assert_reads(MSR_BIOS_SIGN_ID, 0xd600000000);
	assert_true(writes(MSR_BIOS_SIGN_ID, 0)); /* as before CPUID, to ask for the revision */
	assert_reads(MSR_BIOS_SIGN_ID, 0xd600000000);
	assert_int_equal(fake_msr_find(MSR_BIOS_SIGN_ID)->writes, 0);
	assert_true(writes(MSR_BIOS_UPDT_TRIG, 0x12345));
	assert_null(fake_msr_find(MSR_BIOS_UPDT_TRIG));
	assert_false(reads(MSR_BIOS_UPDT_TRIG, &value));
}

static void machine_checks_are_reported_to_nobody(void **state)
{
	(void)state;
	assert_reads(MSR_P5_MC_ADDR, 0);
	assert_true(writes(MSR_P5_MC_TYPE, 99));
	assert_reads(MSR_P5_MC_TYPE, 0);
	assert_reads(MSR_MCG_STATUS, 0);
	assert_true(writes(MSR_MCG_STATUS, 0));
	assert_refuses(MSR_MCG_STATUS, 1);
	assert_true(writes(MSR_XSS, 0));
	assert_refuses(MSR_XSS, 0x100);
}

/* ---- Time ---- */

static void the_tsc_is_the_machines_with_an_offset(void **state)
{
	uint64_t offset;

	(void)state;
	fake_x86.tsc = 5000000;
	assert_reads(MSR_TSC, 5000000 - vm.clock.base);
	assert_true(writes(MSR_TSC, 77));
	fake_x86.tsc += 3;
	assert_reads(MSR_TSC, 80);
	assert_int_equal(vmread(VMCS_TSC_OFFSET), vm.vcpus[0]->tsc_offset);
	/*
	 * A write shows in TSC_ADJUST, and the other way round: SDM Vol. 3B "Time-Stamp Counter
	 * Adjustment".
	 */
	assert_reads(MSR_TSC_ADJUST, 77 - (5000000 - vm.clock.base));
	offset = vm.vcpus[0]->tsc_offset;
	assert_keeps(MSR_TSC_ADJUST, 1000);
	assert_int_equal(vm.vcpus[0]->tsc_offset - offset, 1000 - (77 - (5000000 - vm.clock.base)));
	assert_reads(MSR_TSC, 5000003 - vm.clock.base + 1000);
	assert_int_equal(vmread(VMCS_TSC_OFFSET), vm.vcpus[0]->tsc_offset);
	assert_keeps(MSR_TSC_ADJUST, 0);
	assert_reads(MSR_TSC, 5000003 - vm.clock.base);
}

/* ---- Switches ---- */

static void misc_enable(void **state)
{
	(void)state;
	assert_reads(MSR_MISC_ENABLE, 0x1801); /* fast strings; no BTS, no PEBS */
	assert_true(writes(MSR_MISC_ENABLE, 0));
	assert_reads(MSR_MISC_ENABLE, 0x1800);
	assert_true(writes(MSR_MISC_ENABLE, 0x850089)); /* what firmware likes to set */
	assert_reads(MSR_MISC_ENABLE, 0x1801);
}

static uint64_t cpuid_register(uint32_t leaf, unsigned gpr)
{
	vm.vcpus[0]->gpr[RAX] = leaf;
	vm.vcpus[0]->gpr[RCX] = 0;
	cpuid_emulate(vm.vcpus[0]);
	return vm.vcpus[0]->gpr[gpr];
}

/* SDM Vol. 4 "IA32_MISC_ENABLE": what firmware offers for old systems. */
static void misc_enable_limits_what_cpuid_tells(void **state)
{
	(void)state;
	assert_true(cpuid_register(0, RAX) > 2);
	assert_true(cpuid_register(0x80000001, RDX) & BIT(20));
	assert_keeps(MSR_MISC_ENABLE, 0x1801 | BIT(22));
	assert_int_equal(cpuid_register(0, RAX), 2);
	assert_keeps(MSR_MISC_ENABLE, 0x1801 | BIT(34));
	assert_true(cpuid_register(0, RAX) > 2);
	assert_false(cpuid_register(0x80000001, RDX) & BIT(20));
	assert_keeps(MSR_MISC_ENABLE, 0x1801);
	assert_true(cpuid_register(0x80000001, RDX) & BIT(20));
}

/* Systems write back what they read, also with the enable bit set. */
static void apic_base_can_be_written_back(void **state)
{
	uint64_t value;

	(void)state;
	assert_true(reads(MSR_APIC_BASE, &value));
	assert_int_equal(value, 0xfee00100);
	assert_true(writes(MSR_APIC_BASE, value));
	assert_true(writes(MSR_APIC_BASE, value | BIT(11)));
	assert_reads(MSR_APIC_BASE, value); /* there is none to enable */
	for (unsigned bit = 0; bit < 64; bit++)
		if (bit < 8 || bit == 9 || bit == 10 || bit >= cpuid_physical_bits())
			assert_refuses(MSR_APIC_BASE, value | BIT(bit));
}

static void debugctl(void **state)
{
	(void)state;
	assert_keeps(MSR_DEBUGCTL, DEBUGCTL_BTF);
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), DEBUGCTL_BTF);
	assert_true(writes(MSR_DEBUGCTL, DEBUGCTL_LBR)); /* taken, but nothing records */
	assert_reads(MSR_DEBUGCTL, 0);
	for (unsigned bit = 2; bit < 64; bit++)
		assert_refuses(MSR_DEBUGCTL, BIT(bit));
}

/* ---- MTRRs ---- */

static void variable_mtrrs(void **state)
{
	static const uint8_t bad[] = {2, 3, 7, 8, 0xff};

	(void)state;
	for (uint32_t i = MSR_MTRR_PHYSBASE0; i <= MSR_MTRR_PHYSMASK7; i += 2) {
		assert_keeps(i, 0x7ffffff006 - (i << 12));
		assert_keeps(i + 1, 0x7ffffff800 - (i << 12));
	}
	/* They do not share places. */
	for (uint32_t i = MSR_MTRR_PHYSBASE0; i <= MSR_MTRR_PHYSMASK7; i += 2)
		assert_reads(i, 0x7ffffff006 - (i << 12));
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refuses(MSR_MTRR_PHYSBASE0, bad[i]);
	for (unsigned bit = 8; bit < 12; bit++) {
		assert_refuses(MSR_MTRR_PHYSBASE0, BIT(bit) | 6);
		if (bit < 11)
			assert_refuses(MSR_MTRR_PHYSMASK7, BIT(bit));
	}
	assert_refuses(MSR_MTRR_PHYSBASE0, 1UL << 39 | 6); /* beyond the physical width */
	assert_refuses(MSR_MTRR_PHYSMASK7, 1UL << 39);
}

static void fixed_mtrrs(void **state)
{
	static const uint32_t fixed[] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
	                                 0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++) {
		assert_reads(fixed[i], 0x0606060606060606);
		assert_keeps(fixed[i], 0x0001040506000000 + (i & 1));
	}
	for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++)
		assert_reads(fixed[i], 0x0001040506000000 + (i & 1));
	for (unsigned i = 0; i < 64; i += 8) {
		assert_refuses(MSR_MTRR_FIX64K_00000, 2UL << i);
		assert_refuses(MSR_MTRR_FIX4K_F8000, 7UL << i);
	}
}

static void the_default_type(void **state)
{
	(void)state;
	assert_reads(MSR_MTRR_DEF_TYPE, 0xc06);
	assert_keeps(MSR_MTRR_DEF_TYPE, 0);
	assert_keeps(MSR_MTRR_DEF_TYPE, 0x801);
	assert_refuses(MSR_MTRR_DEF_TYPE, 0x802);
	assert_refuses(MSR_MTRR_DEF_TYPE, 0x906);
	assert_refuses(MSR_MTRR_DEF_TYPE, 0x1006);
}

static void reset_restores_all(void **state)
{
	(void)state;
	assert_true(writes(MSR_MTRR_PHYSBASE0, 0x1006));
	assert_true(writes(MSR_MTRR_FIX4K_F8000, 0));
	assert_true(writes(MSR_MTRR_DEF_TYPE, 0));
	assert_true(writes(MSR_MISC_ENABLE, 0));
	assert_true(writes(MSR_TSC_ADJUST, 5));
	msr_reset(vm.vcpus[0]);
	assert_reads(MSR_MTRR_PHYSBASE0, 0);
	assert_reads(MSR_MTRR_FIX4K_F8000, 0x0606060606060606);
	assert_reads(MSR_MTRR_DEF_TYPE, 0xc06);
	assert_reads(MSR_MISC_ENABLE, 0x1801);
	assert_reads(MSR_TSC_ADJUST, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(all_others_do_not_exist),
		rig_test(system_call_targets_are_known),
		rig_test(facts_cannot_be_written),
		rig_test(microcode_is_the_machines),
		rig_test(machine_checks_are_reported_to_nobody),
		rig_test(the_tsc_is_the_machines_with_an_offset),
		rig_test(misc_enable),
		rig_test(misc_enable_limits_what_cpuid_tells),
		rig_test(apic_base_can_be_written_back),
		rig_test(debugctl),
		rig_test(variable_mtrrs),
		rig_test(fixed_mtrrs),
		rig_test(the_default_type),
		rig_test(reset_restores_all),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
