/* SPDX-License-Identifier: MIT */
/*
 * The high precision event timer: see hpet.h. Registers and bits are named as in its specification.
 */
#include "devices/pc/hpet.h"
#include "lib/checked.h"

/* Registers, of 8 bytes each. "Memory Mapped Registers" */
#define GCAP_ID   0x000
#define GEN_CONF  0x010
#define GINTR_STA 0x020
#define MAIN_CNT  0x0F0
#define T0        0x100
#define TN_SIZE   0x020
#define TN_CONF   0x00
#define TN_COMP   0x08

/* GEN_CONF */
#define ENABLE_CNF BIT(0)
#define LEG_RT_CNF BIT(1)

/* Tn_CONF */
#define INT_TYPE_CNF BIT(1) /* 1: level */
#define INT_ENB_CNF  BIT(2)
#define TYPE_CNF     BIT(3) /* 1: periodic */
#define PER_INT_CAP  BIT(4)
#define SIZE_CAP     BIT(5)
#define VAL_SET_CNF  BIT(6)
#define MODE32_CNF   BIT(8) /* "Tn_32MODE_CNF" */

#define PERIODIC_TIMER 0 /* the only one with PER_INT_CAP */

/* 10^15 fs / HPET_PERIOD_FS Hz, against 10^9 ns, is this many ticks in so many ns. */
#define TICKS_PER_CYCLE 1000000u
#define NS_PER_CYCLE    HPET_PERIOD_FS

/* Timers with a pin of their number in legacy replacement mode; timer 2 has none. */
#define LEGACY_TIMERS HPET_PINS

/* ---- Time ---- */

/*
 * The floor of the exact quotient. The product with the reciprocal is that or one less, which the
 * remainder tells.
 */
static uint64_t hpet_tick_at(uint64_t ns)
{
	const uint64_t reciprocal = (uint64_t)(((unsigned __int128)TICKS_PER_CYCLE << 64) / NS_PER_CYCLE);
	uint64_t tick = multiply_high(ns, reciprocal);
	uint64_t remainder = ns * TICKS_PER_CYCLE - tick * NS_PER_CYCLE;

	return tick + (remainder >= NS_PER_CYCLE);
}

/* The first nanosecond at which hpet_tick_at() gives `tick`, or DEADLINE_NONE if it never comes. */
static uint64_t hpet_tick_time(uint64_t tick)
{
	if (tick > hpet_tick_at(UINT64_MAX))
		return DEADLINE_NONE;
	return tick / TICKS_PER_CYCLE * NS_PER_CYCLE +
	       (tick % TICKS_PER_CYCLE * NS_PER_CYCLE + TICKS_PER_CYCLE - 1) / TICKS_PER_CYCLE;
}

static uint64_t hpet_now(const struct device *device)
{
	return hpet_tick_at(device_now(device));
}

static uint64_t hpet_counter_at(const struct hpet_state *state, uint64_t tick)
{
	return state->config & ENABLE_CNF ? state->counter + tick : state->counter;
}

/* ---- Timers ---- */

static bool hpet_is_periodic(const struct hpet_timer *timer)
{
	return timer->config & TYPE_CNF;
}

static uint64_t hpet_width_mask(const struct hpet_timer *timer)
{
	return timer->config & MODE32_CNF ? UINT32_MAX : UINT64_MAX;
}

/*
 * The next match from `tick` on: when the counter, or its lower half, is what the comparator holds.
 */
static void hpet_plan(const struct hpet_state *state, struct hpet_timer *timer, uint64_t tick)
{
	uint64_t distance = (timer->comparator - hpet_counter_at(state, tick)) & hpet_width_mask(timer);

	if (!(state->config & ENABLE_CNF) || add_overflows(tick, distance, &timer->due))
		timer->due = HPET_TICK_NONE;
}

static void hpet_plan_all(struct hpet_state *state, uint64_t tick)
{
	for (unsigned i = 0; i < HPET_TIMERS; i++)
		hpet_plan(state, &state->timer[i], tick);
}

/* Ticks from one match to the next; 0: more than the clock will ever count. */
static uint64_t hpet_match_distance(const struct hpet_timer *timer)
{
	if (hpet_is_periodic(timer) && timer->period)
		return timer->period;
	return timer->config & MODE32_CNF ? 1UL << 32 : 0;
}

