/* SPDX-License-Identifier: MIT */
#include "guests/loaders/placing.h"
#include "lib/checked.h"

bool placing_is_free(uint64_t memory, gpa_t start, gpa_t end)
{
	struct guest_e820 ranges[GUEST_E820_MAX];
	unsigned count = guest_memory_e820(memory, ranges);

	for (unsigned i = 0; i < count; i++) {
		gpa_t from = MAX(ranges[i].start, GUEST_IMAGES_START);

		if (ranges[i].type == E820_RAM && start >= from && end <= ranges[i].start + ranges[i].size)
			return true;
	}
	return false;
}

int placing_refuse(struct loading *loading, const char *what, gpa_t start, gpa_t end)
{
	unsigned long long top = guest_high_ram_end(loading->machine->memory);

	if (start < GUEST_HIGH_START)
		return loading_fail(
			loading, ERR_NO_MEMORY,
			"the %s wants to be loaded at 0x%llx, which is in use; link it at 1 MiB or above",
			what, (unsigned long long)start);
	if (start >= GUEST_HOLE_START && start < GUEST_ABOVE_4G)
		return loading_fail(
			loading, ERR_NO_MEMORY,
			"the %s wants to be loaded at 0x%llx, where a PC has devices and firmware; "
			"use a kernel that is linked below 3 GiB",
			what, (unsigned long long)start);
	return loading_fail(loading, ERR_NO_MEMORY,
	                    "the %s needs memory up to %llu KiB, and the guest's ends at %llu KiB; "
	                    "raise 'memory'",
	                    what, end / 1024ULL + (end % 1024 != 0), top / 1024);
}

/* `size` bytes in what `range` and `within` share. */
static bool placing_find_in(struct extent range, struct extent within, uint64_t size, uint64_t alignment,
                            bool highest, gpa_t *address)
{
	gpa_t start = MAX(range.start, within.start), end = MIN(range.end, within.end);
	uint64_t at;

	if (start >= end || size > end - start)
		return false;
	if (highest)
		at = ALIGN_DOWN(end - size, alignment);
	else if (add_overflows(start, alignment - 1, &at))
		return false;
	else
		at = ALIGN_DOWN(at, alignment);
	if (at < start || at > end - size)
		return false;
	*address = at;
	return true;
}

int placing_find(uint64_t memory, struct extent within, uint64_t size, uint64_t alignment, bool highest,
                 gpa_t *address)
{
	const struct extent low = {GUEST_HANDOVER_END, GUEST_EBDA};
	const struct extent high = {GUEST_HIGH_START, guest_high_ram_end(memory)};
	const struct extent lowest = {GUEST_IMAGES_START, GUEST_EBDA}; /* if need be */

	if (placing_find_in(highest ? high : low, within, size, alignment, highest, address) ||
	    placing_find_in(highest ? low : high, within, size, alignment, highest, address) ||
	    placing_find_in(lowest, within, size, alignment, highest, address))
		return 0;
	return -ERR_NO_MEMORY;
}

void placing_note_low(struct loading *loading, gpa_t start, gpa_t end)
{
	struct extent *low = &loading->low;

	if (start >= GUEST_HIGH_START || start >= end)
		return;
	low->start = low->end ? MIN(low->start, start) : start;
	low->end = MAX(low->end, end);
}

int placing_move_handover(struct loading *loading, struct extent *used)
{
	const struct extent usual = {GUEST_GDT, GUEST_CMDLINE + GUEST_CMDLINE_SIZE}, *low = &loading->low;
	struct extent room = placing_room_beside(loading->machine->memory, *used);
	gpa_t size = usual.end - usual.start, at = ALIGN_UP(low->end, PAGE_SIZE);

	if (low->end <= usual.start || low->start >= usual.end)
		return 0;
	if (at + size > GUEST_EBDA) {
		if (size > room.end - room.start)
			return loading_fail(loading, ERR_NO_MEMORY,
			                    "the kernel leaves no %llu KiB for what it must be told; raise "
			                    "'memory'",
			                    (unsigned long long)size / 1024);
		if (room.start >= used->end) {
			at = room.start;
			used->end = at + size;
		} else {
			at = room.end - size;
			used->start = at;
		}
	}
	loading->handover = at - usual.start;
	return 0;
}

struct extent placing_room_beside(uint64_t memory, struct extent image)
{
	gpa_t top = guest_high_ram_end(memory), start, end;

	if (image.end <= GUEST_HIGH_START || image.start >= top)
		return (struct extent){GUEST_HIGH_START, top};
	start = MAX(ALIGN_DOWN(image.start, PAGE_SIZE), GUEST_HIGH_START);
	end = MIN(ALIGN_UP(image.end, PAGE_SIZE), top);
	if (start - GUEST_HIGH_START > top - end)
		return (struct extent){GUEST_HIGH_START, start};
	return (struct extent){end, top};
}

int placing_take(struct loading *loading, struct extent *room, const char *what, uint64_t size,
                 uint64_t alignment, gpa_t *address)
{
	gpa_t at = MIN(ALIGN_UP(room->start, alignment), room->end);

	if (size > room->end - at)
		return loading_fail(
			loading, ERR_NO_MEMORY,
			"the %s of %llu KiB does not fit into the %llu KiB beside the kernel; raise 'memory'",
			what, size / 1024ULL + (size % 1024 != 0),
			(unsigned long long)(room->end - at) / 1024);
	*address = at;
	room->start = at + size;
	return 0;
}
