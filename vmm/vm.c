#include "vmm/vm.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/registers.h"
#include "lib/string.h"
#include "vmm/console.h"
#include "vmm/log.h"
#include "vmm/msr.h"
#include "vmm/time.h"

#define MONITOR_RESERVE MIB(1) /* stays free for the monitor's tables */

static struct vm *vms[VMS_MAX];
unsigned vm_count;
void (*vm_all_stopped)(void);

static const struct {
	const char *text;
	bool fault; /* the guest's own: deserves a report */
} ends[] = {
	[VM_NOT_STARTED] = {"has not run yet",						    false},
	[VM_POWERED_OFF] = {"powered off by the guest",                                           false},
	[VM_FORCED] = {"stopped by the operator",                                            false},
	[VM_TRIPLE_FAULT] = {"triple fault: an exception, and no handler for it could be entered", true },
	[VM_BAD_STATE] = {"VM entry failed: the processor refuses the guest's state",           true },
	[VM_EMULATION] = {"an instruction that touches a device or a hole cannot be emulated",  true },
	[VM_UNEXPECTED_EXIT] = {"an exit that should not happen",                                     true },
	[VM_NO_MEMORY] = {"no memory left for translation tables",                              true },
	[VM_NOT_RESTARTED] = {"its images could not be loaded again",                               false},
};

const char *vm_end_name(enum vm_end end)
{
	return ends[end].text;
}

const char *vm_state_name(enum vm_state state)
{
	static const char *const name[] = {
		[VM_STOPPED] = "stopped", [VM_RUNNING] = "running", [VM_PAUSED] = "paused"};

	return name[state];
}

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

/* ---- Time ---- */

void vm_arm_timer(struct vm *vm, uint64_t deadline)
{
	uint64_t tsc = TIMER_NEVER;

	if (deadline != DEADLINE_NONE && vm->state == VM_RUNNING &&
	    __builtin_add_overflow(time_tsc_from_ns(deadline), vm->clock_base, &tsc))
		tsc = TIMER_NEVER;
	cpu_timer_arm(this_cpu(), &vm->timer, tsc);
}

static void timer_expired(struct timer *timer)
{
	machine_run_timers(&container_of(timer, struct vm, timer)->machine);
}

/* ---- Console ---- */

static size_t console_input(struct channel *channel, const uint8_t *bytes, size_t count)
{
	struct vm *vm = channel->owner;

	if (vm->state != VM_RUNNING)
		return count; /* nobody there to read it */
	return uart_receive(&vm->machine.device[DEVICE_UART0], bytes, count);
}

static void console_output_ready(struct channel *channel)
{
	struct vm *vm = channel->owner;

	uart_output_ready(&vm->machine.device[DEVICE_UART0]);
}

static void console_kick(struct channel *channel)
{
	channel_service(channel);
}

/* ---- Life ---- */

static void reset_vcpu(struct vcpu *vcpu)
{
	vcpu->requests = 0;
	vcpu->cr8 = 0;
	vcpu->nmi_blocked = vcpu->nmi_waiting = false;
	vcpu->tsc_offset = -vcpu->vm->clock_base;
	msr_reset(vcpu);
}

static void start_vcpu(struct vm *vm, const struct vcpu_start *start)
{
	reset_vcpu(&vm->vcpu);
	backend_vcpu_start(this_cpu(), &vm->vcpu, start);
	vm->state = VM_RUNNING;
	vm->halted_said = false;
	vm_arm_timer(vm, vm->machine.deadline);
}

/* The pages of the devices' memory, so that the map says what is there. */
static int map_devices(struct vm *vm)
{
	const struct memory_space *space = &vm->machine.memory;
	int error = 0;

	for (unsigned i = 0; i < space->bindings && !error; i++) {
		gpa_t end = space->binding[i].base + space->binding[i].region->size;

		for (gpa_t at = ALIGN_DOWN(space->binding[i].base, PAGE_SIZE); at < end && !error;
		     at += PAGE_SIZE)
			if (guest_map_find(&vm->map, at).type != GUEST_DEVICE)
				error = guest_map_add(&vm->map, at, PAGE_SIZE, GUEST_DEVICE);
	}
	return error;
}

/* The machine's clock starts here, and the guest's TSC with it. */
static int power_on(struct vm *vm, const struct vm_plan *plan)
{
	const struct machine_config machine = {
		.uarts = plan->uarts, .screen = plan->screen, .hpet = plan->hpet};
	int error;

	vm->clock_base = time_now();
	vm->epoch = time_epoch();
	error = machine_create(&vm->machine, &machine);
	if (!error)
		error = map_devices(vm);
	if (!error)
		rtc_set_memory(&vm->machine.device[DEVICE_RTC], plan->memory);
	return error;
}

static void destroy(struct vm *vm)
{
	timer_cancel(&vm->timer);
	backend_vcpu_destroy(&vm->vcpu);
	ept_destroy(&vm->ept);
	guest_map_destroy(&vm->map);
}

