/* SPDX-License-Identifier: MIT */
/* The life of a VM that has started: vmm/vm/vm.c. */
#include "rigs/vm_life.h"
#include "vmm/vm/vm_internal.h"

/* ---- States ---- */

/* The table of vmm/vm/vm_life.c, from the other end: what a VM must never do. */
static void a_vm_goes_only_to_a_state_that_may_follow(void **state)
{
	static const uint8_t follows[] = {
		[VM_STOPPED] = BIT(VM_STARTING),
		[VM_STARTING] = BIT(VM_STARTING) | BIT(VM_RUNNING) | BIT(VM_HELD) | BIT(VM_ENDING),
		[VM_RUNNING] = BIT(VM_STARTING) | BIT(VM_PAUSED) | BIT(VM_HELD) | BIT(VM_ENDING),
		[VM_PAUSED] = BIT(VM_RUNNING) | BIT(VM_ENDING),
		[VM_ENDING] = BIT(VM_STOPPED),
		[VM_HELD] = BIT(VM_STARTING) | BIT(VM_ENDING),
	};

	(void)state;
	for (unsigned from = 0; from < ARRAY_SIZE(follows); from++)
		for (unsigned to = 0; to < ARRAY_SIZE(follows); to++) {
			vm.state = (enum vm_state)from;
			if (follows[from] & BIT(to)) {
				vm_set_state(&vm, (enum vm_state)to);
				assert_int_equal(vm.state, to);
			} else {
				expect_assert_failure(vm_set_state(&vm, (enum vm_state)to));
			}
		}
	vm.state = VM_RUNNING;
}

/* The next request finds it neither on nor off. */
static void a_vm_that_is_ending_takes_no_requests(void **state)
{
	(void)state;
	vm_stop(&vm, VM_TRIPLE_FAULT);
	vm_ask(&vm, VM_BUTTON | VM_PAUSE | VM_RESUME | VM_FORCE | VM_RESET);
	assert_int_equal(vm.state, VM_ENDING);
	assert_false(rig_run());
	assert_stopped(VM_TRIPLE_FAULT);
	assert_int_equal(loads, 0);
	assert_int_equal(stopped_calls, 1);
}

static unsigned services;

static void service_and_ask_again(struct vm_terminal *terminal)
{
	(void)terminal;
	if (!services++)
		vm_ask(&vm, VM_CONSOLE);
}

/* What is asked for while the same is carried out comes after it: there may be more input. */
static void a_request_during_its_own_handling_is_not_lost(void **state)
{
	static const struct vm_terminal_ops ops = {.service = service_and_ask_again};
	struct vm_terminal terminal = {&ops}, *before = vm.terminal;

	(void)state;
	services = 0;
	vm.terminal = &terminal;
	assert_true(vm_ask_and_wait(&vm, VM_CONSOLE));
	vm.terminal = before;
	assert_int_equal(services, 2);
}

/* ---- Stop ---- */

static void the_operator_stops_it(void **state)
{
	(void)state;
	assert_true(vm_ask_and_wait(&vm, VM_FORCE));
	assert_stopped(VM_FORCED);
	assert_int_equal(stopped_calls, 1);
	assert_logged("vm bench: stopped by the operator");
	assert_null(strstr(rig.log, "error"));
	/* It does not run, and does not stop twice. */
	assert_false(rig_run());
	assert_int_equal(vm_stop(&vm, VM_TRIPLE_FAULT), ACTION_STOP);
	assert_false(rig_run());
	assert_stopped(VM_FORCED);
	assert_int_equal(stopped_calls, 1);
}

/* In the middle of an exit; what the VM has is taken away when its CPU is done with it. */
static void a_vm_that_ends_gives_its_memory_back(void **state)
{
	uint64_t free = frames_stat().free;

	(void)state;
	assert_int_equal(vm_stop(&vm, VM_POWERED_OFF), ACTION_STOP);
	assert_int_equal(vm.state, VM_ENDING);
	assert_int_equal(frames_stat().free, free);
	assert_int_equal(stopped_calls, 0);
	assert_false(vcpu_wants_to_run(vm.vcpus[0]));
	assert_int_equal(vm_stop(&vm, VM_TRIPLE_FAULT), ACTION_STOP); /* has ended already */
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_int_equal(stopped_calls, 1);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
	assert_true(frames_stat().free >= free + RIG_MEMORY / PAGE_SIZE - 64);
	assert_int_equal(vm.map.ram, 0);
	assert_int_equal(vm.vcpus[0]->sched.state, SCHED_NOWHERE);
	assert_null(cpu.current);
	assert_null(cpu.vmx.loaded);
	assert_null(cpu.vmx.resident);
	assert_int_equal(cpu.sched.placed, 0);
}

