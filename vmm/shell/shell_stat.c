/* SPDX-License-Identifier: MIT */
/* `stat`: what a VM does and has. Rates are those of the second after the command. */
#include "vmm/shell/shell_stat.h"
#include "lib/string.h"
#include "vmm/console/console_internal.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_live.h"
#include "vmm/shell/shell_load.h"
#include "vmm/shell/shell_vm.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

#define WATCHED_NS 1000000000
#define MS_PER_S   1000

/* How it was when the command came. */
static struct {
	struct vm *only; /* null: all */
	struct load load[VMS_MAX];
	uint64_t exit_count[EXIT_KINDS_MAX]; /* of `only` */
} before;

static uint64_t stat_kib(uint64_t frames)
{
	return frames * (PAGE_SIZE / 1024);
}

static uint64_t stat_ms_of(uint64_t ticks)
{
	return time_ns_from_tsc(ticks) / 1000000;
}

static struct load stat_since_then(const struct vm *vm)
{
	struct load now = load_of_vm(vm);

	return load_between(&before.load[vm->number], &now);
}

/* ---- One VM ---- */

/* Ticks that its own clock has gone. */
static uint64_t stat_clock_of(const struct vm *vm)
{
	if (!load_is_on(vm))
		return 0;
	return clock_ticks(&vm->clock);
}

static void stat_print_share(const struct vm *vm, const struct load *load)
{
	uint64_t on = stat_clock_of(vm);
	struct vm_counts counts = vm_counts(vm);
	uint64_t ran = counts.ran, waited = counts.waited, of_all = on * vm->vcpu_count;
	uint64_t idle = of_all > ran + waited ? of_all - ran - waited : 0;
	unsigned now = load_share(load->ran, load->tsc), always = load_share(ran, on);

	shell_print("%10u.%u  %% of a processor in the last %lu ms, %u.%u %% since it was switched on\n",
	            now / 10, now % 10, stat_ms_of(load->tsc), always / 10, always % 10);
	shell_print("%8lu.%03lu  seconds run\n", stat_ms_of(ran) / MS_PER_S, stat_ms_of(ran) % MS_PER_S);
	shell_print("%8lu.%03lu  seconds ready without a processor (steal)\n", stat_ms_of(waited) / MS_PER_S,
	            stat_ms_of(waited) % MS_PER_S);
	shell_print("%8lu.%03lu  seconds idle\n", stat_ms_of(idle) / MS_PER_S, stat_ms_of(idle) % MS_PER_S);
}

static uint64_t stat_exit_count(const struct vm *vm, unsigned reason)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < vm->vcpu_count; i++)
		sum += vm->vcpus[i]->exit_count[reason];
	return sum;
}

/* After a count: how many a second, if the VM is on, and ticks for each, if they were measured. */
static void stat_print_exit(const struct vm *vm, unsigned reason, const struct load *load)
{
	uint64_t count = stat_exit_count(vm, reason), measured = 0, ticks = 0;

	if (!count)
		return;
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		measured += vm->vcpus[i]->exit_measured[reason];
		ticks += vm->vcpus[i]->exit_ticks[reason];
	}
	shell_print("%12lu  %s", count, backend_exit_name(reason));
	if (load->tsc)
		shell_print("  %lu/s", load_per_second(count - before.exit_count[reason], load->tsc));
	if (measured)
		shell_print("  %lu ticks each, %lu in total", ticks / measured, ticks);
	shell_print("\n");
}

static void stat_print_exits(const struct vm *vm, const struct load *load)
{
	struct vm_counts counts = vm_counts(vm);

	for (unsigned i = 0; i < backend_exit_kinds(); i++)
		stat_print_exit(vm, i, load);
	shell_print("%12lu  exits in total", counts.exits);
	if (load->tsc)
		shell_print("  %lu/s", load_per_second(load->exits, load->tsc));
	shell_print("\n%12lu  interrupts injected", counts.injected);
	if (load->tsc)
		shell_print("  %lu/s", load_per_second(load->injected, load->tsc));
	shell_print("\n");
}

static void stat_print_ports(const struct port_space *ports)
{
	shell_print("%12lu  reads of ports that no device has\n", ports->unclaimed_reads);
	shell_print("%12lu  writes to such ports\n", ports->unclaimed_writes);
	if (!ports->missed[0].count)
		return;
	shell_print("%14sthe last ones, and how often:", "");
	for (unsigned i = 0; i < PORT_SPACE_MISSED && ports->missed[i].count; i++)
		shell_print(" %Xh %lu", ports->missed[i].port, ports->missed[i].count);
	shell_print("\n");
}

static void stat_print_line(const char *line)
{
	shell_print("%14s%s\n", "", line);
}

