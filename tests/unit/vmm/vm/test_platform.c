/* SPDX-License-Identifier: MIT */
/* What a VM's devices need from the monitor: vmm/vm/platform.c. */
#include "rigs/vm_rig.h"
#include "vmm/vm/platform.h"

static void the_clock_begins_with_the_vm(void **state)
{
	(void)state;
	fake_x86.tsc = vm.clock.base + 123456;
	assert_int_equal(clock_now(&vm.clock), 123456);
	time_set_rate(2 * RIG_TSC_HZ);
	assert_int_equal(platform_make_machine(&vm), 0);
	fake_x86.tsc += 123456;
	assert_int_equal(clock_now(&vm.clock), 61728);
	time_set_rate(RIG_TSC_HZ);
	vm.clock.epoch = 1700000000;
	assert_int_equal(vm.machine.device[DEVICE_RTC].clock->epoch, 1700000000);
}

static void a_deadline_arms_the_vms_timer(void **state)
{
	(void)state;
	RIG_PLATFORM->events->deadline_changed(&vm, 1000);
	assert_true(timer_armed(&vm.timer));
	assert_int_equal(vm.timer.deadline, vm.clock.base + 1000);
	RIG_PLATFORM->events->deadline_changed(&vm, DEADLINE_NONE);
	assert_false(timer_armed(&vm.timer));
}

static void intr_is_a_request(void **state)
{
	(void)state;
	vcpu_request(vm.vcpus[0], REQUEST_HALTED);
	vm.intr.ops->changed(&vm.intr, true);
	assert_int_equal(rig_requests(), REQUEST_INTERRUPT | REQUEST_HALTED);
	vm.intr.ops->changed(&vm.intr, false);
	assert_int_equal(rig_requests(), REQUEST_HALTED);
	platform_nmi(RIG_PLATFORM);
	assert_int_equal(rig_requests(), REQUEST_HALTED | REQUEST_NMI);
}

static void a_reset_is_a_request_and_is_said(void **state)
{
	(void)state;
	platform_reset(RIG_PLATFORM, RESET_CPU);
	assert_int_equal(rig_requests(), REQUEST_WORK);
	assert_int_equal(vm.state, VM_STARTING);
	assert_logged("vm bench: the guest resets its processor");
	fake_x86.tsc += RIG_TSC_HZ; /* at most one message a second */
	platform_reset(RIG_PLATFORM, RESET_SYSTEM);
	assert_logged("vm bench: the guest resets its machine");
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
}

static void the_first_call_of_each_bios_service_is_said(void **state)
{
	(void)state;
	platform_firmware_called(RIG_PLATFORM, 0x13);
	assert_logged("vm bench: calls the BIOS by INT 13h (disk), and guests have none");
	rig.log_length = 0;
	platform_firmware_called(RIG_PLATFORM, 0x13);
	platform_firmware_called(RIG_PLATFORM, 0x0f);
	platform_firmware_called(RIG_PLATFORM, 0x1b);
	platform_firmware_called(RIG_PLATFORM, 0xff);
	assert_int_equal(rig.log_length, 0);
	platform_firmware_called(RIG_PLATFORM, 0x1a);
	assert_logged("INT 1ah (clock)");
	vm_reset(&vm);
	assert_true(rig_run());
	rig.log_length = 0;
	platform_firmware_called(RIG_PLATFORM, 0x13);
	assert_int_equal(rig.log_length, 0);
}

/* The devices' pages are marked in the memory map, and follow what moves. */
static void the_map_follows_the_devices_memory(void **state)
{
	static const struct memory_region region = {.size = 0x1800, .width = 4};
	struct memory_space *space = &vm.machine.memory;
	struct memory_binding binding;

	(void)state;
	vm.config.machine.hpet = true;
	assert_int_equal(platform_make_machine(&vm), 0);
	assert_int_equal(guest_map_find(&vm.map, HPET_BASE).type, GUEST_DEVICE);
	assert_int_equal(memory_space_claim(space, &binding, NULL, &region, 0xE0000000), 0);
	assert_int_equal(guest_map_find(&vm.map, 0xE0001FFF).type, GUEST_DEVICE);
	assert_int_equal(guest_map_find(&vm.map, 0xE0002000).type, GUEST_NONE);
	memory_space_release(space, &binding);
	assert_int_equal(guest_map_find(&vm.map, 0xE0001000).type, GUEST_NONE);
	/* Not over RAM, which the guest would lose. */
	assert_int_equal(memory_space_claim(space, &binding, NULL, &region, RIG_RIP & ~0xfffUL), -ERR_EXISTS);
	memory_space_release(space, &vm.machine.memory_binding[0]);
	assert_int_equal(guest_map_find(&vm.map, HPET_BASE).type, GUEST_NONE);
}

static void power_off_stops_the_vm(void **state)
{
	(void)state;
	platform_power_off(RIG_PLATFORM);
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
}

static void com1_and_the_debug_port_are_the_console(void **state)
{
	uint8_t kept[8];

	(void)state;
	platform_serial_output(RIG_PLATFORM, 0, 'a');
	platform_serial_output(RIG_PLATFORM, 1, 'b'); /* leads nowhere */
	platform_debug_output(RIG_PLATFORM, 'c');
	assert_int_equal(scrollback_copy(vm_console.serial.scrollback, 0, kept, sizeof(kept)), 2);
	assert_memory_equal(kept, "ac", 2);
}

static void only_com1_may_have_to_wait(void **state)
{
	(void)state;
	console_attach(&vm_console.serial);
	assert_true(platform_serial_room(RIG_PLATFORM, 0));
	rig.console_full = true;
	assert_false(platform_serial_room(RIG_PLATFORM, 0));
	assert_true(vm_console.serial.output_waiting);
	assert_true(platform_serial_room(RIG_PLATFORM, 1));
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
	vm_console.serial.input = count_input;
	vm_console.serial.kick = kick_later;
	assert_true(channel_receive(&vm_console.serial, 'x'));
	platform_serial_input_wanted(RIG_PLATFORM, 1);
	assert_int_equal(asked, 0);
	platform_serial_input_wanted(RIG_PLATFORM, 0);
	assert_int_equal(asked, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(the_clock_begins_with_the_vm),
		rig_test(a_deadline_arms_the_vms_timer),
		rig_test(intr_is_a_request),
		rig_test(a_reset_is_a_request_and_is_said),
		rig_test(the_first_call_of_each_bios_service_is_said),
		rig_test(the_map_follows_the_devices_memory),
		rig_test(power_off_stops_the_vm),
		rig_test(com1_and_the_debug_port_are_the_console),
		rig_test(only_com1_may_have_to_wait),
		rig_test(only_com1_has_input),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