static void the_guest_powers_off(void **state)
{
	(void)state;
	platform_power_off(RIG_PLATFORM);
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_logged("vm bench: powered off by the guest");
	assert_int_equal(stopped_calls, 1);
}

static void a_guests_fault_makes_a_report(void **state)
{
	(void)state;
	vm_stop(&vm, VM_TRIPLE_FAULT);
	assert_logged("error: vm bench, vCPU 0: triple fault");
	assert_logged("last exits, oldest first (0 in total):");
	assert_false(rig_run());
	assert_stopped(VM_TRIPLE_FAULT);
}

static void nobody_is_told_while_another_runs(void **state)
{
	struct vm_config config = rig_config;

	config.name = "other";
	assert_int_equal(start_other(&config), 0);
	assert_int_equal(vm_count, 2);
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_stopped(VM_FORCED);
	assert_int_equal(stopped_calls, 0); /* the other has not even been loaded */
	run_other();
	assert_int_equal(other.state, VM_RUNNING);
	vm_ask_and_wait(&other, VM_PAUSE); /* held is not ended */
	assert_int_equal(other.state, VM_PAUSED);
	assert_int_equal(stopped_calls, 0);
	vm_ask_and_wait(&other, VM_FORCE);
	assert_int_equal(stopped_calls, 1);
	(void)state;
}

/* ---- Pause ---- */

static void time_stands_still_while_paused(void **state)
{
	uint64_t clock, tsc;

	(void)state;
	fake_x86.tsc = vm.clock.base + 1000;
	clock = clock_now(&vm.clock);
	tsc = fake_x86.tsc + vm.vcpus[0]->tsc_offset;
	assert_true(vm_ask_and_wait(&vm, VM_PAUSE));
	assert_int_equal(vm.state, VM_PAUSED);
	assert_false(rig_exit(EXIT_REASON_CPUID, 0));
	fake_x86.tsc += 5000000;
	assert_true(vm_ask_and_wait(&vm, VM_PAUSE)); /* changes nothing */
	fake_x86.tsc += 5000000;
	assert_true(vm_ask_and_wait(&vm, VM_RESUME));
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(clock_now(&vm.clock), clock);
	assert_int_equal(fake_x86.tsc + vm.vcpus[0]->tsc_offset, tsc);
	assert_int_equal(vmread(VMCS_TSC_OFFSET), vm.vcpus[0]->tsc_offset);
	assert_true(rig_exit(EXIT_REASON_CPUID, 0));
	assert_true(vm_ask_and_wait(&vm, VM_RESUME)); /* changes nothing */
	assert_int_equal(clock_now(&vm.clock), clock);
}

static void a_timer_waits_for_the_end_of_the_pause(void **state)
{
	static const uint8_t icw[] = {0x30, 4, 1, 0xfe};

	(void)state;
	out(0x20, 0x11);
	for (unsigned i = 0; i < ARRAY_SIZE(icw); i++)
		out(0x21, icw[i]);
	/* PIT channel 0, mode 2, 1193 ticks: an interrupt every 1 ms. */
	out(0x43, 0x34);
	out(0x40, 0xa9);
	out(0x40, 0x04);
	assert_true(timer_armed(&vm.timer));
	assert_in_range(vm.timer.deadline - fake_x86.tsc, 900000, 1100000);
	vm_ask_and_wait(&vm, VM_PAUSE);
	assert_false(timer_armed(&vm.timer));
	assert_false(rig_run());
	assert_false(timer_armed(&vm.timer));
	fake_x86.tsc += 50000000;
	vm_ask_and_wait(&vm, VM_RESUME);
	assert_true(rig_run());
	assert_true(timer_armed(&vm.timer));
	assert_in_range(vm.timer.deadline - fake_x86.tsc, 900000, 1100000);
	/* And it works. */
	assert_false(rig_requests() & REQUEST_INTERRUPT);
	for (unsigned i = 0; i < 2; i++) { /* OUT falls for one tick, then rises */
		fake_x86.tsc = vm.timer.deadline;
		cpu_catch_up(&cpu);
	}
	assert_true(rig_requests() & REQUEST_INTERRUPT);
}

