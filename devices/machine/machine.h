/* SPDX-License-Identifier: MIT */
/*
 * The PC that a guest sees: its devices, its port space and its interrupt
 * lines. One per VM, embedded in struct vm; tests build it alone. What it needs from outside comes
 * with machine_create().
 */
#ifndef DEVICES_MACHINE_MACHINE_H
#define DEVICES_MACHINE_MACHINE_H

#include "devices/machine/interrupts.h"
#include "devices/machine/machine_config.h"
#include "devices/pc/hpet.h"
#include "devices/pc/i8042.h"
#include "devices/pc/keyboard.h"
#include "devices/pc/pit.h"
#include "devices/pc/rtc.h"
#include "devices/pc/system_ports.h"
#include "devices/pc/uart.h"
#include "devices/pc/vga.h"

#define MACHINE_UARTS 4

enum machine_device {
	DEVICE_PIC, /* both 8259A and the ELCR */
	DEVICE_PIT, /* 8254 and port 61h */
	DEVICE_RTC,
	DEVICE_I8042,
	DEVICE_ACPI_PM,
	DEVICE_SYSTEM_PORTS, /* 80h, 92h, E9h, F0h, CF9h */
	DEVICE_VGA,
	DEVICE_KEYBOARD,
	DEVICE_HPET,
	DEVICE_UART0,
	DEVICE_COUNT = DEVICE_UART0 + MACHINE_UARTS,
};

/* What all models of a machine need together: machine_create() checks it. */
#define MACHINE_PORT_REGIONS   25
#define MACHINE_MEMORY_REGIONS 1
#define MACHINE_PINS           14

struct machine {
	struct device device[DEVICE_COUNT];
	struct port_space ports;
	struct memory_space memory;
	struct environment environment;
	struct interrupts interrupts;
	struct ps2_cable keyboard_cable;

	/* The devices' storage, in the order in which they were plugged in. */
	struct port_binding port_binding[MACHINE_PORT_REGIONS];
	struct memory_binding memory_binding[MACHINE_MEMORY_REGIONS];
	struct line_source pin[MACHINE_PINS];

	/* The devices' states, at device[].state. */
	struct pic_state pic;
	struct pit_state pit;
	struct rtc_state rtc;
	struct i8042_state i8042;
	struct acpi_pm_state acpi_pm;
	struct system_ports_state system_ports;
	struct vga_state vga;
	struct keyboard_state keyboard;
	struct hpet_state hpet;
	struct uart_state uart[MACHINE_UARTS];
};

/*
 * Plug the devices together and reset them to power-on. The machine must be all zeroes before, and
 * stays where it is. Errors: -ERR_INVALID for too many UARTs; -ERR_EXISTS when two devices want the
 * same ports or memory (a build error in practice).
 */
int must_check machine_create(struct machine *machine, const struct machine_config *config,
                              const struct platform *platform);

/* Power-on reset of every device. */
void machine_reset(struct machine *machine);

/*
 * After a reset: bring the interrupt controllers and the timer from there to what a PC's firmware
 * leaves. What differs in other devices has their resets, as the datasheets leave it open.
 */
void machine_firmware(struct machine *machine);

/*
 * Run the timers of all devices whose deadline is not after the machine's clock. Each runs at most
 * once, even if it asks for another call at once.
 */
void machine_run_timers(struct machine *machine);

/* The earliest of the devices' deadlines, as the platform was told; DEADLINE_NONE: none. */
static inline uint64_t machine_deadline(const struct machine *machine)
{
	return machine->environment.deadlines.told;
}

/*
 * Drive ISA line `irq` (0..15) from outside the machine. The line is high while
 * anyone drives it, so devices of the machine on the same line are not disturbed.
 */
void machine_set_line(struct machine *machine, unsigned irq, bool level);

/* Is the INTR output asserted? */
static inline bool machine_intr(const struct machine *machine)
{
	return line_level(&machine->interrupts.intr);
}

/*
 * Take the pending vector of the interrupt controller: the INTA cycles. Call only while INTR is
 * asserted.
 */
static inline uint8_t machine_acknowledge(struct machine *machine)
{
	return pic_acknowledge(&machine->device[DEVICE_PIC]);
}

/* The processor's FERR# pin: an FPU error with CR0.NE = 0. */
static inline void machine_fpu_error(struct machine *machine)
{
	system_ports_fpu_error(&machine->device[DEVICE_SYSTEM_PORTS]);
}

/*
 * A memory parity error or an I/O channel check (PORT_B_PARITY, PORT_B_IOCHK):
 * shows in port 61h and gives an NMI, unless the guest keeps either from it.
 */
void machine_report_error(struct machine *machine, uint8_t error);

/* Save all devices into `buffer`: as sections_save(). */
size_t machine_save(const struct machine *machine, void *buffer, size_t size);

/* Load what machine_save() wrote; 0, -ERR_TRUNCATED or -ERR_INVALID (machine unchanged). */
int must_check machine_load(struct machine *machine, const void *buffer, size_t size);

#endif
