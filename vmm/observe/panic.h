/* SPDX-License-Identifier: MIT */
/* More ways into panic(), which lib/panic.h declares. */
#ifndef VMM_OBSERVE_PANIC_H
#define VMM_OBSERVE_PANIC_H

#include "lib/panic.h"
#include "vmm/cpu/interrupts.h"

/* The monitor itself raised an exception. */
_Noreturn cold void panic_exception(const struct interrupt_frame *frame);

/* Has the monitor panicked? Other CPUs then stop at their next NMI. */
bool panic_in_progress(void);

#endif
