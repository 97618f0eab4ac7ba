/* SPDX-License-Identifier: MIT */
/*
 * Machine checks: errors of the hardware that it reports itself. SDM Vol. 3B "Machine-Check
 * Architecture".
 */
#ifndef VMM_OBSERVE_MACHINE_CHECK_H
#define VMM_OBSERVE_MACHINE_CHECK_H

/*
 * Switch the reporting on, on this CPU. An error in its banks is of the time before the boot: goes
 * into the log. A processor without the architecture, or without #MC, is left as it is.
 */
void machine_check_init_cpu(void);

/* Only take #MC here, where the processor has it, instead of shutting down. */
void machine_check_enable(void);

/*
 * Keep what the banks of this CPU say, once, and end its machine check. In any state. Intel raises
 * #MC on all CPUs, and the error may be in the banks of any.
 */
void machine_check_collect(void);

/*
 * Wait until all CPUs have collected, at most some 100 ms, and describe what they have kept, line
 * by line.
 */
void machine_check_print(void (*put)(const char *line));

#endif
