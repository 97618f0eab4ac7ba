/* SPDX-License-Identifier: MIT */
/*
 * Which speculation mitigations this processor needs and which run; docs/mitigations.md.
 */
#ifndef VMM_CPU_MITIGATIONS_H
#define VMM_CPU_MITIGATIONS_H

#include "lib/registers.h"
#include "lib/types.h"
#include "lib/x86.h"

/* What is decided: written once at boot. */
extern struct mitigations {
	bool wanted;                   /* by the config */
	bool clear_buffers, flush_l1d; /* VERW, and the L1D flush, on every entry */
	bool buffers_safe, l1d_safe;   /* the processor needs none of that */
	bool barrier;                  /* IBPB between guests */
} mitigations;

/* Decide, from CPUID and IA32_ARCH_CAPABILITIES; `on` is the config's `mitigations` key. */
void mitigations_init(bool on);

/*
 * Another guest gets this processor: it shall not be steered by what the one before taught the
 * predictors.
 */
static inline void mitigations_between_guests(void)
{
	if (unlikely(mitigations.barrier))
		write_msr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

/* One line per mitigation. */
void mitigations_report(void (*put)(const char *line));

#endif
