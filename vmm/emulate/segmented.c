/* SPDX-License-Identifier: MIT */
/* Accesses to memory: segmentation and alignment here; context->access() does the paging. */
#include "vmm/emulate/emulation.h"

/*
 * SDM Vol. 3A "Alignment Check Exception (#AC)". Up to 8 bytes: above, processors differ. What is
 * made of parts, as 6 bytes are, is aligned like the largest.
 */
static bool is_misaligned(const struct emulate_context *context, uint64_t address, unsigned size)
{
	unsigned alignment = size & -size;

	return size <= 8 && (address & (alignment - 1)) && context->cpl == 3 && (context->cr0 & CR0_AM) &&
	       (context->rflags & RFLAGS_AC);
}

bool segmented_access(struct emulation *e, unsigned segment, uint64_t offset, void *data, unsigned size,
                      enum emulate_access access)
{
	struct emulate_context *context = e->context;
	bool write = access != EMULATE_READ && access != EMULATE_CHECK_READ;
	gva_t linear;

	if (!segment_linear(&context->segment[segment], segment, e->segment_mode, offset, size, write,
	                    &linear))
		return emulation_fault(e, segment == SEG_SS ? EXCEPTION_SS : EXCEPTION_GP);
	if (is_misaligned(context, linear, size))
		return emulation_fault(e, EXCEPTION_AC);
	if (!context->access(context, linear, data, size, access))
		e->status = EMULATE_FAULT;
	return e->status == EMULATE_OK;
}

bool segmented_read(struct emulation *e, unsigned segment, uint64_t offset, uint64_t *value, unsigned size)
{
	*value = 0;
	return segmented_access(e, segment, offset, value, size, EMULATE_READ);
}

bool segmented_check(struct emulation *e, unsigned segment, uint64_t offset, unsigned size, bool write)
{
	return segmented_access(e, segment, offset, NULL, size,
	                        write ? EMULATE_CHECK_WRITE : EMULATE_CHECK_READ);
}

bool segmented_aligned(struct emulation *e, unsigned segment, uint64_t offset, unsigned alignment)
{
	bool based = e->segment_mode != SEGMENT_MODE_64 || segment >= SEG_FS;

	if ((offset + (based ? e->context->segment[segment].base : 0)) & (alignment - 1))
		return emulation_fault(e, EXCEPTION_GP);
	return true;
}
