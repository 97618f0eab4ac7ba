/* SPDX-License-Identifier: MIT */
/*
 * Guest-linear memory: what instructions that Nacre carries out for a guest
 * read and write, with the guest's own paging and rights.
 *
 * Every access is translated in full before any byte moves, so an access that
 * crosses into a page that faults changes nothing.
 */
#ifndef VMM_X86_LINEAR_H
#define VMM_X86_LINEAR_H

#include "mm/guest_paging.h"
#include "vmm/x86/vcpu.h"

struct linear_fault {
	uint32_t error_code;
	gva_t address;
};

#define LINEAR_MAX PAGE_SIZE

/* At most two pages: `size` is 1..LINEAR_MAX bytes. */
struct linear_range {
	gpa_t gpa[2];
	size_t size[2]; /* size[1] is 0 unless the access crosses a page */
};

/*
 * Translate; false: #PF as `fault` describes. `access` as in mm/guest_paging.h. Addresses wrap
 * at 4 GiB outside 64-bit mode (those of descriptor tables: outside long mode).
 */
bool must_check linear_translate(const struct vcpu *vcpu, const struct guest_paging *paging, gva_t address,
                                 size_t size, unsigned access, struct linear_range *range,
                                 struct linear_fault *fault);

/* Copy through a translated range. */
void linear_read(const struct vcpu *vcpu, const struct linear_range *range, void *data);
void linear_write(const struct vcpu *vcpu, const struct linear_range *range, const void *data);

/*
 * Read the bytes of the instruction at CS:RIP, up to 15; returns how many could be read (0:
 * `fault`).
 */
unsigned linear_fetch(const struct vcpu *vcpu, const struct guest_paging *paging, uint8_t bytes[15],
                      struct linear_fault *fault);

#endif
