/* SPDX-License-Identifier: MIT */
/*
 * A counter of the 8254. The counting element is a function of the ticks that
 * passed since it was loaded; the datasheet's "Mode Definitions" are that function.
 */
#include "devices/pc/pit_channel.h"

#define CONTROL_BCD  0x01
#define CONTROL_MASK 0x3F
#define POWER_ON     0x36 /* mode 3, both bytes: OUT is high and no count runs */

#define STATUS_NULL 0x40
#define STATUS_OUT  0x80

#define BINARY_MODULUS 0x10000u
#define BCD_MODULUS    10000u

enum access_mode { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };

enum pit_mode {
	MODE_TERMINAL_COUNT,
	MODE_ONE_SHOT,
	MODE_RATE,
	MODE_SQUARE,
	MODE_SOFTWARE_STROBE,
	MODE_HARDWARE_STROBE,
};

/* The control word has two codes for modes 2 and 3. */
static uint8_t pit_mode_of(uint8_t control)
{
	uint8_t code = control >> 1 & 7;

	return code & 2 ? code & 3 : code;
}

static enum access_mode pit_access_mode(const struct pit_channel *channel)
{
	return (enum access_mode)(channel->control >> 4 & 3);
}

static bool pit_mode_is_periodic(unsigned mode)
{
	return mode == MODE_RATE || mode == MODE_SQUARE;
}

static bool pit_mode_is_triggered(unsigned mode)
{
	return mode == MODE_ONE_SHOT || mode == MODE_HARDWARE_STROBE;
}

static uint32_t pit_from_bcd(unsigned value)
{
	return (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15);
}

static uint16_t pit_to_bcd(unsigned value)
{
	return (uint16_t)(value / 1000 % 10 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 |
	                  value % 10);
}

/* Ticks with OUT high in a cycle of mode 3: the longer half of an odd count. */
static uint32_t pit_high_half(uint32_t count)
{
	return (count + 1) / 2;
}

static noinline void channel_switch_count(struct pit_channel *channel, uint64_t at)
{
	if (channel->mode == MODE_SQUARE && (at - channel->start) % channel->count)
		at -= pit_high_half(channel->reload); /* it starts with its low half */
	channel->start = at;
	channel->count = channel->reload;
	channel->switching = 0;
}

/* In modes 2 and 3 a new count waits for the end of the cycle (or half cycle) at `load_at`. */
static inline void channel_settle(struct pit_channel *channel, uint64_t tick)
{
	if (unlikely(channel->switching) && tick >= channel->load_at)
		channel_switch_count(channel, channel->load_at);
}

static uint64_t channel_elapsed(const struct pit_channel *channel, uint64_t tick)
{
	return channel->paused ? channel->elapsed : tick - channel->start;
}

/*
 * What the counting element shows in mode 3: it goes down by two, from an even number, twice a
 * cycle.
 */
static uint32_t channel_square_count(const struct pit_channel *channel, uint64_t ticks)
{
	uint32_t phase = (uint32_t)(ticks % channel->count);
	uint32_t high = pit_high_half(channel->count);

	if (phase >= high)
		phase -= high;
	return (channel->count & ~1u) - 2 * phase;
}

/* The counting element as the data lines show it. The channel is settled. */
static inline uint16_t channel_shown_count(const struct pit_channel *channel, uint64_t tick)
{
	unsigned mode = channel->mode;
	uint64_t ticks;
	uint32_t value;

	if (tick < channel->start)
		return channel->held;
	ticks = channel_elapsed(channel, tick);
	if (mode == MODE_RATE)
		value = channel->count - (uint32_t)(ticks % channel->count);
	else if (mode == MODE_SQUARE)
		value = channel_square_count(channel, ticks);
	else if (channel->control & CONTROL_BCD)
		value = channel->count + BCD_MODULUS - (uint32_t)(ticks % BCD_MODULUS);
	else
		value = channel->count - (uint32_t)ticks;
	return channel->control & CONTROL_BCD ? pit_to_bcd(value % BCD_MODULUS) : (uint16_t)value;
}

/* The level of OUT. The channel is settled. */
static bool channel_shown_out(const struct pit_channel *channel, uint64_t tick)
{
	uint64_t ticks;

	if (tick < channel->start)
		return channel->held_out;
	ticks = channel_elapsed(channel, tick);
	switch ((enum pit_mode)channel->mode) {
	case MODE_RATE: return channel->paused || ticks % channel->count != channel->count - 1;
	case MODE_SQUARE: return channel->paused || ticks % channel->count < pit_high_half(channel->count);
	case MODE_SOFTWARE_STROBE:
	case MODE_HARDWARE_STROBE: return ticks != channel->count;
	default: return ticks >= channel->count;
	}
}

bool pit_channel_out(struct pit_channel *channel, uint64_t tick)
{
	channel_settle(channel, tick);
	return channel_shown_out(channel, tick);
}

