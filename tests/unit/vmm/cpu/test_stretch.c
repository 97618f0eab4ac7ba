/* SPDX-License-Identifier: MIT */
/* How long interrupts wait, and for what: vmm/cpu/stretch.c and those who tell it. */
#include "rigs/vm_life.h"

#define LONG 123456

static int setup_stretches(void **state)
{
	int error = setup(state);

	cpu.stretches = (struct stretches){0};
	return error;
}

#define stretch_test(f) cmocka_unit_test_setup_teardown(f, setup_stretches, teardown)

static struct stretch_record longest(enum stretch_cause cause)
{
	unsigned where;

	return stretch_longest(cause, &where);
}

static void take_long(void)
{
	fake_x86.tsc += LONG;
}

static void long_call(struct cpu_call *call)
{
	(void)call;
	take_long();
}

static void long_timer(struct timer *timer)
{
	(void)timer;
	take_long();
}

static int long_load(struct vm *which, struct vcpu_start *start, char *text, size_t size)
{
	take_long();
	return rig_load(which, start, text, size);
}

static void a_long_call_is_told_by_its_function(void **state)
{
	static struct cpu_call call = {.run = long_call};

	(void)state;
	assert_true(rig_run());
	assert_int_equal(longest(STRETCH_CALL).ticks, 0);
	cpu_call(&cpu, &call);
	assert_true(rig_run());
	assert_int_equal(longest(STRETCH_CALL).ticks, LONG);
	assert_ptr_equal(longest(STRETCH_CALL).what, long_call);
	assert_int_equal(longest(STRETCH_LOOP).ticks, 0);
}

static void a_long_timer_is_told_by_its_function(void **state)
{
	struct timer timer;

	(void)state;
	assert_true(rig_run());
	timer_init(&timer, long_timer);
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc);
	rig_exit(EXIT_REASON_PREEMPTION_TIMER, 0);
	assert_int_equal(longest(STRETCH_LOOP).ticks, LONG);
	assert_ptr_equal(longest(STRETCH_LOOP).what, long_timer);
}

static void a_long_load_is_told_as_a_step_of_work(void **state)
{
	(void)state;
	other_loader.load = long_load;
	assert_int_equal(start_other(&vm.config), 0);
	run_other();
	assert_in_range(longest(STRETCH_WORK).ticks, LONG, LONG + 100);
	assert_string_equal(longest(STRETCH_WORK).what, "load");
}

static void an_exit_and_what_it_asks_for_are_one_stretch(void **state)
{
	struct stretch_part part;

	(void)state;
	assert_true(rig_run());
	part = vmx_begin_stretch();
	take_long();
	stretch_end_part(&cpu.stretches, part, STRETCH_EXIT, "LONG EXIT");
	vcpu_request(vm.vcpus[0], REQUEST_RESCHEDULE);
	vmx_end_stretch(vm.vcpus[0]);
	assert_int_equal(longest(STRETCH_EXIT).ticks, 0); /* it goes on */
	vmx_serve_requests();
	assert_int_equal(longest(STRETCH_EXIT).ticks, LONG);
	assert_string_equal(longest(STRETCH_EXIT).what, "LONG EXIT");
}

static void a_part_counts_only_its_own_time(void **state)
{
	struct stretches stretches = {0};
	struct stretch_part outer, inner;

	(void)state;
	stretch_open(&stretches, fake_x86.tsc);
	outer = stretch_begin_part(&stretches);
	fake_x86.tsc += 10;
	inner = stretch_begin_part(&stretches);
	fake_x86.tsc += 30;
	stretch_end_part(&stretches, inner, STRETCH_COMMAND, "inner");
	fake_x86.tsc += 10;
	stretch_end_part(&stretches, outer, STRETCH_CALL, NULL);
	fake_x86.tsc += 5;
	stretch_close(&stretches, fake_x86.tsc);
	assert_int_equal(stretches.longest[STRETCH_COMMAND].ticks, 55);
	assert_int_equal(stretches.longest[STRETCH_CALL].ticks, 0);
	stretch_open(&stretches, fake_x86.tsc);
	outer = stretch_begin_part(&stretches);
	fake_x86.tsc += 10;
	stretch_end_part(&stretches, outer, STRETCH_CALL, NULL);
	fake_x86.tsc += 11; /* more than its parts took */
	stretch_close(&stretches, fake_x86.tsc);
	assert_int_equal(stretches.longest[STRETCH_LOOP].ticks, 21);
	assert_int_equal(stretches.longest[STRETCH_CALL].ticks, 0);
}

static void a_window_and_a_sleep_cut_a_stretch(void **state)
{
	(void)state;
	fake_x86.window = take_long;
	stretch_open(&cpu.stretches, fake_x86.tsc);
	fake_x86.tsc += 100;
	cpu_catch_up(&cpu);
	fake_x86.window = NULL;
	fake_x86.tsc += 50;
	rig.idle = take_long;
	cpu_idle(&cpu);
	stretch_close(&cpu.stretches, fake_x86.tsc + 20);
	assert_int_equal(longest(STRETCH_LOOP).ticks, 100);
}

static void the_console_lets_interrupts_in_between_its_pieces(void **state)
{
	(void)state;
	fake_x86.window = take_long;
	rig.console_busy = true;
	stretch_open(&cpu.stretches, fake_x86.tsc);
	for (unsigned i = 0; i < 3; i++)
		cpu_idle(&cpu);
	fake_x86.window = NULL;
	assert_int_equal(rig.console_polls, 3);
	assert_true(longest(STRETCH_LOOP).ticks + longest(STRETCH_CONSOLE).ticks < LONG);
	assert_true(fake_x86.tsc >= 3 * LONG);
}

static void each_exit_of_a_measured_vcpu_has_a_stretch(void **state)
{
	(void)state;
	assert_true(rig_run());
	vmx_exit_instrumented(vm.vcpus[0], fake_x86.tsc - LONG);
	assert_int_equal(longest(STRETCH_EXIT).ticks, LONG);
}

static void the_longest_of_all_is_logged(void **state)
{
	char text[STRETCH_TEXT_MAX];

	(void)state;
	cpu.stretches.longest[STRETCH_CALL] = (struct stretch_record){500, NULL};
	cpu.stretches.longest[STRETCH_COMMAND] = (struct stretch_record){2 * LONG, "destroy"};
	stretch_log_longest();
	assert_logged("Interrupts waited for at most 246912 ticks (246 us), on processor 0: a shell command, "
	              "destroy");
	stretch_describe(STRETCH_CONSOLE, NULL, text, sizeof(text));
	assert_string_equal(text, "the console");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		stretch_test(a_long_call_is_told_by_its_function),
		stretch_test(a_long_timer_is_told_by_its_function),
		stretch_test(a_long_load_is_told_as_a_step_of_work),
		stretch_test(an_exit_and_what_it_asks_for_are_one_stretch),
		stretch_test(a_part_counts_only_its_own_time),
		stretch_test(a_window_and_a_sleep_cut_a_stretch),
		stretch_test(the_console_lets_interrupts_in_between_its_pieces),
		stretch_test(each_exit_of_a_measured_vcpu_has_a_stretch),
		stretch_test(the_longest_of_all_is_logged),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
