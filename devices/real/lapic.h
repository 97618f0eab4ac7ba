/* SPDX-License-Identifier: MIT */
/*
 * The local APIC of the processor that runs this, in xAPIC or x2APIC mode.
 * SDM Vol. 3A "Advanced Programmable Interrupt Controller (APIC)".
 */
#ifndef DEVICES_REAL_LAPIC_H
#define DEVICES_REAL_LAPIC_H

#include "lib/types.h"

/* Which mode: as the firmware left it, or as the operator says. */
enum lapic_choice { LAPIC_AS_FIRMWARE, LAPIC_XAPIC, LAPIC_X2APIC };

/*
 * On the boot processor: choose the mode, for all processors, and enable it. All local vectors are
 * masked, except those that the firmware has set to system management interrupts. Task priority 0.
 *
 * LAPIC_AS_FIRMWARE goes to x2APIC mode by itself only for `wide_ids`, which xAPIC mode cannot
 * address, or where an outer hypervisor offers the mode. A choice that the processor does not allow
 * is not followed: lapic_x2apic() tells. False: no local APIC, or it cannot be mapped.
 */
bool must_check lapic_init(uint8_t spurious_vector, enum lapic_choice choice, bool wide_ids);

/* The same mode on another processor, with the firmware's local vectors as on the first. */
void lapic_init_cpu(void);

/* This processor's pin LINT0 or LINT1 (`lint`) is an NMI, unless it is the firmware's. */
void lapic_set_nmi(unsigned lint, bool active_low);

/* How many local vectors are the firmware's. */
unsigned lapic_firmware_entries(void);

bool lapic_x2apic(void);
uint32_t lapic_id(void);

/* End of interrupt. */
void lapic_eoi(void);

/* Is an interrupt at `vector` accepted, and not yet given to the processor? */
bool lapic_requested(uint8_t vector);

/* Has the processor taken an interrupt at `vector`, and not ended it? False before lapic_init(). */
bool lapic_in_service(uint8_t vector);

/*
 * Set the timer up to interrupt at `vector`: TSC-deadline mode where the processor has it and
 * `deadline` allows it, else one-shot, measured against the TSC of `tsc_hz`. False if the timer
 * does not count.
 */
bool lapic_timer_init(uint8_t vector, uint64_t tsc_hz, bool deadline);

/*
 * Interrupt once at TSC `deadline`, at once if that is past; UINT64_MAX: never. Replaces the
 * earlier deadline.
 */
void lapic_timer_arm(uint64_t deadline);

/* "TSC-deadline" or "one-shot". */
const char *lapic_timer_mode(void);

#define LAPIC_ID_MAX 254 /* in xAPIC mode: FFh is all */

#define LAPIC_DELIVER_FIXED   0
#define LAPIC_DELIVER_NMI     4
#define LAPIC_DELIVER_INIT    5
#define LAPIC_DELIVER_STARTUP 6

/* Send an interprocessor interrupt; in xAPIC mode waits, bounded, until it has left. */
void lapic_send_ipi(uint32_t apic_id, unsigned delivery, uint8_t vector);

#endif
