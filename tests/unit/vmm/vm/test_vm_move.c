/* SPDX-License-Identifier: MIT */
/* VMs on two processors: vmm/vm/vm.c, vmm/cpu/sched.c. */
#include "rigs/vm_life.h"

/* ---- Two processors ---- */

/* The vCPU wakes where another one runs, and a second processor is idle: there it goes. */
static void send_to_second(void)
{
	struct vm_config config = rig_config;

	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	config.name = "other";
	assert_int_equal(start_other(&config), 0);
	run_other();
	assert_ptr_equal(cpu.current, other.vcpus[0]);
	add_second();
	vcpu_kick(vm.vcpus[0], REQUEST_NMI);
	assert_int_equal(vm.vcpus[0]->sched.cpu, 0);
	assert_ptr_equal(sched_pick(&cpu), &other.vcpus[0]->sched);
	assert_int_equal(vm.vcpus[0]->sched.cpu, 1);
	assert_true(vm.vcpus[0]->sched.moving);
	assert_int_equal(rig.kicked, second.apic_id + 1);
}

static void a_vm_goes_where_nobody_runs(void **state)
{
	unsigned saves, restores;

	(void)state;
	vm_arm_timer(&vm, 5000000000);
	send_to_second();
	assert_false(timer_armed(&vm.timer)); /* of its old CPU */
	assert_int_equal(fake_vmx.cleared, vm.vcpus[0]->vmx.vmcs);
	assert_true(vm.vcpus[0]->requests & ENTRY_LAUNCH);
	assert_true(cpu.vmx.loaded != vm.vcpus[0] && cpu.vmx.resident != vm.vcpus[0]);
	saves = fake_vmx.saves;
	restores = fake_vmx.restores;
	assert_true(run_second());
	assert_ptr_equal(second.current, vm.vcpus[0]);
	assert_ptr_equal(second.vmx.loaded, vm.vcpus[0]);
	assert_ptr_equal(second.vmx.resident, vm.vcpus[0]);
	assert_ptr_equal(vm.vcpus[0]->vmx.home, &second);
	assert_int_equal(vmread(VMCS_HOST_GS_BASE), (uintptr_t)&second);
	assert_int_equal(fake_vmx.saves, saves);
	assert_int_equal(fake_vmx.restores, restores + 1);
	assert_false(vm.vcpus[0]->sched.moving);
	assert_ptr_equal(cpu.current, other.vcpus[0]);
}

static void requests_follow_a_vm_that_moves(void **state)
{
	(void)state;
	send_to_second();
	vm_ask(&vm, VM_PAUSE); /* it is on its way: after its arrival */
	assert_int_equal(vm.state, VM_RUNNING);
	assert_false(run_second());
	assert_int_equal(vm.state, VM_PAUSED);
	assert_int_equal(vm.asked, 0);
	vm_ask(&vm, VM_RESUME);
	cpu_run_calls(&cpu); /* none of this one's business */
	assert_int_equal(vm.state, VM_PAUSED);
	assert_true(run_second());
	assert_int_equal(vm.state, VM_RUNNING);
}

static void requests_that_come_too_late_are_sent_after_it(void **state)
{
	struct vm_config config = rig_config;

	(void)state;
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	config.name = "other";
	assert_int_equal(start_other(&config), 0);
	run_other();
	add_second();
	vcpu_kick(vm.vcpus[0], REQUEST_NMI); /* it goes as soon as the first CPU looks ... */
	vm_ask(&vm, VM_PAUSE);               /* ... and this waits there */
	assert_int_equal(vm.vcpus[0]->sched.cpu, 0);
	assert_ptr_equal(sched_pick(&cpu), &other.vcpus[0]->sched);
	cpu_run_calls(&cpu);
	assert_int_equal(vm.vcpus[0]->sched.cpu, 1);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vm.asked, VM_PAUSE);
	assert_false(run_second());
	assert_int_equal(vm.state, VM_PAUSED);
	assert_int_equal(vm.asked, 0);
}

/* A timer is its CPU's. */
static void the_buttons_ten_seconds_move_with_the_vm(void **state)
{
	uint64_t deadline;

	(void)state;
	vm_ask_and_wait(&vm, VM_BUTTON);
	deadline = vm.button_timer.deadline;
	send_to_second();
	assert_false(timer_armed(&vm.button_timer));
	assert_true(run_second());
	assert_true(timer_armed(&vm.button_timer));
	assert_int_equal(vm.button_timer.deadline, deadline);
	fake_x86.tsc = deadline;
	cpu_catch_up(&cpu);
	assert_int_equal(vm.state, VM_RUNNING); /* not that one's any more */
	on(&second);
	cpu_catch_up(&second);
	assert_false(run_second());
	assert_stopped(VM_FORCED);
}

