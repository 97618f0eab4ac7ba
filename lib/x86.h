/* SPDX-License-Identifier: MIT */
/*
 * The instructions that C has no words for. Host tests replace this file by
 * tests/unit/fake/lib/x86.h, which answers from tables.
 */
#ifndef LIB_X86_H
#define LIB_X86_H

#include "lib/types.h"

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static inline void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint16_t in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint64_t read_msr(uint32_t index)
{
	uint64_t low, high; /* the instruction clears the upper halves */

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(index));
	return high << 32 | low;
}

static inline void write_msr(uint32_t index, uint64_t value)
{
	__asm__ volatile("wrmsr"
	                 :
	                 : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
	                 : "memory");
}

static inline uint64_t read_tsc(void)
{
	uint64_t low, high; /* the instruction clears the upper halves */

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return high << 32 | low;
}

/* After all loads before it: SDM Vol. 2B "RDTSC—Read Time-Stamp Counter". */
static inline uint64_t read_tsc_in_order(void)
{
	__asm__ volatile("lfence" : : : "memory");
	return read_tsc();
}

struct cpuid_result {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid_result r;

	__asm__ volatile("cpuid"
	                 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
	                 : "a"(leaf), "c"(subleaf));
	return r;
}

#define DEFINE_CONTROL_REGISTER(n)                                                                           \
	static inline uint64_t read_cr##n(void)                                                              \
	{                                                                                                    \
		uint64_t value;                                                                              \
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory");                           \
		return value;                                                                                \
	}                                                                                                    \
	static inline void write_cr##n(uint64_t value)                                                       \
	{                                                                                                    \
		__asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory");                               \
	}
DEFINE_CONTROL_REGISTER(0)
DEFINE_CONTROL_REGISTER(2)
DEFINE_CONTROL_REGISTER(3)
DEFINE_CONTROL_REGISTER(4)
#undef DEFINE_CONTROL_REGISTER

static inline void write_dr7(uint64_t value)
{
	__asm__ volatile("mov %0, %%dr7" : : "r"(value));
}

/* The pointer at %gs:0: struct cpu. */
static inline void *per_cpu_base(void)
{
	void *base;

	__asm__("mov %%gs:0, %0" : "=r"(base));
	return base;
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause");
}

static inline void interrupts_disable(void)
{
	__asm__ volatile("cli" : : : "memory");
}

/* With interrupts off only an NMI or SMI ends it. */
static inline void cpu_halt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

/* Take the interrupts that wait. */
static inline void interrupts_window(void)
{
	__asm__ volatile("sti; nop; cli" : : : "memory"); /* STI holds them back for one instruction */
}

/* Write the line of `address` back to memory; every processor with 64-bit mode can. */
#define CACHE_LINE 64
static inline void cache_flush(const void *address)
{
	__asm__ volatile("clflush %0" : : "m"(*(const char *)address) : "memory");
}

/* Open the interrupt flag and halt in one uninterruptible step, then close it again. */
static inline void wait_for_interrupt(void)
{
	__asm__ volatile("sti; hlt; cli" : : : "memory");
}

#endif
