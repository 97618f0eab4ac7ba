/* SPDX-License-Identifier: MIT */
/*
 * Host stand-in for lib/x86.h: the same functions, answered from tables and hooks
 * that a test sets in `fake_x86`. Call fake_x86_reset() first in each test.
 */
#ifndef TESTS_UNIT_FAKE_LIB_X86_H
#define TESTS_UNIT_FAKE_LIB_X86_H

#include "lib/types.h"

#define FAKE_MSRS   256
#define FAKE_CPUIDS 128

struct cpuid_result {
	uint32_t eax, ebx, ecx, edx;
};

struct fake_msr {
	uint32_t index;
	uint64_t value;
	unsigned writes; /* by write_msr() */
};

struct fake_cpuid {
	uint32_t leaf, subleaf;
	struct cpuid_result result;
};

struct fake_x86 {
	/*
	 * Ports. Without a hook (null) input is all ones, output goes nowhere; size is 1, 2 or 4.
	 */
	uint32_t (*in)(uint16_t port, unsigned size);
	void (*out)(uint16_t port, unsigned size, uint32_t value);
	unsigned ins, outs;

	/*
	 * MSRs: see fake_msr_set(). Reading one that is not in the table panics, as #GP would;
	 * writing one adds it. A hook, where set, replaces the table (and may call it).
	 */
	unsigned msrs;
	struct fake_msr msr[FAKE_MSRS];
	uint64_t (*read_msr)(uint32_t index);
	void (*write_msr)(uint32_t index, uint64_t value);

	/* CPUID: leaves that are not in the table answer zeroes; a hook replaces the table. */
	unsigned cpuids;
	struct fake_cpuid cpuid[FAKE_CPUIDS];
	struct cpuid_result (*cpuid_hook)(uint32_t leaf, uint32_t subleaf);

	uint64_t tsc, tsc_step; /* each read_tsc() adds the step after reading */
	uint64_t cr[9], dr7;
	void *per_cpu; /* what per_cpu_base() answers */

	/* What was executed. */
	void (*relax)(void);  /* called by cpu_relax(), may be null */
	void (*halt)(void);   /* called by wait_for_interrupt() and cpu_halt(), may be null */
	void (*window)(void); /* called by interrupts_window(), may be null */
	unsigned relaxes, halts, windows, interrupt_disables;
};

extern struct fake_x86 fake_x86;

/* Everything to zero: no hooks, empty tables. */
void fake_x86_reset(void);

/* Define or change an entry of a table. */
void fake_msr_set(uint32_t index, uint64_t value);
void fake_cpuid_set(uint32_t leaf, uint32_t subleaf, struct cpuid_result result);

/* The value in the table; 0 if it is not there. `fake_msr_find` is null then. */
uint64_t fake_msr_get(uint32_t index);
struct fake_msr *fake_msr_find(uint32_t index);

/* The instructions. */
void *per_cpu_base(void);
void out8(uint16_t port, uint8_t value);
void out16(uint16_t port, uint16_t value);
void out32(uint16_t port, uint32_t value);
uint8_t in8(uint16_t port);
uint16_t in16(uint16_t port);
uint32_t in32(uint16_t port);
uint64_t read_msr(uint32_t index);
void write_msr(uint32_t index, uint64_t value);
uint64_t read_tsc(void);
static inline uint64_t read_tsc_in_order(void)
{
	return read_tsc();
}
struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf);
uint64_t read_cr0(void);
uint64_t read_cr2(void);
uint64_t read_cr3(void);
uint64_t read_cr4(void);
void write_cr0(uint64_t value);
void write_cr2(uint64_t value);
void write_cr3(uint64_t value);
void write_cr4(uint64_t value);
void write_dr7(uint64_t value);
void cpu_relax(void);
void interrupts_disable(void);
void cpu_halt(void);
void wait_for_interrupt(void);
void interrupts_window(void);

#define CACHE_LINE 64
static inline void cache_flush(const void *address)
{
}

#endif
