/* SPDX-License-Identifier: MIT */
/*
 * Instructions that exit, whatever the vendor, and need nothing of the exit except that it
 * happened. A backend's table of exits names these functions directly.
 */
#ifndef VMM_X86_EXIT_INSTRUCTIONS_H
#define VMM_X86_EXIT_INSTRUCTIONS_H

#include "vmm/x86/vcpu.h"

enum action exit_cpuid(struct vcpu *vcpu);
enum action exit_rdmsr(struct vcpu *vcpu); /* msr.c */
enum action exit_wrmsr(struct vcpu *vcpu); /* msr.c */
enum action exit_xsetbv(struct vcpu *vcpu);
enum action exit_rdpmc(struct vcpu *vcpu);
enum action exit_cache(struct vcpu *vcpu);     /* INVD, WBINVD */
enum action exit_undefined(struct vcpu *vcpu); /* of extensions that the guest's CPUID does not offer */

/* Not an instruction, but as neutral. */
enum action exit_triple_fault(struct vcpu *vcpu);

#endif
