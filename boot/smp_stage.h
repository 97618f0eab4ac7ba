/* SPDX-License-Identifier: MIT */
/* The steps of another processor's start: what the boot processor and that one tell each other. */
#ifndef BOOT_SMP_STAGE_H
#define BOOT_SMP_STAGE_H

#include "vmm/cpu/cpu.h"
#include "vmm/cpu/time.h"

#define COME_UP_NS 1000000000

/*
 * How far a processor has come. Each has its own, so that one that comes late is not taken for the
 * next.
 */
enum stage {
	SILENT,
	ALIVE,    /* C code runs there */
	ASKED,    /* for its TSC */
	TOLD,     /* its TSC */
	ADJUST,   /* its IA32_TSC_ADJUST shall be stage_tsc */
	ADJUSTED, /* it is */
	ACCEPTED, /* it may go on */
	READY,
	RELEASED, /* it may enter its run loop */
	LEFT_OUT, /* it shall park */
	FAILED,
};

static inline void smp_report(struct cpu *cpu, enum stage stage)
{
	__atomic_store_n(&cpu->stage, stage, __ATOMIC_RELEASE);
}

static inline enum stage smp_reached(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->stage, __ATOMIC_ACQUIRE);
}

/* Wait until it has come at least as far, or has failed. */
static inline bool smp_wait_for(const struct cpu *cpu, enum stage wanted, uint64_t ns)
{
	uint64_t end = time_now() + time_tsc_from_ns(ns);

	while (smp_reached(cpu) < wanted && time_now() < end)
		cpu_relax();
	return smp_reached(cpu) >= wanted && smp_reached(cpu) != FAILED;
}

/*
 * All clocks are offsets of the TSC, and VMs move: every processor must have the boot processor's.
 * On the boot processor: compare, and set the other's IA32_TSC_ADJUST if it differs, with a word in
 * the log. False, and a sentence in `problem`: the TSC cannot be set right.
 */
bool smp_tsc_align(struct cpu *cpu, char *problem, size_t size);

/* On the other: answer until there is another stage than those of the TSC. */
void smp_tsc_answer(struct cpu *cpu);

#endif
