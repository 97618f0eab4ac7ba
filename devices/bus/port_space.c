/* SPDX-License-Identifier: MIT */
/* Port accesses to devices: see port_space.h. */
#include "devices/bus/port_space.h"
#include "lib/errors.h"

#define PORTS    0x10000u
#define ALL_ONES 0xFFu

static const struct port_binding unclaimed_ports;

void port_space_init(struct port_space *space)
{
	*space = (struct port_space){0};
	for (unsigned i = 0; i < PORT_SPACE_SLOTS; i++)
		space->slot[i] = &unclaimed_ports;
}

/* ---- Claims ---- */

static unsigned port_binding_end(const struct port_binding *binding)
{
	return binding->base + binding->count;
}

/* The link to the first binding that ends above `port`: where a new one there belongs. */
static struct port_binding **port_space_place(struct port_space *space, unsigned port)
{
	struct port_binding **link = &space->bindings;

	while (*link && port_binding_end(*link) <= port)
		link = &(*link)->next;
	return link;
}

int port_space_claim(struct port_space *space, struct port_binding *binding, struct device *device,
                     const struct port_region *region, uint16_t base)
{
	struct port_binding **place = port_space_place(space, base);
	unsigned end = base + (unsigned)region->count;

	if (!region->count || end > PORTS)
		return -ERR_OUT_OF_RANGE;
	if (*place && (*place)->base < end)
		return -ERR_EXISTS;
	*binding = (struct port_binding){
		.device = device,
		.read = region->read,
		.write = region->write,
		.base = base,
		.width = region->width,
		.count = region->count,
		.next = *place,
	};
	*place = binding;
	return 0;
}

void port_space_release(struct port_space *space, struct port_binding *binding)
{
	struct port_binding **link = &space->bindings;

	while (*link && *link != binding)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = binding->next;
	for (unsigned i = 0; i < PORT_SPACE_SLOTS; i++)
		if (space->slot[i] == binding)
			space->slot[i] = &unclaimed_ports;
	*binding = (struct port_binding){0};
}

/* ---- Accesses ---- */

/* Who answers `port`, which will be found in its slot from now on. */
static const struct port_binding *port_space_find(struct port_space *space, uint16_t port)
{
	const struct port_binding *binding = port_slot(space, port);

	if ((unsigned)port - binding->base < binding->count)
		return binding;
	binding = *port_space_place(space, port);
	if (!binding || port < binding->base)
		return &unclaimed_ports;
	space->slot[port % PORT_SPACE_SLOTS] = binding;
	return binding;
}

/* The bytes of an access that the region at `port` takes in one cycle: 1, 2 or 4; unclaimed: 1. */
static unsigned port_cycle_size(const struct port_binding *binding, uint16_t port, unsigned size)
{
	unsigned limit;

	if (!binding->device)
		return 1;
	limit = (unsigned)binding->base + binding->count - port;
	limit = MIN(limit, MIN(size, binding->width));
	return limit >= 4 ? 4 : limit >= 2 ? 2 : 1;
}

/* The port comes to the front; if it is new, the one that was not seen for longest goes. */
static void port_space_note_missed(struct port_space *space, uint16_t port)
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
		const struct port_binding *binding = port_space_find(space, at);
		uint32_t part = ALL_ONES;

		cycle = port_cycle_size(binding, at, size - done);
		if (binding->device) {
			part = binding->read(binding->device, (unsigned)at - binding->base, cycle);
			part &= UINT32_MAX >> (32 - 8 * cycle);
		} else if (!unclaimed) {
			unclaimed = true;
			port_space_note_missed(space, at);
		}
		value |= part << 8 * done;
	}
	space->unclaimed_reads += unclaimed;
	return value;
}

void port_write_split(struct port_space *space, uint16_t port, unsigned size, uint32_t value)
{
	bool unclaimed = false;
	uint64_t rest = value;

	for (unsigned done = 0, cycle; done < size; done += cycle, rest >>= 8 * cycle) {
		uint16_t at = (uint16_t)(port + done);
		const struct port_binding *binding = port_space_find(space, at);
		uint32_t part = (uint32_t)rest;

		cycle = port_cycle_size(binding, at, size - done);
		part &= UINT32_MAX >> (32 - 8 * cycle);
		if (binding->device) {
			binding->write(binding->device, (unsigned)at - binding->base, cycle, part);
		} else if (!unclaimed) {
			unclaimed = true;
			port_space_note_missed(space, at);
		}
	}
	space->unclaimed_writes += unclaimed;
}
