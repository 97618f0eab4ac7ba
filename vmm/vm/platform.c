/* SPDX-License-Identifier: MIT */
/* What a VM's devices ask of the monitor: see platform.h. */
#include "vmm/vm/platform.h"
#include "lib/string.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/log.h"
#include "vmm/vm/vm_internal.h"

/* ---- Events ---- */

static void platform_deadline_changed(void *context, uint64_t deadline)
{
	vm_arm_timer(context, deadline);
}

static void platform_nmi_raised(void *context)
{
	vcpu_kick(vm_boot_vcpu(context), REQUEST_NMI);
}

/*
 * A guest may do it in a loop: then the operator, who is about to stop it, reads so once a second.
 */
static void platform_say_reset(struct vm *vm, const char *what)
{
	if (vm->resets && time_now() - vm->reset_said < time_tsc_hz)
		return;
	vm->reset_said = time_now();
	log_info("vm %s: the guest resets its %s (reset %lu)\n", vm->name, what, vm->resets + 1);
}

/* Either kind starts the guest again, unless the guest has told firmware to return to it. */
static void platform_reset_asked(void *context, enum reset_kind kind)
{
	if (vm_continue(context, kind))
		return;
	platform_say_reset(context, kind == RESET_CPU ? "processor" : "machine");
	vm_reset_by_guest(context);
}

static void platform_powered_off(void *context)
{
	vm_stop(context, VM_POWERED_OFF);
}

/* COM1 is the console; the other ports lead nowhere, as with no cable plugged in. */
static void platform_put_serial(void *context, unsigned unit, uint8_t byte)
{
	struct vm_terminal *terminal = ((struct vm *)context)->terminal;

	if (unit == 0 && terminal)
		terminal->ops->output(terminal, byte);
}

static bool platform_has_serial_room(void *context, unsigned unit)
{
	struct vm_terminal *terminal = ((struct vm *)context)->terminal;

	return unit != 0 || !terminal || terminal->ops->room(terminal);
}

static void platform_want_input(struct vm *vm, enum vm_input input)
{
	if (vm->terminal)
		vm->terminal->ops->input_wanted(vm->terminal, input);
}

static void platform_want_serial_input(void *context, unsigned unit)
{
	if (unit == 0)
		platform_want_input(context, VM_INPUT_SERIAL);
}

static void platform_want_keys(void *context)
{
	platform_want_input(context, VM_INPUT_KEYBOARD);
}

/* Port E9h goes where COM1 goes: early boot code prints there. */
static void platform_put_debug(void *context, uint8_t byte)
{
	platform_put_serial(context, 0, byte);
}

/* Any guest can write any vector to that port, so each is told once. */
static void platform_say_firmware_called(void *context, uint8_t vector)
{
	static const char *const services[] = {
		"screen",   "equipment list", "memory size", "disk", "serial ports", "system",
		"keyboard", "printer",        "BASIC",       "boot", "clock",
	};
	struct vm *vm = context;
	unsigned service = vector - 0x10u;

	if (service >= ARRAY_SIZE(services) || vm->firmware_said & BIT(service))
		return;
	vm->firmware_said |= (uint16_t)BIT(service);
	log_warning("vm %s: calls the BIOS by INT %xh (%s), and guests have none: calls return "
	            "and have done nothing\n",
	            vm->name, vector, services[service]);
}

static const struct platform_events platform_events = {
	.deadline_changed = platform_deadline_changed,
	.nmi = platform_nmi_raised,
	.reset = platform_reset_asked,
	.power_off = platform_powered_off,
	.serial_output = platform_put_serial,
	.serial_room = platform_has_serial_room,
	.serial_input_wanted = platform_want_serial_input,
	.keyboard_input_wanted = platform_want_keys,
	.debug_output = platform_put_debug,
	.firmware_called = platform_say_firmware_called,
};

/* ---- The boot processor's interrupt pin ---- */

static void platform_intr_changed(struct line_sink *sink, bool level)
{
	struct vcpu *vcpu = vm_boot_vcpu(sink->owner);

	if (level)
		vcpu_kick(vcpu, REQUEST_INTERRUPT);
	else
		vcpu->requests &= ~(uint32_t)REQUEST_INTERRUPT;
}

static const struct line_sink_ops platform_intr_ops = {.changed = platform_intr_changed};

/* ---- The devices' memory, so that the map says what is there ---- */

static uint64_t platform_region_size(const struct memory_binding *binding)
{
	return ALIGN_UP((uint64_t)binding->region->size, PAGE_SIZE);
}

static int platform_memory_claimed(struct memory_listener *listener, const struct memory_binding *binding)
{
	struct vm *vm = container_of(listener, struct vm, device_memory);

	return guest_map_add(&vm->map, binding->base, platform_region_size(binding), GUEST_DEVICE);
}

static void platform_memory_released(struct memory_listener *listener, const struct memory_binding *binding)
{
	struct vm *vm = container_of(listener, struct vm, device_memory);

	guest_map_remove_device(&vm->map, binding->base, platform_region_size(binding));
}

/* ---- The machine ---- */

static void platform_start_clock(struct clock *clock)
{
	*clock = (struct clock){
		.base = time_now(),
		.multiplier = time_scale_to_ns.multiplier,
		.shift = time_ns_left,
		.stopped_at = CLOCK_RUNS,
		.epoch = time_epoch(),
	};
}

int platform_make_machine(struct vm *vm)
{
	const struct platform platform = {&vm->clock, &platform_events, vm};
	int error;

	memset(&vm->machine, 0, sizeof(vm->machine));
	platform_start_clock(&vm->clock);
	error = machine_create(&vm->machine, &vm->config.machine, &platform);
	if (error)
		return error;
	vm->intr = (struct line_sink){.ops = &platform_intr_ops, .owner = vm};
	line_add_sink(&vm->machine.interrupts.intr, &vm->intr);
	vm->device_memory = (struct memory_listener){platform_memory_claimed, platform_memory_released};
	return memory_space_listen(&vm->machine.memory, &vm->device_memory);
}
