/* SPDX-License-Identifier: MIT */
/*
 * What each backend keeps of a vCPU, so that it stands inside struct vcpu. Only the backend looks
 * into its part; the numbers and fields of its hardware stay in its own folder.
 */
#ifndef VMM_VCPU_BACKEND_H
#define VMM_VCPU_BACKEND_H

#include "lib/types.h"

struct cpu;

/* vmm/vmx/ */
struct vmx_vcpu {
	hpa_t vmcs;
	const struct cpu *home; /* whose addresses are in the VMCS's host state; null: no CPU's */
	uint16_t vpid;          /* tags its translations in the TLBs: vmm/vmx/vpid.c */
	bool nmi_blocked;       /* where the processor has no virtual NMIs: until interrupts open */
	bool nmi_waiting;       /* for its window */
	bool watches_ports;     /* DR7 may have breakpoints on them: see vmx_watch_ports() */
};

#endif
