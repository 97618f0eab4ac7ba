/* SPDX-License-Identifier: MIT */
/*
 * The beginning of struct cpu (vmm/cpu/cpu.h), for parts of the tree that know no more of it: who
 * traces or panics must name the processor.
 */
#ifndef LIB_PER_CPU_H
#define LIB_PER_CPU_H

#include "lib/registers.h"
#include "lib/x86.h"

#define CPU_STACK_PAGES 4

/* Known to vmm/vmx/entry.S, too. vmm/cpu/cpu.c asserts that struct cpu begins like this. */
struct per_cpu {
	void *self;         /* %gs:0 */
	uint64_t stack_top; /* 0: still on the boot stack */
	void *current;      /* the vCPU that is entered next */
	uint8_t index;      /* 0 is the boot processor */
};

/* This processor's; null until its GS base is set. */
static inline const struct per_cpu *per_cpu_or_null(void)
{
	return read_msr(MSR_GS_BASE) ? per_cpu_base() : NULL;
}

/* The same, where the GS base is known to be set. */
static inline unsigned per_cpu_index(void)
{
	return ((const struct per_cpu *)per_cpu_base())->index;
}

#endif
