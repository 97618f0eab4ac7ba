/* SPDX-License-Identifier: MIT */
/* The machine's outside world in host tests: see fake/services.h. */
#include "services.h"

struct fake_services fake_services;

uint64_t service_clock_ns(const struct machine *machine)
{
	(void)machine;
	return fake_services.now;
}

int64_t service_epoch(const struct machine *machine)
{
	(void)machine;
	return fake_services.epoch;
}

void service_deadline_changed(struct machine *machine, uint64_t deadline)
{
	(void)machine;
	fake_services.deadline = deadline;
}

void service_intr_changed(struct machine *machine, bool asserted)
{
	(void)machine;
	fake_services.intr = asserted;
}

void service_nmi(struct machine *machine)
{
	(void)machine;
	fake_services.nmis++;
}

void service_reset(struct machine *machine, enum reset_kind kind)
{
	(void)machine;
	fake_services.resets[kind]++;
}

void service_power_off(struct machine *machine)
{
	(void)machine;
	fake_services.power_offs++;
}

void service_serial_output(struct machine *machine, unsigned unit, uint8_t byte)
{
	(void)machine;
	if (fake_services.serial_length[unit] < sizeof(fake_services.serial[unit]))
		fake_services.serial[unit][fake_services.serial_length[unit]++] = byte;
}

bool service_serial_room(struct machine *machine, unsigned unit)
{
	(void)machine;
	return !fake_services.serial_full[unit];
}

void service_serial_input_wanted(struct machine *machine, unsigned unit)
{
	(void)machine;
	fake_services.input_wanted[unit]++;
}

void service_keyboard_input_wanted(struct machine *machine)
{
	(void)machine;
	fake_services.keyboard_wanted++;
}

void service_debug_output(struct machine *machine, uint8_t byte)
{
	(void)machine;
	fake_services.debug_last = byte;
	fake_services.debug_count++;
}
