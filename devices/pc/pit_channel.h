/* SPDX-License-Identifier: MIT */
/*
 * One counter of the 8254, as a function of time. `tick` is a number of input
 * clock pulses and never runs backwards; see pit.h.
 */
#ifndef DEVICES_PC_PIT_CHANNEL_H
#define DEVICES_PC_PIT_CHANNEL_H

#include "devices/pc/pit.h"

/*
 * Ticks are numbered from here, so that a cycle may be said to have begun before the clock. Even in
 * refresh cycles.
 */
#define PIT_TICK_BASE (36u * 4096)
/* No tick lies beyond what 64 bits of nanoseconds can say. */
#define PIT_TICK_MAX (1ull << 55)

void pit_channel_reset(struct pit_channel *channel, bool gate);

/* A control word with the RW bits set, 8254 datasheet "Control Word Format". */
void pit_channel_control(struct pit_channel *channel, uint8_t value, uint64_t tick);

/* The counter's port. What is latched does not depend on `tick`. */
uint32_t pit_channel_read(struct pit_channel *channel, uint64_t tick);

/*
 * Returns whether the counting may have changed: a low byte alone is only kept, but in mode 0 it
 * stops it.
 */
bool pit_channel_write(struct pit_channel *channel, uint8_t value, uint64_t tick);

/* The counter latch and read-back commands. What is latched already stays. */
void pit_channel_latch_count(struct pit_channel *channel, uint64_t tick);
void pit_channel_latch_status(struct pit_channel *channel, uint64_t tick);

void pit_channel_set_gate(struct pit_channel *channel, bool level, uint64_t tick);
bool pit_channel_out(struct pit_channel *channel, uint64_t tick);

/* The first tick after `tick` at which OUT rises without further writes, or PIT_TICK_NONE. */
uint64_t pit_channel_next_rise(const struct pit_channel *channel, uint64_t tick);

static inline bool pit_channel_latched(const struct pit_channel *channel)
{
	return channel->status_latched || channel->latched;
}

bool pit_channel_valid(const struct pit_channel *channel);

#endif