/* Held while it waits for its turn, a VM can still be moved: no timer of it may stay behind. */
static void the_buttons_ten_seconds_wait_for_the_end_of_a_pause(void **state)
{
	uint64_t deadline;

	(void)state;
	vm_ask_and_wait(&vm, VM_BUTTON);
	deadline = vm.button_timer.deadline;
	vm_ask_and_wait(&vm, VM_PAUSE);
	assert_false(timer_armed(&vm.button_timer));
	fake_x86.tsc = deadline + 1000;
	vm_ask_and_wait(&vm, VM_RESUME);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(vm.button_timer.deadline >= deadline + 1000);
}

/* Its operator saw it run, and asks when it has just ended. */
static void a_vm_that_is_off_has_no_registers(void **state)
{
	(void)state;
	platform_power_off(RIG_PLATFORM);
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_true(vm_ask_and_wait(&vm, VM_DUMP | VM_RESUME | VM_PAUSE | VM_RESET | VM_FORCE));
	assert_string_equal(vm_dumped, "");
	assert_stopped(VM_POWERED_OFF);
}

/* A processor that a command gave up may write late, when another VM's is being read. */
static void a_dump_has_one_writer_and_belongs_to_its_vm(void **state)
{
	const char *text;

	(void)state;
	assert_int_equal(start_other(&vm.config), 0);
	assert_true(vm_ask_and_wait(&vm, VM_DUMP));
	text = vm_dump_begin(&vm);
	assert_non_null(strstr(text, "code "));
	assert_true(vm_ask_and_wait(&other, VM_DUMP)); /* the late one */
	assert_non_null(strstr(text, "code "));
	assert_null(vm_dump_begin(&other));
	vm_dump_end();
	assert_null(vm_dump_begin(&other));
	assert_true(vm_ask_and_wait(&other, VM_DUMP));
	assert_non_null(vm_dump_begin(&other));
	vm_dump_end();
}

/*
 * Asked for all at once, since its CPU did not answer for a while: nothing follows its way to
 * another CPU.
 */
static void a_reset_is_the_last_that_is_carried_out(void **state)
{
	struct vm_config config = rig_config;

	(void)state;
	config.name = "other";
	config.start_delay_ms = 1000;
	config.cpus = BIT(1);
	add_second();
	assert_int_equal(start_other(&config), 0);
	assert_int_equal(other.state, VM_STARTING);
	vm_ask(&other, VM_RESET | VM_FORCE | VM_DUMP);
	while (!list_empty(&cpu.calls))
		cpu_run_calls(&cpu);
	assert_int_equal(other.state, VM_STOPPED);
	assert_false(other.vcpus[0]->sched.moving);
	assert_int_equal(second.sched.placed, 0);
}

/* A VM that is off is the boot processor's. */
static void a_vm_that_ends_elsewhere_comes_home(void **state)
{
	(void)state;
	send_to_second();
	assert_true(run_second());
	vm_ask_and_wait(&other, VM_FORCE);
	assert_int_equal(stopped_calls, 0);
	vm_ask(&vm, VM_FORCE);
	assert_false(run_second());
	assert_stopped(VM_FORCED);
	assert_int_equal(vm.vcpus[0]->sched.cpu, 0);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
	assert_int_equal(second.sched.placed, 0);
	assert_null(second.vmx.loaded);
	assert_int_equal(stopped_calls, 0); /* the boot processor is told */
	cpu_run_calls(&cpu);
	assert_int_equal(stopped_calls, 1);
}

static void a_cpu_that_does_not_answer_is_given_up(void **state)
{
	(void)state;
	send_to_second();
	assert_true(run_second());
	fake_x86.tsc_step = 1000000;
	assert_false(vm_ask_and_wait(&vm, VM_PAUSE));
	fake_x86.tsc_step = 0;
	assert_int_equal(vm.state, VM_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		vm_test(a_vm_goes_where_nobody_runs),
		vm_test(requests_follow_a_vm_that_moves),
		vm_test(requests_that_come_too_late_are_sent_after_it),
		vm_test(the_buttons_ten_seconds_move_with_the_vm),
		vm_test(the_buttons_ten_seconds_wait_for_the_end_of_a_pause),
		vm_test(a_vm_that_is_off_has_no_registers),
		vm_test(a_dump_has_one_writer_and_belongs_to_its_vm),
		vm_test(a_reset_is_the_last_that_is_carried_out),
		vm_test(a_vm_that_ends_elsewhere_comes_home),
		vm_test(a_cpu_that_does_not_answer_is_given_up),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
