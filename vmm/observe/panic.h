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

#endif
