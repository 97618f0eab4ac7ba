/* SPDX-License-Identifier: MIT */
/*
 * What waits for the real console: bytes of the monitor and of VMs, with one writer and two
 * readers, the serial line and the screen. Positions count bytes ever put.
 *
 * Locking: the caller serialises writers. A reader's position belongs to whoever moves it, and what
 * is between it and the head does not change.
 */
#ifndef VMM_CONSOLE_CONSOLE_RING_H
#define VMM_CONSOLE_CONSOLE_RING_H

#include "lib/types.h"

#define RING_SIZE      32768 /* more than a whole scrollback; a power of two */
#define RING_WORD_BITS 64

struct console_ring {
	uint64_t head, serial, screen;
	uint64_t forgotten; /* a VM's bytes before this position are not shown any more */
	uint64_t of_vm[RING_SIZE / RING_WORD_BITS]; /* a bit for each byte: a VM's, not the monitor's */
	uint8_t bytes[RING_SIZE];
};

/* Bytes that fit. Old at once without a lock, as is any answer; never larger than the ring. */
size_t ring_free(const struct console_ring *ring);

/* There is room. */
void ring_put(struct console_ring *ring, uint8_t byte, bool of_vm);

/*
 * The next bytes of the reader at `*position`, which passes over what is forgotten: returns how
 * many lie in one piece up to `head`, at ring_at(). 0: none.
 */
size_t ring_piece(const struct console_ring *ring, uint64_t *position, uint64_t head);

static inline const uint8_t *ring_at(const struct console_ring *ring, uint64_t position)
{
	return ring->bytes + position % RING_SIZE;
}

/* A VM's bytes that wait are not shown, and take no room. True: anything waited. */
bool ring_forget_vm(struct console_ring *ring);

#endif
