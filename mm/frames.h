/* SPDX-License-Identifier: MIT */
/*
 * The one allocator of physical memory: a buddy allocator over 4 KiB frames.
 * Every frame has an owner and a type, and is cleared before it changes owner:
 * frames_alloc() clears, so what a freed frame held is never seen by the next.
 *
 * Locking: one lock inside; callable from any CPU, not from NMI.
 */
#ifndef MM_FRAMES_H
#define MM_FRAMES_H

#include "lib/types.h"

#define FRAME_ORDER_4K 0
#define FRAME_ORDER_2M 9
#define FRAME_ORDER_1G 18
#define FRAME_ORDERS   19

#define FRAME_OWNER_NONE     0 /* free */
#define FRAME_OWNER_MONITOR  1
#define FRAME_OWNER_FIRST_VM 2
#define FRAME_OWNERS         1026 /* owners are below this: so many VMs */

enum frame_type {
	FRAME_FREE,
	FRAME_RESERVED, /* firmware, holes, the monitor's image, boot modules */
	FRAME_DATA,     /* the monitor's data */
	FRAME_TABLE,    /* page tables of any format */
	FRAME_VMX,      /* VMXON region, VMCS, bitmaps, virtual-APIC pages */
	FRAME_GUEST,    /* a guest's RAM or ROM */
};

struct memory_range {
	hpa_t start, end; /* [start, end) */
};

/*
 * Start with the usable ranges of the machine less the reserved ones (both in any
 * order, overlaps allowed; usable ranges shrink to whole frames, reserved ones grow).
 * Takes its own bookkeeping (4 bytes a frame) out of them. -ERR_NO_MEMORY if not even
 * that fits. Addresses at or above `limit` are left alone.
 *
 * Frames at or above EARLY_MAP_LIMIT follow with frames_extend(); both arrays must
 * stay as they are until then.
 */
int must_check frames_init(const struct memory_range *usable, size_t usable_count,
                           const struct memory_range *reserved, size_t reserved_count, hpa_t limit);

/*
 * The whole direct map is there (host_map_activate() says so): take in the frames above
 * EARLY_MAP_LIMIT, once.
 */
void frames_extend(void);

/* The order of the smallest block that holds `size` bytes. */
static inline unsigned frames_order(uint64_t size)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

/*
 * 2^order frames, naturally aligned and zeroed; 0 if there are none (frame 0 is never given out).
 */
hpa_t must_check frames_alloc(unsigned order, uint16_t owner, enum frame_type type);

/*
 * The same, with what an earlier owner left in them: the caller clears them before anybody else
 * sees them.
 */
hpa_t must_check frames_alloc_uncleared(unsigned order, uint16_t owner, enum frame_type type);

/* Zero `size` bytes, a multiple of 8. */
void frames_clear(hpa_t hpa, uint64_t size);

/*
 * Give back exactly what frames_alloc returned; `order` as then. Panics on a mismatch: a monitor's
 * fault.
 */
void frames_free(hpa_t hpa, unsigned order);

/*
 * Turn one allocated block into blocks of `new_order`, to be freed one by one. Same owner and type.
 */
void frames_split(hpa_t hpa, unsigned order, unsigned new_order);

/* Of the frame that holds `hpa`; FRAME_OWNER_NONE and FRAME_RESERVED where no RAM is. */
uint16_t frame_owner(hpa_t hpa);
enum frame_type frame_type(hpa_t hpa);

struct frames_stat {
	uint64_t total, free; /* frames of usable RAM, reserved ones included; frames to be had */
	uint64_t bookkeeping; /* frames spent on the allocator itself */
	uint64_t largest;     /* order of the largest free block */
};
struct frames_stat frames_stat(void);

/* Frames that `owner` was given by frames_alloc(). */
uint64_t frames_owned(uint16_t owner);

/* The monitor's view of physical memory: valid for RAM below the limit of the direct map. */
void *hpa_to_pointer(hpa_t hpa);

/* The way back, for pointers into the direct map or the monitor's image (not stacks, not MMIO). */
hpa_t pointer_to_hpa(const void *pointer);

#endif
