/* SPDX-License-Identifier: MIT */
/*
 * Each index into a table that a guest chooses is clamped after its check: docs/mitigations.md.
 * Speculation alone shows what that prevents, so a clamp that counts is compiled into the sources.
 */
#include "lib/checked.h"

static struct {
	unsigned count;
	uint64_t index, size; /* of the last */
} clamped;

static uint64_t clamp_and_count(uint64_t index, uint64_t size)
{
	clamped.count++;
	clamped.index = index;
	clamped.size = size;
	return clamp_index(index, size);
}

#define clamp_index(index, size) clamp_and_count(index, size)
#include "rigs/vm_rig.h"
#include "vmm/x86/cpuid.c"
#include "vmm/x86/msr.c"

#define assert_clamped(at, entries)                                                                          \
	do {                                                                                                 \
		assert_int_equal(clamped.count, 1);                                                          \
		assert_int_equal(clamped.index, (at));                                                       \
		assert_int_equal(clamped.size, (entries));                                                   \
	} while (0)

static int setup(void **state)
{
	fake_x86.cpuids = 0;
	rig_cpuid();
	cpuid_init((struct cpuid_backend){true, true, true}, RIG_TSC_HZ);
	return rig_setup(state);
}

static void ask(void (*emulate)(struct vcpu *vcpu), uint32_t leaf, uint32_t subleaf)
{
	vm.vcpus[0]->gpr[RAX] = leaf;
	vm.vcpus[0]->gpr[RCX] = subleaf;
	clamped.count = 0;
	emulate(vm.vcpus[0]);
}

static void every_leaf_is_clamped(void **state)
{
	(void)state;
	for (uint32_t leaf = 0; leaf <= cpuid_table.max_basic; leaf++) {
		ask(cpuid_emulate, leaf, 0);
		assert_true(clamped.count >= 1);
		if (leaf == 4)
			continue;
		ask(cpuid_emulate_other, leaf, 0);
		assert_clamped(leaf, CPUID_BASIC_LEAVES);
	}
	for (uint32_t leaf = 0; leaf < CPUID_EXTENDED_LEAVES; leaf++) {
		ask(cpuid_emulate_other, EXTENDED_FIRST + leaf, 0);
		assert_clamped(leaf, CPUID_EXTENDED_LEAVES);
	}
}

static void the_cache_of_a_subleaf_is_clamped(void **state)
{
	static const uint32_t subleaves[] = {0, 1, CACHES - 1, CACHES, UINT32_MAX};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(subleaves); i++) {
		ask(cpuid_emulate_other, 4, subleaves[i]);
		assert_int_equal(clamped.count, 2); /* the leaf was first */
		assert_int_equal(clamped.size, CACHES);
		assert_true(clamped.index < CACHES);
	}
}

static void every_msr_of_the_table_is_clamped(void **state)
{
	uint64_t value;

	(void)state;
	for (uint32_t index = 0; index < LOW_MSRS; index++) {
		clamped.count = 0;
		(void)!msr_read(vm.vcpus[0], index, &value);
		assert_clamped(index, LOW_MSRS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_leaf_is_clamped, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(the_cache_of_a_subleaf_is_clamped, setup, rig_teardown),
		cmocka_unit_test_setup_teardown(every_msr_of_the_table_is_clamped, setup, rig_teardown),
	};

	return cmocka_run_group_tests_name("clamped indexes", tests, rig_boot, NULL);
}
