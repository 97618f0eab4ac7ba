/* SPDX-License-Identifier: MIT */
/* What the keys of a config table must be to each other, and what its VMs need together. */
#include "guests/config/config_parser.h"
#include "lib/checked.h"
#include "lib/string.h"

void config_check_guest(struct config_parser *p, const struct guest_config *guest)
{
	unsigned line = p->seen[config_find_key(SECTION_VM, "view") - config_keys];

	if (!guest->kernel[0])
		config_complain(&p->findings, guest->line,
		                "VM '%s' has no kernel; add a line 'kernel = PATH'", guest->vm.name);
	if (guest->view == VIEW_SCREEN && !guest->vm.machine.screen)
		config_complain(&p->findings, line,
		                "VM '%s' has no screen to show; write view = serial, or screen = yes",
		                guest->vm.name);
	if (guest->view == VIEW_SERIAL && !guest->vm.machine.uarts)
		config_complain(&p->findings, line,
		                "VM '%s' has no serial port to show; write view = screen, or uarts = 1",
		                guest->vm.name);
}

/* The I/O base of the machine's serial port that is the guest's alone; 0: it has none. */
static unsigned own_port(const struct guest_config *guest)
{
	return guest->console > CONSOLE_NONE ? guest->console : 0;
}

/* May VM number `index` have the serial port that it asks for? */
static bool check_console(struct config_parser *p, unsigned index)
{
	const struct config *config = p->config;
	const struct guest_config *guest = &config->guest[index];
	unsigned port = own_port(guest);

	if (port && port == config->monitor.serial_port) {
		config_complain(&p->findings, guest->console_line,
		                "the console of VM '%s' is the monitor's own serial port; "
		                "give one of the two another",
		                guest->vm.name);
		return false;
	}
	for (unsigned i = 0; port && i < index; i++) {
		if (own_port(&config->guest[i]) == port) {
			config_complain(&p->findings, guest->console_line,
			                "the console of VM '%s' is that of '%s' already (line "
			                "%u); give one of the two another",
			                guest->vm.name, config->guest[i].vm.name,
			                config->guest[i].console_line);
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

	while (i < config->guest_count) {
		if (check_console(p, i)) {
			i++;
			continue;
		}
		config->guest_count--;
		memmove(&config->guest[i], &config->guest[i + 1],
		        (config->guest_count - i) * sizeof(config->guest[0]));
	}
}

uint64_t config_memory_total(const struct config *config)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < config->guest_count; i++)
		if (config->guest[i].autostart &&
		    add_overflows(total, config->guest[i].vm.machine.memory, &total))
			return UINT64_MAX;
	return total;
}
