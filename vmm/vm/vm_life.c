/* SPDX-License-Identifier: MIT */
/* From a VM's start to its end: its states, its memory, restarts. */
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/panic.h"
#include "vmm/backend.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/log.h"
#include "vmm/observe/trace.h"
#include "vmm/vm/vm_internal.h"

#define MONITOR_RESERVE MIB(1) /* stays free for the monitor's tables */
#define DEVICE_TABLES   8      /* of the map, for devices that are added to it later */
#define NS_PER_MS       1000000UL
#define RESTART_NS      1000000000 /* at least so long from one start to the next, when crashes lead to them */
#define RESET_NS        50000000   /* the same, when the guest's resets do */

void (*vm_all_stopped)(void);
void (*vm_pass)(void);

/* ---- States ---- */

/* clang-format off */
static const uint8_t vm_states_after[] = {
	[VM_STOPPED]  = BIT(VM_STARTING),                      /* vm_start() */
	[VM_STARTING] = BIT(VM_STARTING)                       /* a reset, or a restart */
	              | BIT(VM_RUNNING)                        /* its machine is made */
	              | BIT(VM_HELD)                           /* a crash in the machine's making */
	              | BIT(VM_ENDING),                        /* its images cannot be loaded, or the operator */
	[VM_RUNNING]  = BIT(VM_STARTING)                       /* a reset, or a restart after a crash */
	              | BIT(VM_PAUSED)
	              | BIT(VM_ENDING)
	              | BIT(VM_HELD),                          /* a crash */
	[VM_PAUSED]   = BIT(VM_RUNNING)                        /* a reset ends the pause first */
	              | BIT(VM_ENDING),                        /* the operator */
	[VM_HELD]     = BIT(VM_STARTING) | BIT(VM_ENDING),     /* the operator */
	[VM_ENDING]   = BIT(VM_STOPPED),                       /* vm_free() */
};
/* clang-format on */

void vm_set_state(struct vm *vm, enum vm_state next)
{
	assert_monitor(vm_states_after[vm->state] & BIT(next));
	__atomic_store_n(&vm->state, next, __ATOMIC_RELEASE);
}

/* ---- The last one ends ---- */

static bool vm_any_on(void)
{
	for (unsigned i = 0; i < vm_count; i++) {
		const struct vm *vm = vm_get(i);
		enum vm_state state = vm ? __atomic_load_n(&vm->state, __ATOMIC_ACQUIRE) : VM_STOPPED;

		if (state != VM_STOPPED && state != VM_HELD)
			return true;
	}
	return false;
}

static void vm_report_all_stopped(struct cpu_call *call)
{
	if (!vm_any_on() && vm_all_stopped)
		vm_all_stopped();
}

/* A VM has ended. Of two that end at the same time, the fence lets one see the other's end. */
static void vm_count_end(void)
{
	static struct cpu_call call = {.run = vm_report_all_stopped};

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!vm_any_on())
		cpu_call(cpu_get(0), &call);
}

/* ---- Start ---- */

static void vm_destroy_vcpus(struct vm *vm, unsigned count)
{
	while (count)
		backend_vcpu_destroy(vm->vcpus[--count]);
}

static int vm_create_vcpus(struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		if (backend_vcpu_create(vm->vcpus[i])) {
			vm_destroy_vcpus(vm, i);
			return -ERR_NO_MEMORY;
		}
	return 0;
}

/*
 * All vCPUs of a VM are on this CPU so far, where all changes of the map run: so this is the one
 * CPU that may cache it.
 */
static void vm_flush_map(struct guest_map *map, uint64_t cpus)
{
	assert_monitor(cpus == BIT(this_cpu()->index));
	backend_flush_physical(vm_boot_vcpu(container_of(map, struct vm, map)));
}

static void vm_let_pass(void)
{
	if (vm_pass)
		vm_pass();
}

/* Its memory and its processors. */
static int vm_create(struct vm *vm, char *problem, size_t size)
{
	uint64_t free_memory = frames_stat().free * PAGE_SIZE, memory = vm->config.machine.memory;
	uint64_t spare = MONITOR_RESERVE + memory / 256; /* tables of 4 KiB pages at worst, and some */

	if (guest_map_create(&vm->map, VM_OWNER(vm)))
		goto no_memory;
	vm->map.pause = vm_pass;
	if (free_memory < spare || memory > free_memory - spare || vm->loader.populate(&vm->map, memory)) {
		format_buffer(problem, size,
		              "memory = %luM, but only %luM of this machine's memory are free: "
		              "give the VM less, or the machine more",
		              memory >> 20, free_memory >> 20);
		guest_map_destroy(&vm->map);
		return -ERR_NO_MEMORY;
	}
	vm->map.flush = vm_flush_map;
	vm_let_pass();
	if (page_table_reserve(&vm->map.tree, DEVICE_TABLES))
		goto free_map;
	if (ept_create(&vm->ept, &vm->map))
		goto free_map;
	vm_let_pass();
	if (!vm_create_vcpus(vm))
		return 0;
	ept_destroy(&vm->ept);
free_map:
	guest_map_destroy(&vm->map);
no_memory:
	format_buffer(problem, size,
	              "not enough memory for the monitor's tables: give the machine more memory");
	return -ERR_NO_MEMORY;
}

