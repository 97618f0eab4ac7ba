/* SPDX-License-Identifier: MIT */
/*
 * Hardware task switches, and the 16- and 32-bit task-state segments. SDM Vol. 3A "Task
 * Switching", "Task-State Segment (TSS)", "16-Bit TSS".
 */
#ifndef VMM_X86_TASK_SWITCH_H
#define VMM_X86_TASK_SWITCH_H

#include "vmm/x86/linear.h"
#include "lib/segment.h"
#include "vmm/x86/descriptor.h"

#define TSS_32_LIMIT 0x67
#define TSS_16_LIMIT 0x2b

/* What asks for a switch. The values are those of VT-x's exit qualification. */
enum task_switch_source { BY_CALL, BY_IRET, BY_JMP, BY_GATE };

/*
 * Carry out the switch that exited, to the TSS of `selector`. `length`: of the instruction, unless
 * the switch is by a gate for an exception or interrupt; such an event is the vCPU's pending one.
 * Returns ACTION_RETRY or ACTION_STOP: RIP is the new task's.
 */
enum action must_check task_switch(struct vcpu *vcpu, enum task_switch_source source, uint16_t selector,
                                   uint8_t length);

/* What both formats say, in the width of the larger. */
struct tss_image {
	uint32_t cr3, eip, eflags;
	uint32_t gpr[8];      /* EAX ECX EDX EBX ESP EBP ESI EDI */
	uint16_t selector[6]; /* ES CS SS DS FS GS */
	uint16_t ldt;
	bool trap;
};

/* All false: a page fault, described in `fault`. */
bool must_check tss_read(const struct vcpu *vcpu, const struct guest_paging *paging,
                         const struct descriptor *descriptor, struct tss_image *tss,
                         struct linear_fault *fault);

/*
 * Save the dynamic part (EIP, EFLAGS, general and segment registers) into the TSS that TR points
 * to.
 */
bool must_check tss_save(const struct vcpu *vcpu, const struct guest_paging *paging, const struct segment *tr,
                         const struct tss_image *tss, struct linear_fault *fault);

/* Write the back link of the TSS at `base`. */
bool must_check tss_write_link(const struct vcpu *vcpu, const struct guest_paging *paging, gva_t base,
                               uint16_t selector, struct linear_fault *fault);

#endif
