/* SPDX-License-Identifier: MIT */
/*
 * The 64 Ki I/O ports of one machine: who answers which, and how an access of
 * any width at any port is cut into what the devices take.
 */
#ifndef DEVICES_BUS_PORT_SPACE_H
#define DEVICES_BUS_PORT_SPACE_H

#include "devices/bus/device.h"

#define PORT_SPACE_REGIONS 48
#define PORT_SPACE_MISSED  8
#define PORT_SPACE_LEAVES  10 /* pages of 256 ports that hold a region; page 0 is the empty one */

/*
 * A region in its place, laid out for the exit path. `device` is null in binding 0, the unclaimed
 * ports.
 */
struct port_binding {
	struct device *device;
	uint32_t (*read)(struct device *device, unsigned offset, unsigned size);
	void (*write)(struct device *device, unsigned offset, unsigned size, uint32_t value);
	uint16_t base, count;
	uint8_t width; /* 0 in binding 0, so that no access to it is a simple one */
};

/* A port that a guest looked for, and no device has. */
struct port_missed {
	uint16_t port;
	uint64_t count; /* accesses since it came into the table */
};

struct port_space {
	uint8_t leaf_of[256];                       /* port >> 8 -> leaf */
	uint8_t binding_of[PORT_SPACE_LEAVES][256]; /* port & FFh -> binding; 0: unclaimed */
	uint8_t leaves, bindings;
	struct port_binding binding[PORT_SPACE_REGIONS];
	uint64_t unclaimed_reads, unclaimed_writes;
	struct port_missed missed[PORT_SPACE_MISSED]; /* the last ones, latest first; count 0: none */
};

/* Make all ports unclaimed. */
void port_space_init(struct port_space *space);

/*
 * Let `device` answer `region`, moved to `base`. 0, -ERR_EXISTS (a port is taken) or
 * -ERR_NO_MEMORY.
 */
int must_check port_space_claim(struct port_space *space, struct device *device,
                                const struct port_region *region, uint16_t base);

/* Accesses that are no single cycle of one region. */
uint32_t port_read_split(struct port_space *space, uint16_t port, unsigned size);
void port_write_split(struct port_space *space, uint16_t port, unsigned size, uint32_t value);

static inline const struct port_binding *port_binding_at(const struct port_space *space, uint16_t port)
{
	return &space->binding[space->binding_of[space->leaf_of[port >> 8]][port & 0xff]];
}

static inline bool port_is_one_cycle(const struct port_binding *binding, unsigned offset, unsigned size)
{
	/* A byte at a bound port is inside by itself. */
	return size <= binding->width && (size == 1 || offset + size <= binding->count);
}

/*
 * Access `size` bytes (1, 2, 4) at `port`. Unclaimed ports read as all ones,
 * ignore writes, and are counted. Ports above FFFFh wrap to 0, as the address lines do.
 */
static inline uint32_t port_read(struct port_space *space, uint16_t port, unsigned size)
{
	const struct port_binding *binding = port_binding_at(space, port);
	unsigned offset = (unsigned)port - binding->base;

	if (unlikely(!port_is_one_cycle(binding, offset, size)))
		return port_read_split(space, port, size);
	return binding->read(binding->device, offset, size);
}

/* Takes the low `size` bytes of `value`. */
static inline void port_write(struct port_space *space, uint16_t port, unsigned size, uint32_t value)
{
	const struct port_binding *binding = port_binding_at(space, port);
	unsigned offset = (unsigned)port - binding->base;

	value &= UINT32_MAX >> (32 - 8 * size);
	if (unlikely(!port_is_one_cycle(binding, offset, size)))
		port_write_split(space, port, size, value);
	else
		binding->write(binding->device, offset, size, value);
}

#endif
