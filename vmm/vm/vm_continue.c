/* SPDX-License-Identifier: MIT */
/*
 * A reset by which a guest of the 80286's time leaves protected mode: it says in CMOS RAM what
 * firmware shall do, and firmware returns to it. IBM PC AT Technical Reference, "BIOS", "Shutdown
 * Status Byte". What other codes ask for needs a BIOS, so they start the guest again.
 */
#include "vmm/backend.h"
#include "vmm/vm/vm_internal.h"

#define SHUTDOWN_EOI_JUMP 0x05 /* end an interrupt of both controllers first */
#define SHUTDOWN_JUMP     0x0a

#define RETURN_ADDRESS 0x467 /* 40:67h: offset, segment */
#define STACK_TOP      0x400 /* of the firmware's stack, 30:100h */

#define OCW2_EOI 0x20

bool vm_continue(struct vm *vm, enum reset_kind kind)
{
	uint8_t code = rtc_take_shutdown(&vm->machine.device[DEVICE_RTC]);

	if (vm->state != VM_RUNNING || (code != SHUTDOWN_EOI_JUMP && code != SHUTDOWN_JUMP))
		return false;
	vm->work.step = VM_WORK_CONTINUE;
	vm->work.resets_machine = kind == RESET_SYSTEM;
	vm->work.ends_interrupt = code == SHUTDOWN_EOI_JUMP;
	vcpu_kick(vm_boot_vcpu(vm), REQUEST_WORK);
	return true;
}

static void continue_with_reset_machine(struct vm *vm)
{
	machine_reset(&vm->machine);
	machine_firmware(&vm->machine);
	vm_work_reset_vcpu(vm_boot_vcpu(vm));
}

/* An INIT leaves the devices and most MSRs alone: SDM Vol. 3A "Processor State After Reset". */
void vm_work_continue(struct vm *vm)
{
	struct vcpu *vcpu = vm_boot_vcpu(vm);
	struct vcpu_start start = {.mode = START_REAL, .rsp = STACK_TOP};
	uint16_t address[2];

	guest_read(&vm->map, RETURN_ADDRESS, address, sizeof(address));
	start.rip = address[0];
	start.cs = address[1];
	if (vm->work.resets_machine)
		continue_with_reset_machine(vm);
	if (vm->work.ends_interrupt) {
		port_write(&vm->machine.ports, 0xa0, 1, OCW2_EOI);
		port_write(&vm->machine.ports, 0x20, 1, OCW2_EOI);
	}
	vcpu->requests = machine_intr(&vm->machine) ? REQUEST_INTERRUPT : 0;
	backend_vcpu_start(this_cpu(), vcpu, &start);
	vm->halted_said = false;
}
