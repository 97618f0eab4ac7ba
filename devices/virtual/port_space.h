/*
 * The 64 Ki I/O ports of one machine: who answers which, and how an access of
 * any width at any port is cut into what the devices take.
 */
#ifndef DEVICES_VIRTUAL_PORT_SPACE_H
#define DEVICES_VIRTUAL_PORT_SPACE_H

#include "devices/virtual/device.h"

#define PORT_SPACE_REGIONS 48
#define PORT_SPACE_LEAVES  10 /* pages of 256 ports that hold a region; page 0 is the empty one */

struct port_binding {
	const struct port_region *region;
	struct device *device;
	uint16_t base; /* where this instance sits: region->base relocated */
};

struct port_space {
	uint8_t leaf_of[256];			    /* port >> 8 -> leaf */
	uint8_t binding_of[PORT_SPACE_LEAVES][256]; /* port & FFh -> binding; 0: unclaimed */
	uint8_t leaves, bindings;
	struct port_binding binding[PORT_SPACE_REGIONS];
	uint64_t unclaimed_reads, unclaimed_writes;
	uint16_t last_unclaimed;
};

/* Make all ports unclaimed. */
void port_space_init(struct port_space *space);

/* Let `device` answer `region`, moved to `base`. 0, -ERR_EXISTS (a port is taken) or -ERR_NO_MEMORY. */
int must_check port_space_claim(struct port_space *space, struct device *device,
				const struct port_region *region, uint16_t base);

/*
 * Access `size` bytes (1, 2, 4) at `port`. Unclaimed ports read as all ones,
 * ignore writes, and are counted. Ports above FFFFh wrap to 0, as the address lines do.
 */
/* A write takes the low `size` bytes of `value`. */
uint32_t port_read(struct port_space *space, uint16_t port, unsigned size);
void port_write(struct port_space *space, uint16_t port, unsigned size, uint32_t value);

#endif
