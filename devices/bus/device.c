/* SPDX-License-Identifier: MIT */
/* How a device is plugged in and wired, and the records of its saved state: see device.h. */
#include "devices/bus/device.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/panic.h"
#include "lib/string.h"

#define RECORD_NAME_SIZE 16

/* ---- Plugging ---- */

static void device_deadline_reached(struct deadline *deadline)
{
	struct device *device = container_of(deadline, struct device, deadline);

	if (device->model->timer)
		device->model->timer(device);
}

static int device_claim_ports(struct device *device, uint16_t port_base)
{
	int error = 0;

	for (unsigned i = 0; i < device->model->port_count && !error; i++) {
		const struct port_region *region = &device->model->ports[i];

		error = port_space_claim(device->environment->ports, &device->port[i], device, region,
		                         region->base ? region->base : port_base);
	}
	return error;
}

static int device_claim_memory(struct device *device)
{
	int error = 0;

	for (unsigned i = 0; i < device->model->memory_count && !error; i++) {
		const struct memory_region *region = &device->model->memory[i];

		error = memory_space_claim(device->environment->memory, &device->memory[i], device, region,
		                           region->base);
	}
	return error;
}

int device_plug(struct device *device, struct environment *environment, uint16_t port_base)
{
	int error;

	device->environment = environment;
	device->clock = environment->platform.clock;
	deadline_init(&device->deadline, device_deadline_reached);
	error = device_claim_ports(device, port_base);
	return error ? error : device_claim_memory(device);
}

/* ---- Wiring ---- */

static void device_acknowledged(struct line_listener *listener)
{
	struct device *device = container_of(listener, struct device, listener);

	device->model->acknowledged(device);
}

static void device_switched(struct line_listener *listener)
{
	struct device *device = container_of(listener, struct device, listener);

	device->model->switched(device);
}

void device_connect_pin(struct device *device, unsigned pin, struct line *line)
{
	static const struct line_listener_ops ops = {device_acknowledged, device_switched};

	line_add_source(line, &device->pin[pin]);
	if (pin || !device->model->acknowledged)
		return;
	device->listener.ops = &ops;
	line_add_listener(line, &device->listener);
}

void device_connect_input(struct device *device, unsigned input, struct line *line)
{
	struct line_sink *sink = &device->input[input];

	*sink = (struct line_sink){.ops = device->model->input_ops, .owner = device, .input = input};
	line_add_sink(line, sink);
}

/* ---- Saved state ---- */

struct record {
	char name[RECORD_NAME_SIZE]; /* of the model, filled up with zeroes */
	uint32_t version;
	uint32_t unit;
	uint64_t size; /* of the state that follows */
};

static struct record record_of(const struct device *device)
{
	struct record record = {
		.version = device->model->version,
		.unit = device->unit,
		.size = device->model->state_size,
	};

	memcpy(record.name, device->model->name, strnlen(device->model->name, RECORD_NAME_SIZE - 1));
	return record;
}

size_t device_save(const struct device *device, void *buffer, size_t size)
{
	struct record record = record_of(device);
	size_t needed = sizeof(record) + device->model->state_size;

	if (size >= needed) {
		memcpy(buffer, &record, sizeof(record));
		memcpy((uint8_t *)buffer + sizeof(record), device->state, device->model->state_size);
	}
	return needed;
}

/*
 * Copy the state of a record to `state`, which is aligned as the buffer may not be, and check it
 * there.
 */
static int read_record(const struct device *device, const void *buffer, size_t size, void *state)
{
	const struct device_model *model = device->model;
	struct record expected = record_of(device);

	assert_monitor(model->state_size <= DEVICE_STATE_MAX);
	if (size < sizeof(expected))
		return -ERR_TRUNCATED;
	if (memcmp(buffer, &expected, sizeof(expected)) != 0)
		return -ERR_INVALID;
	if (!range_within(sizeof(expected), model->state_size, size))
		return -ERR_TRUNCATED;
	memcpy(state, (const uint8_t *)buffer + sizeof(expected), model->state_size);
	return model->state_valid && !model->state_valid(state) ? -ERR_INVALID : 0;
}

int device_check(const struct device *device, const void *buffer, size_t size)
{
	uint64_t state[DEVICE_STATE_MAX / sizeof(uint64_t)];

	return read_record(device, buffer, size, state);
}

int device_load(struct device *device, const void *buffer, size_t size)
{
	uint64_t state[DEVICE_STATE_MAX / sizeof(uint64_t)];
	int error = read_record(device, buffer, size, state);

	if (error)
		return error;
	memcpy(device->state, state, device->model->state_size);
	device_arm(device, DEADLINE_NONE);
	if (device->model->restored)
		device->model->restored(device);
	return 0;
}
