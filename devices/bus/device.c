/* SPDX-License-Identifier: MIT */
/* How a device is plugged in, wired and saved: see device.h. */
#include "devices/bus/device.h"
#include "lib/panic.h"
#include "lib/string.h"

/* ---- Saved state ---- */

static struct device *device_of(const struct section *section)
{
	return container_of(section, struct device, section);
}

static void device_save(const struct section *section, void *bytes)
{
	const struct device *device = device_of(section);

	memcpy(bytes, device->state, device->model->state_size);
}

/* In a copy, which is aligned as the bytes may not be. */
static bool device_check(const struct section *section, const void *bytes)
{
	const struct device_model *model = device_of(section)->model;
	uint64_t state[DEVICE_STATE_MAX / sizeof(uint64_t)];

	assert_monitor(model->state_size <= DEVICE_STATE_MAX);
	memcpy(state, bytes, model->state_size);
	return !model->state_valid || model->state_valid(state);
}

static void device_load(struct section *section, const void *bytes)
{
	struct device *device = device_of(section);

	memcpy(device->state, bytes, device->model->state_size);
	device_arm(device, DEADLINE_NONE);
}

static void device_loaded(struct section *section)
{
	struct device *device = device_of(section);

	if (device->model->restored)
		device->model->restored(device);
}

static const struct section_ops device_section_ops = {
	.save = device_save,
	.check = device_check,
	.load = device_load,
	.loaded = device_loaded,
};

static void device_register(struct device *device)
{
	device->section = (struct section){
		.ops = &device_section_ops,
		.name = device->model->name,
		.version = device->model->version,
		.unit = device->unit,
		.size = device->model->state_size,
	};
	sections_add(&device->environment->sections, &device->section);
}

/* ---- Plugging ---- */

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
	deadline_init(&device->deadline, device->model->timer, device);
	device_register(device);
	error = device_claim_ports(device, port_base);
	return error ? error : device_claim_memory(device);
}

/* ---- Wiring ---- */

void device_connect_pin(struct device *device, unsigned pin, struct line *line)
{
	line_add_source(line, &device->pin[pin]);
	if (pin || !device->model->listener_ops)
		return;
	device->listener.ops = device->model->listener_ops;
	line_add_listener(line, &device->listener);
}

void device_connect_input(struct device *device, unsigned input, struct line *line)
{
	struct line_sink *sink = &device->input[input];

	*sink = (struct line_sink){.ops = device->model->input_ops, .owner = device, .input = input};
	line_add_sink(line, sink);
}
