/* SPDX-License-Identifier: MIT */
/*
 * Small ports of a PC's chipset: POST code (80h), fast A20 and reset (92h), debug
 * console (E9h, as Bochs and others have it), reset control (CF9h).
 */
#ifndef DEVICES_PC_SYSTEM_PORTS_H
#define DEVICES_PC_SYSTEM_PORTS_H

#include "devices/bus/device.h"

struct system_ports_state {
	uint8_t post_code;
	uint8_t port92;
	uint8_t reset_control; /* CF9h */
};

extern const struct device_model system_ports_model;

#endif
