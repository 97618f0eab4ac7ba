/* SPDX-License-Identifier: MIT */
/* The processor that a guest sees: vmm/x86/cpuid.c. */
#include "rigs/vm_rig.h"

#define EXTENDED 0x80000000

static struct cpuid_result ask(uint32_t leaf, uint32_t subleaf)
{
	uint64_t *gpr = vm.vcpus[0]->gpr;

	gpr[RAX] = 0xdeadbeef00000000 | leaf;
	gpr[RCX] = 0xdeadbeef00000000 | subleaf;
	gpr[RBX] = gpr[RDX] = UINT64_MAX;
	cpuid_emulate(vm.vcpus[0]);
	assert_int_equal((gpr[RAX] | gpr[RBX] | gpr[RCX] | gpr[RDX]) >> 32, 0);
	return (struct cpuid_result){(uint32_t)gpr[RAX], (uint32_t)gpr[RBX], (uint32_t)gpr[RCX],
	                             (uint32_t)gpr[RDX]};
}

#define assert_answer(leaf, subleaf, a, b, c, d)                                                             \
	do {                                                                                                 \
		struct cpuid_result got = ask(leaf, subleaf);                                                \
		assert_int_equal(got.eax, (a));                                                              \
		assert_int_equal(got.ebx, (b));                                                              \
		assert_int_equal(got.ecx, (c));                                                              \
		assert_int_equal(got.edx, (d));                                                              \
	} while (0)

static const struct cpuid_backend all = {.rdtscp = true, .invpcid = true, .xsaves = true};

/* Each test starts with the rig's processor, which claims every feature there is. */
static int setup(void **state)
{
	fake_x86.cpuids = 0;
	rig_cpuid();
	cpuid_init(all, RIG_TSC_HZ);
	return rig_setup(state);
}

#define cpuid_test(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

static void again(struct cpuid_backend backend)
{
	cpuid_init(backend, RIG_TSC_HZ);
}

/* ---- Ranges ---- */

static void the_vendor_and_the_highest_leaf(void **state)
{
	(void)state;
	assert_answer(0, 0, 0x16, 0x756e6547, 0x6c65746e, 0x49656e69);
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 0x20});
	again(all);
	assert_int_equal(ask(0, 0).eax, 0x16);
	fake_cpuid_set(
		0, 0,
		(struct cpuid_result){.eax = 0xd}); /* 15h and 16h are ours, whatever the processor has */
	again(all);
	assert_int_equal(ask(0, 0).eax, 0x16);
}

/* SDM Vol. 2A "CPUID": beyond the highest leaf, the data of the highest basic leaf. */
static void beyond_the_range_the_highest_basic_leaf_answers(void **state)
{
	static const uint32_t leaves[] = {0x17,       0x20,       0x7fffffff, 0x40000000,
	                                  0x80000009, 0x8fffffff, UINT32_MAX};

	(void)state;
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 0xd});
	again(all);
	for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++)
		assert_answer(leaves[i], 0, RIG_TSC_HZ / 1000000, RIG_TSC_HZ / 1000000, 100, 0);
}

static void what_the_policy_does_not_list_is_zero(void **state)
{
	static const uint32_t leaves[] = {3, 5, 8, 9, 0xa, 0xc, 0xe, 0xf, 0x10, 0x12, 0x14, 0x80000005};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(leaves); i++) {
		fake_cpuid_set(leaves[i], 0, (struct cpuid_result){1, 2, 3, 4});
		again(all);
		assert_answer(leaves[i], 0, 0, 0, 0, 0);
	}
}

static void leaves_that_the_processor_lacks_are_zero(void **state)
{
	(void)state;
	fake_cpuid_set(0, 0, (struct cpuid_result){.eax = 6});
	fake_cpuid_set(EXTENDED, 0, (struct cpuid_result){.eax = EXTENDED + 1});
	again(all);
	assert_answer(7, 0, 0, 0, 0, 0);
	assert_answer(0xd, 0, 0, 0, 0, 0);
	assert_int_equal(ask(EXTENDED, 0).eax, EXTENDED + 1);
	assert_answer(EXTENDED + 2, 0, RIG_TSC_HZ / 1000000, RIG_TSC_HZ / 1000000, 100, 0); /* out of range */
	assert_answer(0x15, 0, 1, 1, RIG_TSC_HZ, 0);
	assert_int_equal(cpuid_physical_bits(), 36);
}

/* ---- Features ---- */

