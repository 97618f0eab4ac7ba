/* SPDX-License-Identifier: MIT */
/*
 * The guest-physical addresses of one machine that devices answer: who answers which, and how an
 * access of any width at any address is cut into what the devices take.
 *
 * Any number of regions can be claimed, and released again. The map of the VM's memory
 * (mm/guest_map.h) does not know the devices: whoever embeds the machine listens to the claims,
 * marks their pages as GUEST_DEVICE there, and brings accesses that are neither RAM nor ROM here.
 */
#ifndef DEVICES_BUS_MEMORY_SPACE_H
#define DEVICES_BUS_MEMORY_SPACE_H

#include "lib/types.h"

struct device;

/* A range of guest-physical memory that a device answers. */
struct memory_region {
	gpa_t base; /* where a PC has it */
	uint32_t size;
	/*
	 * Bytes of a register: 1, 2, 4 or 8; base and size are multiples of it. The region layer
	 * splits accesses so that what reaches a handler lies inside one register, aligned to the
	 * width, lowest address first: `size` is 1..width. Of `read` the low `size` bytes count.
	 * Both handlers exist.
	 */
	uint8_t width;
	uint64_t (*read)(struct device *device, unsigned offset, unsigned size);
	void (*write)(struct device *device, unsigned offset, unsigned size, uint64_t value);
};

/* A region in its place. In storage of whoever claims it. */
struct memory_binding {
	gpa_t base;
	const struct memory_region *region; /* null: not in use */
	struct device *device;
	struct memory_binding *next;
};

/* Who follows the claims. */
struct memory_listener {
	/* A region is claimed, unless this fails, and is claimed no more. */
	int (*claimed)(struct memory_listener *listener, const struct memory_binding *binding);
	void (*released)(struct memory_listener *listener, const struct memory_binding *binding);
};

/* All zeroes: all addresses are unclaimed. */
struct memory_space {
	struct memory_binding *bindings;   /* all of them, by base */
	const struct memory_binding *last; /* that was accessed; null: none */
	struct memory_listener *listener;  /* null: none */
	uint64_t unclaimed_reads, unclaimed_writes;
	gpa_t last_unclaimed;
};

/*
 * Let `device` answer `region`, moved to `base`. `binding` must stay until it is released. 0,
 * -ERR_INVALID (base and size are not multiples of the width, which is 1, 2, 4 or 8; or the region
 * is empty or wraps), -ERR_EXISTS (an address is taken) or what the listener answers.
 */
int must_check memory_space_claim(struct memory_space *space, struct memory_binding *binding,
                                  struct device *device, const struct memory_region *region, gpa_t base);

/* Its addresses are unclaimed again. Harmless if it is not in use. */
void memory_space_release(struct memory_space *space, struct memory_binding *binding);

/*
 * Tell `listener`, which must stay, of all regions there are, and of changes from now on. 0, or the
 * first error that it answers; then it is not told any more.
 */
int must_check memory_space_listen(struct memory_space *space, struct memory_listener *listener);

/* All regions by address: the one after `binding` (null: the first), or null. */
static inline const struct memory_binding *memory_space_next(const struct memory_space *space,
                                                             const struct memory_binding *binding)
{
	return binding ? binding->next : space->bindings;
}

/*
 * Copy `size` bytes from or to [gpa, gpa + size), lowest address first. Each cycle reaches a device
 * exactly once. Unclaimed addresses read as all ones and ignore writes; an access with one is
 * counted.
 */
void memory_read(struct memory_space *space, gpa_t gpa, void *buffer, size_t size);
void memory_write(struct memory_space *space, gpa_t gpa, const void *buffer, size_t size);

#endif
