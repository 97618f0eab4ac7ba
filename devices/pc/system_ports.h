/* SPDX-License-Identifier: MIT */
/*
 * Small ports of a PC's chipset: POST code (80h), fast A20 and reset (92h), FPU errors (F0h, F1h),
 * reset control (CF9h), calls of firmware (B2h). The debug console (E9h) is as in Bochs and others.
 */
#ifndef DEVICES_PC_SYSTEM_PORTS_H
#define DEVICES_PC_SYSTEM_PORTS_H

#include "devices/bus/device.h"

/*
 * Intel ICH datasheets, "APM_CNT - Advanced Power Management Control Port": firmware's door to its
 * own code. The firmware of these guests writes the vector of a service that was called.
 */
#define FIRMWARE_CALLED 0xb2

struct system_ports_state {
	uint8_t post_code;
	uint8_t port92;
	uint8_t reset_control; /* CF9h */
	uint8_t fpu_error;     /* 1: IRQ 13 is asserted */
};

/* What it drives: the interrupt of FPU errors. */
enum system_ports_pin { SYSTEM_PORTS_PIN_FPU, SYSTEM_PORTS_PINS };

extern const struct device_model system_ports_model;

/*
 * FERR#: the processor has met an FPU error that it does not handle itself. A new edge each time,
 * since the pin is not seen to fall.
 */
void system_ports_fpu_error(struct device *device);

#endif