void pit_channel_reset(struct pit_channel *channel, bool gate)
{
	*channel = (struct pit_channel){
		.start = PIT_TICK_NONE,
		.load_at = PIT_TICK_NONE,
		.count = BINARY_MODULUS,
		.held_out = 1,
		.control = POWER_ON,
		.mode = MODE_SQUARE,
		.gate = gate,
	};
}

void pit_channel_control(struct pit_channel *channel, uint8_t value, uint64_t tick)
{
	uint8_t gate = channel->gate;
	uint16_t held;

	channel_settle(channel, tick);
	held = channel_shown_count(channel, tick);
	pit_channel_reset(channel, gate);
	channel->held = held;
	channel->control = value & CONTROL_MASK;
	channel->mode = pit_mode_of(channel->control);
	channel->held_out = channel->mode != MODE_TERMINAL_COUNT;
}

/* The count register goes to the counting element with the next clock pulse. */
static void channel_load(struct pit_channel *channel, uint64_t tick)
{
	channel->held = channel_shown_count(channel, tick);
	channel->held_out = channel_shown_out(channel, tick);
	channel->start = channel->load_at = tick + 1;
	channel->count = channel->reload;
	channel->elapsed = 0;
	channel->paused = 0;
	channel->switching = 0;
}

/* Modes 2 and 3: when does the running cycle, or half cycle, end? */
static uint64_t channel_cycle_end(const struct pit_channel *channel, uint64_t tick)
{
	uint32_t phase = (uint32_t)((tick - channel->start) % channel->count);
	uint32_t high = pit_high_half(channel->count);

	if (channel->mode == MODE_SQUARE && phase < high)
		return tick - phase + high;
	return tick - phase + channel->count;
}

static void channel_replace_periodic(struct pit_channel *channel, uint64_t tick)
{
	if (tick < channel->start) {
		channel_load(channel, tick);
		channel->paused = !channel->gate;
	} else if (channel->paused) {
		channel->load_at = PIT_TICK_NONE; /* the rising GATE loads it */
	} else {
		channel->load_at = channel_cycle_end(channel, tick);
		channel->switching = 1;
	}
}

/* A whole count was written. */
static void channel_write_count(struct pit_channel *channel, unsigned value, uint64_t tick)
{
	unsigned mode = channel->mode;
	bool bcd = channel->control & CONTROL_BCD;

	if (bcd)
		value = pit_from_bcd(value);
	channel->reload = value ? value : bcd ? BCD_MODULUS : BINARY_MODULUS;
	if (pit_mode_is_periodic(mode)) {
		channel_replace_periodic(channel, tick);
	} else if (pit_mode_is_triggered(mode)) {
		channel->load_at = PIT_TICK_NONE; /* the rising GATE loads it */
	} else {
		channel_load(channel, tick);
		channel->paused = !channel->gate;
		if (mode == MODE_TERMINAL_COUNT)
			channel->held_out = 0;
	}
}

/* The first of two bytes stops a count in mode 0 and takes OUT low at once. */
static void channel_write_low(struct pit_channel *channel, uint8_t value, uint64_t tick)
{
	channel->low_byte = value;
	channel->write_high = 1;
	if (channel->mode != MODE_TERMINAL_COUNT)
		return;
	channel->held = channel_shown_count(channel, tick);
	channel->held_out = 0;
	channel->start = PIT_TICK_NONE;
	if (tick < channel->load_at)
		channel->load_at = PIT_TICK_NONE;
}

bool pit_channel_write(struct pit_channel *channel, uint8_t value, uint64_t tick)
{
	channel_settle(channel, tick);
	switch (pit_access_mode(channel)) {
	case ACCESS_LOW: channel_write_count(channel, value, tick); break;
	case ACCESS_HIGH: channel_write_count(channel, (unsigned)value << 8, tick); break;
	default:
		if (!channel->write_high) {
			channel_write_low(channel, value, tick);
			return channel->mode == MODE_TERMINAL_COUNT;
		}
		channel->write_high = 0;
		channel_write_count(channel, (unsigned)value << 8 | channel->low_byte, tick);
		break;
	}
	return true;
}

void pit_channel_latch_count(struct pit_channel *channel, uint64_t tick)
{
	if (channel->latched)
		return;
	channel_settle(channel, tick);
	channel->latch = channel_shown_count(channel, tick);
	channel->latched = pit_access_mode(channel) == ACCESS_BOTH ? 2 : 1;
}

void pit_channel_latch_status(struct pit_channel *channel, uint64_t tick)
{
	if (channel->status_latched)
		return;
	channel_settle(channel, tick);
	channel->status = channel->control;
	if (channel_shown_out(channel, tick))
		channel->status |= STATUS_OUT;
	if (tick < channel->load_at)
		channel->status |= STATUS_NULL;
	channel->status_latched = 1;
}

