/* SPDX-License-Identifier: MIT */
/* How the frame allocator gets its memory: from the machine's memory map, chunk by chunk. */
#include "lib/errors.h"
#include "lib/panic.h"
#include "lib/string.h"
#include "mm/frames_pool.h"
#include "mm/layout.h"

/* The machine as the boot code described it: see frames_init(). */
static struct {
	const struct memory_range *usable, *reserved;
	size_t usable_count, reserved_count;
	hpa_t limit;
	struct memory_range chunk_table; /* where pool.chunks stands */
	bool extended;
} machine;

/* The part of `range` inside `bounds`, shrunk to whole frames; empty if start >= end. */
static struct memory_range range_shrink(struct memory_range range, struct memory_range bounds)
{
	hpa_t start = MAX(range.start, bounds.start), end = MIN(range.end, bounds.end);

	if (start >= bounds.end)
		return (struct memory_range){0, 0};
	return (struct memory_range){ALIGN_UP(start, PAGE_SIZE), ALIGN_DOWN(end, PAGE_SIZE)};
}

/* Likewise, grown to whole frames. `bounds` are aligned. */
static struct memory_range range_grow(struct memory_range range, struct memory_range bounds)
{
	hpa_t start = MAX(range.start, bounds.start), end = MIN(range.end, bounds.end);

	if (start >= end)
		return (struct memory_range){0, 0};
	return (struct memory_range){ALIGN_DOWN(start, PAGE_SIZE), ALIGN_UP(end, PAGE_SIZE)};
}

/* Something reserved in [start, end), or null. */
static const struct memory_range *frames_obstacle(hpa_t start, hpa_t end)
{
	static const struct memory_range first_frame = {0, PAGE_SIZE};

	if (start < first_frame.end)
		return &first_frame;
	if (machine.chunk_table.start < end && machine.chunk_table.end > start)
		return &machine.chunk_table;
	for (size_t i = 0; i < machine.reserved_count; i++) {
		const struct memory_range *range = &machine.reserved[i];

		if (range->start < end && range->end > start && range->start < range->end)
			return range;
	}
	return NULL;
}

/* The highest place for `size` bytes of bookkeeping within `bounds`; 0 if there is none. */
static hpa_t frames_place(uint64_t size, struct memory_range bounds)
{
	for (size_t i = 0; i < machine.usable_count; i++) {
		struct memory_range range = range_shrink(machine.usable[i], bounds);

		while (range.start < range.end && range.end - range.start >= size) {
			const struct memory_range *in_the_way = frames_obstacle(range.end - size, range.end);

			if (!in_the_way)
				return range.end - size;
			range.end = ALIGN_DOWN(in_the_way->start, PAGE_SIZE);
		}
	}
	return 0;
}

/* From the first to the last usable frame within `bounds`. */
static struct memory_range frames_extent(struct memory_range bounds)
{
	struct memory_range all = {UINT64_MAX, 0};

	for (size_t i = 0; i < machine.usable_count; i++) {
		struct memory_range range = range_shrink(machine.usable[i], bounds);

		if (range.start < range.end) {
			all.start = MIN(all.start, range.start);
			all.end = MAX(all.end, range.end);
		}
	}
	return all;
}

/*
 * Of the frames of `range`, all inside one chunk's description: what is `from` and has no owner
 * becomes `owner`'s and `to`. Returns how many.
 */
static uint64_t frames_convert(struct memory_range range, enum frame_type from, uint16_t owner,
                               enum frame_type to)
{
	struct frame *frame = frames_describe(range.start >> PAGE_SHIFT);
	uint64_t changed = 0;

	for (hpa_t hpa = range.start; hpa < range.end; hpa += PAGE_SIZE, frame++) {
		if (frame->type != from || frame->owner != FRAME_OWNER_NONE)
			continue;
		*frame = (struct frame){.owner = owner, .type = to, .order = ORDER_NONE};
		changed++;
	}
	return changed;
}

/* Runs of frames that were found free go to the free lists. The lock is held. */
static void insert_runs(struct memory_range range)
{
	hfn_t base = range.start >> PAGE_SHIFT;
	uint64_t count = (range.end - range.start) >> PAGE_SHIFT, i = 0;
	const struct frame *frame = frames_describe(base);

	while (i < count) {
		uint64_t first = i;

		while (i < count && frame[i].type == FRAME_FREE)
			i++;
		frames_insert(base + first, i - first);
		i += i == first;
	}
}

/*
 * Describe every frame of one chunk's extent `all`, and put the free ones on the lists. The lock is
 * held.
 */
