/* SPDX-License-Identifier: MIT */
/*
 * What devices share: records of saved state. Lines, timers and the clock are the machine's:
 * machine.c.
 */
#include "devices/bus/device.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/panic.h"
#include "lib/string.h"

#define RECORD_NAME_SIZE 16

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
