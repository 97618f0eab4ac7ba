/* SPDX-License-Identifier: MIT */
/*
 * What an instruction that writes a control register means: the checks, the paging mode, the cached
 * PDPTEs, and the flushes. Each returns what to do with the instruction.
 * SDM Vol. 2B "MOV—Move to/from Control Registers", Vol. 2A "LMSW".
 */
#ifndef VMM_X86_CR_H
#define VMM_X86_CR_H

#include "vmm/x86/vcpu.h"

enum action must_check cr0_write(struct vcpu *vcpu, uint64_t value);
enum action must_check cr3_write(struct vcpu *vcpu, uint64_t value);
enum action must_check cr4_write(struct vcpu *vcpu, uint64_t value);
enum action must_check cr8_write(struct vcpu *vcpu, uint64_t value);

/* LMSW with the operand `data`, and CLTS. */
enum action must_check cr0_load_status(struct vcpu *vcpu, uint64_t data);
enum action must_check cr0_clear_ts(struct vcpu *vcpu);

#endif
