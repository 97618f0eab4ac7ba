/* SPDX-License-Identifier: MIT */
/*
 * The leaks and the one machine check that a guest's speculation can cause: which of them the
 * processors have, and what is done; docs/mitigations.md.
 */
#ifndef VMM_CPU_MITIGATIONS_H
#define VMM_CPU_MITIGATIONS_H

#include "lib/registers.h"
#include "lib/types.h"
#include "lib/x86.h"

/* What is decided: written at boot, before the first guest runs. */
extern struct mitigations {
	bool wanted;                   /* by the config */
	bool clear_buffers, flush_l1d; /* VERW, and the L1D flush, on every entry */
	bool barrier;                  /* IBPB between guests */
	bool small_code;               /* pages that a guest executes are of 4 KiB */
	uint32_t affected, missing;    /* by leak, of any processor: it has it, and lacks the means */
} mitigations;

/*
 * Decide, from this processor's CPUID and IA32_ARCH_CAPABILITIES, and set its IA32_SPEC_CTRL; `on`
 * is the config's `mitigations` key.
 */
void mitigations_init(bool on);

/*
 * The same on another processor, after the first: what either needs is done on both.
 * -ERR_UNSUPPORTED, with a sentence: not every one has the MSRs that are written on all.
 */
int must_check mitigations_init_cpu(char *problem, size_t size);

/*
 * Another guest gets this processor: it shall not be steered by what the one before taught the
 * predictors.
 */
static inline void mitigations_between_guests(void)
{
	if (unlikely(mitigations.barrier))
		write_msr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

/* One line for each leak: its name, the means, the state. */
void mitigations_report(void (*put)(const char *line));

#endif
