/* SPDX-License-Identifier: MIT */
#include "vmm/vm/vm.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/observe/log.h"
#include "vmm/cpu/cpu_hooks.h"
#include "vmm/cpu/time.h"
#include "vmm/observe/trace.h"

#define MONITOR_RESERVE MIB(1) /* stays free for the monitor's tables */
#define NS_PER_MS       1000000UL
#define RESTART_NS      1000000000 /* at least so long from one start to the next, when crashes lead to them */

static struct vm *vms[VMS_MAX];
unsigned vm_count;
void (*vm_all_stopped)(void);

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

const char *vm_name(const struct vm *vm)
{
	return vm->name;
}

/* ---- Life ---- */

/* The vCPU does it as its own; one that has not run yet first goes to a CPU. */
static void begin_work(struct vm *vm)
{
	struct vcpu *vcpu = vm_boot_vcpu(vm);

	vm->started = time_now();
	vcpu->requests &= ~(uint32_t)(REQUEST_STOP | REQUEST_PAUSE);
	vcpu_kick(vcpu, REQUEST_WORK);
	if (vcpu->sched.state == SCHED_NOWHERE)
		sched_send(&vcpu->sched);
}

static void delay_over(struct timer *timer)
{
	struct vm *vm = container_of(timer, struct vm, delay);

	if (vm->stop_asked)
		vm_stop(vm, VM_FORCED);
	else
		begin_work(vm);
}

static void vm_free_vcpus(struct vm *vm)
{
	while (vm->vcpu_count)
		frames_free(pointer_to_hpa(vm->vcpus[--vm->vcpu_count]), frames_order(sizeof(struct vcpu)));
}

/* Its place in the scheduler, which is nowhere as yet. */
static void vm_schedule_vcpu(struct vcpu *vcpu)
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
	vcpu->vpid = (uint16_t)(vm->number + 1);
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
	memset(vcpu, 0, sizeof(*vcpu));
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
	timer_init(&vm->delay, delay_over);
	vms[number] = vm;
	vm_count = MAX(vm_count, number + 1);
	return 0;
}

void vm_forget(struct vm *vm)
{
	vms[vm->number] = NULL;
	vm_free_vcpus(vm);
}

/* Its memory and its processor. */
static int create(struct vm *vm, char *problem, size_t size)
{
	uint64_t free_memory = frames_stat().free * PAGE_SIZE, memory = vm->config.machine.memory;
	uint64_t spare = MONITOR_RESERVE + memory / 256; /* tables of 4 KiB pages at worst, and some */

	if (guest_map_create(&vm->map, VM_OWNER(vm)))
		goto no_memory;
	if (free_memory < spare || memory > free_memory - spare || vm->loader.populate(&vm->map, memory)) {
		format_buffer(problem, size,
		              "memory = %luM, but only %luM of this machine's memory are free: "
		              "give the VM less, or the machine more",
		              memory >> 20, free_memory >> 20);
		guest_map_destroy(&vm->map);
		return -ERR_NO_MEMORY;
	}
	if (ept_create(&vm->ept, VM_OWNER(vm)))
		goto free_map;
	if (!backend_vcpu_create(vm_boot_vcpu(vm)))
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
	int error = create(vm, problem, size);
	uint64_t delay;

	if (error)
		return error;
	vm->state = VM_STARTING;
	vm->end = VM_NOT_STARTED;
	vm->work.step = VM_WORK_CLEAR;
	vm->work.cleared = 0;
	vm_boot_vcpu(vm)->requests = REQUEST_WORK;
	vm_schedule_vcpu(vm_boot_vcpu(vm));
	delay = vm->started ? 0 : vm->config.start_delay_ms * NS_PER_MS;
	vm->started = time_now();
	if (delay)
		cpu_timer_arm(this_cpu(), &vm->delay, vm->started + time_tsc_from_ns(delay));
	else
		sched_send(&vm_boot_vcpu(vm)->sched);
	return 0;
}

static bool any_on(void)
{
	for (unsigned i = 0; i < vm_count; i++)
		if (vms[i] && __atomic_load_n(&vms[i]->state, __ATOMIC_ACQUIRE) != VM_STOPPED &&
		    vms[i]->state != VM_HELD)
			return true;
	return false;
}