static void features_of_leaf_1(void **state)
{
	struct cpuid_result r = ask(1, 0);

	(void)state;
	assert_int_equal(r.eax, 0x000506e3);
	assert_int_equal(r.ebx, 0x00010800); /* one processor, APIC 0, CLFLUSH of 64 bytes */
	assert_false(r.ecx & (BIT(2) | BIT(3) | BIT(5) | BIT(6) | BIT(15) | BIT(21) | BIT(24) | BIT(31)));
	assert_true(r.ecx & BIT(0) && r.ecx & BIT(17) && r.ecx & BIT(19) && r.ecx & BIT(26) &&
	            r.ecx & BIT(28));
	assert_false(r.edx & (BIT(9) | BIT(18) | BIT(21) | BIT(22) | BIT(28) | BIT(29) | BIT(31)));
	assert_true(r.edx & BIT(4) && r.edx & BIT(6) && r.edx & BIT(12) && r.edx & BIT(25) &&
	            r.edx & BIT(26));
}

static void osxsave_follows_cr4(void **state)
{
	(void)state;
	assert_false(ask(1, 0).ecx & BIT(27));
	vmwrite(VMCS_GUEST_CR4, vmread(VMCS_GUEST_CR4) | CR4_OSXSAVE);
	assert_true(ask(1, 0).ecx & BIT(27));
}

static void features_of_leaf_7(void **state)
{
	struct cpuid_result r = ask(7, 0);

	(void)state;
	assert_int_equal(r.eax, 0);
	assert_false(r.ebx & (BIT(2) | BIT(12) | BIT(14) | BIT(15) | BIT(25)));
	assert_true(r.ebx & BIT(0) && r.ebx & BIT(5) && r.ebx & BIT(10) && r.ebx & BIT(20));
	/* PKU, OSPKE, WAITPKG, CET, LA57, key locker, PKS */
	assert_false(r.ecx & (BIT(3) | BIT(4) | BIT(5) | BIT(7) | BIT(16) | BIT(23) | BIT(31)));
	assert_true(r.ecx & BIT(2) && r.ecx & BIT(22));
	assert_false(r.edx & ~0x451cu);
	assert_answer(7, 1, 0, 0, 0, 0);
}

static void what_needs_a_control_follows_it(void **state)
{
	(void)state;
	assert_true(ask(EXTENDED + 1, 0).edx & BIT(27));
	assert_true(ask(0xd, 1).eax & BIT(3));
	again((struct cpuid_backend){0});
	assert_false(ask(EXTENDED + 1, 0).edx & BIT(27)); /* RDTSCP */
	assert_false(ask(7, 0).ecx & BIT(22));            /* RDPID */
	assert_false(ask(7, 0).ebx & BIT(10));            /* INVPCID */
	assert_int_equal(ask(0xd, 1).eax, 7);             /* no XSAVES */
}

static void syscall_is_seen_in_64_bit_code_only(void **state)
{
	(void)state;
	assert_answer(EXTENDED + 1, 0, 0, 0, 0x121, 0x2c100000);
	rig_long_mode();
	assert_answer(EXTENDED + 1, 0, 0, 0, 0x121, 0x2c100800);
}

/* ---- Structure ---- */

static void caches_are_shared_by_nobody(void **state)
{
	(void)state;
	assert_answer(4, 0, 0x121, 0x01c0003f, 0x3f, 0);
	assert_answer(4, 1, 0x122, 0x01c0003f, 0x3f, 0);
	assert_answer(4, 2, 0, 0, 0, 0);
}

static void there_is_one_thread_of_one_core(void **state)
{
	(void)state;
	assert_answer(0xb, 0, 0, 1, 0x100, 0);
	assert_answer(0xb, 1, 0, 1, 0x201, 0);
	assert_answer(0xb, 2, 0, 0, 2, 0);
	assert_answer(0xb, 0x105, 0, 0, 0x105, 0);
}

static void brand_and_cache_leaves_pass(void **state)
{
	(void)state;
	assert_answer(2, 0, 0x76036301, 0xf0b5ff, 0, 0xc30000);
	assert_answer(EXTENDED + 2, 0, 0x65746e49, 0x2952286c, 1, 2);
	assert_answer(EXTENDED + 6, 0, 0, 0, 0x01006040, 0);
	assert_answer(EXTENDED + 7, 0, 0, 0, 0, 0x100);
	assert_answer(6, 0, 4, 0, 0, 0);
}

static void the_tsc_rate_is_told_where_it_fits(void **state)
{
	(void)state;
	assert_answer(0x15, 0, 1, 1, RIG_TSC_HZ, 0);
	cpuid_init(all, 0x100000000);
	assert_answer(0x15, 0, 0, 0, 0, 0);
	cpuid_init(all, UINT32_MAX);
	assert_answer(0x15, 0, 1, 1, UINT32_MAX, 0);
}

