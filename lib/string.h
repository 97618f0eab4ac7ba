/* SPDX-License-Identifier: MIT */
/*
 * The freestanding subset of <string.h>. Same contracts as ISO C; host builds
 * (unit tests, fuzzing, the configuration check) link the C library's own.
 */
#ifndef LIB_STRING_H
#define LIB_STRING_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);

#ifndef HOST_BUILD
/* Where the size is a small constant, moves in place of a call. */
#define memcpy(dst, src, n) __builtin_memcpy(dst, src, n)
#endif

#endif
