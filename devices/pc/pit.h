/* SPDX-License-Identifier: MIT */
/*
 * The 8254 programmable interval timer of a PC and system control port B (61h).
 * Intel 8254 datasheet. Nothing ticks: counts and outputs are computed from
 * the machine's clock when they are read.
 *
 * Time is kept in ticks of the 1193182 Hz input clock. A tick number is exact:
 * it is derived from the clock in one step, so that no rounding accumulates.
 */
#ifndef DEVICES_PC_PIT_H
#define DEVICES_PC_PIT_H

#include "devices/bus/device.h"

#define PIT_CHANNELS  3
#define PIT_HZ        1193182u
#define PIT_TICK_NONE UINT64_MAX

/*
 * In the periodic modes IRQ 0 is given at most once in so many ticks (10 us);
 * rising edges that lie nearer to each other merge, so that a guest that
 * programs the shortest period cannot keep the monitor busy.
 */
#define PIT_MIN_INTERVAL 12

struct pit_channel {
	uint64_t start;    /* tick at which the counting element holds `count`; PIT_TICK_NONE: not started */
	uint64_t load_at;  /* tick at which the last count written is loaded; null count until then */
	uint64_t elapsed;  /* ticks counted when it was paused */
	uint32_t count;    /* the count that runs, 1..65536 */
	uint32_t reload;   /* the count register, 1..65536; 0: none written since the control word */
	uint16_t held;     /* what the counting element shows before `start` */
	uint16_t latch;    /* output latch */
	uint8_t held_out;  /* level of OUT before `start` */
	uint8_t control;   /* bits 5..0 of the control word */
	uint8_t gate;      /* level of GATE */
	uint8_t paused;    /* 1: counting is disabled by GATE */
	uint8_t switching; /* 1: modes 2 and 3: `reload` replaces `count` at `load_at` */
	uint8_t latched;   /* bytes of `latch` still to be read, 0..2 */
	uint8_t status;    /* latched status byte */
	uint8_t status_latched;
	uint8_t read_high;  /* 1: the next unlatched read gives the high byte */
	uint8_t write_high; /* 1: the next write is the high byte */
	uint8_t low_byte;   /* the low byte that was written */
	uint8_t mode;       /* 0..5, from `control` */
};

struct pit_state {
	struct pit_channel channel[PIT_CHANNELS];
	uint64_t rise;       /* tick of the next rising edge of OUT0, not yet given to IRQ 0 */
	uint8_t line;        /* level of IRQ 0 */
	uint8_t port_b;      /* port 61h bits 3..0 as written */
	uint8_t errors;      /* port 61h bits 7 (parity) and 6 (IOCHK) */
	uint8_t reserved[5]; /* 0 */
};

/* What it drives: the output of channel 0. */
enum pit_pin { PIT_PIN_OUT0, PIT_PINS };

extern const struct device_model pit_model;

/* Port 61h. */
#define PORT_B_GATE2        0x01
#define PORT_B_SPEAKER      0x02
#define PORT_B_PARITY_CLEAR 0x04 /* 1: parity (SERR#) errors are held clear */
#define PORT_B_IOCHK_CLEAR  0x08 /* 1: channel check is held clear */
#define PORT_B_REFRESH      0x10 /* toggles with each memory refresh */
#define PORT_B_OUT2         0x20
#define PORT_B_IOCHK        0x40
#define PORT_B_PARITY       0x80

/*
 * Latch a memory parity error (PORT_B_PARITY) or an I/O channel check
 * (PORT_B_IOCHK) unless the guest holds that source clear. Returns true if
 * that raises the NMI line.
 */
bool must_check pit_report_error(struct device *device, uint8_t error);

#endif
