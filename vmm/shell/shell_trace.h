/* SPDX-License-Identifier: MIT */
/* The shell's commands `trace` and `measure`. */
#ifndef VMM_SHELL_SHELL_TRACE_H
#define VMM_SHELL_SHELL_TRACE_H

#include "lib/types.h"

/* Version of what `trace dump` prints: docs/trace.md. */
#define TRACE_DUMP_VERSION 1

/* Add them to the shell, after shell_init(). */
void shell_trace_init(void);

/* CRC-32 as in zlib and Ethernet, of what `crc` covers (0: nothing) and `bytes` after it. */
uint32_t crc32_add(uint32_t crc, const char *bytes, size_t length);

/* `trace show` and `trace dump`: begin. The rest follows after the command. */
void trace_show(unsigned count);
void trace_dump(void);

#endif