static void report_all_stopped(struct cpu_call *call)
{
	if (!any_on() && vm_all_stopped)
		vm_all_stopped();
}

static void ended(void)
{
	static struct cpu_call call = {.run = report_all_stopped};

	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* of two that end at once, one sees the other's end */
	if (!any_on())
		cpu_call(cpu_get(0), &call);
}

/* On its CPU, in the run loop: nothing of it stays but what can be shown of a VM that is off. */
static void free_vm(struct vm *vm)
{
	timer_cancel(&vm->delay);
	if (vm_boot_vcpu(vm)->sched.state != SCHED_NOWHERE)
		sched_leave(this_cpu(), &vm_boot_vcpu(vm)->sched);
	backend_vcpu_destroy(vm_boot_vcpu(vm));
	ept_destroy(&vm->ept);
	guest_map_destroy(&vm->map);
	vm->map.ram = 0;
	vm->powered = false;
	__atomic_store_n(&vm_boot_vcpu(vm)->sched.cpu, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&vm->state, VM_STOPPED, __ATOMIC_RELEASE);
	ended();
}

static void restart(struct vm *vm)
{
	uint64_t earliest = vm->started + time_tsc_from_ns(RESTART_NS);

	vm->restarts++;
	vm->state = VM_STARTING;
	vm->work.step = VM_WORK_LOAD;
	cpu_timer_arm(this_cpu(), &vm->delay, MAX(earliest, time_now()));
}

static bool is_on(const struct vm *vm)
{
	return vm->state != VM_STOPPED && vm->state != VM_HELD;
}

enum action vm_stop(struct vm *vm, enum vm_end why)
{
	if (!is_on(vm) || vm_boot_vcpu(vm)->requests & REQUEST_STOP)
		return ACTION_STOP;
	vm->end = why;
	trace_vm(TRACE_STOP, vm->number, 0, why, 0);
	vm->stop_asked = false;
	timer_cancel(&vm->delay);
	vm_boot_vcpu(vm)->requests &= ~(uint32_t)REQUEST_WORK; /* a reset that waits would start it again */
	vcpu_request(vm_boot_vcpu(vm), REQUEST_STOP);
	timer_cancel(&vm->timer);
	if (vm_end_is_fault(why))
		vm_report(vm);
	else
		log_info("vm %s: %s after %lu exits\n", vm->name, vm_end_name(why),
		         vcpu_exits(vm_boot_vcpu(vm)));
	if (vm_end_is_fault(why) && vm->config.on_crash == VM_CRASH_RESTART) {
		restart(vm);
	} else if (vm_end_is_fault(why) && vm->config.on_crash == VM_CRASH_HOLD) {
		vm->state = VM_HELD;
		ended();
	} else {
		vm->state = VM_STARTING; /* neither on nor off, for a moment */
		vm_ask(vm, VM_FREE);
	}
	return ACTION_STOP;
}

static void pause(struct vm *vm)
{
	if (vm->state != VM_RUNNING)
		return;
	vm->state = VM_PAUSED;
	clock_stop(&vm->clock, time_now());
	timer_cancel(&vm->timer);
	timer_cancel(&vm->delay); /* of the button: resume() goes on with it */
	vcpu_request(vm_boot_vcpu(vm), REQUEST_PAUSE);
	cpu_reschedule(this_cpu());
}

static void resume(struct vm *vm)
{
	struct vcpu *vcpu = vm_boot_vcpu(vm);
	uint64_t pause;

	if (vm->state != VM_PAUSED)
		return;
	pause = clock_go_on(&vm->clock, time_now());
	vm->state = VM_RUNNING;
	vm->stop_at += pause;
	vcpu->tsc_offset -= pause;
	backend_vcpu_look(this_cpu(), vcpu);
	backend_set_tsc_offset(vcpu->tsc_offset);
	vcpu->requests &= ~(uint32_t)REQUEST_PAUSE;
	if (vcpu->sched.state == SCHED_BLOCKED || vcpu->sched.state == SCHED_RUNNING)
		vm_run_timers(vm);
	sched_wake(&vcpu->sched);
}

