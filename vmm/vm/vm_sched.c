/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler's doings mean for a VM: its devices' timers, which belong to the CPU of its
 * boot vCPU, and the registers of its vCPUs.
 */
#include "vmm/backend.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/log.h"
#include "vmm/vm/vm_internal.h"

/* ---- The devices' timers ---- */

static inline void vm_watch_deadline(struct vm *vm, uint64_t deadline)
{
	uint64_t tsc;

	if (deadline == DEADLINE_NONE ||
	    __builtin_add_overflow(time_tsc_from_ns(deadline), vm->clock.base, &tsc))
		tsc = TIMER_NEVER;
	if (vm_boot_vcpu(vm)->sched.state == SCHED_BLOCKED)
		cpu_sleeper_arm(this_cpu(), &vm->timer, tsc);
	else
		cpu_timer_arm(this_cpu(), &vm->timer, tsc);
}

void vm_arm_timer(struct vm *vm, uint64_t deadline)
{
	enum sched_state state = vm_boot_vcpu(vm)->sched.state;

	if (vm->state == VM_RUNNING && (state == SCHED_RUNNING || state == SCHED_BLOCKED))
		vm_watch_deadline(vm, deadline);
	else if (timer_armed(&vm->timer))
		cpu_timer_arm(this_cpu(), &vm->timer, TIMER_NEVER);
}

void vm_hold_timers(struct vm *vm)
{
	if (timer_armed(&vm->timer))
		timer_cancel(&vm->timer);
	if (timer_armed(&vm->button_timer))
		timer_cancel(&vm->button_timer); /* its next turn may be on another CPU */
}

void vm_run_timers(struct vm *vm)
{
	if (vm->state != VM_RUNNING)
		return;
	if (machine_deadline(&vm->machine) != DEADLINE_NONE) {
		machine_run_timers(&vm->machine);
		if (vm->state == VM_RUNNING) /* it has a turn or sleeps: a caller's business */
			vm_watch_deadline(vm, machine_deadline(&vm->machine));
	}
	if (vm->button_pressed)
		cpu_timer_arm(this_cpu(), &vm->button_timer, vm->button_until);
}

/* While the VM sleeps, this interrupts another one. */
void vm_timer_expired(struct timer *timer)
{
	struct vm *vm = container_of(timer, struct vm, timer);
	struct sched_entity *home = &vm_boot_vcpu(vm)->sched;
	uint64_t start;

	if (home->state == SCHED_RUNNING) {
		machine_run_timers(&vm->machine);
		return;
	}
	start = time_now();
	machine_run_timers(&vm->machine);
	if (home->state != SCHED_BLOCKED) {
		sched_charge(home, start);
	} else {
		uint64_t earliest = sched_charge_event(home, start);

		if (timer_armed(timer))
			cpu_sleeper_arm(this_cpu(), timer, MAX(timer->deadline, earliest));
	}
}

/* ---- vmm/cpu/cpu_hooks.h ---- */

static struct vcpu *vcpu_of(struct sched_entity *entity)
{
	return container_of(entity, struct vcpu, sched);
}

/* Do the VM's devices go where this vCPU goes? */
static bool vcpu_is_home(const struct vcpu *vcpu)
{
	return likely(!vcpu->index);
}

bool sched_is_runnable(const struct sched_entity *entity)
{
	return vcpu_wants_to_run(container_of(entity, const struct vcpu, sched));
}

void sched_on_arrive(struct sched_entity *entity)
{
	struct vcpu *vcpu = vcpu_of(entity);
	struct vm *vm = vcpu->vm;

	if (!vcpu_is_home(vcpu))
		return;
	vm_run_timers(vm);
	if (vm->terminal)
		vm->terminal->ops->arrive(vm->terminal);
}

void sched_on_leave(struct cpu *cpu, struct sched_entity *entity)
{
	struct vcpu *vcpu = vcpu_of(entity);
	struct vm *vm = vcpu->vm;

	if (vcpu_is_home(vcpu)) {
		vm_hold_timers(vm);
		if (vm->terminal)
			vm->terminal->ops->leave(vm->terminal);
	}
	backend_vcpu_release(cpu, vcpu);
}

void sched_on_wait(struct sched_entity *entity)
{
	struct vcpu *vcpu = vcpu_of(entity);

	if (vcpu_is_home(vcpu))
		vm_hold_timers(vcpu->vm);
}

void sched_on_wait_over(struct sched_entity *entity)
{
	struct vcpu *vcpu = vcpu_of(entity);

	if (vcpu_is_home(vcpu))
		vm_run_timers(vcpu->vm);
}

bool vm_has_halted(const struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (!(vm->vcpus[i]->requests & REQUEST_HALTED) || vm->vcpus[i]->wakes & REQUEST_INTERRUPT)
			return false;
	return true;
}

/*
 * Its next device event is that of a sleeper, unless it has the CPU for itself. HLT with interrupts
 * off: tell the operator, once, or end it. No device raises NMIs.
 */
void sched_on_block(struct sched_entity *entity)
{
	struct vcpu *vcpu = vcpu_of(entity);
	struct vm *vm = vcpu->vm;

	if (__atomic_load_n(&this_cpu()->sched.placed, __ATOMIC_RELAXED) > 1 && vcpu_is_home(vcpu) &&
	    timer_armed(&vm->timer))
		timer_arm(&this_cpu()->sleepers, &vm->timer, vm->timer.deadline);
	if (vm->halted_said || !vm_has_halted(vm))
		return;
	vm->halted_said = true;
	if (vm->config.on_halt == VM_HALT_STOP) {
		vm_ask(vm, VM_HALT); /* outside of the scheduler */
		return;
	}
	log_info("vm %s: halted with interrupts off; only a reset or an NMI can wake it\n", vm->name);
}
