/* SPDX-License-Identifier: MIT */
/*
 * What the tests of a VM's life share: a second VM, a second processor, and who counts what
 * happens.
 */
#ifndef TESTS_UNIT_RIGS_VM_LIFE_H
#define TESTS_UNIT_RIGS_VM_LIFE_H

#include "rigs/vm_rig.h"

UNUSED static char problem[300];
UNUSED static unsigned stopped_calls, loads;
UNUSED static int load_result;
UNUSED static struct vm_loader other_loader; /* of the second VM */

UNUSED static void all_stopped(void)
{
	stopped_calls++;
}

UNUSED static int load(struct vm *which, struct vcpu_start *start, char *text, size_t size)
{
	loads++;
	if (load_result)
		snprintf(text, size, "the kernel is not one");
	return load_result ? load_result : rig_load(which, start, text, size);
}

UNUSED static struct vm other;
UNUSED static struct console_vm other_console;
UNUSED static struct cpu second; /* a processor that some tests have as well */

/* The tests' code is that processor's from here on. */
UNUSED static void on(struct cpu *which)
{
	fake_x86.per_cpu = which;
}

UNUSED static void add_second(void)
{
	memset(&second, 0, sizeof(second));
	second.apic_id = 7;
	cpu_init(&second, 1);
	cpu_add(&second);
}

/* That processor's run loop, up to its next entry; false: it waits. */
UNUSED static bool run_second(void)
{
	bool runs;

	on(&second);
	runs = rig_run_on(&second);
	on(&cpu);
	return runs;
}

UNUSED static int setup(void **state)
{
	int error = rig_setup(state);

	stopped_calls = loads = 0;
	load_result = 0;
	vm.loader.load = load;
	other_loader = rig_loader;
	vm_all_stopped = all_stopped;
	return error;
}

UNUSED static void forget_other(void)
{
	console_vm_disconnect(&other_console);
	vm_forget(&other);
}

/* Forget the second VM. */
UNUSED static int teardown(void **state)
{
	vm_all_stopped = NULL;
	on(&cpu);
	if (cpu_count > 1) {
		vm_ask(&vm, VM_FORCE);
		run_second();
		cpu_count = 1;
	}
	if (vm_get(1)) {
		vm_ask_and_wait(&other, VM_FORCE);
		forget_other();
	}
	vm_count = 1;
	return rig_teardown(state);
}

#define vm_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

UNUSED static void out(uint16_t port, uint8_t value)
{
	port_write(&vm.machine.ports, port, 1, value);
}

UNUSED static void define_other(const struct vm_config *config)
{
	if (vm_get(1))
		forget_other();
	memset(&other, 0, sizeof(other));
	memset(&other_console, 0, sizeof(other_console));
	assert_int_equal(vm_define(&other, config, &other_loader, 1), 0);
	console_vm_connect(&other_console, &other);
}

UNUSED static int start_other(const struct vm_config *config)
{
	define_other(config);
	memset(problem, 0, sizeof(problem));
	return vm_start(&other, problem, sizeof(problem));
}

/* Its turns, until it runs or has ended. */
UNUSED static void run_other(void)
{
	for (unsigned i = 0; i < 400 && (other.state == VM_STARTING || other.state == VM_ENDING); i++) {
		fake_x86.tsc += 2 * SCHED_SLICE_NS;
		rig_run();
	}
}

/* Without those of the second VM's vCPUs, which are there as long as the VM is known. */
UNUSED static uint64_t monitors_frames(void)
{
	uint64_t vcpus = vm_get(1) ? other.vcpu_count << frames_order(sizeof(struct vcpu)) : 0;

	return frames_owned(FRAME_OWNER_MONITOR) - vcpus;
}

UNUSED static void assert_nothing_left(uint64_t monitors)
{
	assert_int_equal(frames_owned(VM_OWNER(&other)), 0);
	assert_int_equal(monitors_frames(), monitors);
	assert_int_equal(other.state, VM_STOPPED);
	assert_int_equal(other.vcpus[0]->sched.state, SCHED_NOWHERE);
	assert_false(timer_armed(&other.timer));
	assert_false(timer_armed(&other.start_timer));
	/* Its neighbour goes on. */
	assert_true(rig_run());
	assert_ptr_equal(cpu.current, vm.vcpus[0]);
}

UNUSED static void pass_to_the_deadline(void)
{
	if (cpu_deadline(&cpu) == TIMER_NEVER)
		longjmp(*rig.stuck, 1);
	fake_x86.tsc = MAX(fake_x86.tsc, cpu_deadline(&cpu));
}

#endif