void vm_reset(struct vm *vm)
{
	if (vm->state == VM_STOPPED || __atomic_load_n(&vm->asked, __ATOMIC_RELAXED) & VM_FREE)
		return;
	resume(vm); /* the pause shall not count as time */
	timer_cancel(&vm->delay);
	vm->stop_asked = false;
	if (vm->state == VM_HELD)
		vm->end = VM_NOT_STARTED;
	trace_vm(TRACE_RESET, vm->number, 0, 0, 0);
	vm->state = VM_STARTING;
	timer_cancel(&vm->timer);
	if (vm->work.step != VM_WORK_CLEAR)
		vm->work.step = VM_WORK_LOAD;
	begin_work(vm);
}

/* ---- Requests ---- */

/* While it runs, what `delay` waits for is the end of the guest's patience. */
static void press_button(struct vm *vm)
{
	if (vm->state != VM_RUNNING)
		return;
	acpi_pm_power_button(&vm->machine.device[DEVICE_ACPI_PM]);
	vm->stop_asked = true;
	vm->stop_at = time_now() + VM_STOP_SECONDS * time_tsc_hz;
	cpu_timer_arm(this_cpu(), &vm->delay, vm->stop_at);
}

static void force_off(struct vm *vm)
{
	if (vm->state == VM_RUNNING || vm->state == VM_PAUSED) {
		vm_stop(vm, VM_FORCED);
	} else if (vm->state != VM_STOPPED) {
		if (vm->state == VM_STARTING && !(vm_boot_vcpu(vm)->requests & REQUEST_STOP))
			vm->end = VM_FORCED; /* else it has ended by itself */
		free_vm(vm);                 /* nothing to say: it does not run */
	}
}

static void carry_out(struct cpu_call *call)
{
	struct vm *vm = container_of(call, struct vm, call);
	unsigned cpu = sched_cpu(&vm_boot_vcpu(vm)->sched);
	uint32_t asked;

	if (cpu != this_cpu()->index || vm_boot_vcpu(vm)->sched.moving) {
		cpu_call(cpu_get(cpu), call); /* after it */
		return;
	}
	asked = __atomic_load_n(&vm->asked, __ATOMIC_ACQUIRE);
	if (asked & VM_CONSOLE && vm->terminal)
		vm->terminal->ops->service(vm->terminal);
	if (asked & VM_BUTTON)
		press_button(vm);
	if (asked & VM_PAUSE)
		pause(vm);
	if (asked & VM_RESUME)
		resume(vm);
	if (asked & VM_DUMP)
		vm_keep_dump(vm);
	if (asked & VM_FORCE)
		force_off(vm);
	if (asked & VM_FREE && vm_boot_vcpu(vm)->requests & REQUEST_STOP && vm->state != VM_STOPPED)
		free_vm(vm);
	if (asked & VM_RESET) /* last: one that has not run yet is on its way to another CPU then */
		vm_reset(vm);
	if (__atomic_and_fetch(&vm->asked, ~asked, __ATOMIC_RELEASE))
		vm_ask(vm, 0);
}

void vm_ask(struct vm *vm, uint32_t requests)
{
	__atomic_or_fetch(&vm->asked, requests, __ATOMIC_RELEASE);
	vm->call.run = carry_out;
	cpu_call(cpu_get(sched_cpu(&vm_boot_vcpu(vm)->sched)), &vm->call);
}

void vm_watch(struct vm *vm, uint8_t watch)
{
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		vm->vcpus[i]->watch = watch;
		vcpu_kick(vm->vcpus[i], REQUEST_RESCHEDULE); /* on its way out it takes notice */
	}
}

#define ANSWER_NS 2000000000 /* a CPU that takes longer is lost */

bool vm_ask_and_wait(struct vm *vm, uint32_t requests)
{
	uint64_t start = time_now();

	vm_ask(vm, requests);
	while (__atomic_load_n(&vm->asked, __ATOMIC_ACQUIRE)) {
		cpu_run_calls(this_cpu());
		cpu_relax();
		if (time_now() - start > time_tsc_from_ns(ANSWER_NS))
			return false;
	}
	return true;
}
