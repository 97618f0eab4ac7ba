/* SPDX-License-Identifier: MIT */
/*
 * The guest-physical addresses of one machine that devices answer: who answers which, and how
 * an access of any width at any address is cut into what the devices take.
 *
 * The map of the VM's memory (mm/guest_map.h) does not know the devices: whoever embeds the
 * machine marks their pages as GUEST_DEVICE there, and brings accesses that are neither RAM
 * nor ROM here.
 */
#ifndef DEVICES_BUS_MEMORY_SPACE_H
#define DEVICES_BUS_MEMORY_SPACE_H

#include "devices/bus/device.h"

#define MEMORY_SPACE_REGIONS 8

/* A region in its place. */
struct memory_binding {
	gpa_t base;
	const struct memory_region *region;
	struct device *device;
};

struct memory_space {
	struct memory_binding binding[MEMORY_SPACE_REGIONS];
	unsigned bindings;
	uint64_t unclaimed_reads, unclaimed_writes;
	gpa_t last_unclaimed;
};

/*
 * Let `device` answer `region`. 0, -ERR_INVALID (base and size are not multiples of the width,
 * which is 1, 2, 4 or 8; or the region is empty or wraps), -ERR_EXISTS (an address is taken) or
 * -ERR_NO_MEMORY.
 */
int must_check memory_space_claim(struct memory_space *space, struct device *device,
                                  const struct memory_region *region);

/*
 * Copy `size` bytes from or to [gpa, gpa + size), lowest address first. Each cycle reaches a device
 * exactly once. Unclaimed addresses read as all ones and ignore writes; an access with one is
 * counted.
 */
void memory_read(struct memory_space *space, gpa_t gpa, void *buffer, size_t size);
void memory_write(struct memory_space *space, gpa_t gpa, const void *buffer, size_t size);

#endif
