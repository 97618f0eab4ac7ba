/* SPDX-License-Identifier: MIT */
/* What an operator, and a VM that ends, asks of a VM: carried out in the run loop of its CPU. */
#include "vmm/backend.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm_internal.h"

#define ANSWER_NS 2000000000 /* a CPU that takes longer is lost */

/* ---- Pause ---- */

static void vm_pause(struct vm *vm)
{
	if (vm->state != VM_RUNNING)
		return;
	vm_set_state(vm, VM_PAUSED);
	clock_stop(&vm->clock, time_now());
	timer_cancel(&vm->timer);
	timer_cancel(&vm->button_timer); /* vm_resume() goes on with it */
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vcpu_kick(vm->vcpus[i], REQUEST_PAUSE);
}

/* The guest's time-stamp counter stood still with the machine's clock. */
static void vm_resume_vcpu(struct vcpu *vcpu, uint64_t pause)
{
	vcpu->tsc_offset -= pause;
	backend_set_tsc_offset(vcpu, vcpu->tsc_offset);
	vcpu->requests &= ~(uint32_t)REQUEST_PAUSE;
}

void vm_resume(struct vm *vm)
{
	enum sched_state state = vm_boot_vcpu(vm)->sched.state;
	uint64_t pause;

	if (vm->state != VM_PAUSED)
		return;
	pause = clock_go_on(&vm->clock, time_now());
	vm_set_state(vm, VM_RUNNING);
	vm->button_until += pause;
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vm_resume_vcpu(vm->vcpus[i], pause);
	if (state == SCHED_BLOCKED || state == SCHED_RUNNING)
		vm_run_timers(vm);
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		sched_wake(&vm->vcpus[i]->sched);
}

/* ---- The power button ---- */

static void vm_press_button(struct vm *vm)
{
	if (vm->state != VM_RUNNING)
		return;
	acpi_pm_power_button(&vm->machine.device[DEVICE_ACPI_PM]);
	vm->button_pressed = true;
	vm->button_until = time_now() + VM_STOP_SECONDS * time_tsc_hz;
	cpu_timer_arm(this_cpu(), &vm->button_timer, vm->button_until);
}

void vm_release_button(struct vm *vm)
{
	vm->button_pressed = false;
	timer_cancel(&vm->button_timer);
}

void vm_button_timer_expired(struct timer *timer)
{
	vm_stop(container_of(timer, struct vm, button_timer), VM_FORCED);
}

/* ---- Power ---- */

static void vm_force_off(struct vm *vm)
{
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED)
		vm_stop(vm, VM_FORCED);
	if (vm->state != VM_STARTING && vm->state != VM_HELD)
		return;
	if (vm->state == VM_STARTING && vm->end == VM_NOT_STARTED)
		vm->end = VM_FORCED; /* else it has ended by itself */
	vm_set_state(vm, VM_ENDING);
	vm_free(vm); /* nothing to say: it does not run */
}

/* ---- The way of a request ---- */

static void vm_carry_out_here(struct vm *vm, uint32_t asked)
{
	if (asked & VM_CONSOLE && vm->terminal)
		vm->terminal->ops->service(vm->terminal);
	if (asked & VM_BUTTON)
		vm_press_button(vm);
	if (asked & VM_PAUSE)
		vm_pause(vm);
	if (asked & VM_RESUME)
		vm_resume(vm);
	if (asked & VM_DUMP)
		vm_keep_dump(vm);
	if (asked & VM_HALT && vm_has_halted(vm))
		vm_stop(vm, VM_HALTED);
	if (asked & VM_FORCE)
		vm_force_off(vm);
	if (asked & VM_FREE && vm->state == VM_ENDING)
		vm_free(vm);
	if (asked & VM_RESET) /* last: one that has not run yet is on its way to another CPU then */
		vm_reset(vm);
}

/*
 * `carrying_out` is set before `asked` becomes 0, so that vm_ask_and_wait(), which reads them in
 * the other order, never takes the middle for the end.
 */
void vm_carry_out(struct cpu_call *call)
{
	struct vm *vm = container_of(call, struct vm, call);
	const struct sched_entity *home = &vm_boot_vcpu(vm)->sched;
	unsigned cpu = sched_cpu(home);

	if (cpu != this_cpu()->index || home->moving) {
		cpu_call(cpu_get(cpu), call); /* after it */
		return;
	}
	__atomic_store_n(&vm->carrying_out, true, __ATOMIC_RELAXED);
	vm_carry_out_here(vm, __atomic_exchange_n(&vm->asked, 0, __ATOMIC_ACQ_REL));
	__atomic_store_n(&vm->carrying_out, false, __ATOMIC_RELEASE);
}

void vm_ask(struct vm *vm, uint32_t requests)
{
	__atomic_or_fetch(&vm->asked, requests, __ATOMIC_RELEASE);
	cpu_call(cpu_get(sched_cpu(&vm_boot_vcpu(vm)->sched)), &vm->call);
}

static bool vm_has_answered(const struct vm *vm)
{
	return !__atomic_load_n(&vm->asked, __ATOMIC_ACQUIRE) &&
	       !__atomic_load_n(&vm->carrying_out, __ATOMIC_ACQUIRE);
}

bool (*vm_wait)(void);

bool vm_ask_and_wait(struct vm *vm, uint32_t requests)
{
	uint64_t start = time_now();

	vm_ask(vm, requests);
	while (!vm_has_answered(vm)) {
		if (!vm_wait || !vm_wait()) {
			cpu_run_calls(this_cpu());
			cpu_relax();
		}
		if (time_now() - start > time_tsc_from_ns(ANSWER_NS))
			return false;
	}
	return true;
}

void vm_watch(struct vm *vm, uint8_t watch)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		vm->vcpus[i]->watch = watch;
		vcpu_kick(vm->vcpus[i], REQUEST_RESCHEDULE); /* on its way out it takes notice */
	}
}
