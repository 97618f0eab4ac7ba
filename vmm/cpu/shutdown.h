/* SPDX-License-Identifier: MIT */
/* The end of the monitor: everything said, then off or restarted. */
#ifndef VMM_CPU_SHUTDOWN_H
#define VMM_CPU_SHUTDOWN_H

#include "lib/types.h"

/* The console's part of the end. */
struct shutdown_output {
	void (*write)(const char *text, size_t length);
	void (*flush)(void); /* wait, bounded, until all output is out */
};

/* At boot, before any of the functions below may be called. */
void shutdown_set_output(struct shutdown_output to);

/* Turn the machine off; where that does not work, say so, and halt. */
_Noreturn void shutdown_power_off(void);

/* Restart the machine. */
_Noreturn void shutdown_reset(void);

/* Nothing more to do, and nothing to go on with: halt until the operator turns the machine off. */
_Noreturn void shutdown_halt(void);

#endif
