/* SPDX-License-Identifier: MIT */
/* What a VM's devices need from the monitor: vmm/vm/services.c. */
#include "rigs/vm_rig.h"
#include "devices/machine/services.h"

static void the_clock_begins_with_the_vm(void **state)
{
	(void)state;
	fake_x86.tsc = vm.clock_base + 123456;
	assert_int_equal(service_clock_ns(&vm.machine), 123456);
	time_set_rate(2 * RIG_TSC_HZ);
	assert_int_equal(service_clock_ns(&vm.machine), 61728);
	time_set_rate(RIG_TSC_HZ);
	vm.epoch = 1700000000;
	assert_int_equal(service_epoch(&vm.machine), 1700000000);
}

static void a_deadline_arms_the_vms_timer(void **state)
{
	(void)state;
	service_deadline_changed(&vm.machine, 1000);
	assert_true(timer_armed(&vm.timer));
	assert_int_equal(vm.timer.deadline, vm.clock_base + 1000);
	service_deadline_changed(&vm.machine, DEADLINE_NONE);
	assert_false(timer_armed(&vm.timer));
}

static void intr_is_a_request(void **state)
{
	(void)state;
	vcpu_request(vm.vcpus[0], REQUEST_HALTED);
	service_intr_changed(&vm.machine, true);
	assert_int_equal(rig_requests(), REQUEST_INTERRUPT | REQUEST_HALTED);
	service_intr_changed(&vm.machine, false);
	assert_int_equal(rig_requests(), REQUEST_HALTED);
	service_nmi(&vm.machine);
	assert_int_equal(rig_requests(), REQUEST_HALTED | REQUEST_NMI);
}

static void a_reset_is_a_request_and_is_said(void **state)
{
	(void)state;
	service_reset(&vm.machine, RESET_CPU);
	assert_int_equal(rig_requests(), REQUEST_WORK);
	assert_int_equal(vm.state, VM_STARTING);
	assert_logged("vm bench: the guest resets its processor");
	fake_x86.tsc += RIG_TSC_HZ; /* at most one message a second */
	service_reset(&vm.machine, RESET_SYSTEM);
	assert_logged("vm bench: the guest resets its machine");
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
}

static void power_off_stops_the_vm(void **state)
{
	(void)state;
	service_power_off(&vm.machine);
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
}

static void com1_and_the_debug_port_are_the_console(void **state)
{
	uint8_t kept[8];

	(void)state;
	service_serial_output(&vm.machine, 0, 'a');
	service_serial_output(&vm.machine, 1, 'b'); /* leads nowhere */
	service_debug_output(&vm.machine, 'c');
	assert_int_equal(scrollback_copy(vm.console.scrollback, 0, kept, sizeof(kept)), 2);
	assert_memory_equal(kept, "ac", 2);
}

static void only_com1_may_have_to_wait(void **state)
{
	(void)state;
	console_attach(&vm.console);
	assert_true(service_serial_room(&vm.machine, 0));
	rig.console_full = true;
	assert_false(service_serial_room(&vm.machine, 0));
	assert_true(vm.console.output_waiting);
	assert_true(service_serial_room(&vm.machine, 1));
}

static unsigned asked;

static size_t count_input(struct channel *channel, const uint8_t *bytes, size_t count)
{
	(void)channel;
	(void)bytes;
	asked++;
	return count;
}

/* The VM's CPU has not come to it yet. */
static void kick_later(struct channel *channel)
{
	(void)channel;
}

static void only_com1_has_input(void **state)
{
	(void)state;
	asked = 0;
	vm.console.input = count_input;
	vm.console.kick = kick_later;
	assert_true(channel_receive(&vm.console, 'x'));
	service_serial_input_wanted(&vm.machine, 1);
	assert_int_equal(asked, 0);
	service_serial_input_wanted(&vm.machine, 0);
	assert_int_equal(asked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(the_clock_begins_with_the_vm),
		rig_test(a_deadline_arms_the_vms_timer),
		rig_test(intr_is_a_request),
		rig_test(a_reset_is_a_request_and_is_said),
		rig_test(power_off_stops_the_vm),
		rig_test(com1_and_the_debug_port_are_the_console),
		rig_test(only_com1_may_have_to_wait),
		rig_test(only_com1_has_input),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
