/* SPDX-License-Identifier: MIT */
/*
 * The cable between a channel of the keyboard controller and what is plugged into it: what either
 * end may ask of the other. The machine lays it; both devices have it as their wiring.
 */
#ifndef DEVICES_PC_PS2_H
#define DEVICES_PC_PS2_H

#include "devices/bus/device.h"

struct ps2_controller_ops {
	/* The peripheral has something to send. */
	void (*ready)(struct device *controller);
};

struct ps2_peripheral_ops {
	/* A byte from the system, by way of the controller. */
	void (*receive)(struct device *peripheral, uint8_t byte);

	/* Take the next byte for the controller, if there is one. */
	bool (*send)(struct device *peripheral, uint8_t *byte);

	/* The controller has no more to ask for now. */
	void (*idle)(struct device *peripheral);
};

struct ps2_cable {
	struct device *controller;
	const struct ps2_controller_ops *controller_ops;
	struct device *peripheral; /* null: nothing is plugged in */
	const struct ps2_peripheral_ops *peripheral_ops;
};

#endif
