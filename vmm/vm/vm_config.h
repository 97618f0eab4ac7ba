/* SPDX-License-Identifier: MIT */
/*
 * What the operator says of a VM. The config table's reader fills it (guests/config/) and the VM
 * keeps a copy, so it knows neither of them.
 */
#ifndef VMM_VM_VM_CONFIG_H
#define VMM_VM_VM_CONFIG_H

#include "devices/machine/machine_config.h"

#define VM_NAME_MAX 32 /* with its NUL */

/* What becomes of a VM that ends by a fault of its own. */
enum vm_crash {
	VM_CRASH_STOP,
	VM_CRASH_RESTART,
	VM_CRASH_HOLD, /* it keeps its memory and registers for the operator to inspect */
};

/* What becomes of a VM that halts with interrupts off, which nothing but a reset ends. */
enum vm_halt { VM_HALT_WAIT, VM_HALT_STOP };

struct vm_config {
	const char *name; /* must stay */
	struct machine_config machine;
	uint16_t weight; /* share of the processors against other VMs that want to run, 1..10000 */
	uint8_t cap;     /* percent of one processor; 0: no limit */
	uint64_t cpus;   /* processors that it may run on, bit N for number N; all ones: any */
	enum vm_crash on_crash;
	enum vm_halt on_halt;
	uint32_t start_delay_ms; /* up to an hour */
};

#endif
