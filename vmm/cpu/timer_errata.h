/* SPDX-License-Identifier: MIT */
/* Timers that a processor has, and that do not work there. */
#ifndef VMM_CPU_TIMER_ERRATA_H
#define VMM_CPU_TIMER_ERRATA_H

#include "lib/types.h"

/* What the operator lets the monitor use. */
enum timer_choice {
	TIMERS_AUTO,       /* all that work */
	TIMERS_PREEMPTION, /* the VMX-preemption timer even where an erratum says that it counts wrongly */
	TIMERS_LAPIC,      /* no VMX-preemption timer */
	TIMERS_ONE_SHOT,   /* nor TSC-deadline mode of the local APIC */
};

/* Not to be used: set at boot. */
extern struct timer_errata {
	bool no_preemption_timer, no_deadline;
} timer_errata;

/* On the boot processor, before irq_init() and backend_detect(). Each reason goes into the log. */
void timer_errata_init(enum timer_choice choice);

#endif
