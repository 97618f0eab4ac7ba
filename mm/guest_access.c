/* SPDX-License-Identifier: MIT */
/* Copies between the monitor and guest-physical memory: the second half of mm/guest_map.h. */
#include "lib/errors.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "mm/guest_map.h"

void *guest_pointer(const struct guest_map *map, gpa_t gpa, size_t size, bool write)
{
	unsigned level;
	uint64_t entry = page_table_entry(&map->tree, gpa, &level);
	uint64_t offset = gpa & (PAGING_SIZE(level) - 1);
	enum guest_type type = page_entry_software(&paging_guest_map, entry);

	if (type != GUEST_RAM && (type != GUEST_ROM || write))
		return NULL;
	if (size > PAGING_SIZE(level) - offset)
		return NULL;
	return hpa_to_pointer((entry & PAGING_ADDRESS) + offset);
}

enum copy_direction { COPY_READ, COPY_WRITE, COPY_LOAD };

/* One piece, inside one extent. */
static void guest_copy_piece(const struct guest_extent *extent, uint64_t offset, uint8_t *buffer, size_t size,
                             enum copy_direction direction)
{
	bool backed = extent->type == GUEST_RAM || extent->type == GUEST_ROM;

	if (direction == COPY_READ && !backed)
		memset(buffer, 0xff, size);
	else if (direction == COPY_READ)
		memcpy(buffer, hpa_to_pointer(extent->hpa + offset), size);
	else if (extent->type == GUEST_RAM || (backed && direction == COPY_LOAD))
		memcpy(hpa_to_pointer(extent->hpa + offset), buffer, size);
}

/* Addresses that wrap around 2^64 are a hole's, like all above the map. */
static void guest_copy(const struct guest_map *map, gpa_t gpa, uint8_t *buffer, size_t size,
                       enum copy_direction direction)
{
	static const struct guest_extent hole = {.type = GUEST_NONE};

	while (size) {
		struct guest_extent extent = guest_map_find(map, gpa);
		uint64_t offset = gpa - extent.gpa;
		size_t piece = MIN(size, extent.size - offset);

		guest_copy_piece(&extent, offset, buffer, piece, direction);
		buffer += piece;
		size -= piece;
		gpa += piece;
		if (!gpa && size) {
			guest_copy_piece(&hole, 0, buffer, size, direction);
			return;
		}
	}
}

void guest_read(const struct guest_map *map, gpa_t gpa, void *buffer, size_t size)
{
	const void *from = guest_pointer(map, gpa, size, false);

	if (likely(from))
		memcpy(buffer, from, size);
	else
		guest_copy(map, gpa, buffer, size, COPY_READ);
}

void guest_write(const struct guest_map *map, gpa_t gpa, const void *buffer, size_t size)
{
	void *to = guest_pointer(map, gpa, size, true);

	if (likely(to))
		memcpy(to, buffer, size);
	else
		guest_copy(map, gpa, (uint8_t *)buffer, size, COPY_WRITE);
}

int guest_load(const struct guest_map *map, gpa_t gpa, const void *data, size_t size)
{
	if (!guest_is_backed(map, gpa, size))
		return -ERR_OUT_OF_RANGE;
	guest_copy(map, gpa, (uint8_t *)data, size, COPY_LOAD);
	return 0;
}
