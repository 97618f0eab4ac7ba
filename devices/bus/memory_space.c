/* SPDX-License-Identifier: MIT */
/* Accesses to devices in memory: see memory_space.h. */
#include "devices/bus/memory_space.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/string.h"

static bool is_inside(const struct memory_binding *binding, gpa_t gpa)
{
	return gpa - binding->base < binding->region->size;
}

static const struct memory_binding *find(const struct memory_space *space, gpa_t gpa)
{
	for (unsigned i = 0; i < space->bindings; i++)
		if (is_inside(&space->binding[i], gpa))
			return &space->binding[i];
	return NULL;
}

int memory_space_claim(struct memory_space *space, struct device *device, const struct memory_region *region)
{
	unsigned width = region->width;
	gpa_t last;

	if (!width || width > 8 || (width & (width - 1)) || (region->base | region->size) % width ||
	    !region->size || add_overflows(region->base, region->size - 1u, &last))
		return -ERR_INVALID;
	for (unsigned i = 0; i < space->bindings; i++)
		if (is_inside(&space->binding[i], region->base) ||
		    space->binding[i].base - region->base < region->size)
			return -ERR_EXISTS;
	if (space->bindings == MEMORY_SPACE_REGIONS)
		return -ERR_NO_MEMORY;
	space->binding[space->bindings++] =
		(struct memory_binding){.base = region->base, .region = region, .device = device};
	return 0;
}

/*
 * The bytes of an access at `offset` that the region takes in one cycle: what lies in one unit of
 * its width.
 */
static unsigned cycle_size(const struct memory_region *region, unsigned offset, size_t size)
{
	unsigned unit = region->width - (offset & (region->width - 1u));

	return size < unit ? (unsigned)size : unit;
}

void memory_read(struct memory_space *space, gpa_t gpa, void *buffer, size_t size)
{
	uint8_t *to = buffer;
	bool unclaimed = false;
	unsigned cycle;

	for (size_t done = 0; done < size; done += cycle) {
		const struct memory_binding *binding = find(space, gpa + done);
		uint64_t value = UINT64_MAX;

		cycle = 1;
		if (binding) {
			unsigned offset = (unsigned)(gpa + done - binding->base);

			cycle = cycle_size(binding->region, offset, size - done);
			value = binding->region->read(binding->device, offset, cycle);
		} else if (!unclaimed) {
			unclaimed = true;
			space->last_unclaimed = gpa + done;
		}
		memcpy(to + done, &value, cycle);
	}
	space->unclaimed_reads += unclaimed;
}

void memory_write(struct memory_space *space, gpa_t gpa, const void *buffer, size_t size)
{
	const uint8_t *from = buffer;
	bool unclaimed = false;
	unsigned cycle;

	for (size_t done = 0; done < size; done += cycle) {
		const struct memory_binding *binding = find(space, gpa + done);

		cycle = 1;
		if (binding) {
			unsigned offset = (unsigned)(gpa + done - binding->base);
			uint64_t value = 0;

			cycle = cycle_size(binding->region, offset, size - done);
			memcpy(&value, from + done, cycle);
			binding->region->write(binding->device, offset, cycle, value);
		} else if (!unclaimed) {
			unclaimed = true;
			space->last_unclaimed = gpa + done;
		}
	}
	space->unclaimed_writes += unclaimed;
}
