/* SPDX-License-Identifier: MIT */
/*
 * What the rest of the monitor may ask of the virtualisation hardware. Bound at link time:
 * vmm/vmx/ is the one implementation.
 *
 * Each call acts on the vCPU that it is given. That vCPU is this CPU's: no other CPU may hold any
 * of its state. For the vCPU that exited, the hardware holds the state, and a register costs one
 * access to it. For any other vCPU the backend fetches the state, and then puts back what was
 * there. So an exit handler may look at a second vCPU and go on.
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

/* ---- The machine ---- */

/* Check this CPU; -ERR_UNSUPPORTED and one sentence if it cannot run guests. */
int must_check backend_detect(char *problem, size_t size);

/* What CPUID may offer to guests thanks to the hardware's controls. */
struct cpuid_backend backend_offers(void);

/* Describe the processor's virtualisation features, line by line. */
void backend_report(void (*put)(const char *line));

/* Switch the hardware on, on this CPU, after backend_detect(). */
int must_check backend_cpu_start(struct cpu *cpu, char *problem, size_t size);

/* Run this CPU's vCPUs: the loop of exits and entries, which has no end. vmm/vmx/entry.S */
_Noreturn void backend_run(void);

/*
 * cpu_deadline() has changed, and the guest goes on: the VMX-preemption timer watches it, or that
 * of the local APIC where there is none.
 */
void backend_deadline_changed(const struct cpu *cpu);

/* The name of a kind of exit, "EXTERNAL INTERRUPT"; never null. */
const char *backend_exit_name(unsigned kind);

/* Kinds of exit are below this, and this is at most EXIT_KINDS_MAX. */
unsigned backend_exit_kinds(void);

/* ---- A vCPU's life ---- */

/* Allocate what the hardware keeps of a vCPU, and free it. -ERR_NO_MEMORY. */
int must_check backend_vcpu_create(struct vcpu *vcpu);
void backend_vcpu_destroy(struct vcpu *vcpu);

/* Put it into its starting state; it need not have run. */
void backend_vcpu_start(struct cpu *cpu, struct vcpu *vcpu, const struct vcpu_start *start);

/* Make it the one that `cpu` enters next: the hardware holds its state from here on. */
void backend_vcpu_load(struct cpu *cpu, struct vcpu *vcpu);

/* `cpu` keeps nothing of it any more, so that another CPU may load it. */
void backend_vcpu_release(struct cpu *cpu, struct vcpu *vcpu);

/* Everything an operator wants to see of a vCPU that ended, line by line. */
void backend_dump(const struct vcpu *vcpu, void (*put)(const char *line));

/* ---- Registers ---- */

uint64_t backend_rip(const struct vcpu *vcpu);
uint64_t backend_rsp(const struct vcpu *vcpu);
uint64_t backend_rflags(const struct vcpu *vcpu);
void backend_set_rip(struct vcpu *vcpu, uint64_t value);
void backend_set_rsp(struct vcpu *vcpu, uint64_t value);
void backend_set_rflags(struct vcpu *vcpu, uint64_t value);

/*
 * Control registers as the guest sees them. The calls that set them take what the architecture
 * allows, change nothing else, and flush nothing: vmm/x86/cr.h has the instructions.
 */
uint64_t backend_cr0(const struct vcpu *vcpu);
uint64_t backend_cr3(const struct vcpu *vcpu);
uint64_t backend_cr4(const struct vcpu *vcpu);
uint64_t backend_efer(const struct vcpu *vcpu);
uint64_t backend_cr4_offered(void); /* the bits that a guest may set */
void backend_set_cr0(struct vcpu *vcpu, uint64_t value);
void backend_set_cr2(struct vcpu *vcpu, uint64_t value);
void backend_set_cr3(struct vcpu *vcpu, uint64_t value);
void backend_set_cr4(struct vcpu *vcpu, uint64_t value);
void backend_set_efer(struct vcpu *vcpu, uint64_t value);
void backend_set_pdptes(struct vcpu *vcpu, const uint64_t pdpte[4]); /* that PAE paging caches */
void backend_set_xcr0(struct vcpu *vcpu, uint64_t value);

uint64_t backend_dr(const struct vcpu *vcpu, unsigned index); /* DR0 to DR3 */
uint64_t backend_dr6(const struct vcpu *vcpu);
uint64_t backend_dr7(const struct vcpu *vcpu);
void backend_set_dr6(struct vcpu *vcpu, uint64_t value);
void backend_set_dr7(struct vcpu *vcpu, uint64_t value);
uint64_t backend_debugctl(const struct vcpu *vcpu);
void backend_set_debugctl(struct vcpu *vcpu, uint64_t value);
void backend_set_resident_msr(struct vcpu *vcpu, enum resident_msr msr, uint64_t value);
void backend_set_tsc_offset(struct vcpu *vcpu, uint64_t offset);

void backend_segment(const struct vcpu *vcpu, enum segment_index index, struct segment *segment);
void backend_set_segment(struct vcpu *vcpu, enum segment_index index, const struct segment *segment);
void backend_table(const struct vcpu *vcpu, bool idt, struct segment *table); /* GDTR or IDTR */
void backend_set_table(struct vcpu *vcpu, bool idt, const struct segment *table);
uint8_t backend_cpl(const struct vcpu *vcpu);
bool backend_long_code(const struct vcpu *vcpu); /* CS.L in long mode: 64-bit code */
void backend_paging(const struct vcpu *vcpu, struct guest_paging *paging);

/* ---- Instructions that the monitor carries out ---- */

/*
 * In the handling of an EPT violation: has the processor itself translated the page of `address`,
 * for a write if `write`? Then `*gpa` is the address that it found.
 */
bool must_check backend_translated(const struct vcpu *vcpu, gva_t address, bool write, gpa_t *gpa);

/*
 * An instruction of the vCPU that exited was carried out and RIP is past it: end its interrupt
 * shadow, raise a due single-step trap.
 */
void backend_instruction_done(struct vcpu *vcpu);

/*
 * That instruction, or an iteration of it, met breakpoints (bit n for DRn, not none): #DB follows,
 * unless the instruction faults after all.
 */
void backend_trap_breakpoints(struct vcpu *vcpu, uint64_t met);

/*
 * The instruction at RIP, of the vCPU that exited, meets an FPU error while CR0.NE is 0: FERR#, and
 * the vCPU waits there for an interrupt. Always ACTION_RETRY.
 */
enum action must_check backend_fpu_error(struct vcpu *vcpu);

/* The shadow of STI and MOV SS ends. */
void backend_end_shadow(struct vcpu *vcpu);

/* Block NMIs, as the delivery of one does, or let them through again, as IRET does. */
void backend_block_nmis(struct vcpu *vcpu, bool block);

/* ---- Cached translations ---- */

/* Forget what this CPU caches of the guest's own page tables. */
void backend_flush_linear(const struct vcpu *vcpu);

/* Forget what this CPU caches of the VM's guest-physical memory. */
void backend_flush_physical(const struct vcpu *vcpu);

#endif
