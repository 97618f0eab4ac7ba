/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of the processor that runs this, in xAPIC or x2APIC mode.
 * SDM Vol. 3A "Advanced Programmable Interrupt Controller (APIC)".
 */
#ifndef DEVICES_REAL_LAPIC_H
#define DEVICES_REAL_LAPIC_H

#include "lib/types.h"

/*
 * Enable it: x2APIC where the processor has it, else xAPIC mapped from IA32_APIC_BASE. All local
 * vectors masked, task priority 0. Every CPU calls it once. False: no local APIC, or it cannot be
 * mapped.
 */
bool lapic_init(uint8_t spurious_vector);

bool lapic_x2apic(void);
uint32_t lapic_id(void);

/* End of interrupt. */
void lapic_eoi(void);

/* Is an interrupt at `vector` accepted, and not yet given to the processor? */
bool lapic_requested(uint8_t vector);

/*
 * Set the timer up to interrupt at `vector`: TSC-deadline mode where the processor has it, else
 * one-shot, measured against the TSC of `tsc_hz`. False if the timer does not count.
 */
bool lapic_timer_init(uint8_t vector, uint64_t tsc_hz);

/*
 * Interrupt once at TSC `deadline`, at once if that is past; UINT64_MAX: never. Replaces the
 * earlier deadline.
 */
void lapic_timer_arm(uint64_t deadline);

/* "TSC-deadline" or "one-shot". */
const char *lapic_timer_mode(void);

#define LAPIC_DELIVER_FIXED   0
#define LAPIC_DELIVER_NMI     4
#define LAPIC_DELIVER_INIT    5
#define LAPIC_DELIVER_STARTUP 6

/* Send an interprocessor interrupt; in xAPIC mode waits, bounded, until it has left. */
void lapic_send_ipi(uint32_t apic_id, unsigned delivery, uint8_t vector);

#endif
