/* SPDX-License-Identifier: MIT */
/* The monitor's fault: print where and why on every console, and stop the machine. */
#ifndef LIB_PANIC_H
#define LIB_PANIC_H

#include "lib/types.h"

/*
 * Defined by vmm/observe/panic.c; in host tests by tests/unit/fake/panic.c, which fails the test.
 */
_Noreturn cold void panic(const char *format, ...) printf_like(1, 2);

/*
 * A broken invariant of the monitor itself. Never for anything that a guest or an operator can
 * cause.
 */
#define assert_monitor(condition)                                                                            \
	do {                                                                                                 \
		if (unlikely(!(condition)))                                                                  \
			panic("%s:%d: %s does not hold", __FILE__, __LINE__, #condition);                    \
	} while (0)

#endif