uint32_t pit_channel_read(struct pit_channel *channel, uint64_t tick)
{
	enum access_mode access = pit_access_mode(channel);
	bool high = access == ACCESS_HIGH;
	unsigned value;

	if (channel->status_latched) {
		channel->status_latched = 0;
		return channel->status;
	}
	if (access == ACCESS_BOTH) {
		high = channel->read_high;
		channel->read_high ^= 1;
	}
	if (channel->latched) {
		channel->latched--;
		value = channel->latch;
	} else {
		channel_settle(channel, tick);
		value = channel_shown_count(channel, tick);
	}
	return (uint8_t)(high ? value >> 8 : value);
}

static void channel_pause(struct pit_channel *channel, uint64_t tick)
{
	if (channel->start == PIT_TICK_NONE)
		return;
	channel->elapsed = tick < channel->start ? 0 : tick - channel->start;
	channel->paused = 1;
	if (channel->switching) {
		channel->switching = 0;
		channel->load_at = PIT_TICK_NONE;
	}
}

static void channel_resume(struct pit_channel *channel, uint64_t tick)
{
	if (!channel->paused)
		return;
	channel->paused = 0;
	if (tick >= channel->start)
		channel->start = tick - channel->elapsed;
}

/* 8254 datasheet "Gate Pin Operations Summary". */
void pit_channel_set_gate(struct pit_channel *channel, bool level, uint64_t tick)
{
	unsigned mode = channel->mode;

	if (level == channel->gate)
		return;
	channel_settle(channel, tick);
	channel->gate = level;
	if (!level) {
		if (!pit_mode_is_triggered(mode))
			channel_pause(channel, tick);
	} else if (pit_mode_is_periodic(mode) || pit_mode_is_triggered(mode)) {
		if (channel->reload)
			channel_load(channel, tick);
	} else {
		channel_resume(channel, tick);
	}
}

/*
 * The end of the first whole cycle of modes 2 and 3 that ends after `tick`. A count of 1 never
 * changes OUT.
 */
static uint64_t channel_next_cycle(const struct pit_channel *channel, uint64_t tick)
{
	if (channel->count < 2)
		return PIT_TICK_NONE;
	if (tick < channel->start)
		return channel->start + channel->count;
	return tick - (tick - channel->start) % channel->count + channel->count;
}

/* Modes 2 and 3, settled at `tick`. */
static uint64_t channel_periodic_rise(const struct pit_channel *channel, uint64_t tick)
{
	struct pit_channel next = *channel;
	bool was_low, is_high;

	if (!channel->switching)
		return channel_next_cycle(channel, tick);
	channel_settle(&next, channel->load_at);
	was_low = !channel_shown_out(channel, channel->load_at - 1);
	is_high = channel_shown_out(&next, channel->load_at);
	return was_low && is_high ? channel->load_at : channel_next_cycle(&next, channel->load_at);
}

uint64_t pit_channel_next_rise(const struct pit_channel *channel, uint64_t tick)
{
	struct pit_channel now = *channel;
	unsigned mode = channel->mode;
	uint64_t rise;

	channel_settle(&now, tick);
	if (now.start == PIT_TICK_NONE || now.paused)
		return PIT_TICK_NONE;
	if (pit_mode_is_periodic(mode))
		return channel_periodic_rise(&now, tick);
	rise = now.start + now.count;
	if (mode == MODE_SOFTWARE_STROBE || mode == MODE_HARDWARE_STROBE)
		rise++;
	return rise > tick ? rise : PIT_TICK_NONE;
}

static bool pit_tick_valid(uint64_t tick)
{
	return tick <= PIT_TICK_MAX || tick == PIT_TICK_NONE;
}

bool pit_channel_valid(const struct pit_channel *channel)
{
	bool flags = channel->held_out <= 1 && channel->gate <= 1 && channel->paused <= 1 &&
	             channel->switching <= 1 && channel->status_latched <= 1 && channel->read_high <= 1 &&
	             channel->write_high <= 1;
	bool counts = channel->count >= 1 && channel->count <= BINARY_MODULUS &&
	              channel->reload <= BINARY_MODULUS && channel->latched <= 2;
	bool times = pit_tick_valid(channel->start) && pit_tick_valid(channel->load_at) &&
	             channel->elapsed <= PIT_TICK_MAX;
	/*
	 * A count that waits for its turn exists, and its turn comes after the present cycle's
	 * start.
	 */
	bool turn = !channel->switching ||
	            (channel->reload && channel->start < channel->load_at &&
	             channel->load_at >= PIT_TICK_BASE && channel->load_at != PIT_TICK_NONE);

	return flags && counts && times && turn && channel->control <= CONTROL_MASK &&
	       channel->mode == pit_mode_of(channel->control) && pit_access_mode(channel) != ACCESS_LATCH;
}