static void frames_describe_machine(struct memory_range all, hpa_t bookkeeping, uint64_t size)
{
	struct memory_range own = {bookkeeping, bookkeeping + size};
	const struct memory_range frame_zero = {0, PAGE_SIZE};

	frames_mark(all.start >> PAGE_SHIFT, (all.end - all.start) >> PAGE_SHIFT, FRAME_OWNER_NONE,
	            FRAME_RESERVED);
	for (size_t i = 0; i < machine.usable_count; i++)
		frames_pool.total += frames_convert(range_shrink(machine.usable[i], all), FRAME_RESERVED,
		                                    FRAME_OWNER_NONE, FRAME_FREE);
	frames_convert(range_grow(own, all), FRAME_FREE, FRAME_OWNER_MONITOR, FRAME_DATA);
	frames_convert(range_grow(machine.chunk_table, all), FRAME_FREE, FRAME_OWNER_MONITOR, FRAME_DATA);
	frames_convert(range_grow(frame_zero, all), FRAME_FREE, FRAME_OWNER_NONE, FRAME_RESERVED);
	for (size_t i = 0; i < machine.reserved_count; i++)
		frames_convert(range_grow(machine.reserved[i], all), FRAME_FREE, FRAME_OWNER_MONITOR,
		               FRAME_RESERVED);
	insert_runs(all);
}

/*
 * Frames for `*size` bytes of bookkeeping; `*size` grows to what was taken. They come from
 * chunks that are in already, so that whole chunks stay whole for 1 GiB pages; else from `bounds`.
 */
static hpa_t frames_find_bookkeeping(uint64_t *size, struct memory_range bounds)
{
	unsigned order = frames_order(*size);
	hpa_t hpa = frames_alloc(order, FRAME_OWNER_MONITOR, FRAME_DATA);

	if (!hpa)
		return frames_place(*size, bounds);
	*size = PAGE_SIZE << order;
	return hpa;
}

static struct memory_range chunk_bounds(size_t index)
{
	hpa_t base = (hpa_t)index << (CHUNK_ORDER + PAGE_SHIFT);

	return (struct memory_range){base, MIN(base + (CHUNK_FRAMES << PAGE_SHIFT), machine.limit)};
}

/*
 * Take in one chunk. A sliver that cannot hold its own bookkeeping, and for which none is found, is
 * left out.
 */
static void frames_add_chunk(size_t index)
{
	struct memory_range bounds = chunk_bounds(index);
	struct memory_range all = frames_extent(bounds);
	uint64_t count, size;
	hpa_t hpa;

	if (all.start >= all.end)
		return;
	count = (all.end - all.start) >> PAGE_SHIFT;
	size = ALIGN_UP(count * sizeof(struct frame), PAGE_SIZE);
	hpa = frames_find_bookkeeping(&size, bounds);
	if (!hpa)
		return;
	frames_pool.bookkeeping += size >> PAGE_SHIFT;
	frames_pool.chunks[index] = (struct chunk){.frames = hpa_to_pointer(hpa),
	                                           .first = (all.start - bounds.start) >> PAGE_SHIFT,
	                                           .count = count};
	spin_lock(&frames_pool.lock);
	frames_describe_machine(all, hpa, size);
	spin_unlock(&frames_pool.lock);
}

int frames_init(const struct memory_range *usable, size_t usable_count, const struct memory_range *reserved,
                size_t reserved_count, hpa_t limit)
{
	struct memory_range all;
	size_t early_chunks;
	uint64_t size;

	memset(&machine, 0, sizeof(machine));
	memset(&frames_pool, 0, sizeof(frames_pool));
	for (unsigned order = 0; order < FRAME_ORDERS; order++)
		list_init(&frames_pool.free[order]);
	machine.usable = usable;
	machine.usable_count = usable_count;
	machine.reserved = reserved;
	machine.reserved_count = reserved_count;
	machine.limit = ALIGN_DOWN(MIN(limit, DIRECT_MAP_LIMIT), PAGE_SIZE);

	all = frames_extent((struct memory_range){0, machine.limit});
	frames_pool.chunk_count = ALIGN_UP(all.end >> PAGE_SHIFT, CHUNK_FRAMES) >> CHUNK_ORDER;
	early_chunks = MIN(frames_pool.chunk_count, EARLY_MAP_LIMIT >> (CHUNK_ORDER + PAGE_SHIFT));
	size = ALIGN_UP(frames_pool.chunk_count * sizeof(struct chunk), PAGE_SIZE);
	for (size_t i = 0; i < early_chunks && !machine.chunk_table.start; i++)
		machine.chunk_table.start = frames_place(size, chunk_bounds(i));
	if (!machine.chunk_table.start)
		return -ERR_NO_MEMORY;
	machine.chunk_table.end = machine.chunk_table.start + size;
	frames_pool.bookkeeping = size >> PAGE_SHIFT;
	frames_pool.chunks = hpa_to_pointer(machine.chunk_table.start);
	memset(frames_pool.chunks, 0, size);

	for (size_t i = 0; i < MIN(frames_pool.chunk_count, EARLY_MAP_LIMIT >> (CHUNK_ORDER + PAGE_SHIFT));
	     i++)
		frames_add_chunk(i);
	return frames_pool.free_frames ? 0 : -ERR_NO_MEMORY;
}

void frames_extend(void)
{
	if (machine.extended)
		return;
	machine.extended = true;
	for (size_t i = EARLY_MAP_LIMIT >> (CHUNK_ORDER + PAGE_SHIFT); i < frames_pool.chunk_count; i++)
		frames_add_chunk(i);
}