static void a_paused_vm_arms_no_timer(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_PAUSE);
	vm_arm_timer(&vm, 1000000);
	assert_false(timer_armed(&vm.timer));
}

static void deadlines_beyond_the_end_of_time_are_never(void **state)
{
	(void)state;
	vm_arm_timer(&vm, 12345);
	assert_true(timer_armed(&vm.timer));
	assert_int_equal(vm.timer.deadline, vm.clock.base + 12345);
	assert_int_equal(cpu_deadline(&cpu), vm.clock.base + 12345);
	vm_arm_timer(&vm, DEADLINE_NONE - 1);
	assert_false(timer_armed(&vm.timer));
	vm_arm_timer(&vm, DEADLINE_NONE);
	assert_false(timer_armed(&vm.timer));
}

/* ---- Reset ---- */

static void a_reset_starts_all_anew(void **state)
{
	(void)state;
	rig_long_mode();
	out(0x21, 0x12);
	out(0x80, 0x34);
	vm.vcpus[0]->cr8 = 5;
	vm.vcpus[0]->mtrr[0] = 6;
	vm.vcpus[0]->vmx.nmi_waiting = true;
	vm.vcpus[0]->gpr[RAX] = 0x06; /* CF9h: the whole system */
	assert_true(rig_instruction(EXIT_REASON_IO_INSTRUCTION, 0xcf9UL << 16, 2));
	assert_logged("vm bench: the guest resets its machine");
	assert_int_equal(loads, 1);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIG_RIP);
	assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_PE | CR0_ET);
	assert_int_equal(vm.vcpus[0]->cr8, 0);
	assert_int_equal(vm.vcpus[0]->mtrr[0], 0);
	assert_false(vm.vcpus[0]->vmx.nmi_waiting);
	assert_int_equal(vm.vcpus[0]->gpr[RAX], 0);
	assert_int_equal(port_read(&vm.machine.ports, 0x80, 1), 0);
	assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
	assert_int_equal(rig_requests(), 0);
}

static void a_processor_reset_is_one_as_well(void **state)
{
	(void)state;
	vm.vcpus[0]->gpr[RAX] = 1;
	assert_true(rig_instruction(EXIT_REASON_IO_INSTRUCTION, 0x92UL << 16, 2));
	assert_logged("vm bench: the guest resets its processor");
	assert_int_equal(loads, 1);
}

/* A guest that left protected mode by a reset, as programs of the 80286 do. */
static void leave_by(uint8_t code, uint16_t port, uint8_t value)
{
	out(0x70, 0x0f);
	out(0x71, code);
	rig_poke(0x467, 0x12345678, 4);
	vm.vcpus[0]->gpr[RAX] = value;
	assert_true(rig_instruction(EXIT_REASON_IO_INSTRUCTION, (uint64_t)port << 16, 2));
}

