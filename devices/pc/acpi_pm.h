/* SPDX-License-Identifier: MIT */
/*
 * ACPI fixed hardware (ACPI specification, "ACPI Register Model"): PM1 event and
 * control blocks, and the power management timer with 32 bits. There is no SMI:
 * the machine is always in ACPI mode, and SCI_EN is hard-wired to 1.
 */
#ifndef DEVICES_PC_ACPI_PM_H
#define DEVICES_PC_ACPI_PM_H

#include "devices/bus/device.h"

/* What the FADT says. */
#define ACPI_PM1A_EVT_PORT 0x600 /* 4 bytes: status, enable */
#define ACPI_PM1A_CNT_PORT 0x604 /* 2 bytes */
#define ACPI_PM_TMR_PORT   0x608 /* 4 bytes, TMR_VAL_EXT set */
#define ACPI_SCI_IRQ       9     /* level, active high */
#define ACPI_SLP_TYP_S5    0     /* for \_S5; as in QEMU, since small kernels write 2000h to 604h unseen */

struct acpi_pm_state {
	uint64_t timer_periods; /* half periods of PM_TMR (2^31 ticks) for which TMR_STS was cleared */
	uint16_t status;        /* PM1_STS without TMR_STS, which is computed */
	uint16_t enable;
	uint16_t control;
	uint16_t reserved; /* 0 */
};

/* What it drives, and what it sees: a rising edge of the RTC's alarm sets RTC_STS. */
enum acpi_pm_pin { ACPI_PM_PIN_SCI, ACPI_PM_PINS };
enum acpi_pm_input { ACPI_PM_INPUT_RTC_ALARM, ACPI_PM_INPUTS };

extern const struct device_model acpi_pm_model;

/* The operator presses the power button: PWRBTN_STS, and the SCI if the guest has enabled it. */
void acpi_pm_power_button(struct device *device);

/* Does the guest listen: will a press of the button interrupt it? */
bool acpi_pm_wants_power_button(const struct device *device);

#endif