/* Its memory, its processor, and its images, loaded; no time has passed for the guest. */
static int create(struct vm *vm, const struct vm_plan *plan, struct vcpu_start *start, char *problem,
                  size_t size)
{
	uint64_t free_memory = frames_stat().free * PAGE_SIZE;
	uint64_t spare = MONITOR_RESERVE + plan->memory / 256; /* tables of 4 KiB pages at worst, and some */
	int error;

	error = guest_map_create(&vm->map, VM_OWNER(vm));
	if (error)
		goto no_memory;
	if (free_memory < spare || plan->memory > free_memory - spare ||
	    plan->populate(&vm->map, plan->memory)) {
		format_buffer(problem, size,
		              "memory = %luM, but only %luM of this machine's memory are free: "
		              "give the VM less, or the machine more",
		              plan->memory >> 20, free_memory >> 20);
		error = -ERR_NO_MEMORY;
		goto free_map;
	}
	error = ept_create(&vm->ept, VM_OWNER(vm));
	if (error)
		goto free_map_no_memory;
	error = backend_vcpu_create(&vm->vcpu);
	if (error)
		goto free_ept;
	error = vm->load(vm, start, problem, size);
	if (error)
		goto free_all;
	error = power_on(vm, plan);
	if (!error)
		return 0;
	format_buffer(problem, size, "its devices cannot be made (error %d)", error);
free_all:
	destroy(vm);
	return error;

free_ept:
	ept_destroy(&vm->ept);
free_map_no_memory:
	guest_map_destroy(&vm->map);
no_memory:
	format_buffer(problem, size,
	              "not enough memory for the monitor's tables: give the machine more memory");
	return error;
free_map:
	guest_map_destroy(&vm->map);
	return error;
}

int vm_start(struct vm *vm, const struct vm_plan *plan, unsigned number, char *problem, size_t size)
{
	struct vcpu_start start;
	int error;

	format_buffer(vm->name, sizeof(vm->name), "%s", plan->name);
	vm->number = number;
	vm->memory = plan->memory;
	vm->load = plan->load;
	vm->load_context = plan->load_context;
	vm->vcpu.vm = vm;
	vm->vcpu.vpid = (uint16_t)(number + 1);
	timer_init(&vm->timer, timer_expired);
	vm->console.name = vm->name;
	vm->console.owner = vm;
	vm->console.scrollback = &vm->scrollback;
	vm->console.kick = console_kick;
	vm->console.input = console_input;
	vm->console.output_ready = console_output_ready;

	error = create(vm, plan, &start, problem, size);
	if (error)
		return error;
	start_vcpu(vm, &start);
	if (channel_add(&vm->console, number + 1))
		log_warning("vm %s: the console number %u is taken\n", vm->name, number + 1);
	vms[number] = vm;
	vm_count = MAX(vm_count, number + 1);
	return 0;
}

static bool any_running(void)
{
	for (unsigned i = 0; i < vm_count; i++)
		if (vms[i] && vms[i]->state != VM_STOPPED)
			return true;
	return false;
}

enum action vm_stop(struct vm *vm, enum vm_end why)
{
	if (vm->state == VM_STOPPED)
		return ACTION_STOP;
	vm->state = VM_STOPPED;
	vm->end = why;
	vm->vcpu.requests &= ~(uint32_t)REQUEST_RESET; /* one that waits would start it again */
	vcpu_request(&vm->vcpu, REQUEST_STOP);
	timer_cancel(&vm->timer);
	if (ends[why].fault)
		vm_report(vm);
	else
		log_info("vm %s: %s after %lu exits\n", vm->name, vm_end_name(why), vcpu_exits(&vm->vcpu));
	if (!any_running() && vm_all_stopped)
		vm_all_stopped();
	return ACTION_STOP;
}

void vm_say_halted(struct vm *vm)
{
	if (vm->halted_said || backend_rflags() & RFLAGS_IF)
		return;
	vm->halted_said = true;
	log_info("vm %s: halted with interrupts off; only a reset or an NMI can wake it\n", vm->name);
}

void vm_watch(struct vm *vm, uint8_t watch)
{
	vm->vcpu.watch = watch;
	vcpu_request(&vm->vcpu, REQUEST_FLUSH); /* any request leads to vmx_settle(), which takes notice */
}

void vm_pause(struct vm *vm)
{
	if (vm->state != VM_RUNNING)
		return;
	vm->state = VM_PAUSED;
	vm->paused_at = time_now();
	timer_cancel(&vm->timer);
	vcpu_request(&vm->vcpu, REQUEST_PAUSE);
}

void vm_resume(struct vm *vm)
{
	uint64_t pause;

	if (vm->state != VM_PAUSED)
		return;
	pause = time_now() - vm->paused_at;
	vm->state = VM_RUNNING;
	vm->clock_base += pause;
	vm->vcpu.tsc_offset -= pause;
	backend_set_tsc_offset(vm->vcpu.tsc_offset);
	vm->vcpu.requests &= ~(uint32_t)REQUEST_PAUSE;
	vm_arm_timer(vm, vm->machine.deadline);
}

void vm_reset(struct vm *vm)
{
	vm_resume(vm); /* the pause shall not count as time */
	vcpu_request(&vm->vcpu, REQUEST_RESET);
}

void vm_carry_out_reset(struct vm *vm)
{
	struct vcpu_start start;
	char problem[200];

	vm->state = VM_RUNNING;
	vm->end = VM_NOT_STARTED;
	vm->vcpu.requests = 0;
	machine_reset(&vm->machine);
	if (vm->load(vm, &start, problem, sizeof(problem))) {
		log_error("vm %s: %s\n", vm->name, problem);
		vm_stop(vm, VM_NOT_RESTARTED);
		return;
	}
	start_vcpu(vm, &start);
}