/*
 * Go past all matches up to `tick`; true if there was one. However many there were, it is one step.
 */
static bool hpet_pass_matches(struct hpet_timer *timer, uint64_t tick)
{
	uint64_t step = hpet_match_distance(timer), way = 0;

	if (timer->due > tick || timer->due == HPET_TICK_NONE)
		return false;
	if (!step || multiply_overflows((tick - timer->due) / step + 1, step, &way) ||
	    add_overflows(timer->due, way, &timer->due))
		timer->due = HPET_TICK_NONE;
	if (hpet_is_periodic(timer))
		timer->comparator = (timer->comparator + way) & hpet_width_mask(timer);
	return true;
}

/* ---- Outputs ---- */

static bool hpet_is_legacy(const struct hpet_state *state)
{
	return state->config & LEG_RT_CNF;
}

static bool hpet_output(const struct hpet_state *state, unsigned index)
{
	const struct hpet_timer *timer = &state->timer[index];

	if (!(timer->config & INT_TYPE_CNF))
		return state->edges & 1u << index;
	return state->status & 1u << index && timer->config & INT_ENB_CNF && state->config & ENABLE_CNF;
}

/*
 * A match. An edge leaves the line high until just before the next one, as the 8254 here does: the
 * controller looks at edges, and a request not yet taken shall not be withdrawn.
 */
static void hpet_match(struct device *device, unsigned index)
{
	struct hpet_state *state = device->state;
	const struct hpet_timer *timer = &state->timer[index];

	if (timer->config & INT_TYPE_CNF) {
		state->status |= (uint8_t)(1u << index);
	} else if (index < LEGACY_TIMERS && hpet_is_legacy(state) && timer->config & INT_ENB_CNF) {
		device_set_pin(device, index, false);
		device_set_pin(device, index, true);
		state->edges |= (uint8_t)(1u << index);
	}
}

/* Everything that happened up to `tick`. */
static void hpet_catch_up(struct device *device, uint64_t tick)
{
	struct hpet_state *state = device->state;

	for (unsigned i = 0; i < HPET_TIMERS; i++)
		if (hpet_pass_matches(&state->timer[i], tick))
			hpet_match(device, i);
}

/* Will anybody notice its next match? */
static bool hpet_is_visible(const struct hpet_state *state, unsigned index)
{
	uint32_t config = state->timer[index].config;

	return hpet_is_legacy(state) && config & INT_ENB_CNF &&
	       !(config & INT_TYPE_CNF && state->status & 1u << index);
}

/* Make lines and deadline follow the state. No deadline is for a timer of `resting`, a set. */
static void hpet_update_except(struct device *device, unsigned resting)
{
	const struct hpet_state *state = device->state;
	uint64_t due = HPET_TICK_NONE;

	for (unsigned i = 0; i < LEGACY_TIMERS; i++) {
		device_set_pin(device, i, hpet_is_legacy(state) && hpet_output(state, i));
		line_take(&device->pin[i], hpet_is_legacy(state));
		if (hpet_is_visible(state, i) && !(resting & 1u << i))
			due = MIN(due, state->timer[i].due);
	}
	device_arm(device, hpet_tick_time(due));
}

static void hpet_update(struct device *device)
{
	hpet_update_except(device, 0);
}

/*
 * Has the request of an edge waited until the next match? Further edges would change nothing, and
 * the timer rests, as the 8254 does: until the request is taken, or its registers are touched.
 */
static bool hpet_rests(const struct device *device, unsigned index, uint64_t tick)
{
	const struct hpet_state *state = device->state;

	return state->edges & 1u << index && state->timer[index].due <= tick &&
	       line_holds_request(device->pin[index].line);
}

static void hpet_timer(struct device *device)
{
	struct hpet_state *state = device->state;
	struct hpet_timer *periodic = &state->timer[PERIODIC_TIMER];
	uint64_t tick = hpet_now(device);
	unsigned resting = hpet_rests(device, PERIODIC_TIMER, tick) ? 1u << PERIODIC_TIMER : 0;

	hpet_catch_up(device, tick);
	if (hpet_is_periodic(periodic) && hpet_match_distance(periodic) < HPET_MIN_INTERVAL)
		(void)hpet_pass_matches(periodic, tick + HPET_MIN_INTERVAL - 1);
	hpet_update_except(device, resting);
}