static void addresses_fit_what_ept_maps(void **state)
{
	static const struct {
		uint32_t host, guest;
	} cases[] = {
		{39, 39},
		{52, 48},
		{32, 36},
		{46, 46},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		fake_cpuid_set(EXTENDED + 8, 0, (struct cpuid_result){0x123000 | cases[i].host, 7, 7, 7});
		again(all);
		assert_answer(EXTENDED + 8, 0, 0x3000 | cases[i].guest, 0, 0, 0);
		assert_int_equal(cpuid_physical_bits(), cases[i].guest);
	}
	assert_true(cpuid_has_1g_pages());
	fake_cpuid_set(EXTENDED + 1, 0, (struct cpuid_result){0});
	again(all);
	assert_false(cpuid_has_1g_pages());
}

/* ---- XSAVE ---- */

static void the_sizes_of_xsave_are_those_of_what_is_offered(void **state)
{
	(void)state;
	assert_int_equal(cpuid_xcr0_mask(), 0xe7);
	assert_answer(0xd, 0, 0xe7, 0x340, 0xa80, 0); /* EBX: as of XCR0 now */
	assert_answer(0xd, 1, 0xf, 0x340, 0, 0);
	assert_answer(0xd, 2, 0x100, 0x240, 0, 0);
	assert_answer(0xd, 7, 0x400, 0x680, 0, 0);
	assert_answer(0xd, 3, 0, 0, 0, 0);
	assert_answer(0xd, 9, 0, 0, 0, 0); /* PKRU is not offered */
	assert_answer(0xd, 63, 0, 0, 0, 0);
	assert_answer(0xd, UINT32_MAX, 0, 0, 0, 0);
}

static void avx_512_comes_as_a_whole(void **state)
{
	(void)state;
	fake_cpuid_set(0xd, 0, (struct cpuid_result){.eax = 0x67});
	again(all);
	assert_int_equal(cpuid_xcr0_mask(), 7);
	assert_int_equal(ask(0xd, 0).ecx, 0x340);
	assert_false(cpuid_xcr0_valid(0xe7));
}

static void a_processor_without_xsave(void **state)
{
	struct cpuid_result one = cpuid(1, 0);

	(void)state;
	one.ecx &= ~(uint32_t)BIT(26);
	fake_cpuid_set(1, 0, one);
	again(all);
	assert_int_equal(cpuid_xcr0_mask(), 0);
	assert_answer(0xd, 0, 0, 0, 0, 0);
	assert_answer(0xd, 1, 0, 0, 0, 0);
	assert_false(cpuid_xcr0_valid(1));
}

/* SDM Vol. 1 "Enabling the XSAVE Feature Set and XSAVE-Enabled Features". */
static void which_values_xcr0_takes(void **state)
{
	(void)state;
	for (uint64_t value = 0; value < 0x400; value++) {
		bool valid = value == 1 || value == 3 || value == 7 || value == 0xe7;

		assert_int_equal(cpuid_xcr0_valid(value), valid);
	}
	assert_false(cpuid_xcr0_valid(1UL << 62 | 1));
}

/* LA57 is hidden, so linear addresses have 48 bits. */
static void linear_addresses_have_48_bits(void **state)
{
	(void)state;
	struct vcpu vcpu = {.gpr[RAX] = 0x80000008};

	fake_cpuid_set(0x80000008, 0, (struct cpuid_result){0x3934, 0, 0, 0});
	cpuid_init(backend_offers(), time_tsc_hz);
	cpuid_emulate(&vcpu);
	assert_int_equal(vcpu.gpr[RAX] >> 8 & 0xff, 48);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cpuid_test(the_vendor_and_the_highest_leaf),
		cpuid_test(beyond_the_range_the_highest_basic_leaf_answers),
		cpuid_test(what_the_policy_does_not_list_is_zero),
		cpuid_test(leaves_that_the_processor_lacks_are_zero),
		cpuid_test(features_of_leaf_1),
		cpuid_test(osxsave_follows_cr4),
		cpuid_test(features_of_leaf_7),
		cpuid_test(what_needs_a_control_follows_it),
		cpuid_test(syscall_is_seen_in_64_bit_code_only),
		cpuid_test(caches_are_shared_by_nobody),
		cpuid_test(there_is_one_thread_of_one_core),
		cpuid_test(brand_and_cache_leaves_pass),
		cpuid_test(the_tsc_rate_is_told_where_it_fits),
		cpuid_test(addresses_fit_what_ept_maps),
		cpuid_test(the_sizes_of_xsave_are_those_of_what_is_offered),
		cpuid_test(avx_512_comes_as_a_whole),
		cpuid_test(a_processor_without_xsave),
		cpuid_test(which_values_xcr0_takes),
		cpuid_test(linear_addresses_have_48_bits),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
