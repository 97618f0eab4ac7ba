/* SPDX-License-Identifier: MIT */
/*
 * From the config table to running guests. Called last by boot/main.c; from
 * here on the machine belongs to the guests.
 */
#ifndef GUESTS_GUESTS_H
#define GUESTS_GUESTS_H

#include "lib/types.h"

/* A file that the boot loader put into memory. */
struct guest_file {
	const char *name; /* the path in the config table; "config" for the table itself */
	hpa_t start;
	uint64_t size;
};

struct monitor_config;

/*
 * Check the processor, read the table, and enter VMX operation on this, the boot processor. Any
 * mistake of the operator's is one sentence on the console; without VT-x the machine stops with it.
 * `files` must stay. `override` changes the table's [monitor] as the boot options say.
 */
void guests_init(const struct guest_file *files, unsigned count,
                 void (*override)(struct monitor_config *settings));

/*
 * Make the guests and run them, on all processors that are there by now; if none can run, the shell
 * waits.
 */
_Noreturn void guests_run(void);

#endif
