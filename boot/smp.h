/* SPDX-License-Identifier: MIT */
/* The other processors of the machine. */
#ifndef BOOT_SMP_H
#define BOOT_SMP_H

#include "devices/real/acpi.h"
#include "mm/frames.h"

/*
 * Start every processor that the MADT names as enabled, one after the other, until `limit` of them
 * run, at most CPUS_MAX. Each is left in its run loop; the rest are parked. One that does not come
 * up is named in the log and left out. On the boot processor, which has entered VMX operation.
 * `ram`: the machine's usable memory, of which one page below 1 MiB is needed.
 */
void smp_start(const struct acpi_info *info, unsigned limit, const struct memory_range *ram, unsigned count);

#endif
