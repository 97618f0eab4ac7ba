/* SPDX-License-Identifier: MIT */
/*
 * What every emulated device has in common.
 *
 * A device knows its registers, not exits, vCPUs or VMs, nor any other device. All of its state is
 * one plain struct without pointers, so that saving is copying. All else that it needs is handed
 * to it when it is plugged in: its clock, its pins and inputs, the spaces in which it answers, the
 * platform's events.
 *
 * Locking: the machine's owner serialises all calls for one machine.
 */
#ifndef DEVICES_BUS_DEVICE_H
#define DEVICES_BUS_DEVICE_H

#include "devices/bus/deadlines.h"
#include "devices/bus/line.h"
#include "devices/bus/memory_space.h"
#include "devices/bus/platform.h"
#include "devices/bus/port_space.h"
#include "devices/bus/section.h"

struct device;

#define DEVICE_STATE_MAX 1024 /* bytes of the largest state */

/* The constant part of a device. One per kind; instances differ in `struct device`. */
struct device_model {
	const char *name;
	uint32_t version;  /* of the layout of the state; raised when it changes */
	size_t state_size; /* bytes at device->state */

	/* The ports it answers. A region with base 0 is placed by the machine (UARTs). */
	const struct port_region *ports;
	uint8_t port_count;

	/* The memory it answers. */
	const struct memory_region *memory;
	uint8_t memory_count;

	/* Lines that it drives (device->pin), and lines that it sees (device->input). */
	uint8_t pins, inputs;
	const struct line_sink_ops *input_ops; /* a sink's owner is the device */

	/* Power-on state. The state holds no valid data before the first reset. */
	void (*reset)(struct device *device);

	/*
	 * Check a state that came from outside before it becomes the device's:
	 * every index in range, every enum known. Null: any bytes are valid.
	 */
	bool (*state_valid)(const void *state);

	/* After load: make outputs (lines, deadline) follow the new state. May be null. */
	void (*restored)(struct device *device);

	/*
	 * The deadline set by device_arm() has been reached. May be null in a device that sets
	 * none.
	 */
	void (*timer)(struct device *device);

	/* What it does when its requests on pin 0 are taken: device->listener. May be null. */
	const struct line_listener_ops *listener_ops;
};

/* What a machine hands to all of its devices. */
struct environment {
	struct platform platform;
	struct deadlines deadlines;
	struct sections sections;
	struct port_space *ports;
	struct memory_space *memory;
};

/*
 * One device in one machine. The machine fills in the first half, from storage of its own, and
 * device_plug() the second. Only what `state` points to is saved.
 */
struct device {
	const struct device_model *model;
	void *state;
	struct port_binding *port;     /* model->port_count of them */
	struct memory_binding *memory; /* model->memory_count */
	struct line_source *pin;       /* model->pins */
	struct line_sink *input;       /* model->inputs */
	void *wiring;                  /* further connections that its model asks for */
	uint8_t unit;                  /* 0 for the first of its model, 1 for the second ... */

	const struct clock *clock;
	struct environment *environment;
	struct deadline deadline;
	struct line_listener listener; /* at pin 0 */
	struct section section;        /* of saved state */
};

/*
 * Let the device answer the ports and the memory of its model; ports without a base are at
 * `port_base`. Its state is registered with what is saved. It is not reset. 0, or what
 * port_space_claim() and memory_space_claim() fail with.
 */
int must_check device_plug(struct device *device, struct environment *environment, uint16_t port_base);

/* Connect a pin or an input, which leads nowhere yet, to a line. */
void device_connect_pin(struct device *device, unsigned pin, struct line *line);
void device_connect_input(struct device *device, unsigned input, struct line *line);

/* Drive the line at a pin. Repeating a level is harmless. */
static inline void device_set_pin(struct device *device, unsigned pin, bool level)
{
	line_drive(&device->pin[pin], level);
}

/* The machine's clock in ns: monotonic, stands still while the VM is paused. */
static inline uint64_t device_now(const struct device *device)
{
	return clock_now(device->clock);
}

/* The same for a register that shows it: all deadlines up to then have been reached. */
static inline uint64_t device_show_now(struct device *device)
{
	uint64_t now = device_now(device);

	deadlines_catch_up(&device->environment->deadlines, now);
	return now;
}

/*
 * For registers that guests poll: must something happen before one shows the time `now`? Then the
 * handler calls a function of its own for that, so that the usual way saves no registers.
 */
static inline bool device_is_late(const struct device *device, uint64_t now)
{
	return unlikely(deadlines_are_due(&device->environment->deadlines, now));
}

/* Ask for a call of model->timer at `deadline` (machine clock, ns); replaces an earlier wish. */
static inline void device_arm(struct device *device, uint64_t deadline)
{
	if (device->deadline.at != deadline)
		deadline_arm(&device->environment->deadlines, &device->deadline, deadline);
}

static inline bool device_is_armed(const struct device *device)
{
	return device->deadline.at != DEADLINE_NONE;
}

static inline const struct platform *device_platform(const struct device *device)
{
	return &device->environment->platform;
}

#endif
