/* SPDX-License-Identifier: MIT */
/*
 * What the processors' code calls in the parts above it, which it does not know. Bound at link
 * time, not through pointers: calls through pointers are retpolines, and all of these are on the
 * way from one guest's turn to the next.
 */
#ifndef VMM_CPU_CPU_HOOKS_H
#define VMM_CPU_CPU_HOOKS_H

#include "lib/types.h"

/*
 * The boot processor's work between guests, which is the console's: vmm/console/console_irq.c.
 * _waits: there is some, within a ms or so. _ready: some can be done now. _run: do a bounded part.
 */
bool cpu_background_waits(void);
bool cpu_background_ready(void);
void cpu_background_run(void);

#endif
