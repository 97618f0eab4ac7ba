/* SPDX-License-Identifier: MIT */
/* Which VPID a vCPU gets: vmm/vmx/vpid.c. */
#include "rigs/vm_rig.h"

#define VPIDS 0xffff

static uint8_t taken[VPIDS + 1];

/* All that are left. */
static unsigned take_all(void)
{
	unsigned count = 0;
	uint16_t vpid;

	memset(taken, 0, sizeof(taken));
	while ((vpid = vpid_alloc())) {
		assert_false(taken[vpid]);
		taken[vpid] = 1;
		count++;
	}
	return count;
}

static void give_all_back(void)
{
	for (unsigned i = 1; i <= VPIDS; i++)
		if (taken[i])
			vpid_free((uint16_t)i);
}

static void all_vcpus_have_different_vpids_and_none_has_the_monitors(void **state)
{
	(void)state;
	assert_int_equal(take_all(), VPIDS - 1); /* the rig's vCPU has one */
	assert_false(taken[0]);
	assert_false(taken[vm.vcpus[0]->vmx.vpid]);
	give_all_back();
}

static void a_vpid_given_back_is_there_again(void **state)
{
	(void)state;
	take_all();
	vpid_free(0x1234);
	vpid_free(0xffff);
	assert_int_equal(vpid_alloc(), 0x1234);
	assert_int_equal(vpid_alloc(), 0xffff);
	assert_int_equal(vpid_alloc(), 0);
	give_all_back();
}

/* Its owner before may have left translations in this CPU's TLBs. */
static void a_vpid_is_flushed_before_its_next_owner_runs(void **state)
{
	uint16_t before = vm.vcpus[0]->vmx.vpid;

	(void)state;
	vm_ask_and_wait(&vm, VM_FORCE);
	vm_ask_and_wait(&vm, VM_FREE);
	fake_vmx.invvpids = 0;
	assert_int_equal(rig_start(&vm), 0);
	assert_int_equal(vm.vcpus[0]->vmx.vpid, before);
	assert_int_equal(vmread(VMCS_VPID), before);
	assert_int_equal(fake_vmx.invvpids, 1);
	assert_int_equal(fake_vmx.flushed_vpid, before);
}

static void without_a_vpid_no_vcpu_is_made(void **state)
{
	struct vcpu vcpu = {.owner = VM_OWNER(&vm)};
	uint64_t frames = frames_owned(VM_OWNER(&vm));

	(void)state;
	take_all();
	assert_int_equal(backend_vcpu_create(&vcpu), -ERR_NO_MEMORY);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), frames);
	give_all_back();
	assert_int_equal(backend_vcpu_create(&vcpu), 0);
	backend_vcpu_destroy(&vcpu);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), frames);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(all_vcpus_have_different_vpids_and_none_has_the_monitors),
		rig_test(a_vpid_given_back_is_there_again),
		rig_test(a_vpid_is_flushed_before_its_next_owner_runs),
		rig_test(without_a_vpid_no_vcpu_is_made),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