/* It may have rested: what matched while its request waited went nowhere. */
static void hpet_acknowledged(struct line_listener *listener)
{
	struct device *device = container_of(listener, struct device, listener);
	struct hpet_state *state = device->state;

	if (!hpet_is_visible(state, PERIODIC_TIMER))
		return;
	(void)hpet_pass_matches(&state->timer[PERIODIC_TIMER], hpet_now(device));
	hpet_update(device);
}

static const struct line_listener_ops hpet_listener_ops = {.acknowledged = hpet_acknowledged};

/* ---- Registers ---- */

static uint32_t hpet_writable_config(unsigned index)
{
	uint32_t bits = INT_TYPE_CNF | INT_ENB_CNF | MODE32_CNF;

	return index == PERIODIC_TIMER ? bits | TYPE_CNF | VAL_SET_CNF : bits;
}

static uint64_t hpet_timer_read(const struct hpet_state *state, unsigned index, unsigned offset)
{
	const struct hpet_timer *timer = &state->timer[index];

	switch (offset) {
	case TN_CONF: return timer->config | SIZE_CAP | (index == PERIODIC_TIMER ? PER_INT_CAP : 0);
	case TN_COMP: return timer->comparator;
	default: return 0; /* no interrupt messages: "FSB Interrupt Route" is not there */
	}
}

/* A whole register; `offset` is a multiple of 8. */
static uint64_t hpet_register_read(const struct hpet_state *state, unsigned offset, uint64_t tick)
{
	switch (offset) {
	case GCAP_ID: return (uint64_t)HPET_PERIOD_FS << 32 | HPET_ID;
	case GEN_CONF: return state->config;
	case GINTR_STA: return state->status;
	case MAIN_CNT: return hpet_counter_at(state, tick);
	default: break;
	}
	if (offset >= T0 && offset < T0 + HPET_TIMERS * TN_SIZE)
		return hpet_timer_read(state, (offset - T0) / TN_SIZE, offset % TN_SIZE);
	return 0;
}

static uint64_t hpet_read(struct device *device, unsigned offset, unsigned size)
{
	unsigned name = offset & ~7u;
	uint64_t tick = hpet_tick_at(device_show_now(device));

	/* What a match changes. */
	if (name == GINTR_STA || name >= T0) {
		hpet_catch_up(device, tick);
		hpet_update(device);
	}
	return hpet_register_read(device->state, name, tick) >> (offset & 7) * 8;
}

static void hpet_config_write(struct hpet_state *state, uint32_t value, uint64_t tick)
{
	uint32_t changed = state->config ^ value;

	if (changed & ENABLE_CNF)
		state->counter = value & ENABLE_CNF ? state->counter - tick : state->counter + tick;
	if (changed & LEG_RT_CNF)
		state->edges = 0;
	state->config = value;
	if (changed & ENABLE_CNF)
		hpet_plan_all(state, tick);
}

static void hpet_counter_write(struct hpet_state *state, uint64_t value, uint64_t tick)
{
	state->counter = state->config & ENABLE_CNF ? value - tick : value;
	hpet_plan_all(state, tick);
}

static void hpet_timer_config_write(struct hpet_state *state, unsigned index, uint32_t value, uint64_t tick)
{
	struct hpet_timer *timer = &state->timer[index];
	uint32_t changed = timer->config ^ value;

	timer->config = value;
	timer->comparator &= hpet_width_mask(timer);
	timer->period &= hpet_width_mask(timer);
	if (!(value & INT_TYPE_CNF))
		state->status &= ~(1u << index);
	else
		state->edges &= ~(1u << index);
	if (changed & (MODE32_CNF | TYPE_CNF))
		hpet_plan(state, timer, tick);
}

/*
 * In periodic mode a write sets the period, and the comparator only right after VAL_SET_CNF was
 * written as 1. "Timer N Comparator Value Register"
 */
