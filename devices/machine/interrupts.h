/* SPDX-License-Identifier: MIT */
/*
 * The interrupt lines of a machine: which global system interrupt (GSI) leads to which input of
 * which controller, and the other lines between its devices.
 *
 * ISA interrupt n is GSI n. Today the 8259A pair is the only controller; an I/O APIC's inputs
 * become further sinks of the same lines. An interrupt message (MSI) has no line: it is a write to
 * a processor's local APIC, and does not pass here.
 */
#ifndef DEVICES_MACHINE_INTERRUPTS_H
#define DEVICES_MACHINE_INTERRUPTS_H

#include "devices/pc/acpi_pm.h"
#include "devices/pc/pic.h"

#define MACHINE_GSIS 16

struct interrupts {
	struct line gsi[MACHINE_GSIS];
	struct line intr;      /* the 8259A's output: for whoever embeds the machine */
	struct line rtc_alarm; /* from the RTC to the ACPI hardware: pulses, low between them */

	/* What drives lines from outside the machine. */
	struct line_source external[MACHINE_GSIS];
	uint32_t external_levels; /* a bit per GSI; the sources follow it */

	struct section section; /* what is saved: external_levels; all else follows from the devices */

	/* The devices' inputs. */
	struct line_sink pic_input[PIC_LINES];
	struct line_sink acpi_pm_input[ACPI_PM_INPUTS];
};

_Static_assert(MACHINE_GSIS <= 32, "external_levels has a bit per GSI");

/* All zeroes before. Connect the controllers' sides of the lines, and the sources from outside. */
void interrupts_connect(struct interrupts *interrupts, struct device *pic);

/*
 * Save and load the lines that are driven from outside. After the devices: when all is loaded, they
 * drive their lines before this one tells the sinks what came of it.
 */
void interrupts_register(struct interrupts *interrupts, struct sections *sections);

/* Drive a line from outside; what is no GSI is ignored. */
void interrupts_set_external(struct interrupts *interrupts, unsigned gsi, bool level);

/*
 * For a reset or a load: make all lines low (rtc_alarm is) and tell no sink. Then the devices drive
 * theirs again, and interrupts_refresh() drives those from outside and tells all sinks the levels.
 */
void interrupts_forget(struct interrupts *interrupts);
void interrupts_refresh(struct interrupts *interrupts);

#endif
