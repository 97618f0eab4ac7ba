/* SPDX-License-Identifier: MIT */
/* The end of the monitor: everything said, then off or restarted. */
#ifndef VMM_CPU_SHUTDOWN_H
#define VMM_CPU_SHUTDOWN_H

#include "lib/types.h"

/* Turn the machine off; where that does not work, say so, and halt. */
noreturn void shutdown_power_off(void);

/* Restart the machine. */
noreturn void shutdown_reset(void);

/* Nothing more to do, and nothing to go on with: halt until the operator turns the machine off. */
noreturn void shutdown_halt(void);

#endif
