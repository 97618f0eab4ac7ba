/* SPDX-License-Identifier: MIT */
/* printf-style formatting into a buffer, without allocation or locale. */
#ifndef LIB_FORMAT_H
#define LIB_FORMAT_H

#include <stdarg.h>
#include "lib/types.h"

/*
 * Write at most `size` bytes including the closing NUL (none if size is 0) and
 * return the length that the whole text has. Conversions: d i u x X c s p %%,
 * flags '-' '0' '#', width and precision as digits or '*', lengths l ll z.
 */
int format_buffer(char *buffer, size_t size, const char *format, ...) printf_like(3, 4);
int format_buffer_va(char *buffer, size_t size, const char *format, va_list args) printf_like(3, 0);

#endif
