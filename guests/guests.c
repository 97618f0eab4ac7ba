/* SPDX-License-Identifier: MIT */
#include "guests/guests.h"
#include "guests/config/config_keys.h"
#include "guests/guest_vm.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/host_map.h"
#include "vmm/console/console.h"
#include "vmm/console/console_channel.h"
#include "vmm/x86/cpuid.h"
#include "vmm/console/console_irq.h"
#include "vmm/observe/log.h"
#include "vmm/observe/panic.h"
#include "vmm/cpu/mitigations.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_task.h"
#include "vmm/shell/shell_vm.h"
#include "vmm/cpu/shutdown.h"
#include "vmm/cpu/time.h"
#include "vmm/vm/vm.h"

#define ERRORS_SHOWN 16

static struct config config;

static void guests_log_line(const char *line)
{
	log_info("%s\n", line);
}

/* ---- Config ---- */

static bool guests_read_config(void)
{
	static struct config_error errors[ERRORS_SHOWN];
	const struct guest_file *file = guest_file_find("config");
	unsigned count;
	hpa_t storage;

	if (!file) {
		log_error("There is no config module: add \"module2 /boot/FILE config\" to the "
		          "boot loader's menu entry, or build the image with make iso "
		          "CONFIG=FILE.\n");
		return false;
	}
	storage = frames_alloc(frames_order(config_storage_size(hpa_to_pointer(file->start), file->size)),
	                       FRAME_OWNER_MONITOR, FRAME_DATA);
	count = config_parse(hpa_to_pointer(file->start), file->size,
	                     storage ? hpa_to_pointer(storage) : NULL, &config, errors, ERRORS_SHOWN);
	for (unsigned i = 0; i < MIN(count, ERRORS_SHOWN); i++) {
		if (errors[i].line)
			log_error("config line %u: %s\n", errors[i].line, errors[i].text);
		else
			log_error("config: %s\n", errors[i].text);
	}
	if (count > ERRORS_SHOWN)
		log_error("config: %u more errors\n", count - ERRORS_SHOWN);
	return true;
}

/* ---- VMs ---- */

static void guests_check_memory(void)
{
	uint64_t wanted = config_memory_total(&config), free = frames_stat().free * PAGE_SIZE;

	if (wanted > free)
		log_warning("config: the VMs that start by themselves need a total of %luM of memory, "
		            "but only %luM are free, so the last of them will not start: "
		            "give them less, or the machine more\n",
		            wanted >> 20, free >> 20);
}

static void guests_start_vm(struct vm *vm)
{
	char problem[400];

	if (vm_start(vm, problem, sizeof(problem)))
		log_error("vm %s: %s\n", vm->name, problem);
	else
		log_info("vm %s: starts with %luM of memory\n", vm->name, vm->config.machine.memory >> 20);
	console_flush(); /* the next one may be where the machine stops */
}

/* A VM that cannot start does not keep the next one from it. Returns whether any is on. */
static bool guests_start_vms(void)
{
	bool any = false;

	guests_check_memory();
	for (unsigned i = 0; i < config.guest_count; i++) {
		struct vm *vm = guest_vm_define(&config.guest[i], i);

		if (!vm)
			continue;
		vm_watch(vm, (config.monitor.measure ? WATCH_MEASURE : 0) |
		                     (config.monitor.audit ? WATCH_AUDIT : 0));
		if (!config.guest[i].autostart)
			continue;
		guests_start_vm(vm);
		if (!any && vm->state != VM_STOPPED)
			console_attach(channel_find(vm_console_number(vm)));
		any |= vm->state != VM_STOPPED;
	}
	return any;
}

/* ---- The shell ---- */

#define PIECE 256 /* a line can be longer than the shell prints at once */

static void guests_show_line(void *context, const char *line)
{
	for (size_t left = strlen(line), n; left; line += n, left -= n) {
		n = MIN(left, PIECE);
		shell_print("%.*s", (int)n, line);
	}
	shell_print("\n");
}

static void guests_command_config(unsigned count, const char *const *arguments)
{
	config_print(&config, guests_show_line, NULL);
}

/* clang-format off */
static const struct shell_command guests_commands[] = {
	{"config", "", "the config table in effect, every key with its value", 0, 0, guests_command_config, NULL},
};
/* clang-format on */

static void guests_start_shell(void)
{
	shell_init();
	shell_task_init(host_map_stack(CPU_STACK_PAGES));
	shell_vm_init();
	shell_add_commands(guests_commands, ARRAY_SIZE(guests_commands));
}

/* ---- The end ---- */

static void guests_all_stopped(void)
{
	switch (config.monitor.on_all_stopped) {
	case STOPPED_POWEROFF: shutdown_power_off(); break;
	case STOPPED_RESET: shutdown_reset(); break;
	default: console_return();
	}
}

/* ---- The beginning ---- */

static bool readable; /* the config */

void guests_init(const struct guest_file *files, unsigned count,
                 void (*override)(struct monitor_config *settings))
{
	char problem[300];

	guest_files_set(files, count);
	if (backend_detect(problem, sizeof(problem))) {
		backend_report(guests_log_line); /* what there is, beside what is missing */
		log_error("%s\n", problem);
		shutdown_halt();
	}
	config_defaults(SECTION_MONITOR, &config.monitor);
	readable = guests_read_config();
	override(&config.monitor);
	panic_set_reset(config.monitor.on_panic == PANIC_RESET ? shutdown_reset : NULL);
	log_level_set(config.monitor.log_level);
	console_irq_init_keyboard(config.monitor.keyboard != KEYBOARD_OFF,
	                          config.monitor.keyboard == KEYBOARD_FORCED);
	mitigations_init(config.monitor.mitigations == MITIGATIONS_AUTO);
	backend_report(guests_log_line);
	log_info("Speculation mitigations:\n");
	mitigations_report(guests_log_line);
	cpuid_init(backend_offers(), time_tsc_hz);
	if (backend_cpu_start(this_cpu(), problem, sizeof(problem))) {
		log_error("%s\n", problem);
		shutdown_halt();
	}
}

_Noreturn void guests_run(void)
{
	vm_all_stopped = guests_all_stopped;
	guests_start_shell();
	console_irq_start();
	if (!readable || !guests_start_vms())
		guests_all_stopped();
	backend_run();
}
