/* SPDX-License-Identifier: MIT */
#include "vmm/shell/shell_vm.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_stat.h"
#include "vmm/shell/shell_trace.h"
#include "vmm/vm/vm.h"

static uint64_t kib(uint64_t frames)
{
	return frames * (PAGE_SIZE / 1024);
}

static void print_line(const char *line)
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

static void say_unknown(const char *name)
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

void with_vm(const char *name, void (*act)(struct vm *vm))
{
	struct vm *vm = vm_find(name);

	if (vm)
		act(vm);
	else
		say_unknown(name);
}

/* On all of them, or on none if one is not known. */
static void with_vms(unsigned count, const char *const *names, void (*act)(struct vm *vm))
{
	for (unsigned i = 0; i < count; i++) {
		if (!vm_find(names[i])) {
			say_unknown(names[i]);
			return;
		}
	}
	for (unsigned i = 0; i < count; i++)
		act(vm_find(names[i]));
}

/* Have the VM's CPU do it, and wait. */
static bool ask(struct vm *vm, uint32_t request)
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

static void list(struct vm *vm)
{
	shell_print("%2u  %-*s %-8s %5luM %10lu  %s\n", vm_console_number(vm), VM_NAME_MAX / 2, vm->name,
	            vm_state_name(vm->state), vm->config.machine.memory >> 20, vcpu_exits(vm_boot_vcpu(vm)),
	            vm->state == VM_STOPPED || vm->state == VM_HELD ? vm_end_name(vm->end) : "");
}

static void command_list(unsigned count, const char *const *arguments)
{
	shell_print("No  %-*s State   Memory      Exits  Ended since\n", VM_NAME_MAX / 2, "Name");
	with_all_vms(list);
}

static void registers(struct vm *vm)
{
	shell_print("VM %s, vCPU 0, %s\n", vm->name, vm_state_name(vm->state));
	if (vm->state == VM_STOPPED || !ask(vm, VM_DUMP))
		return;
	for (const char *line = vm_dumped; *line; line += strlen(line) + 1)
		print_line(line);
}

static void command_registers(unsigned count, const char *const *arguments)
{
	with_vm(arguments[0], registers);
}

static void command_cpu(unsigned count, const char *const *arguments)
{
	backend_report(print_line);
	shell_print("Speculation mitigations:\n");
	mitigations_report(print_line);
}

static void memory(struct vm *vm)
{
	shell_print("%10lu KiB  VM %s\n", kib(frames_owned(VM_OWNER(vm))), vm->name);
}

static void command_memory(unsigned count, const char *const *arguments)
{
	struct frames_stat stat = frames_stat();

	shell_print("%10lu KiB  usable memory of the machine\n", kib(stat.total));
	shell_print("%10lu KiB  free, the largest block %lu KiB\n", kib(stat.free),
	            stat.free ? kib(1UL << stat.largest) : 0);
	shell_print("%10lu KiB  the monitor, besides its image and the list of frames\n",
	            kib(frames_owned(FRAME_OWNER_MONITOR)));
	shell_print("%10lu KiB  the list of frames\n", kib(stat.bookkeeping));
	with_all_vms(memory);
}

/* ---- Life ---- */

static void say_stopped(const struct vm *vm)
{
	shell_print("VM %s has stopped already: %s.\n", vm->name, vm_end_name(vm->end));
}

static void stop(struct vm *vm)
{
	bool button = vm->powered && acpi_pm_wants_power_button(&vm->machine.device[DEVICE_ACPI_PM]);

	if (vm->state == VM_STOPPED) {
		say_stopped(vm);
	} else if (vm->state == VM_RUNNING && button && !vm->stop_asked) {
		ask(vm, VM_BUTTON);
		shell_print("VM %s has been asked to turn itself off; in %u s, or with a second "
		            "'stop', its power is taken.\n",
		            vm->name, VM_STOP_SECONDS);
	} else {
		ask(vm, VM_FORCE);
	}
}

static void command_stop(unsigned count, const char *const *arguments)
{
	with_vms(count, arguments, stop);
}

static void destroy(struct vm *vm)
{
	if (vm->state == VM_STOPPED)
		say_stopped(vm);
	else
		ask(vm, VM_FORCE);
}

static void command_destroy(unsigned count, const char *const *arguments)
{
	with_vms(count, arguments, destroy);
}

static void say_starts(const struct vm *vm)
{
	shell_print("VM %s starts anew; Ctrl-A %u goes to its console.\n", vm->name, vm_console_number(vm));
}

static void start(struct vm *vm)
{
	char problem[400];

	if (vm->state == VM_HELD) {
		ask(vm, VM_RESET);
		say_starts(vm);
	} else if (vm->state != VM_STOPPED) {
		shell_print("VM %s is %s; 'reset' starts it anew.\n", vm->name, vm_state_name(vm->state));
	} else if (vm_start(vm, problem, sizeof(problem))) {
		shell_print("VM %s: %s\n", vm->name, problem);
	} else {
		say_starts(vm);
	}
}

static void reset(struct vm *vm)
{
	if (vm->state == VM_STOPPED) {
		start(vm);
		return;
	}
	ask(vm, VM_RESET);
	say_starts(vm);
}

static void command_reset(unsigned count, const char *const *arguments)
{
	with_vms(count, arguments, reset);
}

static void command_start(unsigned count, const char *const *arguments)
{
	with_vms(count, arguments, start);
}

static void pause(struct vm *vm)
{
	if (vm->state == VM_RUNNING)
		ask(vm, VM_PAUSE);
	else
		shell_print("VM %s is %s.\n", vm->name, vm_state_name(vm->state));
}

static void command_pause(unsigned count, const char *const *arguments)
{
	with_vms(count, arguments, pause);
}

static void resume(struct vm *vm)
{
	if (vm->state == VM_PAUSED)
		ask(vm, VM_RESUME);
	else
		shell_print("VM %s is %s.\n", vm->name, vm_state_name(vm->state));
}

static void command_resume(unsigned count, const char *const *arguments)
{
	with_vms(count, arguments, resume);
}

/* clang-format off */
static const struct shell_command commands[] = {
	{"list",    "",   "the VMs, and how they are", 0, 0, command_list, NULL},
	{"regs",    "VM", "registers, the instruction, the last exits", 1, 1, command_registers, shell_vm_name},
	{"start",   "VM...", "start VMs that have stopped", 1, SHELL_ARGUMENTS_MAX, command_start, shell_vm_name},
	{"stop",    "VM...", "ask VMs to turn themselves off; then take their power", 1, SHELL_ARGUMENTS_MAX, command_stop, shell_vm_name},
	{"destroy", "VM...", "take their power at once, and free their memory", 1, SHELL_ARGUMENTS_MAX, command_destroy, shell_vm_name},
	{"reset",   "VM...", "load their images again, and start them anew", 1, SHELL_ARGUMENTS_MAX, command_reset, shell_vm_name},
	{"pause",   "VM...", "hold VMs; no time passes for them", 1, SHELL_ARGUMENTS_MAX, command_pause, shell_vm_name},
	{"resume",  "VM...", "let them go on", 1, SHELL_ARGUMENTS_MAX, command_resume, shell_vm_name},
	{"cpu",     "",   "what the processor has, and which mitigations run", 0, 0, command_cpu,  NULL},
	{"mem",     "",   "who has how much memory", 0, 0, command_memory, NULL},
};
/* clang-format on */

void shell_vm_init(void)
{
	shell_add_commands(commands, ARRAY_SIZE(commands));
	shell_stat_init();
	shell_trace_init();
}
