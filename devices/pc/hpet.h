/* SPDX-License-Identifier: MIT */
/*
 * A high precision event timer: "IA-PC HPET (High Precision Event Timers) Specification", revision
 * 1.0a. A 64-bit main counter and three comparators, the first of which can be periodic.
 *
 * Nothing ticks: the counter is computed from the machine's clock when it is read, and a deadline
 * is armed for the next interrupt alone. There is no I/O APIC, so a timer's route (INT_ROUTE_CAP)
 * leads nowhere, and interrupts come in legacy replacement mode only: timer 0 on IRQ 0 in place of
 * the 8254, timer 1 on IRQ 8 in place of the RTC. Time is kept in ticks of the main counter since
 * the machine's clock was 0.
 */
#ifndef DEVICES_PC_HPET_H
#define DEVICES_PC_HPET_H

#include "devices/bus/device.h"

#define HPET_BASE      0xFED00000u /* where chip sets have it, and the ACPI table says so */
#define HPET_SIZE      0x400u
#define HPET_TIMERS    3
#define HPET_PERIOD_FS 69841279u  /* of one tick: 14.31818 MHz, as in chip sets */
#define HPET_ID        0x8086A201 /* low half of GCAP_ID, and the "Event Timer Block ID" of the ACPI table */
#define HPET_TICK_NONE UINT64_MAX

/*
 * A periodic timer interrupts at most once in so many ticks (10 us): nearer matches merge, so that
 * a guest that programs the shortest period cannot keep the monitor busy.
 */
#define HPET_MIN_INTERVAL 144

struct hpet_timer {
	uint64_t comparator;
	uint64_t period;   /* periodic mode: what was last written to the comparator register */
	uint64_t due;      /* tick of the next match; HPET_TICK_NONE: none */
	uint32_t config;   /* the bits of Tn_CONF that can be written */
	uint32_t reserved; /* 0 */
};

struct hpet_state {
	struct hpet_timer timer[HPET_TIMERS];
	uint64_t counter; /* main counter: its value while halted, else what it was at tick 0 */
	uint32_t config;  /* GEN_CONF */
	uint8_t status;   /* GINTR_STA: a bit per timer, level-triggered ones only */
	uint8_t edges;    /* a bit per timer: its edge-triggered output is high */
	uint8_t reserved[2];
};

/*
 * What it drives: the lines of the 8254 (timer 0) and of the RTC (timer 1), which it takes for
 * itself in legacy replacement mode.
 */
#define HPET_PINS 2

extern const struct device_model hpet_model;

#endif
