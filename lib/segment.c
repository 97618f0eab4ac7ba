/* SPDX-License-Identifier: MIT */
#include "lib/segment.h"

/* SDM Vol. 3A "Segment Descriptors", Table "Code- and Data-Segment Types". */
#define TYPE_CODE        BIT(3)
#define TYPE_EXPAND_DOWN BIT(2) /* data */
#define TYPE_READ_WRITE  BIT(1) /* data: writable; code: readable */

/* SDM Vol. 3A "Type Checking". */
static bool segment_type_allows(uint32_t type, bool write)
{
	if (type & TYPE_CODE)
		return !write && type & TYPE_READ_WRITE;
	return !write || type & TYPE_READ_WRITE;
}

/*
 * SDM Vol. 3A "Limit Checking". What reaches beyond 4 GiB is outside any limit, as the section
 * permits.
 */
static bool segment_within_limit(const struct segment *segment, uint64_t offset, unsigned size)
{
	uint64_t last = offset + size - 1;

	if ((SEGMENT_TYPE(segment) & (TYPE_CODE | TYPE_EXPAND_DOWN)) != TYPE_EXPAND_DOWN)
		return last <= segment->limit;
	return offset > segment->limit && last <= (segment->access & SEGMENT_DB ? UINT32_MAX : UINT16_MAX);
}

bool segment_linear(const struct segment *segment, enum segment_index index, enum segment_mode mode,
                    uint64_t offset, unsigned size, bool write, gva_t *linear)
{
	if (mode == SEGMENT_MODE_64) {
		*linear = offset + (index == SEG_FS || index == SEG_GS ? segment->base : 0);
		return is_canonical(*linear) && is_canonical(*linear + size - 1);
	}
	*linear = (uint32_t)(segment->base + offset);
	if (segment->access & SEGMENT_UNUSABLE || !segment_within_limit(segment, offset, size))
		return false;
	return mode == SEGMENT_MODE_REAL || segment_type_allows(SEGMENT_TYPE(segment), write);
}
