/* SPDX-License-Identifier: MIT */
/* MSR policy: what RDMSR and WRMSR do where the bitmap does not let them through. */
#ifndef VMM_X86_MSR_H
#define VMM_X86_MSR_H

#include "vmm/x86/vcpu.h"

/* false: the MSR does not exist for the guest, or the value is not allowed: #GP(0). */
bool must_check msr_read(struct vcpu *vcpu, uint32_t index, uint64_t *value);
bool must_check msr_write(struct vcpu *vcpu, uint32_t index, uint64_t value);

/* Values after reset. */
void msr_reset(struct vcpu *vcpu);

#endif
