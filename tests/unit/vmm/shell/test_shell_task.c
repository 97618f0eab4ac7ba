/* SPDX-License-Identifier: MIT */
/* Commands that are put off in the middle: vmm/shell/shell_task.c, in a whole run loop. */
#include "rigs/vm_life.h"
#include "vmm/shell/shell_internal.h"
#include "vmm/shell/shell_task.h"

#define LINES   20
#define LINE_NS 100000

static uint64_t stack[8192];
static unsigned lines, ended;
static bool answered;

const char *shell_command_name(void)
{
	return "long";
}

void shell_command_ended(void)
{
	ended++;
}

static void print_much(void)
{
	for (lines = 0; lines < LINES; lines++) {
		fake_x86.tsc += LINE_NS;
		shell_task_pass();
	}
}

static void destroy_elsewhere(void)
{
	answered = vm_ask_and_wait(&other, VM_FORCE);
}

static int setup_task(void **state)
{
	int error = setup(state);

	cpu.stretches = (struct stretches){0};
	lines = ended = 0;
	vm_wait = shell_task_wait;
	shell_task_init(stack + ARRAY_SIZE(stack));
	return error;
}

static int teardown_task(void **state)
{
	vm_wait = NULL;
	return teardown(state);
}

/* Turns of the guest, until the command has ended. Returns how many. */
static unsigned guests_turns(void)
{
	unsigned turns = 0;

	while (shell_task_busy()) {
		assert_true(rig_run());
		assert_ptr_equal(cpu.current, vm.vcpus[0]);
		fake_x86.tsc += 300000; /* the guest runs until the timer */
		rig_exit(EXIT_REASON_PREEMPTION_TIMER, 0);
		assert_true(turns++ < 1000000);
	}
	return turns;
}

static void a_guest_runs_between_the_lines_of_a_long_command(void **state)
{
	unsigned where;

	(void)state;
	assert_true(rig_run());
	shell_task_begin(print_much);
	assert_true(guests_turns() >= LINES / 4);
	assert_int_equal(lines, LINES);
	assert_int_equal(ended, 1);
	assert_in_range(stretch_longest(STRETCH_COMMAND, &where).ticks, LINE_NS, 4 * LINE_NS);
	assert_string_equal(stretch_longest(STRETCH_COMMAND, &where).what, "long");
}

static void a_second_command_finds_the_stack_as_the_first_did(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		shell_task_begin(print_much);
		guests_turns();
		assert_int_equal(ended, i);
		assert_int_equal(lines, LINES);
	}
}

static void guests_run_while_a_command_waits_for_a_lost_processor(void **state)
{
	uint64_t start;

	(void)state;
	add_second();
	assert_int_equal(start_other(&vm.config), 0);
	__atomic_store_n(&vm_boot_vcpu(&other)->sched.cpu, 1, __ATOMIC_RELEASE);
	assert_true(rig_run());
	fake_x86.tsc_step = 1000; /* time passes for who does not let the guest run, too */
	start = fake_x86.tsc;
	shell_task_begin(destroy_elsewhere);
	assert_true(guests_turns() > 1000); /* in 2 s */
	assert_false(answered);
	assert_in_range(fake_x86.tsc - start, 2000000000, 2100000000);
	__atomic_store_n(&vm_boot_vcpu(&other)->sched.cpu, 0, __ATOMIC_RELEASE);
}

static void a_command_without_a_stack_runs_through(void **state)
{
	(void)state;
	shell_task_init(NULL);
	shell_task_begin(print_much);
	assert_int_equal(lines, LINES);
	assert_false(shell_task_busy());
}

int main(void)
{
#define task_test(f) cmocka_unit_test_setup_teardown(f, setup_task, teardown_task)
	const struct CMUnitTest tests[] = {
		task_test(a_guest_runs_between_the_lines_of_a_long_command),
		task_test(a_second_command_finds_the_stack_as_the_first_did),
		task_test(guests_run_while_a_command_waits_for_a_lost_processor),
		task_test(a_command_without_a_stack_runs_through),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