static void a_reset_with_a_shutdown_byte_returns_to_the_guest(void **state)
{
	/* clang-format off */
	static const struct {
		uint16_t port;
		uint8_t value;
		bool machine; /* the devices are reset, too */
	} ways[] = {
		{0x92,  0x01, false},
		{0x64,  0xfe, false},
		{0xcf9, 0x04, false},
		{0xcf9, 0x06, true},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(ways) * 2; i++) {
		bool ends = i % 2;

		rig_long_mode();
		out(0x92, 0);
		out(0xcf9, 0);
		out(0x80, 0x34);
		vm.machine.pic.chip[0].isr = 1;
		leave_by(ends ? 0x05 : 0x0a, ways[i / 2].port, ways[i / 2].value);
		assert_int_equal(loads, 0);
		assert_int_equal(vm.state, VM_RUNNING);
		assert_int_equal(vmread(VMCS_GUEST_RIP), 0x5678);
		assert_int_equal(vmread(VMCS_GUEST_CS_SELECTOR), 0x1234);
		assert_int_equal(vmread(VMCS_GUEST_CS_BASE), 0x12340);
		assert_int_equal(backend_cr0(vm.vcpus[0]), CR0_ET);
		assert_int_equal(vmx_audit(vm.vcpus[0], NULL), 0);
		assert_int_equal(rig_requests(), 0);
		assert_int_equal(port_read(&vm.machine.ports, 0x80, 1), ways[i / 2].machine ? 0 : 0x34);
		assert_int_equal(vm.machine.pic.chip[0].isr, ends || ways[i / 2].machine ? 0 : 1);
		out(0x70, 0x0f);
		assert_int_equal(port_read(&vm.machine.ports, 0x71, 1), 0);
	}
	/* The byte counts once, and other codes not at all. */
	leave_by(0x09, 0x92, 0x01);
	assert_int_equal(loads, 1);
}

/* The first time at once: one reset is what a kernel does. */
static void a_guest_that_resets_in_a_loop_is_loaded_at_a_rate(void **state)
{
	const uint64_t wait = time_tsc_from_ns(50000000);
	uint64_t started;

	(void)state;
	vm_reset_by_guest(&vm);
	assert_true(rig_run());
	assert_int_equal(loads, 1);
	started = vm.started;
	for (unsigned n = 0; n < 10; n++) {
		vm_reset_by_guest(&vm);
		assert_false(rig_run());
		assert_int_equal(loads, 1);
		assert_int_equal(vm.state, VM_STARTING);
	}
	assert_int_equal(cpu_deadline(&cpu), started + wait);
	fake_x86.tsc = started + wait;
	assert_true(rig_run());
	assert_int_equal(loads, 2);
	assert_int_equal(vm.state, VM_RUNNING);
	/* The operator need not wait, and can call the wait off. */
	vm_reset_by_guest(&vm);
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_int_equal(loads, 3);
	vm_reset_by_guest(&vm);
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_stopped(VM_FORCED);
}

static void a_stopped_vm_can_be_started_again(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_FORCE);
	vm_ask_and_wait(&vm, VM_RESET); /* has no meaning now */
	assert_stopped(VM_FORCED);
	assert_int_equal(rig_start(&vm), 0);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vm.end, VM_NOT_STARTED);
	assert_int_equal(loads, 1);
	assert_true(rig_instruction(EXIT_REASON_CPUID, 0, 2));
	assert_int_equal(stopped_calls, 1);
}

static void a_reset_without_images_ends_it(void **state)
{
	(void)state;
	load_result = -ERR_NOT_FOUND;
	vm_reset(&vm);
	assert_false(rig_exit(EXIT_REASON_CPUID, 0));
	assert_stopped(VM_NOT_LOADED);
	assert_logged("vm bench: the kernel is not one");
	assert_int_equal(stopped_calls, 1);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
}

static void a_reset_wakes_from_hlt(void **state)
{
	(void)state;
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_false(rig_requests() & REQUEST_HALTED);
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(loads, 1);
}

static void a_reset_ends_a_pause(void **state)
{
	uint64_t clock;

	(void)state;
	vm_ask_and_wait(&vm, VM_PAUSE);
	assert_false(rig_run());
	clock = clock_now(&vm.clock);
	fake_x86.tsc += 7000000;
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(clock_now(&vm.clock), clock); /* the machine's clock does not count it */
	assert_int_equal(vm.vcpus[0]->tsc_offset, -vm.clock.base);
}

static void a_halt_for_good_ends_a_vm_whose_config_says_so(void **state)
{
	(void)state;
	vm.config.on_halt = VM_HALT_STOP;
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED | RFLAGS_IF);
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1)); /* an interrupt would wake it */
	assert_int_equal(vm.state, VM_RUNNING);
	vm_reset(&vm);
	assert_true(rig_run());
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_RESERVED);
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_int_equal(vm.end, VM_HALTED);
	assert_int_equal(vm.state, VM_STOPPED);
	assert_logged("vm bench: halted with interrupts off after ");
}