static void stat_print_vm(const struct vm *vm)
{
	uint64_t ms = stat_ms_of(stat_clock_of(vm));
	struct load load = {0};

	if (load_is_on(vm))
		load = stat_since_then(vm);
	shell_print("VM %s, %s", vm->name, vm_state_name(vm->state));
	if (load_is_on(vm))
		for (unsigned i = 0; i < vm->vcpu_count; i++)
			shell_print("%s %u", i ? "," : ", on processor", vm->vcpus[i]->sched.cpu);
	shell_print("\n");
	stat_print_share(vm, &load);
	stat_print_exits(vm, &load);
	shell_print("%8lu.%03lu  seconds since its machine was switched on\n", ms / MS_PER_S, ms % MS_PER_S);
	shell_print("%12lu  resets by the guest\n", vm->resets);
	shell_print("%12lu  instructions emulated\n", vm_counts(vm).emulated);
	shell_print("%12lu  EPT violations that mapped a page\n", vm->ept.faults);
	stat_print_ports(&vm->machine.ports);
	vm_put_refused_msrs(vm, stat_print_line);
	shell_print("%12lu  KiB of memory, %lu of them its RAM\n", stat_kib(frames_owned(VM_OWNER(vm))),
	            vm->map.ram >> 10);
	shell_print("%12lu  KiB in addition to its RAM: tables, ROM, the record of the VM\n",
	            load_overhead(vm));
}

/* ---- All of them ---- */

static void stat_print_row(struct vm *vm)
{
	struct load load = load_is_on(vm) ? stat_since_then(vm) : (struct load){0};
	unsigned share = load_share(load.ran, load.tsc), steal = load_share(load.waited, load.tsc);

	shell_print("%3u  %-16s %-8s %4u.%u %4u.%u %10lu %10lu %8luM %7luK\n", vm_console_number(vm),
	            vm->name, vm_state_name(vm->state), share / 10, share % 10, steal / 10, steal % 10,
	            load_per_second(load.exits, load.tsc), load_per_second(load.injected, load.tsc),
	            vm->config.machine.memory >> 20, load_overhead(vm));
}

static void stat_print(void)
{
	if (before.only) {
		stat_print_vm(before.only);
		return;
	}
	shell_print(" No  %-16s State      %%CPU  Steal    Exits/s     Intr/s    Memory Overhead\n", "Name");
	with_all_vms(stat_print_row);
}

/* ---- The command ---- */

static bool stat_waited(void)
{
	return false;
}

static void stat_end(void)
{
	if (!console_away())
		stat_print();
}

static bool stat_any_on(void)
{
	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i) && load_is_on(vm_get(i)))
			return true;
	return false;
}

/* Nothing happens in a VM that is off: what there is to say can be said at once. */
static void stat_begin(struct vm *only)
{
	static const struct shell_live live = {
		.step = stat_waited, .end = stat_end, .interval = WATCHED_NS, .keeps_key = true};

	before.only = only;
	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i))
			before.load[i] = load_of_vm(vm_get(i));
	if (only)
		for (unsigned i = 0; i < backend_exit_kinds(); i++)
			before.exit_count[i] = stat_exit_count(only, i);
	if (only ? load_is_on(only) : stat_any_on())
		shell_live(&live);
	else
		stat_print();
}

static void command_stat(unsigned count, const char *const *arguments)
{
	if (count)
		with_vm(arguments[0], stat_begin);
	else
		stat_begin(NULL);
}

/* ---- Longest stretches ---- */

static void stat_longest(unsigned count, const char *const *arguments)
{
	char line[STRETCH_TEXT_MAX * 2];

	shell_print("%s\n%10s %10s  CPU  What took most of it\n",
	            stretch_describe_longest(line, sizeof(line)), "us", "ticks");
	for (enum stretch_cause cause = 0; cause < STRETCH_CAUSES; cause++) {
		char text[STRETCH_TEXT_MAX];
		unsigned cpu = 0;
		struct stretch_record longest = stretch_longest(cause, &cpu);

		if (!longest.ticks)
			continue;
		stretch_describe(cause, longest.what, text, sizeof(text));
		shell_print("%10lu %10lu  %3u  %s\n", time_ns_from_tsc(longest.ticks) / 1000, longest.ticks,
		            cpu, text);
	}
}

/* clang-format off */
static const struct shell_command stat_commands[] = {
	{"stat", "[VM]", "show time, exits and memory of a VM, or one line for each VM", 0, 1, command_stat, shell_vm_name},
	{"longest", "", "show how long interrupts waited at most, by cause", 0, 0, stat_longest, NULL},
	{"top",  "",     "show the VMs by share, every second until a key is pressed", 0, 0, shell_top,    NULL   },
};
/* clang-format on */

void shell_stat_init(void)
{
	shell_add_commands(stat_commands, ARRAY_SIZE(stat_commands));
}
