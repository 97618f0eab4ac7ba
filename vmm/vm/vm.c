/* SPDX-License-Identifier: MIT */
/* The VMs that there are, and what stays the same from a VM's definition on. */
#include "vmm/vm/vm.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/vm/vm_internal.h"

static struct vm *vms[VMS_MAX];
unsigned vm_count;

struct vm *vm_get(unsigned number)
{
	return number < VMS_MAX ? vms[number] : NULL;
}

struct vm *vm_find(const char *name)
{
	for (unsigned i = 0; i < vm_count; i++)
		if (vms[i] && !strcmp(vms[i]->name, name))
			return vms[i];
	return NULL;
}

/* ---- What the guest's processor asks ---- */

bool vm_intr(const struct vm *vm)
{
	return machine_intr(&vm->machine);
}

uint8_t vm_acknowledge(struct vm *vm)
{
	return machine_acknowledge(&vm->machine);
}

void vm_fpu_error(struct vm *vm)
{
	machine_fpu_error(&vm->machine);
}

const char *vm_name(const struct vm *vm)
{
	return vm->name;
}

uint64_t vm_exits(const struct vm *vm)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < vm->vcpu_count; i++)
		sum += vcpu_exits(vm->vcpus[i]);
	return sum;
}

struct vm_counts vm_counts(const struct vm *vm)
{
	struct vm_counts sum = {.exits = vm_exits(vm)};

	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		const struct vcpu *vcpu = vm->vcpus[i];

		sum.ran += sched_ran(&vcpu->sched);
		sum.waited += __atomic_load_n(&vcpu->sched.waited, __ATOMIC_RELAXED);
		sum.injected += __atomic_load_n(&vcpu->injected, __ATOMIC_RELAXED);
		sum.emulated += __atomic_load_n(&vcpu->emulated, __ATOMIC_RELAXED);
	}
	return sum;
}

/* ---- Definition ---- */

static void vm_free_vcpus(struct vm *vm)
{
	while (vm->vcpu_count)
		frames_free(pointer_to_hpa(vm->vcpus[--vm->vcpu_count]), frames_order(sizeof(struct vcpu)));
}

void vm_schedule_vcpu(struct vcpu *vcpu)
{
	const struct vm_config *config = &vcpu->vm->config;

	sched_entity_init(&vcpu->sched, vcpu->vm_number, config->weight, config->cap, config->cpus);
}

/* What stays the same for the vCPU's life. */
static void vm_place_vcpu(struct vm *vm, struct vcpu *vcpu)
{
	vcpu->vm = vm;
	vcpu->vm_number = (uint16_t)vm->number;
	vcpu->owner = VM_OWNER(vm);
	vcpu->index = (uint16_t)vm->vcpu_count;
	vcpu->map = &vm->map;
	vcpu->ept = &vm->ept;
	vcpu->ports = &vm->machine.ports;
	vcpu->memory = &vm->machine.memory;
	vcpu->requests = REQUEST_STOP;
	vcpu_kick_init(vcpu);
	vm_schedule_vcpu(vcpu);
}

static int vm_add_vcpu(struct vm *vm)
{
	hpa_t frames = frames_alloc(frames_order(sizeof(struct vcpu)), FRAME_OWNER_MONITOR, FRAME_DATA);
	struct vcpu *vcpu;

	if (!frames)
		return -ERR_NO_MEMORY;
	vcpu = hpa_to_pointer(frames);
	vm_place_vcpu(vm, vcpu);
	vm->vcpus[vm->vcpu_count++] = vcpu;
	return 0;
}

int vm_define(struct vm *vm, const struct vm_config *config, const struct vm_loader *loader, unsigned number)
{
	format_buffer(vm->name, sizeof(vm->name), "%s", config->name);
	vm->number = number;
	vm->config = *config;
	vm->loader = *loader;
	if (vm_add_vcpu(vm))
		return -ERR_NO_MEMORY;
	timer_init(&vm->timer, vm_timer_expired);
	timer_init(&vm->start_timer, vm_start_timer_expired);
	timer_init(&vm->button_timer, vm_button_timer_expired);
	vm->call.run = vm_carry_out;
	vms[number] = vm;
	vm_count = MAX(vm_count, number + 1);
	return 0;
}

void vm_forget(struct vm *vm)
{
	vms[vm->number] = NULL;
	vm_free_vcpus(vm);
}
