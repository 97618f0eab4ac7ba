/* SPDX-License-Identifier: MIT */
#include "vmm/console/console_vm.h"
#include "vmm/observe/log.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

/* Its devices are there; the guest takes notice when it runs again. */
static bool listens(const struct vm *vm)
{
	return vm->state == VM_RUNNING || vm->state == VM_PAUSED;
}

static size_t serial_input(struct channel *channel, const uint8_t *bytes, size_t count)
{
	struct vm *vm = channel->owner;

	if (!listens(vm))
		return count; /* nobody there to read it */
	return uart_receive(&vm->machine.device[DEVICE_UART0], bytes, count);
}

static void serial_output_ready(struct channel *channel)
{
	struct vm *vm = channel->owner;

	if (listens(vm))
		uart_output_ready(&vm->machine.device[DEVICE_UART0]);
}

static void kick(struct channel *channel)
{
	vm_ask(channel->owner, VM_CONSOLE);
}

static bool has_screen(const struct vm *vm)
{
	return vm->config.machine.screen;
}

/*
 * What the operator sees of the screen follows it; until there is something on it, it is looked at
 * now and then.
 */
static void look(struct vm *vm)
{
	uint64_t ns = SCREEN_LIVELY_NS;

	if (!has_screen(vm))
		return;
	if (vm->powered) {
		channel_service(&vm->screen.channel); /* attached before there was anything to paint? */
		ns = console_screen_look(&vm->screen);
	}
	cpu_timer_arm(this_cpu(), &vm->look,
	              ns == SCREEN_NEVER ? TIMER_NEVER : time_now() + time_tsc_from_ns(ns));
}

static void look_again(struct timer *timer)
{
	look(container_of(timer, struct vm, look));
}

static void add(struct vm *vm, struct channel *channel)
{
	channel->owner = vm;
	channel->kick = kick;
	if (channel_add(channel, vm->number + 1))
		log_warning("vm %s: the console number %u is taken\n", vm->name, vm->number + 1);
}

void console_vm_define(struct vm *vm)
{
	timer_init(&vm->look, look_again);
	vm->console.name = vm->name;
	vm->console.input = serial_input;
	vm->console.output_ready = serial_output_ready;
	vm->console.scrollback = &vm->scrollback;
	add(vm, &vm->console);
	if (!has_screen(vm))
		return;
	console_screen_init(&vm->screen, vm->name, &vm->machine, &vm->map);
	add(vm, &vm->screen.channel);
}

void console_vm_forget(struct vm *vm)
{
	channel_remove(&vm->console);
	if (has_screen(vm))
		channel_remove(&vm->screen.channel);
}

void console_vm_service(struct vm *vm)
{
	channel_service(&vm->console);
	if (vm->powered)
		look(vm);
}

void console_vm_arrive(struct vm *vm)
{
	look(vm);
}

void console_vm_leave(struct vm *vm)
{
	timer_cancel(&vm->look);
}
