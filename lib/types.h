/* SPDX-License-Identifier: MIT */
/* Types and small helpers that every part of Nacre shares. */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t hpa_t; /* host-physical address */
typedef uint64_t gpa_t; /* guest-physical address */
typedef uint64_t gva_t; /* guest-linear address */
typedef uint64_t gfn_t; /* guest frame number: gpa >> PAGE_SHIFT */
typedef uint64_t hfn_t; /* host frame number: hpa >> PAGE_SHIFT */

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096UL

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define GIB(n) ((uint64_t)(n) << 30)

/* By hand: versions of clang-format differ on a minus after a parenthesis. */
/* clang-format off */
#define BIT(n)                (1UL << (n))
#define ARRAY_SIZE(a)         (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)             ((a) < (b) ? (a) : (b))
#define MAX(a, b)             ((a) > (b) ? (a) : (b))
#define ALIGN_DOWN(x, a)      ((x) & ~((a) - 1))
#define ALIGN_UP(x, a)        (((x) + (a) - 1) & ~((a) - 1))
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
/* clang-format on */

#define must_check               __attribute__((warn_unused_result))
#define noinline                 __attribute__((noinline))
#define cold                     __attribute__((cold))
#define packed                   __attribute__((packed))
#define printf_like(text, first) __attribute__((__format__(__printf__, text, first)))
#define likely(x)                __builtin_expect(!!(x), 1)
#define unlikely(x)              __builtin_expect(!!(x), 0)

#endif
