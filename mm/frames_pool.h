/* SPDX-License-Identifier: MIT */
/* What frames.c and frames_init.c share; no other file includes this. */
#ifndef MM_FRAMES_POOL_H
#define MM_FRAMES_POOL_H

#include "lib/list.h"
#include "lib/spinlock.h"
#include "mm/frames.h"

/* One frame. Free blocks are linked through their own first bytes (struct list). */
struct frame {
	uint16_t owner;
	uint8_t type;
	uint8_t order; /* of the block that begins here, or ORDER_NONE */
};

#define ORDER_NONE 0xff

/*
 * The bookkeeping is cut into chunks as large as the largest block. So a machine with holes pays
 * for its RAM only, and no block crosses a chunk.
 */
#define CHUNK_ORDER  (FRAME_ORDERS - 1)
#define CHUNK_FRAMES BIT(CHUNK_ORDER)

struct chunk {
	struct frame *frames; /* frames[0] describes the chunk's frame number `first` */
	uint32_t first, count;
};

struct frames_pool {
	struct spinlock lock;
	struct list free[FRAME_ORDERS];
	struct chunk *chunks;
	size_t chunk_count;
	uint64_t total, free_frames, bookkeeping;
	uint64_t owned[FRAME_OWNERS];
};

extern struct frames_pool frames_pool;

/*
 * The bookkeeping of a frame; null where there is none. Neighbours in one chunk are neighbours in
 * memory.
 */
struct frame *frames_describe(hfn_t frame);

/* Describe [first, first + count) as not free, without the beginning of a block. */
void frames_mark(hfn_t first, uint64_t count, uint16_t owner, enum frame_type type);

/* Put [first, first + count), all inside one chunk, on the free lists. The lock is held. */
void frames_insert(hfn_t first, uint64_t count);

#endif
