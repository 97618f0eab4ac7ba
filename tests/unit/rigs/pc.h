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
#include "services.h"

#define UNUSED __attribute__((unused))

static struct machine pc;

static int pc_create(bool screen)
{
	const struct machine_config config = {.uarts = MACHINE_UARTS, .screen = screen, .hpet = true};

	memset(&fake_services, 0, sizeof(fake_services));
	memset(&pc, 0, sizeof(pc));
	fake_services.epoch = 1709164790;
	return machine_create(&pc, &config);
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
	uint64_t end = fake_services.now + ns;

	while (pc.deadline <= end) {
		fake_services.now = pc.deadline > fake_services.now ? pc.deadline : fake_services.now;
		machine_run_timers(&pc);
	}
	fake_services.now = end;
}

/* Save a device, ruin it, load it: state, line and deadline must be as before. */
UNUSED static void round_trip(enum machine_device index)
{
	struct device *device = &pc.device[index];
	size_t size = device->model->state_size;
	uint64_t deadline = device->deadline;
	uint8_t before[1024], record[1024 + 64];
	bool level = line(device->irq);
	size_t needed = device_save(device, NULL, 0);

	assert_in_range(needed, size, sizeof(record));
	assert_int_equal(device_save(device, record, sizeof(record)), needed);
	memcpy(before, device->state, size);
	memset(device->state, 0x5a, size);
	device_set_line(device, !level);
	device_arm(device, deadline == DEADLINE_NONE ? 1 : DEADLINE_NONE);

	assert_int_equal(device_load(device, record, needed - 1), -ERR_TRUNCATED);
	assert_int_equal(device_load(device, record, needed), 0);
	assert_memory_equal(device->state, before, size);
	assert_int_equal(device->deadline, deadline);
	assert_int_equal(line(device->irq), level);
}

/* Is this state, with one byte changed, refused? The device must not change then. */
UNUSED static bool refuses(enum machine_device index, size_t offset, uint8_t value)
{
	struct device *device = &pc.device[index];
	size_t size = device->model->state_size, needed = device_save(device, NULL, 0);
	uint8_t before[1024], record[1024 + 64];
	int error;

	assert_int_equal(device_save(device, record, sizeof(record)), needed);
	memcpy(before, device->state, size);
	record[needed - size + offset] = value;
	error = device_load(device, record, needed);
	if (error) {
		assert_int_equal(error, -ERR_INVALID);
		assert_memory_equal(device->state, before, size);
	} else {
		memcpy(record + needed - size, before, size);
		assert_int_equal(device_load(device, record, needed), 0);
	}
	return error;
}

#endif
