/* SPDX-License-Identifier: MIT */
#include "vmm/shell/shell_vm.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_stat.h"
#include "vmm/shell/shell_task.h"
#include "vmm/shell/shell_trace.h"
#include "vmm/vm/vm.h"

static uint64_t vm_command_kib(uint64_t frames)
{
	return frames * (PAGE_SIZE / 1024);
}

static void vm_command_print_line(const char *line)
{
	shell_print("  %s\n", line);
}

/* ---- Which VM ---- */

const char *shell_vm_name(unsigned index)
{
	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i) && !index--)
			return vm_get(i)->name;
	return NULL;
}

static void vm_command_say_unknown(const char *name)
{
	if (!shell_vm_name(0)) {
		shell_print("There is no VM '%s', since none could be started; 'log' says why.\n", name);
		return;
	}
	shell_print("There is no VM '%s'; known are:", name);
	for (unsigned i = 0; shell_vm_name(i); i++)
		shell_print(" %s", shell_vm_name(i));
	shell_print("\n");
}

/* By its name, or by its number, which `list` shows: a name that is a number comes first. */
static struct vm *vm_command_find(const char *word)
{
	struct vm *vm = vm_find(word);
	unsigned number = 0;

	if (vm)
		return vm;
	for (; *word >= '0' && *word <= '9' && number <= VMS_MAX; word++)
		number = 10 * number + (unsigned)(*word - '0');
	return *word || !number || number > vm_count ? NULL : vm_get(number - 1);
}

void with_vm(const char *name, void (*act)(struct vm *vm))
{
	struct vm *vm = vm_command_find(name);

	if (vm)
		act(vm);
	else
		vm_command_say_unknown(name);
}

/* On all of them, or on none if one is not known. */
static void vm_command_with_vms(unsigned count, const char *const *names, void (*act)(struct vm *vm))
{
	for (unsigned i = 0; i < count; i++) {
		if (!vm_command_find(names[i])) {
			vm_command_say_unknown(names[i]);
			return;
		}
	}
	for (unsigned i = 0; i < count; i++)
		act(vm_command_find(names[i]));
}

/* Have the VM's CPU do it, and wait. */
static bool vm_command_ask(struct vm *vm, uint32_t request)
{
	if (vm_ask_and_wait(vm, request))
		return true;
	shell_print("Processor %u, where VM %s is, does not answer.\n", vm_boot_vcpu(vm)->sched.cpu,
	            vm->name);
	return false;
}

void with_all_vms(void (*act)(struct vm *vm))
{
	if (!shell_vm_name(0))
		shell_print("No VM could be started; 'log' says why.\n");
	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i))
			act(vm_get(i));
}

/* ---- Looking ---- */

static void vm_command_list(struct vm *vm)
{
	shell_print("%2u  %-*s %-8s %5luM %10lu  %s\n", vm_console_number(vm), VM_NAME_MAX / 2, vm->name,
	            vm_state_name(vm->state), vm->config.machine.memory >> 20, vm_exits(vm),
	            vm->state == VM_STOPPED || vm->state == VM_HELD ? vm_end_name(vm->end) : "");
}

static void command_list(unsigned count, const char *const *arguments)
{
	shell_print("No  %-*s State   Memory      Exits  Ended since\n", VM_NAME_MAX / 2, "Name");
	with_all_vms(vm_command_list);
}

static void vm_command_registers(struct vm *vm)
{
	const char *line;

	shell_print("VM %s, vCPU 0, %s\n", vm->name, vm_state_name(vm->state));
	if (vm->state == VM_STOPPED || !vm_command_ask(vm, VM_DUMP))
		return;
	line = vm_dump_begin(vm);
	if (!line) {
		shell_print("Another processor is still busy with a VM asked about before; try again.\n");
		return;
	}
	for (; *line; line += strlen(line) + 1)
		vm_command_print_line(line);
	vm_dump_end();
}

static void command_registers(unsigned count, const char *const *arguments)
{
	with_vm(arguments[0], vm_command_registers);
}

static void command_cpu(unsigned count, const char *const *arguments)
{
	backend_report(vm_command_print_line);
	shell_print("Speculation mitigations:\n");
	mitigations_report(vm_command_print_line);
}

static void vm_command_memory(struct vm *vm)
{
	shell_print("%10lu KiB  VM %s\n", vm_command_kib(frames_owned(VM_OWNER(vm))), vm->name);
}

static void command_memory(unsigned count, const char *const *arguments)
{
	struct frames_stat stat = frames_stat();

	shell_print("%10lu KiB  usable memory of the machine\n", vm_command_kib(stat.total));
	shell_print("%10lu KiB  free, the largest block %lu KiB\n", vm_command_kib(stat.free),
	            stat.free ? vm_command_kib(1UL << stat.largest) : 0);
	shell_print("%10lu KiB  the monitor, without its image and the list of frames\n",
	            vm_command_kib(frames_owned(FRAME_OWNER_MONITOR)));
	shell_print("%10lu KiB  the list of frames\n", vm_command_kib(stat.bookkeeping));
	with_all_vms(vm_command_memory);
}

