/* SPDX-License-Identifier: MIT */
/*
 * Non-maskable interrupts: an error that the hardware reports, or a button of the operator's, who
 * wants to know where a machine hangs.
 */
#ifndef VMM_CPU_NMI_H
#define VMM_CPU_NMI_H

#include "lib/interrupt_frame.h"
#include "lib/types.h"

/*
 * One has arrived on this CPU, at any time: from the IDT, or by raise_nmi() after a VM exit. Notes
 * where this CPU was, and its source, for nmi_report(). Panics if the first one of this kind is a
 * second old and has not been reported, since then no CPU takes interrupts. Does not return in a
 * panic of another CPU.
 */
void nmi_arrived(const struct interrupt_frame *frame);

/* Is there one that has not been reported? */
bool nmi_unsaid(void);

/*
 * Log it with its source, and where each CPU is. Asks CPUs that got none by an NMI of their own,
 * and waits 10 ms for them at most. In an interrupt handler, on any CPU.
 */
void nmi_report(void);

#endif
