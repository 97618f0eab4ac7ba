/* SPDX-License-Identifier: MIT */
/*
 * 8042 keyboard controller of a PC, ports 60h and 64h (not 61h between them), with PS/2 auxiliary
 * channel. A keyboard is plugged in where the machine has one; a mouse never is.
 */
#ifndef DEVICES_PC_I8042_H
#define DEVICES_PC_I8042_H

#include "devices/pc/ps2.h"

#define I8042_RAM_SIZE 32

struct i8042_state {
	uint8_t ram[I8042_RAM_SIZE]; /* ram[0] is the command byte */
	uint8_t status;
	uint8_t output;      /* DBBOUT: what port 60h reads */
	uint8_t output_port; /* P2 */
	uint8_t pending;     /* command that waits for its data byte at port 60h; 0: none */
	uint8_t released;    /* 80h: translation has seen the prefix of a break code; else 0 */
};

/* What it drives: the interrupts of either channel. */
enum i8042_pin { I8042_PIN_KEYBOARD, I8042_PIN_AUX, I8042_PINS };

/* For the keyboard channel's cable, which is its wiring. */
extern const struct ps2_controller_ops i8042_ps2_ops;

extern const struct device_model i8042_model;

#endif
