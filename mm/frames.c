/* SPDX-License-Identifier: MIT */
#include "lib/panic.h"
#include "mm/frames_pool.h"

struct frames_pool frames_pool;

struct frame *frames_describe(hfn_t frame)
{
	uint64_t chunk = frame >> CHUNK_ORDER, index;

	if (chunk >= frames_pool.chunk_count)
		return NULL;
	index = (frame & (CHUNK_FRAMES - 1)) - frames_pool.chunks[chunk].first;
	if (index >= frames_pool.chunks[chunk].count)
		return NULL;
	return &frames_pool.chunks[chunk].frames[index];
}

void frames_mark(hfn_t first, uint64_t count, uint16_t owner, enum frame_type type)
{
	struct frame *frame = frames_describe(first);
	union {
		struct frame frame;
		uint32_t bits;
	} mark = {{.owner = owner, .type = type, .order = ORDER_NONE}};

	__asm__ volatile("rep stosl" : "+D"(frame), "+c"(count) : "a"(mark.bits) : "memory");
}

static struct list *block_link(hfn_t first)
{
	return hpa_to_pointer(first << PAGE_SHIFT);
}

/* Put one block on its list, joined with its buddy for as long as that is free too. */
static void insert_block(hfn_t first, unsigned order)
{
	frames_pool.free_frames += BIT(order);
	while (order < FRAME_ORDERS - 1) {
		hfn_t buddy = first ^ BIT(order);
		struct frame *frame = frames_describe(buddy);

		if (!frame || frame->type != FRAME_FREE || frame->order != order)
			break;
		list_remove(block_link(buddy));
		frame->order = ORDER_NONE;
		first &= ~BIT(order);
		order++;
	}
	frames_describe(first)->order = order;
	list_append(&frames_pool.free[order], block_link(first));
}

void frames_insert(hfn_t first, uint64_t count)
{
	frames_mark(first, count, FRAME_OWNER_NONE, FRAME_FREE);
	while (count) {
		unsigned order = MIN(__builtin_ctzl(first | CHUNK_FRAMES), 63 - __builtin_clzl(count));

		insert_block(first, order);
		first += BIT(order);
		count -= BIT(order);
	}
}

/* Take a block off the lists, the rest of a larger one goes back. 0: there is none. */
static hfn_t frames_take_block(unsigned order)
{
	unsigned have = order;
	struct list *link;
	hfn_t first;

	while (have < FRAME_ORDERS && list_empty(&frames_pool.free[have]))
		have++;
	if (have == FRAME_ORDERS)
		return 0;
	link = frames_pool.free[have].next;
	list_remove(link);
	first = pointer_to_hpa(link) >> PAGE_SHIFT;
	frames_pool.free_frames -= BIT(order);
	while (have > order) {
		have--;
		frames_describe(first + BIT(have))->order = have;
		list_append(&frames_pool.free[have], block_link(first + BIT(have)));
	}
	return first;
}

/* In words of 8 bytes: a guest's whole RAM comes through here. */
void frames_clear(hpa_t hpa, uint64_t size)
{
	void *to = hpa_to_pointer(hpa);
	uint64_t words = size / sizeof(uint64_t);

	__asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(0UL) : "memory");
}

hpa_t frames_alloc_uncleared(unsigned order, uint16_t owner, enum frame_type type)
{
	hfn_t first;

	assert_monitor(order < FRAME_ORDERS && owner != FRAME_OWNER_NONE && owner < FRAME_OWNERS &&
	               type > FRAME_RESERVED);
	spin_lock(&frames_pool.lock);
	first = frames_take_block(order);
	if (first) {
		frames_mark(first, BIT(order), owner, type);
		frames_describe(first)->order = order;
		frames_pool.owned[owner] += BIT(order);
	}
	spin_unlock(&frames_pool.lock);
	return first << PAGE_SHIFT;
}

hpa_t frames_alloc(unsigned order, uint16_t owner, enum frame_type type)
{
	hpa_t hpa = frames_alloc_uncleared(order, owner, type);

	if (hpa)
		frames_clear(hpa, PAGE_SIZE << order);
	return hpa;
}

/* The first frame of an allocated block of this very order, or null. */
static struct frame *allocated_block(hpa_t hpa, unsigned order)
{
	struct frame *frame = frames_describe(hpa >> PAGE_SHIFT);

	if (!frame || hpa % PAGE_SIZE || frame->type <= FRAME_RESERVED || frame->order != order)
		return NULL;
	return frame;
}

void frames_free(hpa_t hpa, unsigned order)
{
	struct frame *frame;

	spin_lock(&frames_pool.lock);
	frame = allocated_block(hpa, order);
	if (frame) {
		frames_pool.owned[frame->owner] -= BIT(order);
		frames_insert(hpa >> PAGE_SHIFT, BIT(order));
	}
	spin_unlock(&frames_pool.lock);
	if (!frame)
		panic("frames_free: no block of order %u is allocated at %#lx", order, hpa);
}

void frames_split(hpa_t hpa, unsigned order, unsigned new_order)
{
	struct frame *frame;

	spin_lock(&frames_pool.lock);
	frame = new_order <= order ? allocated_block(hpa, order) : NULL;
	if (frame)
		for (uint64_t i = 0; i < BIT(order); i += BIT(new_order))
			frame[i].order = new_order;
	spin_unlock(&frames_pool.lock);
	if (!frame)
		panic("frames_split: no block of order %u is allocated at %#lx, to split into %u", order, hpa,
		      new_order);
}

uint16_t frame_owner(hpa_t hpa)
{
	const struct frame *frame = frames_describe(hpa >> PAGE_SHIFT);

	return frame ? frame->owner : FRAME_OWNER_NONE;
}

enum frame_type frame_type(hpa_t hpa)
{
	const struct frame *frame = frames_describe(hpa >> PAGE_SHIFT);

	return frame ? (enum frame_type)frame->type : FRAME_RESERVED;
}

struct frames_stat frames_stat(void)
{
	struct frames_stat stat = {0};

	spin_lock(&frames_pool.lock);
	stat.total = frames_pool.total;
	stat.free = frames_pool.free_frames;
	stat.bookkeeping = frames_pool.bookkeeping;
	for (unsigned order = 0; order < FRAME_ORDERS; order++)
		if (!list_empty(&frames_pool.free[order]))
			stat.largest = order;
	spin_unlock(&frames_pool.lock);
	return stat;
}

uint64_t frames_owned(uint16_t owner)
{
	assert_monitor(owner < FRAME_OWNERS);
	return frames_pool.owned[owner];
}
