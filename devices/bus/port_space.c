/* SPDX-License-Identifier: MIT */
/* Port accesses to devices: see port_space.h. */
#include "devices/bus/port_space.h"
#include "lib/errors.h"

#define PORTS      0x10000u
#define PAGE_PORTS 256u
#define ALL_ONES   0xFFu

void port_space_init(struct port_space *space)
{
	*space = (struct port_space){.leaves = 1, .bindings = 1};
}

/* Pages of the run [base, base + count) that have no leaf yet. */
static unsigned leaves_missing(const struct port_space *space, unsigned base, unsigned count)
{
	unsigned missing = 0;

	for (unsigned page = base / PAGE_PORTS; page <= (base + count - 1) / PAGE_PORTS; page++)
		missing += !space->leaf_of[page];
	return missing;
}

static bool any_claimed(const struct port_space *space, unsigned base, unsigned count)
{
	for (unsigned port = base; port < base + count; port++)
		if (port_binding_at(space, (uint16_t)port)->device)
			return true;
	return false;
}

int port_space_claim(struct port_space *space, struct device *device, const struct port_region *region,
                     uint16_t base)
{
	unsigned end = base + (unsigned)region->count;

	if (!region->count || end > PORTS)
		return -ERR_OUT_OF_RANGE;
	if (any_claimed(space, base, region->count))
		return -ERR_EXISTS;
	if (space->bindings == PORT_SPACE_REGIONS ||
	    leaves_missing(space, base, region->count) > PORT_SPACE_LEAVES - (unsigned)space->leaves)
		return -ERR_NO_MEMORY;

	space->binding[space->bindings] = (struct port_binding){
		.device = device,
		.read = region->read,
		.write = region->write,
		.base = base,
		.count = region->count,
		.width = region->width,
	};
	for (unsigned port = base; port < end; port++) {
		uint8_t *leaf = &space->leaf_of[port / PAGE_PORTS];

		if (!*leaf)
			*leaf = space->leaves++;
		space->binding_of[*leaf][port % PAGE_PORTS] = space->bindings;
	}
	space->bindings++;
	return 0;
}

/*
 * The part of an access that the region at `port` takes in one cycle: 1, 2 or 4 bytes; 1 where
 * nobody answers.
 */
static unsigned cycle_size(const struct port_binding *binding, uint16_t port, unsigned size)
{
	unsigned limit;

	if (!binding->device)
		return 1;
	limit = (unsigned)binding->base + binding->count - port;
	limit = MIN(limit, MIN(size, binding->width));
	return limit >= 4 ? 4 : limit >= 2 ? 2 : 1;
}

/* The port comes to the front; if it is new, the one that was not seen for longest goes. */
static void note_missed(struct port_space *space, uint16_t port)
{
	struct port_missed found = {.port = port};
	unsigned at = 0;

	while (at < PORT_SPACE_MISSED - 1 && (space->missed[at].port != port || !space->missed[at].count))
		at++;
	if (space->missed[at].port == port)
		found.count = space->missed[at].count;
	for (; at; at--)
		space->missed[at] = space->missed[at - 1];
	found.count++;
	space->missed[0] = found;
}

uint32_t port_read_split(struct port_space *space, uint16_t port, unsigned size)
{
	uint32_t value = 0;
	bool unclaimed = false;

	for (unsigned done = 0, cycle; done < size; done += cycle) {
		uint16_t at = (uint16_t)(port + done);
		const struct port_binding *binding = port_binding_at(space, at);
		uint32_t part = ALL_ONES;

		cycle = cycle_size(binding, at, size - done);
		if (binding->device) {
			part = binding->read(binding->device, (unsigned)at - binding->base, cycle);
			part &= UINT32_MAX >> (32 - 8 * cycle);
		} else if (!unclaimed) {
			unclaimed = true;
			note_missed(space, at);
		}
		value |= part << 8 * done;
	}
	space->unclaimed_reads += unclaimed;
	return value;
}

void port_write_split(struct port_space *space, uint16_t port, unsigned size, uint32_t value)
{
	bool unclaimed = false;

	for (unsigned done = 0, cycle; done < size; done += cycle) {
		uint16_t at = (uint16_t)(port + done);
		const struct port_binding *binding = port_binding_at(space, at);
		uint32_t part = value >> 8 * done;

		cycle = cycle_size(binding, at, size - done);
		part &= UINT32_MAX >> (32 - 8 * cycle);
		if (binding->device) {
			binding->write(binding->device, (unsigned)at - binding->base, cycle, part);
		} else if (!unclaimed) {
			unclaimed = true;
			note_missed(space, at);
		}
	}
	space->unclaimed_writes += unclaimed;
}
