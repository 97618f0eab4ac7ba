/* SPDX-License-Identifier: MIT */
/*
 * What a machine needs from whoever embeds it: the monitor (vmm/vm/services.c)
 * or a test (tests/unit/fake/services.c). Bound at link time.
 */
#ifndef DEVICES_MACHINE_SERVICES_H
#define DEVICES_MACHINE_SERVICES_H

#include "devices/machine/machine.h"

/* The machine's clock, ns since its VM was created, not counting time while paused. */
uint64_t service_clock_ns(const struct machine *machine);

/* Wall-clock time in seconds since 1970-01-01 UTC when the machine's clock was 0. */
int64_t service_epoch(const struct machine *machine);

/* The earliest deadline of any device changed (DEADLINE_NONE: there is none). */
void service_deadline_changed(struct machine *machine, uint64_t deadline);

/* The interrupt controllers' INTR output to the boot processor changed. */
void service_intr_changed(struct machine *machine, bool asserted);

/* A rising edge on the NMI input: port 61h parity/IOCHK. */
void service_nmi(struct machine *machine);

enum reset_kind {
	RESET_CPU,    /* INIT to the processors: 8042 pulse, port 92h bit 0, CF9h value 4 */
	RESET_SYSTEM, /* the whole machine: CF9h with bit 1 set */
};

/* The guest asked for a reset; takes effect after the current instruction. */
void service_reset(struct machine *machine, enum reset_kind kind);

/* The guest turned its machine off (ACPI S5). */
void service_power_off(struct machine *machine);

/* The UART `unit` (0 = COM1) has a byte for the outside. */
void service_serial_output(struct machine *machine, unsigned unit, uint8_t byte);

/* May the UART send one more byte now? If not, service calls uart_output_ready() later. */
bool service_serial_room(struct machine *machine, unsigned unit);

/* The UART `unit` has room for input again after uart_receive() took less than offered. */
void service_serial_input_wanted(struct machine *machine, unsigned unit);

/* The keyboard has room for input again after keyboard_type() took less than offered. */
void service_keyboard_input_wanted(struct machine *machine);

/* A byte written to the debug port E9h. */
void service_debug_output(struct machine *machine, uint8_t byte);

#endif
