/* SPDX-License-Identifier: MIT */
/* What the operator sees of a VM in each of its states: vmm/console/console_vm.c. */
#include "rigs/vm_life.h"

#define COM1     0x3f8
#define LSR      5
#define LSR_THRE 0x20

/*
 * Its own serial port (com2) is slow: the port's ring is full. Held, and let go on when the port
 * has caught up.
 */
static void a_pause_does_not_lose_room_for_output(void **state)
{
	(void)state;
	console_attach(&vm_console.serial);
	rig.console_full = true;
	out(COM1 + 2, 0x01);
	out(COM1, 'x');
	assert_int_equal(port_read(&vm.machine.ports, COM1 + LSR, 1) & LSR_THRE, 0);
	assert_true(vm_console.serial.output_waiting);
	assert_true(vm_ask_and_wait(&vm, VM_PAUSE));
	/* The line takes what was in the ring: ports_poll() kicks the VM. */
	rig.console_full = false;
	assert_true(channel_may_go_on(&vm_console.serial));
	vm_console.serial.kick(&vm_console.serial);
	cpu_run_calls(&cpu);
	assert_true(vm_ask_and_wait(&vm, VM_RESUME));
	/* From here on ports_poll() kicks for as long as the VM is said to wait. */
	if (channel_may_go_on(&vm_console.serial)) {
		vm_console.serial.kick(&vm_console.serial);
		cpu_run_calls(&cpu);
	}
	assert_int_equal(port_read(&vm.machine.ports, COM1 + LSR, 1) & LSR_THRE, LSR_THRE);
}

/* The operator goes to a screen, or to the shell. */
static void attach(struct channel *channel)
{
	console_attach(channel);
	other_console.screen.channel.kick(&other_console.screen.channel);
	cpu_run_calls(&cpu);
}

static void start_with_screen(enum vm_crash on_crash)
{
	struct vm_config config = rig_config;

	config.name = "other";
	config.machine.screen = true;
	config.on_crash = on_crash;
	assert_int_equal(start_other(&config), 0);
	run_other();
	assert_int_equal(other.state, VM_RUNNING);
}

static void end_with_screen(void)
{
	console_attach(NULL);
	vm_ask_and_wait(&other, VM_FORCE);
	channel_remove(&other_console.screen.channel);
}

/* Attached to its screen while it starts: what was shown in its earlier life is gone. */
static void a_screen_that_is_attached_during_the_start_is_painted_anew(void **state)
{
	(void)state;
	start_with_screen(VM_CRASH_STOP);
	attach(&other_console.screen.channel);
	assert_int_not_equal(other_console.screen.shown.columns, 0);
	/*
	 * It ends while the operator looks at its screen. He goes to the shell, starts it, and goes
	 * back.
	 */
	vm_ask_and_wait(&other, VM_FORCE);
	attach(NULL);
	assert_int_equal(vm_start(&other, problem, sizeof(problem)), 0);
	attach(&other_console.screen.channel);
	other_console.screen.shown.cells[3][3] = 0x0741; /* of the earlier life */
	run_other();
	assert_int_equal(other.state, VM_RUNNING);
	for (unsigned i = 0; i < 100; i++) {
		fake_x86.tsc += 50000000;
		cpu_timer_interrupt();
	}
	assert_false(other_console.screen.channel.changed);
	end_with_screen();
}

/* Its last words are on its screen. */
static void the_screen_of_one_that_is_held_or_paused_can_be_seen(void **state)
{
	(void)state;
	start_with_screen(VM_CRASH_HOLD);
	vm_ask_and_wait(&other, VM_PAUSE);
	attach(&other_console.screen.channel);
	assert_false(other_console.screen.channel.changed); /* painted */
	attach(NULL);
	vm_ask_and_wait(&other, VM_RESUME);
	vm_stop(&other, VM_TRIPLE_FAULT);
	(void)rig_run();
	assert_int_equal(other.state, VM_HELD);
	attach(&other_console.screen.channel);
	assert_false(other_console.screen.channel.changed);
	end_with_screen();
}

/* Its first key would be typed with Alt, and by the clock of a machine that is gone. */
static void an_escape_that_waits_ends_with_the_machine(void **state)
{
	(void)state;
	start_with_screen(VM_CRASH_STOP);
	attach(&other_console.screen.channel);
	fake_x86.tsc += 3600 * time_tsc_hz;
	assert_true(channel_receive(&other_console.screen.channel, 0x1b));
	cpu_run_calls(&cpu);
	assert_true(terminal_input_inside(&other_console.screen.typing.input));
	vm_ask_and_wait(&other, VM_FORCE);
	assert_int_equal(vm_start(&other, problem, sizeof(problem)), 0);
	run_other();
	assert_int_equal(other.state, VM_RUNNING);
	assert_false(terminal_input_inside(&other_console.screen.typing.input));
	end_with_screen();
}

/* For SysRq, kgdb and ddb: the guest's receiver tells of it. */
static void a_break_is_one_at_the_guests_receiver(void **state)
{
	const struct uart_state *uart = other.machine.device[DEVICE_UART0].state;

	(void)state;
	start_with_screen(VM_CRASH_STOP);
	assert_int_equal(uart->receive.count, 0);
	assert_true(channel_receive_break(&other_console.serial));
	cpu_run_calls(&cpu);
	assert_int_equal(uart->receive.count, 1);
	assert_int_equal(uart->lsr & 0x19, 0x19); /* data, with a framing error, and BREAK */
	assert_false(channel_receive_break(&other_console.screen.channel));
	end_with_screen();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		vm_test(a_pause_does_not_lose_room_for_output),
		vm_test(a_screen_that_is_attached_during_the_start_is_painted_anew),
		vm_test(the_screen_of_one_that_is_held_or_paused_can_be_seen),
		vm_test(a_break_is_one_at_the_guests_receiver),
		vm_test(an_escape_that_waits_ends_with_the_machine),
	};

	return cmocka_run_group_tests(tests, rig_boot, NULL);
}
