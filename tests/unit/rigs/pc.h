/* SPDX-License-Identifier: MIT */
/* A whole guest PC on the bench, for the unit tests of its devices. */
#ifndef TESTS_UNIT_RIGS_PC_H
#define TESTS_UNIT_RIGS_PC_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "devices/machine/machine.h"
#include "lib/errors.h"
#include "lib/x86.h"
#include "platform.h"

#define UNUSED __attribute__((unused))

static struct machine pc;

static int pc_create(bool screen)
{
	const struct machine_config config = {.uarts = MACHINE_UARTS, .screen = screen, .hpet = true};

	fake_platform_init(&fake_platform);
	fake_x86.tsc = 0;
	memset(&pc, 0, sizeof(pc));
	fake_platform.clock.epoch = 1709164790;
	return fake_platform_create(&fake_platform, &pc, &config);
}

/* A cmocka set-up function: a machine at power-on, at time 0 of 2024-02-28 23:59:50 UTC. */
UNUSED static int pc_setup(void **state)
{
	(void)state;
	return pc_create(true);
}

/* The same without VGA and keyboard. */
UNUSED static int pc_setup_without_screen(void **state)
{
	(void)state;
	return pc_create(false);
}

UNUSED static uint32_t in(uint16_t port)
{
	return port_read(&pc.ports, port, 1);
}

UNUSED static void out(uint16_t port, uint8_t value)
{
	port_write(&pc.ports, port, 1, value);
}

/* The level that the interrupt controllers see at their input. */
UNUSED static bool line(unsigned irq)
{
	return pc.pic.chip[irq >> 3].lines >> (irq & 7) & 1;
}

/* Let time pass, stopping at each deadline on the way. */
UNUSED static void pass(uint64_t ns)
{
	uint64_t end = fake_x86.tsc + ns;

	while (machine_deadline(&pc) <= end) {
		fake_x86.tsc = machine_deadline(&pc) > fake_x86.tsc ? machine_deadline(&pc) : fake_x86.tsc;
		machine_run_timers(&pc);
	}
	fake_x86.tsc = end;
}

/* Save a device, ruin it, load it: state, line and deadline must be as before. */
UNUSED static void round_trip(enum machine_device index)
{
	struct device *device = &pc.device[index];
	size_t size = device->model->state_size;
	uint64_t deadline = device->deadline.at;
	uint8_t before[1024], record[1024 + 64];
	bool level = device->model->pins && device->pin[0].level;
	size_t needed = section_save(&device->section, NULL, 0);

	assert_in_range(needed, size, sizeof(record));
	assert_int_equal(section_save(&device->section, record, sizeof(record)), needed);
	memcpy(before, device->state, size);
	memset(device->state, 0x5a, size);
	if (device->model->pins)
		device_set_pin(device, 0, !level);
	device_arm(device, deadline == DEADLINE_NONE ? 1 : DEADLINE_NONE);

	assert_int_equal(section_load(&device->section, record, needed - 1), -ERR_TRUNCATED);
	assert_int_equal(section_load(&device->section, record, needed), 0);
	assert_memory_equal(device->state, before, size);
	assert_int_equal(device->deadline.at, deadline);
	if (device->model->pins)
		assert_int_equal(device->pin[0].level, level);
}

/* Is this state, with one byte changed, refused? The device must not change then. */
UNUSED static bool refuses(enum machine_device index, size_t offset, uint8_t value)
{
	struct device *device = &pc.device[index];
	size_t size = device->model->state_size, needed = section_save(&device->section, NULL, 0);
	uint8_t before[1024], record[1024 + 64];
	int error;

	assert_int_equal(section_save(&device->section, record, sizeof(record)), needed);
	memcpy(before, device->state, size);
	record[needed - size + offset] = value;
	error = section_load(&device->section, record, needed);
	if (error) {
		assert_int_equal(error, -ERR_INVALID);
		assert_memory_equal(device->state, before, size);
	} else {
		memcpy(record + needed - size, before, size);
		assert_int_equal(section_load(&device->section, record, needed), 0);
	}
	return error;
}

#endif
