/* SPDX-License-Identifier: MIT */
#include "vmm/console/console_ring.h"

size_t ring_free(const struct console_ring *ring)
{
	uint64_t serial = __atomic_load_n(&ring->serial, __ATOMIC_RELAXED);
	uint64_t screen = __atomic_load_n(&ring->screen, __ATOMIC_RELAXED);
	uint64_t used = __atomic_load_n(&ring->head, __ATOMIC_RELAXED) - MIN(serial, screen);

	return RING_SIZE - (size_t)MIN(used, RING_SIZE);
}

void ring_put(struct console_ring *ring, uint8_t byte, bool of_vm)
{
	uint64_t *word = &ring->of_vm[ring->head % RING_SIZE / RING_WORD_BITS];
	unsigned bit = ring->head % RING_WORD_BITS;

	ring->bytes[ring->head % RING_SIZE] = byte;
	__atomic_store_n(word, (*word & ~(1ull << bit)) | (uint64_t)of_vm << bit, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->head, ring->head + 1, __ATOMIC_RELEASE);
}

/* How many bytes from `position` on have one owner, up to the end of a word? 0: the other one. */
static uint64_t ring_run(const struct console_ring *ring, uint64_t position, bool of_vm)
{
	uint64_t word =
		__atomic_load_n(&ring->of_vm[position % RING_SIZE / RING_WORD_BITS], __ATOMIC_RELAXED);
	unsigned bit = position % RING_WORD_BITS;
	uint64_t others = (of_vm ? ~word : word) >> bit;

	return others ? (uint64_t)__builtin_ctzll(others) : RING_WORD_BITS - bit;
}

size_t ring_piece(const struct console_ring *ring, uint64_t *position, uint64_t head)
{
	uint64_t end = head, run;

	while (*position < ring->forgotten && (run = ring_run(ring, *position, true)))
		*position = MIN(*position + run, ring->forgotten);
	if (*position < ring->forgotten)
		end = MIN(*position + ring_run(ring, *position, false), ring->forgotten);
	return MIN((size_t)(end - *position), RING_SIZE - *position % RING_SIZE);
}

bool ring_forget_vm(struct console_ring *ring)
{
	uint64_t screen = ring->screen;
	bool waiting = MIN(ring->serial, screen) < ring->head;

	ring->forgotten = ring->head;
	ring_piece(ring, &ring->serial, ring->head);
	ring_piece(ring, &screen, ring->head);
	__atomic_store_n(&ring->screen, screen, __ATOMIC_RELEASE);
	return waiting;
}
