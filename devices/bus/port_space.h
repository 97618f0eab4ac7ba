/* SPDX-License-Identifier: MIT */
/*
 * The 64 Ki I/O ports of one machine: who answers which, and how an access of
 * any width at any port is cut into what the devices take.
 *
 * Any number of regions can be claimed, and released again. The way of an exit to the device that
 * it means is a table that all ports share, by their low bits: as far as ISA cards decode them, so
 * that no two ports of a PC's own devices meet there. What is not in the table is looked up in the
 * list of all regions, and then is.
 */
#ifndef DEVICES_BUS_PORT_SPACE_H
#define DEVICES_BUS_PORT_SPACE_H

#include "lib/types.h"

struct device;

#define PORT_SPACE_MISSED 8
#define PORT_SPACE_SLOTS  1024 /* the ports that 10 bits tell apart */

/* A run of I/O ports that a device answers. */
struct port_region {
	uint16_t base; /* where a PC has it; 0: the machine places it */
	uint16_t count;
	/*
	 * Widest access in bytes (1, 2 or 4) that the device takes in one go.
	 * The region layer splits wider ones into cycles of this width, lowest
	 * address first, as an ISA bus does; `offset` and `size` that reach the
	 * handlers always lie inside the region, `size` is 1, 2 or 4. Both handlers exist.
	 */
	uint8_t width;
	uint32_t (*read)(struct device *device, unsigned offset, unsigned size);
	void (*write)(struct device *device, unsigned offset, unsigned size, uint32_t value);
};

/* A region in its place, laid out for the exit path. In storage of whoever claims it. */
struct port_binding {
	struct device *device; /* null: the binding of unclaimed ports, or one that is not in use */
	uint32_t (*read)(struct device *device, unsigned offset, unsigned size);
	void (*write)(struct device *device, unsigned offset, unsigned size, uint32_t value);
	uint16_t base;
	uint8_t width;
	uint32_t count; /* 0 for unclaimed ports, so that no access to one is a simple one */
	struct port_binding *next;
};

/* A port that a guest looked for, and no device has. */
struct port_missed {
	uint16_t port;
	uint64_t count; /* accesses since it came into the table */
};

struct port_space {
	const struct port_binding *slot[PORT_SPACE_SLOTS]; /* by a port's low bits: who has one such */
	struct port_binding *bindings;                     /* all of them, by base */
	uint64_t unclaimed_reads, unclaimed_writes;
	struct port_missed missed[PORT_SPACE_MISSED]; /* the last ones, latest first; count 0: none */
};

/* Make all ports unclaimed. */
void port_space_init(struct port_space *space);

/*
 * Let `device` answer `region`, moved to `base`. `binding` must stay until it is released. 0,
 * -ERR_OUT_OF_RANGE (the region is empty, or ends above FFFFh) or -ERR_EXISTS (a port is taken).
 */
int must_check port_space_claim(struct port_space *space, struct port_binding *binding, struct device *device,
                                const struct port_region *region, uint16_t base);

/* Its ports are unclaimed again. Harmless if it is not in use. */
void port_space_release(struct port_space *space, struct port_binding *binding);

/* Accesses that are no single cycle of the region in the slot. */
uint32_t port_read_split(struct port_space *space, uint16_t port, unsigned size);
void port_write_split(struct port_space *space, uint16_t port, unsigned size, uint32_t value);

static inline const struct port_binding *port_slot(const struct port_space *space, uint16_t port)
{
	return space->slot[port % PORT_SPACE_SLOTS];
}

/* Offsets below the base have wrapped, and are too large. */
static inline bool port_is_one_cycle(const struct port_binding *binding, unsigned offset, unsigned size)
{
	return offset < binding->count &&
	       (size == 1 || (size <= binding->width && size <= binding->count - offset));
}

/*
 * Access `size` bytes (1, 2, 4) at `port`. Unclaimed ports read as all ones,
 * ignore writes, and are counted. Ports above FFFFh wrap to 0, as the address lines do.
 */
static inline uint32_t port_read(struct port_space *space, uint16_t port, unsigned size)
{
	const struct port_binding *binding = port_slot(space, port);
	unsigned offset = (unsigned)port - binding->base;

	if (unlikely(!port_is_one_cycle(binding, offset, size)))
		return port_read_split(space, port, size);
	return binding->read(binding->device, offset, size);
}

/* Takes the low `size` bytes of `value`. */
static inline void port_write(struct port_space *space, uint16_t port, unsigned size, uint32_t value)
{
	const struct port_binding *binding = port_slot(space, port);
	unsigned offset = (unsigned)port - binding->base;

	value &= UINT32_MAX >> (32 - 8 * size);
	if (unlikely(!port_is_one_cycle(binding, offset, size)))
		port_write_split(space, port, size, value);
	else
		binding->write(binding->device, offset, size, value);
}

#endif
