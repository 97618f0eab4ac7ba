/* SPDX-License-Identifier: MIT */
/* What a VM's devices need from the monitor: devices/machine/services.h. */
#include "devices/machine/services.h"
#include "vmm/observe/log.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

uint64_t service_clock_ns(const struct machine *machine)
{
	const struct vm *vm = container_of(machine, const struct vm, machine);

	return time_ns_from_tsc(time_now() - vm->clock_base);
}

int64_t service_epoch(const struct machine *machine)
{
	return machine_vm(machine)->epoch;
}

void service_deadline_changed(struct machine *machine, uint64_t deadline)
{
	vm_arm_timer(machine_vm(machine), deadline);
}

void service_intr_changed(struct machine *machine, bool asserted)
{
	struct vcpu *vcpu = vm_boot_vcpu(machine_vm(machine));

	if (asserted)
		vcpu_request_and_wake(vcpu, REQUEST_INTERRUPT);
	else
		vcpu->requests &= ~(uint32_t)REQUEST_INTERRUPT;
}

void service_nmi(struct machine *machine)
{
	vcpu_request_and_wake(vm_boot_vcpu(machine_vm(machine)), REQUEST_NMI);
}

/*
 * A guest may do it in a loop: then the operator, who is about to stop it, reads so once a second.
 */
static void say_reset(struct vm *vm, const char *what)
{
	vm->resets++;
	if (vm->resets > 1 && time_now() - vm->reset_said < time_tsc_hz)
		return;
	vm->reset_said = time_now();
	log_info("vm %s: the guest resets its %s (reset %lu)\n", vm->name, what, vm->resets);
}

/*
 * Either kind starts the guest anew: there is no firmware that a CPU reset alone could return to.
 */
void service_reset(struct machine *machine, enum reset_kind kind)
{
	struct vm *vm = machine_vm(machine);

	say_reset(vm, kind == RESET_CPU ? "processor" : "machine");
	vm_reset(vm);
}

void service_power_off(struct machine *machine)
{
	vm_stop(machine_vm(machine), VM_POWERED_OFF);
}

/* COM1 is the console; the other ports lead nowhere, as with no cable plugged in. */
void service_serial_output(struct machine *machine, unsigned unit, uint8_t byte)
{
	if (unit == 0)
		channel_put(&machine_vm(machine)->console, byte);
}

bool service_serial_room(struct machine *machine, unsigned unit)
{
	return unit != 0 || channel_room(&machine_vm(machine)->console);
}

void service_serial_input_wanted(struct machine *machine, unsigned unit)
{
	if (unit == 0)
		channel_input_wanted(&machine_vm(machine)->console);
}

void service_keyboard_input_wanted(struct machine *machine)
{
	channel_input_wanted(&machine_vm(machine)->screen.channel);
}

/* Port E9h goes where COM1 goes: early boot code prints there. */
void service_debug_output(struct machine *machine, uint8_t byte)
{
	channel_put(&machine_vm(machine)->console, byte);
}
