/* SPDX-License-Identifier: MIT */
/*
 * MC146818A real-time clock and CMOS RAM, ports 70h and 71h. As on a PC, there are a 32.768 kHz
 * crystal, 128 bytes of RAM, and the century at 32h.
 *
 * The time of day is never ticked: it is the wall clock plus what the guest
 * made of it, computed when read. Flags of register C are likewise computed when
 * somebody looks; a timer is armed only for an interrupt that the guest enabled.
 */
#ifndef DEVICES_PC_RTC_H
#define DEVICES_PC_RTC_H

#include "devices/bus/device.h"

#define RTC_RAM_SIZE 128

struct rtc_state {
	int64_t offset;            /* seconds: guest's clock minus wall clock */
	uint64_t seen;             /* machine clock, ns: register C is complete up to here */
	uint64_t written;          /* the update after which the guest last wrote the time */
	uint32_t phase;            /* ns, below 1e9: where in the machine clock's second an update ends */
	uint8_t weekday_offset;    /* 0..6: guest's day of the week minus the calendar's */
	uint8_t index;             /* port 70h as written: bit 7 disables NMI */
	uint8_t reserved[2];       /* 0 */
	uint8_t ram[RTC_RAM_SIZE]; /* all registers; the time of day only as long as no update changes it */
};

/*
 * What it drives: its interrupt, and a pulse for each alarm that interrupts, for the ACPI hardware.
 */
enum rtc_pin { RTC_PIN_IRQ, RTC_PIN_ALARM, RTC_PINS };

extern const struct device_model rtc_model;

/*
 * Write the memory sizes that firmware leaves in CMOS RAM: base memory, extended memory up to 64
 * MiB, and memory above 16 MiB in units of 64 KiB. `bytes_below_4g`: end of RAM below 4 GiB.
 */
void rtc_set_memory(struct device *device, uint64_t bytes_below_4g);

/*
 * Take the byte that tells firmware what to do after a reset: "Shutdown Status Byte". It is 0
 * after that.
 */
uint8_t rtc_take_shutdown(struct device *device);

/* Does bit 7 of port 70h keep NMIs from the processor? */
bool rtc_nmi_disabled(const struct device *device);

#endif
