/* SPDX-License-Identifier: MIT */
/*
 * What the rest of the monitor may ask of the virtualisation hardware. Bound at
 * link time: vmm/vmx/ is the one implementation. All calls concern the current
 * vCPU of this CPU, whose state the hardware holds.
 */
#ifndef VMM_BACKEND_H
#define VMM_BACKEND_H

#include "lib/types.h"
#include "mm/guest_paging.h"
#include "vmm/cpu/cpu.h"
#include "vmm/x86/cpuid.h"
#include "lib/segment.h"
#include "vmm/vcpu_start.h"
#include "vmm/x86/vcpu.h"

/* Check this CPU; -ERR_UNSUPPORTED and one sentence if it cannot run guests. */
int must_check backend_detect(char *problem, size_t size);

/* What CPUID may offer to guests thanks to the hardware's controls. */
struct cpuid_backend backend_offers(void);

/* Describe the processor's virtualisation features, line by line. */
void backend_report(void (*put)(const char *line));

/* Enter VMX operation on this CPU, after backend_detect(). */
int must_check backend_cpu_start(struct cpu *cpu, char *problem, size_t size);

/* Allocate what the hardware keeps of a vCPU, and free it. */
int must_check backend_vcpu_create(struct vcpu *vcpu);
void backend_vcpu_destroy(struct vcpu *vcpu);

/* Put it into its starting state; it need not have run, and its VMCS is the current one then. */
void backend_vcpu_start(struct cpu *cpu, struct vcpu *vcpu, const struct vcpu_start *start);

/*
 * Make it the one that `cpu` enters next: its VMCS, and all registers that exits leave in the
 * processor.
 */
void backend_vcpu_load(struct cpu *cpu, struct vcpu *vcpu);

/* Its VMCS alone, for the functions below. From the run loop, which loads again what it enters. */
void backend_vcpu_look(struct cpu *cpu, struct vcpu *vcpu);

/* `cpu` keeps nothing of it any more, so that another CPU may load it. */
void backend_vcpu_release(struct cpu *cpu, struct vcpu *vcpu);

/*
 * cpu_deadline() has changed, and the guest goes on: the VMX-preemption timer watches it, or that
 * of the local APIC where there is none.
 */
void backend_deadline_changed(const struct cpu *cpu);

/* Run this CPU's vCPUs for ever: the loop of exits and entries. vmm/vmx/entry.S */
_Noreturn void backend_run(void);

/* Registers of the current vCPU. */
uint64_t backend_rip(void);
uint64_t backend_rsp(void);
uint64_t backend_rflags(void);
void backend_set_rip(uint64_t value);
void backend_set_rsp(uint64_t value);
void backend_set_rflags(uint64_t value);
uint64_t backend_cr0(void); /* as the guest sees it */
uint64_t backend_cr4(void);
uint64_t backend_efer(void);
void backend_segment(enum segment_index index, struct segment *segment);
uint8_t backend_cpl(void);
bool backend_long_code(void); /* CS.L in long mode: 64-bit code */
void backend_paging(struct guest_paging *paging);
/*
 * In the handling of an EPT violation: has the processor itself translated the page of `address`,
 * for a write if `write`? Then `*gpa` is the address behind it.
 */
bool must_check backend_translated(gva_t address, bool write, gpa_t *gpa);

void backend_set_cr2(uint64_t value);

/*
 * An instruction was carried out and RIP is behind it: end its interrupt shadow, raise a due
 * single-step trap.
 */
void backend_instruction_done(void);

void backend_set_tsc_offset(uint64_t offset);
uint64_t backend_debugctl(void);
void backend_set_debugctl(uint64_t value);

/* Everything an operator wants to see of a vCPU that ended, line by line. */
void backend_dump(const struct vcpu *vcpu, void (*put)(const char *line));

/* The name of an exit reason, "EXTERNAL INTERRUPT"; never null. */
const char *backend_exit_name(unsigned reason);

/* Tell the hardware that all cached translations of the VM's guest-physical memory are stale. */
void backend_flush(struct vcpu *vcpu);

#endif