static void a_reset_says_halted_again(void **state)
{
	(void)state;
	assert_false(rig_instruction(EXIT_REASON_HLT, 0, 1));
	assert_true(vm.halted_said);
	vm_reset(&vm);
	assert_true(rig_run());
	assert_false(vm.halted_said);
}

/* ---- Crashes ---- */

static void a_vm_that_crashed_can_be_held(void **state)
{
	uint64_t owned = frames_owned(VM_OWNER(&vm));

	(void)state;
	vm.config.on_crash = VM_CRASH_HOLD;
	rig_poke(0x2000, 0x1122334455667788, 8);
	vm_stop(&vm, VM_TRIPLE_FAULT);
	assert_false(rig_run());
	assert_int_equal(vm.state, VM_HELD);
	assert_int_equal(vm.end, VM_TRIPLE_FAULT);
	assert_int_equal(stopped_calls, 1); /* it does not count as on */
	assert_int_equal(frames_owned(VM_OWNER(&vm)), owned);
	assert_int_equal(rig_memory(0x2000, 8), 0x1122334455667788);
	/* What makes no sense does nothing. */
	vm_ask_and_wait(&vm, VM_BUTTON | VM_PAUSE | VM_RESUME | VM_CONSOLE);
	assert_false(rig_run());
	assert_int_equal(vm.state, VM_HELD);
	/* It can be looked at, and restarted, or taken away. */
	vm_ask_and_wait(&vm, VM_DUMP);
	assert_non_null(strstr(vm_dumped, "code "));
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_int_equal(vm.state, VM_RUNNING);
	assert_int_equal(vm.end, VM_NOT_STARTED);
	vm_stop(&vm, VM_EMULATION);
	assert_false(rig_run());
	assert_int_equal(vm.state, VM_HELD);
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_stopped(VM_EMULATION);
	assert_int_equal(frames_owned(VM_OWNER(&vm)), 0);
}

/* One that crashes at once does not get more than one start a second. */
static void a_vm_that_crashed_can_be_restarted(void **state)
{
	uint64_t last = vm.started;

	(void)state;
	vm.config.on_crash = VM_CRASH_RESTART;
	for (unsigned i = 1; i <= 3; i++) {
		fake_x86.tsc += 1000;
		vm_stop(&vm, VM_TRIPLE_FAULT);
		assert_int_equal(vm.state, VM_STARTING);
		assert_int_equal(vm.restarts, i);
		rig.idle = NULL;
		assert_false(rig_run()); /* waits */
		assert_int_equal(cpu_deadline(&cpu), last + RIG_TSC_HZ);
		rig.idle = pass_to_the_deadline;
		assert_true(rig_run());
		assert_int_equal(vm.state, VM_RUNNING);
		assert_int_equal(loads, i);
		assert_int_equal(vm.started, last + RIG_TSC_HZ);
		last = vm.started;
	}
	rig.idle = NULL;
	assert_int_equal(stopped_calls, 0);
	/* One that ran for longer than that starts at once. */
	fake_x86.tsc += 5UL * RIG_TSC_HZ;
	vm_stop(&vm, VM_UNEXPECTED_EXIT);
	assert_true(rig_run());
	assert_int_equal(loads, 4);
	/* Only its own faults count. */
	vm_stop(&vm, VM_POWERED_OFF);
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_int_equal(vm.restarts, 4);
}

static void a_restart_that_waits_can_be_called_off(void **state)
{
	(void)state;
	vm.config.on_crash = VM_CRASH_RESTART;
	vm_stop(&vm, VM_TRIPLE_FAULT);
	assert_false(rig_run());
	assert_true(timer_armed(&vm.start_timer));
	vm_ask_and_wait(&vm, VM_FORCE);
	assert_stopped(VM_TRIPLE_FAULT);
	assert_false(timer_armed(&vm.start_timer));
	assert_int_equal(stopped_calls, 1);
}

/* ---- The power button ---- */

