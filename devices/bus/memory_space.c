/* SPDX-License-Identifier: MIT */
/* Accesses to devices in memory: see memory_space.h. */
#include "devices/bus/memory_space.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/string.h"

/* ---- Claims ---- */

static bool memory_binding_has(const struct memory_binding *binding, gpa_t gpa)
{
	return gpa - binding->base < binding->region->size;
}

/* The link to the first binding that ends above `gpa`: where a new one there belongs. */
static struct memory_binding **memory_space_place(struct memory_space *space, gpa_t gpa)
{
	struct memory_binding **link = &space->bindings;

	while (*link && (*link)->base + ((*link)->region->size - 1) < gpa)
		link = &(*link)->next;
	return link;
}

static bool memory_region_fits(const struct memory_region *region, gpa_t base)
{
	unsigned width = region->width;
	gpa_t last;

	return width && width <= 8 && !(width & (width - 1)) && (base | region->size) % width == 0 &&
	       region->size && !add_overflows(base, region->size - 1u, &last);
}

int memory_space_claim(struct memory_space *space, struct memory_binding *binding, struct device *device,
                       const struct memory_region *region, gpa_t base)
{
	struct memory_binding **place = memory_space_place(space, base), *next = *place;
	int error;

	if (!memory_region_fits(region, base))
		return -ERR_INVALID;
	if (next && next->base <= base + (region->size - 1))
		return -ERR_EXISTS;
	*binding = (struct memory_binding){base, region, device, next};
	error = space->listener ? space->listener->claimed(space->listener, binding) : 0;
	if (error)
		*binding = (struct memory_binding){0};
	else
		*place = binding;
	return error;
}

void memory_space_release(struct memory_space *space, struct memory_binding *binding)
{
	struct memory_binding **link = &space->bindings;

	while (*link && *link != binding)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = binding->next;
	space->last = NULL;
	if (space->listener)
		space->listener->released(space->listener, binding);
	*binding = (struct memory_binding){0};
}

int memory_space_listen(struct memory_space *space, struct memory_listener *listener)
{
	const struct memory_binding *binding = NULL;
	int error = 0;

	while (!error && (binding = memory_space_next(space, binding)))
		error = listener->claimed(listener, binding);
	if (!error)
		space->listener = listener;
	return error;
}

/* ---- Accesses ---- */

static const struct memory_binding *memory_space_find(struct memory_space *space, gpa_t gpa)
{
	const struct memory_binding *binding = space->last;

	if (binding && memory_binding_has(binding, gpa))
		return binding;
	binding = *memory_space_place(space, gpa);
	if (!binding || !memory_binding_has(binding, gpa))
		return NULL;
	space->last = binding;
	return binding;
}

/*
 * The bytes of an access at `offset` that the region takes in one cycle: what lies in one unit of
 * its width.
 */
static unsigned memory_cycle_size(const struct memory_region *region, unsigned offset, size_t size)
{
	unsigned unit = region->width - (offset & (region->width - 1u));

	return size < unit ? (unsigned)size : unit;
}

/* How many of `size` bytes from an unclaimed address on are unclaimed. */
static unsigned memory_gap_size(struct memory_space *space, gpa_t gpa, size_t size)
{
	const struct memory_binding *next = *memory_space_place(space, gpa);

	return (unsigned)(next ? MIN(size, next->base - gpa) : size);
}

void memory_read(struct memory_space *space, gpa_t gpa, void *buffer, size_t size)
{
	uint8_t *to = buffer;
	bool unclaimed = false;
	unsigned cycle;

	for (size_t done = 0; done < size; done += cycle) {
		const struct memory_binding *binding = memory_space_find(space, gpa + done);

		if (binding) {
			unsigned offset = (unsigned)(gpa + done - binding->base);
			uint64_t value;

			cycle = memory_cycle_size(binding->region, offset, size - done);
			value = binding->region->read(binding->device, offset, cycle);
			memcpy(to + done, &value, cycle);
			continue;
		}
		cycle = memory_gap_size(space, gpa + done, size - done);
		memset(to + done, 0xff, cycle);
		if (!unclaimed)
			space->last_unclaimed = gpa + done;
		unclaimed = true;
	}
	space->unclaimed_reads += unclaimed;
}

void memory_write(struct memory_space *space, gpa_t gpa, const void *buffer, size_t size)
{
	const uint8_t *from = buffer;
	bool unclaimed = false;
	unsigned cycle;

	for (size_t done = 0; done < size; done += cycle) {
		const struct memory_binding *binding = memory_space_find(space, gpa + done);

		if (binding) {
			unsigned offset = (unsigned)(gpa + done - binding->base);
			uint64_t value = 0;

			cycle = memory_cycle_size(binding->region, offset, size - done);
			memcpy(&value, from + done, cycle);
			binding->region->write(binding->device, offset, cycle, value);
			continue;
		}
		cycle = memory_gap_size(space, gpa + done, size - done);
		if (!unclaimed)
			space->last_unclaimed = gpa + done;
		unclaimed = true;
	}
	space->unclaimed_writes += unclaimed;
}
