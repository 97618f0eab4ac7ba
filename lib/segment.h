/* SPDX-License-Identifier: MIT */
/* Segment registers with their hidden parts. */
#ifndef LIB_SEGMENT_H
#define LIB_SEGMENT_H

#include "lib/types.h"

enum segment_index { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDTR, SEG_TR, SEG_COUNT };

/*
 * A segment register with its cached descriptor. Access rights as in the VMCS: SDM Vol. 3C "Guest
 * Register State", Table "Format of Access Rights".
 */
struct segment {
	uint64_t base;
	uint32_t limit; /* in bytes, granularity applied */
	uint32_t access;
	uint16_t selector;
};
#define SEGMENT_TYPE(s)      ((s)->access & 0xf)
#define SEGMENT_DPL(s)       ((s)->access >> 5 & 3)
#define SEGMENT_CODE_OR_DATA BIT(4)
#define SEGMENT_PRESENT      BIT(7)
#define SEGMENT_L            BIT(13)
#define SEGMENT_DB           BIT(14)
#define SEGMENT_UNUSABLE     BIT(16)

/* How a segment register is used. Real-address and virtual-8086 mode know limits, but no types. */
enum segment_mode { SEGMENT_MODE_REAL, SEGMENT_MODE_PROTECTED, SEGMENT_MODE_64 };

/*
 * The linear address of [offset, offset + size) in segment register `index`, after all checks but
 * those of paging and alignment; false: #SS for SS, else #GP. Addresses wrap at 4 GiB, in 64-bit
 * mode at 2^64.
 */
bool must_check segment_linear(const struct segment *segment, enum segment_index index,
                               enum segment_mode mode, uint64_t offset, unsigned size, bool write,
                               gva_t *linear);

static inline bool is_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

#endif