static void the_button_has_ten_seconds(void **state)
{
	(void)state;
	assert_true(vm_ask_and_wait(&vm, VM_BUTTON));
	assert_int_equal(vm.state, VM_RUNNING);
	assert_true(vm.button_pressed);
	assert_int_equal(vm.button_timer.deadline, fake_x86.tsc + VM_STOP_SECONDS * (uint64_t)RIG_TSC_HZ);
	assert_true(rig_run());
	fake_x86.tsc = vm.button_timer.deadline;
	cpu_catch_up(&cpu);
	assert_false(rig_run());
	assert_stopped(VM_FORCED);
}

static void a_guest_that_obeys_is_not_forced(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_BUTTON);
	platform_power_off(RIG_PLATFORM);
	assert_false(timer_armed(&vm.button_timer));
	assert_false(rig_run());
	assert_stopped(VM_POWERED_OFF);
	assert_false(vm.button_pressed);
}

static void a_reset_forgets_the_button(void **state)
{
	(void)state;
	vm_ask_and_wait(&vm, VM_BUTTON);
	vm_ask(&vm, VM_RESET);
	assert_true(rig_run());
	assert_false(vm.button_pressed);
	assert_false(timer_armed(&vm.button_timer));
}

/* ---- Console ---- */

static void typed_bytes_reach_com1(void **state)
{
	(void)state;
	assert_int_equal(vm_console.serial.input(&vm_console.serial, (const uint8_t *)"x", 1), 1);
	assert_int_equal(port_read(&vm.machine.ports, 0x3fd, 1) & 1, 1);
	assert_int_equal(port_read(&vm.machine.ports, 0x3f8, 1), 'x');
	vm_stop(&vm, VM_FORCED); /* then they go nowhere, and no caller waits for them */
	assert_int_equal(vm_console.serial.input(&vm_console.serial, (const uint8_t *)"yyy", 3), 3);
	assert_int_equal(port_read(&vm.machine.ports, 0x3fd, 1) & 1, 0);
	vm_console.serial.output_ready(&vm_console.serial);
}

static void the_console_number_may_be_taken(void **state)
{
	static struct scrollback scrollback;
	static struct channel taken = {.scrollback = &scrollback};
	struct vm_config config = rig_config;

	(void)state;
	config.name = "other";
	define_other(&config);
	forget_other();
	assert_int_equal(channel_add(&taken, 2), 0);
	define_other(&config);
	assert_logged("warning: vm other: the console number 2 is taken");
	assert_int_equal(vm_start(&other, problem, sizeof(problem)), 0); /* all the same */
	run_other();
	assert_int_equal(other.state, VM_RUNNING);
	channel_remove(&taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		vm_test(a_vm_goes_only_to_a_state_that_may_follow),
		vm_test(a_vm_that_is_ending_takes_no_requests),
		vm_test(a_request_during_its_own_handling_is_not_lost),
		vm_test(the_operator_stops_it),
		vm_test(a_vm_that_ends_gives_its_memory_back),
		vm_test(the_guest_powers_off),
		vm_test(a_guests_fault_makes_a_report),
		vm_test(time_stands_still_while_paused),
		vm_test(a_timer_waits_for_the_end_of_the_pause),
		vm_test(a_paused_vm_arms_no_timer),
		vm_test(deadlines_beyond_the_end_of_time_are_never),
		vm_test(a_reset_starts_all_anew),
		vm_test(a_processor_reset_is_one_as_well),
		vm_test(a_reset_with_a_shutdown_byte_returns_to_the_guest),
		vm_test(a_guest_that_resets_in_a_loop_is_loaded_at_a_rate),
		vm_test(a_stopped_vm_can_be_started_again),
		vm_test(a_reset_without_images_ends_it),
		vm_test(a_reset_wakes_from_hlt),
		vm_test(a_reset_ends_a_pause),
		vm_test(a_halt_for_good_ends_a_vm_whose_config_says_so),
		vm_test(a_reset_says_halted_again),
		vm_test(a_vm_that_crashed_can_be_held),
		vm_test(a_vm_that_crashed_can_be_restarted),
		vm_test(a_restart_that_waits_can_be_called_off),
		vm_test(the_button_has_ten_seconds),
		vm_test(a_guest_that_obeys_is_not_forced),
		vm_test(a_reset_forgets_the_button),
		vm_test(typed_bytes_reach_com1),
		vm_test(nobody_is_told_while_another_runs),
		vm_test(the_console_number_may_be_taken),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
