/* SPDX-License-Identifier: MIT */
/*
 * How a machine is made, and made again after a reset: in steps, which its vCPU does as if they
 * were its own work. So they take their turns, and count against its share.
 */
#include "lib/panic.h"
#include "lib/string.h"
#include "vmm/observe/log.h"
#include "vmm/x86/msr.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/trace.h"
#include "vmm/vm/platform.h"
#include "vmm/vm/vm_internal.h"

#define CLEAR_STEP KIB(64)
#define COPY_STEP  KIB(64)

void vm_work_reset_vcpu(struct vcpu *vcpu)
{
	vcpu->requests = 0;
	__atomic_store_n(&vcpu->kicked, 0, __ATOMIC_RELAXED);
	vcpu->cr8 = 0;
	vcpu->tsc_offset = -vcpu->vm->clock.base;
	msr_reset(vcpu);
}

/*
 * The machine's clock starts with its power, and the guest's TSC with it; a reset leaves both
 * alone.
 */
static int vm_work_power_on(struct vm *vm)
{
	int error;

	if (vm->powered) {
		machine_reset(&vm->machine);
		return 0;
	}
	error = platform_make_machine(vm);
	if (error) {
		log_error("vm %s: its devices cannot be made (error %d)\n", vm->name, error);
		return error;
	}
	/* Below 4 GiB: from 3 GiB on there are devices (guests/firmware/memory_map.h). */
	rtc_set_memory(&vm->machine.device[DEVICE_RTC], MIN(vm->config.machine.memory, GIB(3)));
	vm->powered = true;
	return 0;
}

bool vm_defer_copy(struct vm *vm, gpa_t to, const void *from, uint64_t size)
{
	struct vm_work *work = &vm->work;

	if (work->copies == VM_COPIES_MAX)
		return false;
	work->copy[work->copies++] = (struct vm_copy){to, from, size};
	return true;
}

static void vm_work_firmware(struct vm *vm)
{
	vm->end = VM_NOT_STARTED;
	vm->work.step = VM_WORK_LOAD;
	if (vm->loader.firmware(vm)) {
		log_error("vm %s: its firmware's tables do not fit into its memory; raise 'memory'\n",
		          vm->name);
		vm_stop(vm, VM_NOT_LOADED);
	}
}

static void vm_work_load(struct vm *vm)
{
	char problem[400];

	vm->work.copies = 0;
	vm->work.step = VM_WORK_COPY;
	if (vm->loader.load(vm, &vm->work.start, problem, sizeof(problem))) {
		log_error("vm %s: %s\n", vm->name, problem);
		vm_stop(vm, VM_NOT_LOADED);
	}
}

/* The last one first: their order does not matter. */
static void vm_work_copy(struct vm *vm)
{
	static const uint8_t zeroes[PAGE_SIZE];
	struct vm_work *work = &vm->work;
	struct vm_copy *next = &work->copy[work->copies - 1];
	uint64_t size;
	int error = 0;

	for (uint64_t left = COPY_STEP; left && next->size && !error; left -= size) {
		size = MIN(MIN(next->size, left), next->from ? COPY_STEP : sizeof(zeroes));
		error = guest_load(&vm->map, next->to, next->from ? next->from : zeroes, size);
		next->to += size;
		next->from += next->from ? size : 0;
		next->size -= size;
	}
	assert_monitor(!error); /* there was memory when it was put off */
	work->copies -= !next->size;
}

static void vm_work_begin(struct vm *vm)
{
	if (vm_work_power_on(vm)) {
		vm_stop(vm, VM_NOT_LOADED);
		return;
	}
	vm_work_reset_vcpu(vm_boot_vcpu(vm));
	machine_firmware(&vm->machine);
	backend_vcpu_start(this_cpu(), vm_boot_vcpu(vm), &vm->work.start);
	trace_vm(TRACE_START, vm->number, 0, 0, 0);
	vm->halted_said = false;
	vm_set_state(vm, VM_RUNNING);
	vm_arm_timer(vm, machine_deadline(&vm->machine));
	log_debug("vm %s: begins, %lu ticks after the monitor\n", vm->name, time_now() - time_entry);
}

const char *vm_work(struct vm *vm)
{
	static const char *const names[] = {
		[VM_WORK_CLEAR] = "clear", [VM_WORK_FIRMWARE] = "firmware", [VM_WORK_LOAD] = "load",
		[VM_WORK_COPY] = "copy",   [VM_WORK_BEGIN] = "begin",       [VM_WORK_CONTINUE] = "continue",
	};
	struct vm_work *work = &vm->work;
	const char *name;

	if (work->step == VM_WORK_COPY && !work->copies)
		work->step = VM_WORK_BEGIN;
	name = names[work->step];
	switch (work->step) {
	case VM_WORK_CLEAR:
		if (guest_map_clear(&vm->map, &work->cleared, CLEAR_STEP))
			work->step = VM_WORK_FIRMWARE;
		break;
	case VM_WORK_FIRMWARE: vm_work_firmware(vm); break;
	case VM_WORK_LOAD: vm_work_load(vm); break;
	case VM_WORK_COPY: vm_work_copy(vm); break;
	case VM_WORK_BEGIN: vm_work_begin(vm); break;
	case VM_WORK_CONTINUE: vm_work_continue(vm); break;
	}
	return name;
}