/* ---- Life ---- */

static void vm_command_say_stopped(const struct vm *vm)
{
	shell_print("VM %s has stopped already: %s.\n", vm->name, vm_end_name(vm->end));
}

static void vm_command_stop(struct vm *vm)
{
	bool button = vm->powered && acpi_pm_wants_power_button(&vm->machine.device[DEVICE_ACPI_PM]);

	if (vm->state == VM_STOPPED) {
		vm_command_say_stopped(vm);
	} else if (vm->state == VM_RUNNING && button && !vm->button_pressed) {
		vm_command_ask(vm, VM_BUTTON);
		shell_print("VM %s has been asked to turn itself off; in %u s, or with a second "
		            "'stop', its power is taken.\n",
		            vm->name, VM_STOP_SECONDS);
	} else {
		vm_command_ask(vm, VM_FORCE);
	}
}

static void command_stop(unsigned count, const char *const *arguments)
{
	vm_command_with_vms(count, arguments, vm_command_stop);
}

static void vm_command_destroy(struct vm *vm)
{
	if (vm->state == VM_STOPPED)
		vm_command_say_stopped(vm);
	else
		vm_command_ask(vm, VM_FORCE);
}

static void command_destroy(unsigned count, const char *const *arguments)
{
	vm_command_with_vms(count, arguments, vm_command_destroy);
}

static void vm_command_say_starts(const struct vm *vm)
{
	shell_print("VM %s starts anew; Ctrl-A %u goes to its console.\n", vm->name, vm_console_number(vm));
}

static void vm_command_start(struct vm *vm)
{
	char problem[400];

	if (vm->state == VM_HELD) {
		vm_command_ask(vm, VM_RESET);
		vm_command_say_starts(vm);
	} else if (vm->state != VM_STOPPED) {
		shell_print("VM %s is %s; 'reset' starts it anew.\n", vm->name, vm_state_name(vm->state));
	} else if (vm_start(vm, problem, sizeof(problem))) {
		shell_print("VM %s: %s\n", vm->name, problem);
	} else {
		vm_command_say_starts(vm);
	}
}

static void vm_command_reset(struct vm *vm)
{
	if (vm->state == VM_STOPPED) {
		vm_command_start(vm);
		return;
	}
	vm_command_ask(vm, VM_RESET);
	vm_command_say_starts(vm);
}

static void command_reset(unsigned count, const char *const *arguments)
{
	vm_command_with_vms(count, arguments, vm_command_reset);
}

static void command_start(unsigned count, const char *const *arguments)
{
	vm_command_with_vms(count, arguments, vm_command_start);
}

static void vm_command_pause(struct vm *vm)
{
	if (vm->state == VM_RUNNING)
		vm_command_ask(vm, VM_PAUSE);
	else
		shell_print("VM %s is %s.\n", vm->name, vm_state_name(vm->state));
}

static void command_pause(unsigned count, const char *const *arguments)
{
	vm_command_with_vms(count, arguments, vm_command_pause);
}

static void vm_command_resume(struct vm *vm)
{
	if (vm->state == VM_PAUSED)
		vm_command_ask(vm, VM_RESUME);
	else
		shell_print("VM %s is %s.\n", vm->name, vm_state_name(vm->state));
}

static void command_resume(unsigned count, const char *const *arguments)
{
	vm_command_with_vms(count, arguments, vm_command_resume);
}

/* clang-format off */
static const struct shell_command vm_commands[] = {
	{"list",    "",   "list the VMs: state, memory, exits, why one ended", 0, 0, command_list, NULL},
	{"regs",    "VM", "show registers, instruction bytes and the last exits", 1, 1, command_registers, shell_vm_name},
	{"start",   "VM...", "start VMs that are stopped, or held after a crash", 1, SHELL_ARGUMENTS_MAX, command_start, shell_vm_name},
	{"stop",    "VM...", "press the power button; again: turn the power off", 1, SHELL_ARGUMENTS_MAX, command_stop, shell_vm_name},
	{"destroy", "VM...", "turn the power off at once, and free the memory", 1, SHELL_ARGUMENTS_MAX, command_destroy, shell_vm_name},
	{"reset",   "VM...", "load the images again, and restart the VMs", 1, SHELL_ARGUMENTS_MAX, command_reset, shell_vm_name},
	{"pause",   "VM...", "hold VMs; no time passes for them", 1, SHELL_ARGUMENTS_MAX, command_pause, shell_vm_name},
	{"resume",  "VM...", "let paused VMs continue", 1, SHELL_ARGUMENTS_MAX, command_resume, shell_vm_name},
	{"cpu",     "",   "print the CPU report and the active mitigations", 0, 0, command_cpu,  NULL},
	{"mem",     "",   "show who owns how much memory", 0, 0, command_memory, NULL},
};
/* clang-format on */

void shell_vm_init(void)
{
	shell_add_commands(vm_commands, ARRAY_SIZE(vm_commands));
	vm_wait = shell_task_wait;
	vm_pass = shell_task_pass;
	shell_stat_init();
	shell_trace_init();
}
