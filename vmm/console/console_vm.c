/* SPDX-License-Identifier: MIT */
#include "vmm/console/console_vm.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/log.h"

#define LOOK_TURNS 256

static struct console_vm *console_vm_of(struct vm_terminal *terminal)
{
	return container_of(terminal, struct console_vm, terminal);
}

/* Are the devices there? The guest takes notice when it runs again. */
static bool console_vm_listens(const struct vm *vm)
{
	return vm->state == VM_RUNNING || vm->state == VM_PAUSED;
}

static bool console_vm_has_screen(const struct vm *vm)
{
	return vm->config.machine.screen;
}

/* ---- The channels ---- */

static size_t console_vm_input(struct channel *channel, const uint8_t *bytes, size_t count)
{
	struct console_vm *console = channel->owner;

	if (!console_vm_listens(console->vm))
		return count; /* there is no guest to read it */
	return uart_receive(&console->vm->machine.device[DEVICE_UART0], bytes, count);
}

static bool console_vm_break(struct channel *channel)
{
	struct console_vm *console = channel->owner;

	return !console_vm_listens(console->vm) ||
	       uart_offer_break(&console->vm->machine.device[DEVICE_UART0]);
}

static void console_vm_output_ready(struct channel *channel)
{
	struct console_vm *console = channel->owner;

	if (console_vm_listens(console->vm))
		uart_output_ready(&console->vm->machine.device[DEVICE_UART0]);
}

static void console_vm_kick(struct channel *channel)
{
	struct console_vm *console = channel->owner;

	vm_ask(console->vm, VM_CONSOLE);
}

static void console_vm_add_channel(struct console_vm *console, struct channel *channel)
{
	const struct vm *vm = console->vm;

	channel->owner = console;
	channel->kick = console_vm_kick;
	if (channel_add(channel, vm_console_number(vm)))
		log_warning("vm %s: the console number %u is taken\n", vm->name, vm_console_number(vm));
}

/* ---- The screen ---- */

/*
 * Each VM that is looked at for life has its own turn in a second. VMs that were started together
 * would be looked at together else, 32 of them in 3.5 ms.
 */
static uint64_t console_vm_next_turn(const struct vm *vm)
{
	uint64_t now = time_now(), round = time_tsc_from_ns(SCREEN_LIVELY_NS);
	uint64_t turn = round / LOOK_TURNS * (vm->number % LOOK_TURNS);

	return now + round - (now - turn) % round;
}

static uint64_t console_vm_next_look(const struct vm *vm, uint64_t ns)
{
	switch (ns) {
	case SCREEN_NEVER: return TIMER_NEVER;
	case SCREEN_LIVELY_NS: return console_vm_next_turn(vm);
	default: return time_now() + time_tsc_from_ns(ns);
	}
}

/*
 * What the operator sees of the screen follows it; until there is something on it, it is looked at
 * now and then.
 */
static void console_vm_look(struct console_vm *console)
{
	uint64_t ns = SCREEN_LIVELY_NS;

	if (!console_vm_has_screen(console->vm))
		return;
	if (console->vm->powered) {
		/* Attached before there was anything to paint? */
		channel_service(&console->screen.channel);
		ns = console_screen_look(&console->screen);
	} else {
		typing_forget(&console->screen.typing); /* its time is that of an earlier machine's clock */
	}
	cpu_timer_arm(this_cpu(), &console->look, console_vm_next_look(console->vm, ns));
}

static void console_vm_look_again(struct timer *timer)
{
	console_vm_look(container_of(timer, struct console_vm, look));
}

/* ---- The VM's terminal ---- */

static void console_vm_output(struct vm_terminal *terminal, uint8_t byte)
{
	channel_put(&console_vm_of(terminal)->serial, byte);
}

static bool console_vm_room(struct vm_terminal *terminal)
{
	return channel_room(&console_vm_of(terminal)->serial);
}

static void console_vm_input_wanted(struct vm_terminal *terminal, enum vm_input input)
{
	struct console_vm *console = console_vm_of(terminal);

	if (input == VM_INPUT_SERIAL)
		channel_input_wanted(&console->serial);
	else
		console_screen_want_keys(&console->screen);
}

static void console_vm_service(struct vm_terminal *terminal)
{
	struct console_vm *console = console_vm_of(terminal);

	channel_service(&console->serial);
	if (console->vm->powered)
		console_vm_look(console);
}

static void console_vm_arrive(struct vm_terminal *terminal)
{
	console_vm_look(console_vm_of(terminal));
}

static void console_vm_leave(struct vm_terminal *terminal)
{
	timer_cancel(&console_vm_of(terminal)->look);
}

static const struct vm_terminal_ops console_vm_ops = {
	.output = console_vm_output,
	.room = console_vm_room,
	.input_wanted = console_vm_input_wanted,
	.service = console_vm_service,
	.arrive = console_vm_arrive,
	.leave = console_vm_leave,
};

void console_vm_connect(struct console_vm *console, struct vm *vm)
{
	console->vm = vm;
	console->terminal.ops = &console_vm_ops;
	timer_init(&console->look, console_vm_look_again);
	console->serial.name = vm->name;
	console->serial.input = console_vm_input;
	console->serial.input_break = console_vm_break;
	console->serial.output_ready = console_vm_output_ready;
	console->serial.scrollback = &console->scrollback;
	console_vm_add_channel(console, &console->serial);
	if (console_vm_has_screen(vm)) {
		console_screen_init(&console->screen, vm->name, &vm->machine, &vm->map);
		console_vm_add_channel(console, &console->screen.channel);
	}
	vm->terminal = &console->terminal;
}

void console_vm_disconnect(struct console_vm *console)
{
	console->vm->terminal = NULL;
	channel_remove(&console->serial);
	if (console_vm_has_screen(console->vm))
		channel_remove(&console->screen.channel);
}
