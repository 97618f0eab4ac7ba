/* SPDX-License-Identifier: MIT */
/* A physical processor between guests: vmm/cpu/cpu.c. */
#include "rigs/vm_rig.h"

static struct timer timer, other;
static unsigned expired;

static void count(struct timer *which)
{
	(void)which;
	expired++;
}

static int setup(void **state)
{
	int error = rig_setup(state);

	timer_init(&timer, count);
	timer_init(&other, count);
	expired = 0;
	return error;
}

static int teardown(void **state)
{
	cpu_timer_arm(&cpu, &timer, TIMER_NEVER);
	cpu_timer_arm(&cpu, &other, TIMER_NEVER);
	return rig_teardown(state);
}

#define cpu_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void the_earliest_timer_is_the_deadline(void **state)
{
	(void)state;
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc + 5000);
	assert_int_equal(cpu_deadline(&cpu), fake_x86.tsc + 5000);
	cpu_timer_arm(&cpu, &other, fake_x86.tsc + 3000);
	assert_int_equal(cpu_deadline(&cpu), fake_x86.tsc + 3000);
	cpu_timer_arm(&cpu, &other, TIMER_NEVER);
	assert_int_equal(cpu_deadline(&cpu), fake_x86.tsc + 5000);
}

static void who_watches_depends_on_the_processor(void **state)
{
	(void)state;
	fake_x86.tsc = ALIGN_UP(fake_x86.tsc, 32); /* the preemption timer counts these steps */
	rig.apic_deadline = 1;
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc + 32 * 7 - 1);
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 7);
	assert_int_equal(rig.apic_deadline, 1);
	vmx_features.preemption_timer = false;
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc + 9000);
	assert_int_equal(rig.apic_deadline, fake_x86.tsc + 9000);
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 7);
}

static void the_interrupt_of_the_apic_fires_what_is_due(void **state)
{
	(void)state;
	vmx_features.preemption_timer = false;
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc + 10);
	cpu_timer_arm(&cpu, &other, fake_x86.tsc + 5000);
	fake_x86.tsc += 10;
	cpu_timer_interrupt();
	assert_int_equal(expired, 1);
	assert_int_equal(rig.apic_deadline, fake_x86.tsc + 4990);
}

static unsigned windows;

static void window(void)
{
	windows++;
}

static void catching_up_takes_interrupts_and_fires_timers(void **state)
{
	(void)state;
	windows = 0;
	fake_x86.window = window;
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc + 10);
	cpu_timer_arm(&cpu, &other, fake_x86.tsc + 100000000);
	fake_x86.tsc += 10;
	cpu_catch_up(&cpu);
	fake_x86.window = NULL;
	assert_int_equal(windows, 1);
	assert_int_equal(expired, 1);
	assert_int_equal(cpu_deadline(&cpu), fake_x86.tsc + 99999990);
	/* A guest that keeps interrupts waiting is left after 20 ms at the latest. */
	assert_int_equal(cpu.interrupts_due, fake_x86.tsc + 20000000);
	assert_int_equal(vmread(VMCS_PREEMPTION_TIMER), 20000000 / 32 + 1);
}

static unsigned waits;

static void wait_here(void)
{
	waits++;
}

static void an_idle_processor_fires_polls_or_waits(void **state)
{
	(void)state;
	waits = 0;
	rig.idle = wait_here;
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc);
	rig.console_busy = true;
	cpu_idle(&cpu); /* timers first ... */
	assert_int_equal(expired, 1);
	assert_int_equal(rig.console_polls, 0);
	cpu_idle(&cpu); /* ... then the console ... */
	assert_int_equal(rig.console_polls, 1);
	assert_int_equal(waits, 0);
	rig.console_busy = false;
	cpu_timer_arm(&cpu, &timer, fake_x86.tsc + 4000);
	rig.apic_deadline = 0;
	cpu_idle(&cpu); /* ... then sleep, and something must end it */
	assert_int_equal(waits, 1);
	assert_int_equal(rig.apic_deadline, fake_x86.tsc + 4000);
	assert_int_equal(cpu.interrupts_due, fake_x86.tsc + 20000000); /* waiting took all interrupts */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cpu_test(the_earliest_timer_is_the_deadline),
		cpu_test(who_watches_depends_on_the_processor),
		cpu_test(the_interrupt_of_the_apic_fires_what_is_due),
		cpu_test(catching_up_takes_interrupts_and_fires_timers),
		cpu_test(an_idle_processor_fires_polls_or_waits),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
