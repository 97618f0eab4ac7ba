/* SPDX-License-Identifier: MIT */
/*
 * What each backend keeps of a CPU, so that it stands inside struct cpu: beside
 * vmm/vcpu_backend.h. Only the backend looks into its part.
 */
#ifndef VMM_CPU_CPU_BACKEND_H
#define VMM_CPU_CPU_BACKEND_H

#include "lib/types.h"

struct vcpu;

/* vmm/vmx/ */
struct vmx_cpu {
	hpa_t vmxon_region;
	struct vcpu *loaded;   /* whose VMCS is current */
	struct vcpu *resident; /* whose registers are in the processor: those that exits leave there */
};

#endif
