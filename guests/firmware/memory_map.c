/* SPDX-License-Identifier: MIT */
#include "guests/firmware/memory_map.h"
#include "devices/pc/vga.h"
#include "lib/checked.h"

gpa_t guest_high_ram_end(uint64_t memory)
{
	return MAX(MIN(memory, GUEST_HOLE_START), GUEST_HIGH_START);
}

unsigned guest_memory_layout(uint64_t memory, struct guest_range ranges[GUEST_RANGES_MAX])
{
	gpa_t high_end = guest_high_ram_end(memory);
	unsigned n = 0;

	ranges[n++] = (struct guest_range){0, GUEST_LOW_RAM_END, GUEST_RANGE_RAM};
	ranges[n++] =
		(struct guest_range){GUEST_BIOS_START, GUEST_HIGH_START - GUEST_BIOS_START, GUEST_RANGE_BIOS};
	if (high_end > GUEST_HIGH_START)
		ranges[n++] =
			(struct guest_range){GUEST_HIGH_START, high_end - GUEST_HIGH_START, GUEST_RANGE_RAM};
	if (memory > GUEST_HOLE_START)
		ranges[n++] =
			(struct guest_range){GUEST_ABOVE_4G, memory - GUEST_HOLE_START, GUEST_RANGE_RAM};
	return n;
}

bool guest_memory_has(uint64_t memory, gpa_t gpa, uint64_t size)
{
	struct guest_range ranges[GUEST_RANGES_MAX];
	unsigned count = guest_memory_layout(memory, ranges);

	if (gpa >= VGA_TEXT_GPA && range_within(gpa - VGA_TEXT_GPA, size, VGA_TEXT_SIZE))
		return true;
	for (unsigned i = 0; i < count; i++)
		if (gpa >= ranges[i].start && range_within(gpa - ranges[i].start, size, ranges[i].size))
			return true;
	return false;
}

unsigned guest_memory_e820(uint64_t memory, struct guest_e820 entries[GUEST_E820_MAX])
{
	struct guest_range ranges[GUEST_RANGES_MAX];
	unsigned count = guest_memory_layout(memory, ranges), n = 0;

	for (unsigned i = 0; i < count; i++) {
		uint32_t type = ranges[i].kind == GUEST_RANGE_RAM ? E820_RAM : E820_RESERVED;

		entries[n++] = (struct guest_e820){ranges[i].start, ranges[i].size, type};
		if (ranges[i].start == 0) {
			entries[n - 1].size = GUEST_EBDA;
			entries[n++] = (struct guest_e820){GUEST_EBDA, GUEST_EBDA_SIZE, E820_RESERVED};
		}
	}
	return n;
}
