/* SPDX-License-Identifier: MIT */
/*
 * What a machine needs from whoever embeds it: the monitor (vmm/vm/platform.c) or a test. It is
 * handed over when the machine is made, so that machines with different ones can live side by side.
 *
 * The clock is data, since devices read it in many exits. The rest happens rarely, and is calls.
 * Access to guest memory (DMA) belongs here, too, as soon as a device has a use for it.
 */
#ifndef DEVICES_BUS_PLATFORM_H
#define DEVICES_BUS_PLATFORM_H

#include "devices/bus/clock.h"

enum reset_kind {
	RESET_CPU,    /* INIT to the processors: 8042 pulse, port 92h bit 0, CF9h value 4 */
	RESET_SYSTEM, /* the whole machine: CF9h with bit 1 set */
	RESET_KINDS,
};

/* Each is called with the platform's context. None is null. */
struct platform_events {
	/* The earliest deadline of any device changed (DEADLINE_NONE: there is none). */
	void (*deadline_changed)(void *context, uint64_t deadline);

	/* A rising edge on the NMI input: port 61h parity/IOCHK. */
	void (*nmi)(void *context);

	/* The guest asked for a reset; takes effect after the current instruction. */
	void (*reset)(void *context, enum reset_kind kind);

	/* The guest turned its machine off (ACPI S5). */
	void (*power_off)(void *context);

	/* The UART `unit` (0 = COM1) has a byte for the outside. */
	void (*serial_output)(void *context, unsigned unit, uint8_t byte);

	/* May the UART send one more byte now? If not, uart_output_ready() is called later. */
	bool (*serial_room)(void *context, unsigned unit);

	/* The UART has room for input again after uart_receive() took less than offered. */
	void (*serial_input_wanted)(void *context, unsigned unit);

	/* The keyboard has room for input again after it took less than offered. */
	void (*keyboard_input_wanted)(void *context);

	/* A byte written to the debug port E9h. */
	void (*debug_output)(void *context, uint8_t byte);

	/* A service of the firmware was called by this interrupt vector, as the guest has it. */
	void (*firmware_called)(void *context, uint8_t vector);
};

/* The clock and the context outlive the machine. */
struct platform {
	const struct clock *clock;
	const struct platform_events *events;
	void *context;
};

static inline void platform_nmi(const struct platform *platform)
{
	platform->events->nmi(platform->context);
}

static inline void platform_reset(const struct platform *platform, enum reset_kind kind)
{
	platform->events->reset(platform->context, kind);
}

static inline void platform_power_off(const struct platform *platform)
{
	platform->events->power_off(platform->context);
}

static inline void platform_serial_output(const struct platform *platform, unsigned unit, uint8_t byte)
{
	platform->events->serial_output(platform->context, unit, byte);
}

static inline bool platform_serial_room(const struct platform *platform, unsigned unit)
{
	return platform->events->serial_room(platform->context, unit);
}

static inline void platform_serial_input_wanted(const struct platform *platform, unsigned unit)
{
	platform->events->serial_input_wanted(platform->context, unit);
}

static inline void platform_keyboard_input_wanted(const struct platform *platform)
{
	platform->events->keyboard_input_wanted(platform->context);
}

static inline void platform_debug_output(const struct platform *platform, uint8_t byte)
{
	platform->events->debug_output(platform->context, byte);
}

static inline void platform_firmware_called(const struct platform *platform, uint8_t vector)
{
	platform->events->firmware_called(platform->context, vector);
}

#endif
