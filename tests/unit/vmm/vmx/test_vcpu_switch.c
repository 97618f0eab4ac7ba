/* SPDX-License-Identifier: MIT */
/* Whose VMCS is current, and whose registers are in the processor: vmm/vmx/vcpu_switch.c. */
#include "rigs/vm_rig.h"

/* A second vCPU of this CPU, which has its own VMCS and has not run. */
static struct vcpu other;

static int setup(void **state)
{
	const struct vcpu_start start = {.rip = 0x2000, .rsp = 0x3000, .cs = 8, .ds = 16, .tr = 24};
	int error = rig_setup(state);

	other = (struct vcpu){.owner = VM_OWNER(&vm), .vm = &vm, .map = &vm.map, .ept = &vm.ept};
	if (error || backend_vcpu_create(&other))
		return -1;
	backend_vcpu_start(&cpu, &other, &start);
	backend_vcpu_load(&cpu, vm.vcpus[0]);
	return 0;
}

static int teardown(void **state)
{
	backend_vcpu_release(&cpu, &other);
	backend_vcpu_destroy(&other);
	return rig_teardown(state);
}

#define switch_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void registers_are_those_of_the_vcpu_that_is_asked_for(void **state)
{
	struct segment segment;

	(void)state;
	backend_set_rip(vm.vcpus[0], 0x1111);
	assert_int_equal(backend_rip(&other), 0x2000);
	assert_int_equal(backend_rsp(&other), 0x3000);
	assert_int_equal(backend_rip(vm.vcpus[0]), 0x1111);
	backend_segment(&other, SEG_TR, &segment);
	assert_int_equal(segment.selector, 24);
	segment.selector = 32;
	backend_set_segment(&other, SEG_TR, &segment);
	backend_segment(vm.vcpus[0], SEG_TR, &segment);
	assert_int_equal(segment.selector, 24);
	backend_segment(&other, SEG_TR, &segment);
	assert_int_equal(segment.selector, 32);
}

/* The exit path goes on with plain VMREADs and VMWRITEs. */
static void another_vcpu_leaves_the_current_vmcs_as_it_was(void **state)
{
	(void)state;
	backend_set_rip(vm.vcpus[0], 0x1111);
	backend_set_rip(&other, 0x2222);
	assert_int_equal(fake_vmx.loaded, vm.vcpus[0]->vmx.vmcs);
	assert_int_equal(vmread(VMCS_GUEST_RIP), 0x1111);
	(void)backend_rflags(&other);
	assert_int_equal(fake_vmx.loaded, vm.vcpus[0]->vmx.vmcs);
	assert_ptr_equal(cpu.vmx.loaded, vm.vcpus[0]);
	assert_int_equal(backend_rip(&other), 0x2222);
}

static void the_loaded_vcpu_costs_one_vmread(void **state)
{
	(void)state;
	fake_vmx.vmreads = fake_vmx.vmptrlds = 0;
	(void)backend_rip(vm.vcpus[0]);
	assert_int_equal(fake_vmx.vmreads, 1);
	assert_int_equal(fake_vmx.vmptrlds, 0);
	(void)backend_rip(&other);
	assert_int_equal(fake_vmx.vmptrlds, 2);
}

static void no_vmcs_is_loaded_after_a_release(void **state)
{
	(void)state;
	backend_vcpu_load(&cpu, &other);
	assert_ptr_equal(cpu.vmx.loaded, &other);
	backend_vcpu_release(&cpu, &other);
	assert_null(cpu.vmx.loaded);
	assert_int_equal(backend_rip(vm.vcpus[0]), RIG_RIP);
	assert_null(cpu.vmx.loaded);
	backend_vcpu_load(&cpu, vm.vcpus[0]);
	assert_ptr_equal(cpu.vmx.loaded, vm.vcpus[0]);
}

/* Those that exits leave in the processor. */
static void resident_registers_of_another_vcpu_wait_for_its_turn(void **state)
{
	(void)state;
	fake_x86.cr[2] = 0x5000;
	fake_vmx.dr[6] = 0xffff0ff0;
	backend_set_cr2(&other, 0x6000);
	backend_set_dr6(&other, 0xffff4ff0);
	backend_set_xcr0(&other, 3);
	backend_set_resident_msr(&other, RESIDENT_LSTAR, 0x7000);
	assert_int_equal(fake_x86.cr[2], 0x5000);
	assert_int_equal(backend_dr6(vm.vcpus[0]), 0xffff0ff0);
	assert_int_equal(backend_dr6(&other), 0xffff4ff0);
	backend_vcpu_load(&cpu, &other);
	assert_int_equal(fake_x86.cr[2], 0x6000);
	assert_int_equal(fake_vmx.dr[6], 0xffff4ff0);
	assert_int_equal(fake_vmx.xcr0, 3);
	assert_int_equal(fake_msr_get(MSR_LSTAR), 0x7000);
	assert_int_equal(vm.vcpus[0]->resident.cr2, 0x5000);
}

static void resident_registers_of_the_loaded_vcpu_change_at_once(void **state)
{
	(void)state;
	backend_set_cr2(vm.vcpus[0], 0x6000);
	backend_set_dr6(vm.vcpus[0], 0xffff4ff0);
	backend_set_xcr0(vm.vcpus[0], 3);
	backend_set_resident_msr(vm.vcpus[0], RESIDENT_STAR, 0x7000);
	assert_int_equal(fake_x86.cr[2], 0x6000);
	assert_int_equal(fake_vmx.dr[6], 0xffff4ff0);
	assert_int_equal(fake_vmx.xcr0, 3);
	assert_int_equal(fake_msr_get(MSR_STAR), 0x7000);
	assert_int_equal(vm.vcpus[0]->resident.msr[RESIDENT_STAR], 0x7000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		switch_test(registers_are_those_of_the_vcpu_that_is_asked_for),
		switch_test(another_vcpu_leaves_the_current_vmcs_as_it_was),
		switch_test(the_loaded_vcpu_costs_one_vmread),
		switch_test(no_vmcs_is_loaded_after_a_release),
		switch_test(resident_registers_of_another_vcpu_wait_for_its_turn),
		switch_test(resident_registers_of_the_loaded_vcpu_change_at_once),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
