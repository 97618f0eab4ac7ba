/* SPDX-License-Identifier: MIT */
/* More ways into panic(), which lib/panic.h declares. */
#ifndef VMM_OBSERVE_PANIC_H
#define VMM_OBSERVE_PANIC_H

#include "lib/panic.h"
#include "lib/interrupt_frame.h"

/* The monitor itself raised an exception. */
_Noreturn cold void panic_exception(const struct interrupt_frame *frame);

/* Has the monitor panicked? Other CPUs then stop at their next NMI. */
bool panic_in_progress(void);

/* Have panic() stop the other processors by `stop`, which may be called in any state. At boot. */
void panic_set_stop_others(void (*stop)(void));

/*
 * Have a panic end, some seconds after its report, in `reset`, which does not return and takes no
 * locks; null, as at first: it halts.
 */
void panic_set_reset(void (*reset)(void));

#endif
