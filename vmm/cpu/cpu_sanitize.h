/* SPDX-License-Identifier: MIT */
/* State of a processor that firmware may have left, and that the monitor does not use. */
#ifndef VMM_CPU_CPU_SANITIZE_H
#define VMM_CPU_CPU_SANITIZE_H

/*
 * On each CPU, before anything asks CPUID for leaf 4 or above: lift the limit on CPUID, and turn
 * off debugging, tracing, counters and supervisor state that firmware may have left on.
 */
void cpu_sanitize(void);

#endif