int vm_start(struct vm *vm, char *problem, size_t size)
{
	int error = vm_create(vm, problem, size);
	uint64_t delay;

	if (error)
		return error;
	vm_set_state(vm, VM_STARTING);
	vm->end = VM_NOT_STARTED;
	vm->work.step = VM_WORK_CLEAR;
	vm->work.cleared = vm->work.freed = 0;
	vm->firmware_said = 0;
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		vm->vcpus[i]->requests = REQUEST_STOP;
		vm_schedule_vcpu(vm->vcpus[i]);
	}
	vm_boot_vcpu(vm)->requests = REQUEST_WORK;
	delay = vm->started ? 0 : vm->config.start_delay_ms * NS_PER_MS;
	vm->started = time_now();
	if (delay)
		cpu_timer_arm(this_cpu(), &vm->start_timer, vm->started + time_tsc_from_ns(delay));
	else
		sched_send(&vm_boot_vcpu(vm)->sched);
	return 0;
}

static void vm_halt_vcpus(struct vm *vm)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++)
		vcpu_kick(vm->vcpus[i], REQUEST_STOP);
	vm_boot_vcpu(vm)->requests &= ~(uint32_t)REQUEST_WORK; /* a reset that waits would start it again */
}

/* The boot vCPU does it as its own work; one that has not run yet first goes to a CPU. */
static void vm_begin_work(struct vm *vm)
{
	struct vcpu *vcpu = vm_boot_vcpu(vm);

	vm->started = time_now();
	vcpu->requests &= ~(uint32_t)(REQUEST_STOP | REQUEST_PAUSE);
	vcpu_kick(vcpu, REQUEST_WORK);
	if (vcpu->sched.state == SCHED_NOWHERE)
		sched_send(&vcpu->sched);
}

void vm_start_timer_expired(struct timer *timer)
{
	vm_begin_work(container_of(timer, struct vm, start_timer));
}

/* No vCPU runs until the work begins, not before TSC `earliest`. */
static void vm_begin_work_from(struct vm *vm, uint64_t earliest)
{
	if (time_now() >= earliest) {
		vm_begin_work(vm);
		return;
	}
	vm_halt_vcpus(vm);
	cpu_timer_arm(this_cpu(), &vm->start_timer, earliest);
}

static void vm_reset_from(struct vm *vm, uint64_t earliest)
{
	if (vm->state == VM_STOPPED || vm->state == VM_ENDING)
		return;
	vm_resume(vm); /* the pause shall not count as time */
	timer_cancel(&vm->start_timer);
	vm_release_button(vm);
	if (vm->state == VM_HELD)
		vm->end = VM_NOT_STARTED;
	trace_vm(TRACE_RESET, vm->number, 0, 0, 0);
	vm_set_state(vm, VM_STARTING);
	timer_cancel(&vm->timer);
	if (vm->work.step != VM_WORK_CLEAR)
		vm->work.step = VM_WORK_FIRMWARE;
	vm_begin_work_from(vm, earliest);
}

void vm_reset(struct vm *vm)
{
	vm_reset_from(vm, 0);
}

void vm_reset_by_guest(struct vm *vm)
{
	vm_reset_from(vm, vm->resets++ ? vm->started + time_tsc_from_ns(RESET_NS) : 0);
}

/* ---- End ---- */

/* In steps: it asks for the next one itself, and guests have their turns in between. */
void vm_free(struct vm *vm)
{
	timer_cancel(&vm->start_timer);
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct sched_entity *entity = &vm->vcpus[i]->sched;

		if (entity->state != SCHED_NOWHERE)
			sched_leave(this_cpu(), entity);
	}
	if (!guest_map_release(&vm->map, &vm->work.freed)) {
		vm_ask(vm, VM_FREE);
		return;
	}
	vm_destroy_vcpus(vm, vm->vcpu_count);
	guest_map_destroy(&vm->map);
	ept_destroy(&vm->ept);
	vm->map.ram = 0;
	vm->powered = false;
	for (unsigned i = 0; i < vm->vcpu_count; i++) /* to the boot processor, which still finds it ending */
		__atomic_store_n(&vm->vcpus[i]->sched.cpu, 0, __ATOMIC_RELEASE);
	vm_set_state(vm, VM_STOPPED);
	vm_count_end();
}

/* Not one that has ended, nor one that waits for its restart. */
static bool vm_can_end(const struct vm *vm)
{
	return vm->state == VM_RUNNING || vm->state == VM_PAUSED ||
	       (vm->state == VM_STARTING && !(vm_boot_vcpu(vm)->requests & REQUEST_STOP));
}

static void vm_restart(struct vm *vm)
{
	vm->restarts++;
	vm_set_state(vm, VM_STARTING);
	vm->work.step = VM_WORK_FIRMWARE;
	cpu_timer_arm(this_cpu(), &vm->start_timer,
	              MAX(vm->started + time_tsc_from_ns(RESTART_NS), time_now()));
}

enum action vm_stop(struct vm *vm, enum vm_end why)
{
	if (!vm_can_end(vm))
		return ACTION_STOP;
	vm->end = why;
	trace_vm(TRACE_STOP, vm->number, 0, why, 0);
	vm_release_button(vm);
	vm_halt_vcpus(vm);
	timer_cancel(&vm->timer);
	if (vm_end_is_fault(why))
		vm_report(vm);
	else
		log_info("vm %s: %s after %lu exits\n", vm->name, vm_end_name(why), vm_exits(vm));
	if (vm_end_is_fault(why) && vm->config.on_crash == VM_CRASH_RESTART) {
		vm_restart(vm);
	} else if (vm_end_is_fault(why) && vm->config.on_crash == VM_CRASH_HOLD) {
		vm_set_state(vm, VM_HELD);
		vm_count_end();
	} else {
		vm_set_state(vm, VM_ENDING);
		vm_ask(vm, VM_FREE);
	}
	return ACTION_STOP;
}