static void hpet_comparator_write(const struct hpet_state *state, struct hpet_timer *timer, uint64_t mask,
                                  uint64_t value, uint64_t tick)
{
	bool sets_comparator = !hpet_is_periodic(timer) || timer->config & VAL_SET_CNF;

	mask &= hpet_width_mask(timer);
	if (hpet_is_periodic(timer))
		timer->period = (timer->period & ~mask) | (value & mask);
	timer->config &= ~(uint32_t)VAL_SET_CNF;
	if (!sets_comparator)
		return;
	timer->comparator = (timer->comparator & ~mask) | (value & mask);
	hpet_plan(state, timer, tick);
}

static void hpet_timer_write(struct hpet_state *state, unsigned offset, uint64_t mask, uint64_t value,
                             uint64_t tick)
{
	unsigned index = (offset - T0) / TN_SIZE;
	struct hpet_timer *timer = &state->timer[index];
	uint64_t config = (timer->config & ~mask) | (value & mask);

	switch (offset % TN_SIZE) {
	case TN_CONF:
		hpet_timer_config_write(state, index, config & hpet_writable_config(index), tick);
		break;
	case TN_COMP: hpet_comparator_write(state, timer, mask, value, tick); break;
	default: break;
	}
}

static void hpet_write(struct device *device, unsigned offset, unsigned size, uint64_t value)
{
	struct hpet_state *state = device->state;
	unsigned name = offset & ~7u, shift = (offset & 7) * 8;
	uint64_t mask = UINT64_MAX >> (64 - 8 * size) << shift, tick, whole;

	value = value << shift & mask;
	tick = hpet_tick_at(device_show_now(device));
	hpet_catch_up(device, tick);
	whole = (hpet_register_read(state, name, tick) & ~mask) | value;
	if (name == GEN_CONF)
		hpet_config_write(state, whole & (ENABLE_CNF | LEG_RT_CNF), tick);
	else if (name == GINTR_STA)
		state->status &= (uint8_t)~value;
	else if (name == MAIN_CNT)
		hpet_counter_write(state, whole, tick);
	else if (name >= T0 && name < T0 + HPET_TIMERS * TN_SIZE)
		hpet_timer_write(state, name, mask, value, tick);
	hpet_update(device);
}

/* ---- Life ---- */

static void hpet_reset(struct device *device)
{
	struct hpet_state *state = device->state;

	*state = (struct hpet_state){0};
	device->listener.ops = &hpet_listener_ops;
	device->pin[PERIODIC_TIMER].listener = &device->listener; /* while it has the 8254's line */
	for (unsigned i = 0; i < HPET_TIMERS; i++)
		state->timer[i] = (struct hpet_timer){.comparator = UINT64_MAX, .due = HPET_TICK_NONE};
	hpet_update(device);
}

static bool hpet_timer_valid(const struct hpet_state *state, unsigned index)
{
	const struct hpet_timer *timer = &state->timer[index];

	return !(timer->config & ~hpet_writable_config(index)) && !timer->reserved &&
	       !((timer->comparator | timer->period) & ~hpet_width_mask(timer)) &&
	       (state->config & ENABLE_CNF || timer->due == HPET_TICK_NONE) &&
	       !(timer->config & INT_TYPE_CNF ? state->edges & 1u << index : state->status & 1u << index);
}

static bool hpet_state_valid(const void *bytes)
{
	const struct hpet_state *state = bytes;

	for (unsigned i = 0; i < HPET_TIMERS; i++)
		if (!hpet_timer_valid(state, i))
			return false;
	return !(state->config & ~(ENABLE_CNF | LEG_RT_CNF)) && state->status < 1u << HPET_TIMERS &&
	       state->edges < 1u << LEGACY_TIMERS && (hpet_is_legacy(state) || !state->edges) &&
	       !state->reserved[0] && !state->reserved[1];
}

static const struct memory_region hpet_memory[] = {
	{.base = HPET_BASE, .size = HPET_SIZE, .width = 8, .read = hpet_read, .write = hpet_write},
};

const struct device_model hpet_model = {
	.name = "hpet",
	.version = 1,
	.state_size = sizeof(struct hpet_state),
	.memory = hpet_memory,
	.memory_count = ARRAY_SIZE(hpet_memory),
	.pins = HPET_PINS,
	.reset = hpet_reset,
	.state_valid = hpet_state_valid,
	.restored = hpet_update,
	.timer = hpet_timer,
};
