/* SPDX-License-Identifier: MIT */
/* What the keys of a config table must be to each other, and what its VMs need together. */
#include "guests/config/config_parser.h"
#include "lib/checked.h"
#include "lib/string.h"

/* The line of a key in the open section; 0: it is not there. */
static unsigned config_line_of(const struct config_parser *p, const char *key)
{
	return p->seen[config_find_key(SECTION_VM, key) - config_keys];
}

void config_check_guest(struct config_parser *p, const struct guest_config *guest)
{
	const char *name = guest->vm.name;
	unsigned view = config_line_of(p, "view");

	/* A line `kernel` with a bad value has had its message. */
	if (!guest->kernel[0] && !config_line_of(p, "kernel"))
		config_complain(&p->findings, guest->line,
		                "VM '%.40s' has no kernel; add a line 'kernel = PATH'", name);
	if (guest->view == VIEW_SCREEN && !guest->vm.machine.screen)
		config_complain(&p->findings, view,
		                "VM '%.40s' has no screen to show; write view = serial, or screen = yes",
		                name);
	if (guest->view == VIEW_SERIAL && !guest->vm.machine.uarts)
		config_complain(&p->findings, view,
		                "VM '%.40s' has no serial port to show; write view = screen, or uarts = 1",
		                name);
}

void config_leave_out(struct config_parser *p, unsigned index)
{
	struct config *config = p->config;
	struct guest_config guest = config->guest[index];

	config->guest_count--;
	memmove(&config->guest[index], &config->guest[index + 1],
	        (config->guest_count - index) * sizeof(config->guest[0]));
	if (p->keeps_left_out) {
		*--config->left_out = guest;
		config->left_out_count++;
	} else if (index == config->guest_count) {
		p->modules = guest.module;
	}
}

/* The I/O base of the machine's serial port that is the guest's alone; 0: it has none. */
static unsigned config_own_port(const struct guest_config *guest)
{
	return guest->console > CONSOLE_NONE ? guest->console : 0;
}

/* May it have the serial port that it asks for? */
static bool config_check_console(struct config_parser *p, const struct guest_config *guest)
{
	const struct config *config = p->config;
	unsigned port = config_own_port(guest);

	if (port && port == config->monitor.serial_port) {
		config_complain(&p->findings, guest->console_line,
		                "the console of VM '%.40s' is the monitor's own serial port; "
		                "give one of the two another",
		                guest->vm.name);
		return false;
	}
	for (unsigned i = 0; port && i < config->guest_count && config->guest[i].line < guest->line; i++) {
		const struct guest_config *other = &config->guest[i];

		if (config_own_port(other) == port) {
			config_complain(&p->findings, guest->console_line,
			                "the console of VM '%.40s' is already that of '%s' (line "
			                "%u); give one of the two another",
			                guest->vm.name, other->vm.name, other->console_line);
			return false;
		}
	}
	return true;
}

/*
 * Leave out the VMs whose serial port is taken. The monitor's own may come after them, so this
 * comes last.
 */
void config_check_consoles(struct config_parser *p)
{
	struct config *config = p->config;

	for (unsigned i = config->left_out_count; i-- > 0;)
		(void)config_check_console(p, &config->left_out[i]);
	for (unsigned i = 0; i < config->guest_count;) {
		if (config_check_console(p, &config->guest[i]))
			i++;
		else
			config_leave_out(p, i);
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
