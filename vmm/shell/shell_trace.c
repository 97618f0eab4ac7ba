/* SPDX-License-Identifier: MIT */
#include "vmm/shell/shell_trace.h"
#include "lib/string.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_vm.h"
#include "vmm/observe/trace.h"
#include "vmm/vm/vm.h"

#define SHOWN     32   /* records that `trace show` shows, if it is not told */
#define SHOWN_MAX 4095 /* what one CPU keeps */

static const char *trace_word_at(const char *const *words, unsigned index, unsigned count)
{
	return index < count ? words[index] : NULL;
}

static const char *trace_word(unsigned index)
{
	static const char *const words[] = {"on", "off", "show", "dump"};

	return trace_word_at(words, index, ARRAY_SIZE(words));
}

static const char *trace_on_off_word(unsigned index)
{
	static const char *const words[] = {"on", "off"};

	return trace_word_at(words, index, ARRAY_SIZE(words));
}

/* "on" or "off" of a VM, or of all. */
static void trace_for_vms(unsigned count, const char *const *arguments, void (*act)(struct vm *vm))
{
	if (count > 1)
		with_vm(arguments[1], act);
	else
		with_all_vms(act);
}

static void trace_on_off(const char *command, unsigned count, const char *const *arguments,
                         void (*on)(struct vm *vm), void (*off)(struct vm *vm))
{
	if (!strcmp(arguments[0], "on"))
		trace_for_vms(count, arguments, on);
	else if (!strcmp(arguments[0], "off"))
		trace_for_vms(count, arguments, off);
	else
		shell_print("%s: there is no '%s'; give on or off\n", command, arguments[0]);
}

/* ---- measure ---- */

static void measure_on(struct vm *vm)
{
	if (vm_watched(vm) & WATCH_MEASURE)
		return;
	for (unsigned i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *vcpu = vm->vcpus[i];

		memset(vcpu->exit_ticks, 0, sizeof(vcpu->exit_ticks));
		memset(vcpu->exit_measured, 0, sizeof(vcpu->exit_measured));
	}
	vm_watch(vm, vm_watched(vm) | WATCH_MEASURE);
}

static void measure_off(struct vm *vm)
{
	vm_watch(vm, vm_watched(vm) & (uint8_t)~WATCH_MEASURE);
}

static void command_measure(unsigned count, const char *const *arguments)
{
	trace_on_off("measure", count, arguments, measure_on, measure_off);
}

/* ---- audit ---- */

static void audit_on(struct vm *vm)
{
	vm_watch(vm, vm_watched(vm) | WATCH_AUDIT);
}

static void audit_off(struct vm *vm)
{
	vm_watch(vm, vm_watched(vm) & (uint8_t)~WATCH_AUDIT);
}

static void command_audit(unsigned count, const char *const *arguments)
{
	trace_on_off("audit", count, arguments, audit_on, audit_off);
}

/* ---- trace ---- */

static void trace_vm_on(struct vm *vm)
{
	trace_on = true;
	vm_watch(vm, vm_watched(vm) | WATCH_TRACE);
}

static bool trace_any_traced(void)
{
	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i) && vm_watched(vm_get(i)) & WATCH_TRACE)
			return true;
	return false;
}

static void trace_vm_off(struct vm *vm)
{
	vm_watch(vm, vm_watched(vm) & (uint8_t)~WATCH_TRACE);
	trace_on = trace_any_traced();
}

/* A decimal number from 1 to SHOWN_MAX; 0: it is none. */
static unsigned trace_parse_count(const char *text)
{
	unsigned value = 0;

	for (; *text >= '0' && *text <= '9' && value <= SHOWN_MAX; text++)
		value = value * 10 + (unsigned)(*text - '0');
	return *text || value > SHOWN_MAX ? 0 : value;
}

static void trace_show_words(unsigned count, const char *const *arguments)
{
	unsigned records = count > 1 ? trace_parse_count(arguments[1]) : SHOWN;

	if (records)
		trace_show(records);
	else
		shell_print("trace show: '%s' is no number from 1 to %u\n", arguments[1], SHOWN_MAX);
}

static void command_trace(unsigned count, const char *const *arguments)
{
	if (!count || !strcmp(arguments[0], "show"))
		trace_show_words(count, arguments);
	else if (!strcmp(arguments[0], "on"))
		trace_for_vms(count, arguments, trace_vm_on);
	else if (!strcmp(arguments[0], "off"))
		trace_for_vms(count, arguments, trace_vm_off);
	else if (!strcmp(arguments[0], "dump") && count == 1)
		trace_dump();
	else
		shell_print("trace: give on, off, show or dump; 'help trace' says more\n");
}

/* clang-format off */
static const struct shell_command trace_commands[] = {
	{"trace",   "[on|off [VM] | show [N] | dump]", "note more of what happens, or less; show it, or dump it for a host",
	 0, 2, command_trace, trace_word},
	{"measure", "on|off [VM]", "count the ticks that each kind of exit takes; 'stat' shows them",
	 1, 2, command_measure, trace_on_off_word},
	{"audit",   "on|off [VM]", "check the state of a VM by the rules of the manual before every VM entry",
	 1, 2, command_audit, trace_on_off_word},
};
/* clang-format on */

void shell_trace_init(void)
{
	shell_add_commands(trace_commands, ARRAY_SIZE(trace_commands));
}
