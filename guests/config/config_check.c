/* SPDX-License-Identifier: MIT */
/* What the keys of a config table must be to each other, and what its VMs need together. */
#include "guests/config/config_parser.h"
#include "lib/checked.h"
#include "lib/string.h"

void config_check_vm(struct config_parser *p, const struct vm_config *vm)
{
	unsigned line = p->seen[config_find_key(SECTION_VM, "view") - config_keys];

	if (!vm->kernel[0])
		config_complain(&p->findings, vm->line, "VM '%s' has no kernel; add a line 'kernel = PATH'",
		                vm->name);
	if (vm->view == VIEW_SCREEN && !vm->screen)
		config_complain(&p->findings, line,
		                "VM '%s' has no screen to show; write view = serial, or screen = yes",
		                vm->name);
	if (vm->view == VIEW_SERIAL && !vm->uarts)
		config_complain(&p->findings, line,
		                "VM '%s' has no serial port to show; write view = screen, or uarts = 1",
		                vm->name);
}

/* The I/O base of the machine's serial port that is `vm`'s alone; 0: it has none. */
static unsigned own_port(const struct vm_config *vm)
{
	return vm->console > CONSOLE_NONE ? vm->console : 0;
}

/* May VM number `index` have the serial port that it asks for? */
static bool check_console(struct config_parser *p, unsigned index)
{
	const struct config *config = p->config;
	const struct vm_config *vm = &config->vm[index];
	unsigned port = own_port(vm);

	if (port && port == config->monitor.serial_port) {
		config_complain(&p->findings, vm->console_line,
		                "the console of VM '%s' is the monitor's own serial port; "
		                "give one of the two another",
		                vm->name);
		return false;
	}
	for (unsigned i = 0; port && i < index; i++) {
		if (own_port(&config->vm[i]) == port) {
			config_complain(&p->findings, vm->console_line,
			                "the console of VM '%s' is that of '%s' already (line "
			                "%u); give one of the two another",
			                vm->name, config->vm[i].name, config->vm[i].console_line);
			return false;
		}
	}
	return true;
}

/*
 * Leave out the VMs whose serial port is taken. The monitor's own may stand behind them, so this
 * comes last.
 */
void config_check_consoles(struct config_parser *p)
{
	struct config *config = p->config;
	unsigned i = 0;

	while (i < config->vm_count) {
		if (check_console(p, i)) {
			i++;
			continue;
		}
		config->vm_count--;
		memmove(&config->vm[i], &config->vm[i + 1], (config->vm_count - i) * sizeof(config->vm[0]));
	}
}

uint64_t config_memory_total(const struct config *config)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < config->vm_count; i++)
		if (config->vm[i].autostart && add_overflows(total, config->vm[i].memory, &total))
			return UINT64_MAX;
	return total;
}
