/* SPDX-License-Identifier: MIT */
#include "boot/log_place.h"
#include "lib/checked.h"
#include "mm/layout.h"
#include "vmm/observe/log.h"

#define STEP        MIB(16) /* hides what firmware gives and takes at the ends of a range */
#define SIZE_WANTED (2 * STEP)

static uint64_t log_place_size(const struct memory_range *range)
{
	uint64_t end = MIN(range->end, (uint64_t)EARLY_MAP_LIMIT);

	return end > range->start ? end - range->start : 0;
}

static bool log_place_is_used(hpa_t place, const struct memory_range *used, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (used[i].start < place + LOG_PLACE_SIZE && place < used[i].end)
			return true;
	return false;
}

/*
 * Boot loaders put modules at the bottom of the largest range, and firmware and the loader's own
 * memory are at its top. Between them memory is left as it was.
 */
hpa_t log_place_find(const struct memory_range *range, unsigned count, const struct memory_range *used,
                     unsigned used_count)
{
	const struct memory_range *largest = NULL;
	hpa_t place;

	for (unsigned i = 0; i < count; i++)
		if (!largest || log_place_size(&range[i]) > log_place_size(largest))
			largest = &range[i];
	if (!largest || log_place_size(largest) < SIZE_WANTED)
		return 0;
	place = ALIGN_DOWN(largest->start + log_place_size(largest) / 8 * 5, STEP);
	if (place < largest->start || log_place_is_used(place, used, used_count))
		return 0;
	return place;
}
