/* SPDX-License-Identifier: MIT */
/*
 * Segment descriptors in the guest's GDT and LDT. SDM Vol. 3A "Segment Descriptors".
 */
#ifndef VMM_X86_DESCRIPTOR_H
#define VMM_X86_DESCRIPTOR_H

#include "vmm/x86/linear.h"

/* As struct segment holds it: the limit in bytes, the access rights in that format. */
struct descriptor {
	uint64_t base;
	uint32_t limit;
	uint32_t access;
};

enum descriptor_result {
	DESCRIPTOR_OK,
	DESCRIPTOR_OUTSIDE, /* null, or beyond the table's limit */
	DESCRIPTOR_FAULT,   /* a page fault */
};

enum descriptor_result descriptor_read(const struct vcpu *vcpu, const struct guest_paging *paging,
                                       uint16_t selector, struct descriptor *descriptor,
                                       struct linear_fault *fault);

/* Set the accessed flag of a code or data descriptor, in memory and in `descriptor`. */
bool must_check descriptor_set_accessed(const struct vcpu *vcpu, const struct guest_paging *paging,
                                        uint16_t selector, struct descriptor *descriptor,
                                        struct linear_fault *fault);

/* Set or clear the busy flag of a TSS descriptor in memory. */
bool must_check descriptor_set_busy(const struct vcpu *vcpu, const struct guest_paging *paging,
                                    uint16_t selector, bool busy, struct linear_fault *fault);

/*
 * May this descriptor be loaded into segment register `index` at `cpl`? Presence is not looked at.
 */
bool descriptor_loadable(const struct descriptor *descriptor, unsigned index, uint16_t selector, uint8_t cpl);

#endif
