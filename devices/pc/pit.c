/* SPDX-License-Identifier: MIT */
/* The 8254 and system control port B in a PC: see pit.h and docs/devices.md. */
#include "devices/pc/pit_channel.h"
#include "lib/checked.h"

/* 1193182 Hz / 1 GHz in lowest terms. */
#define TICKS_PER_CYCLE 596591u
#define NS_PER_CYCLE    500000000u

#define SPEAKER_CHANNEL     2
#define COMMAND_READ_BACK   3
#define READ_BACK_NO_COUNT  0x20
#define READ_BACK_NO_STATUS 0x10

#define REFRESH_TICKS   18 /* 15.085 us */
#define PORT_B_WRITABLE (PORT_B_GATE2 | PORT_B_SPEAKER | PORT_B_PARITY_CLEAR | PORT_B_IOCHK_CLEAR)

/*
 * The tick that began last at `ns`: the floor of the exact quotient. The
 * product with the reciprocal is that or one less, which the remainder tells.
 */
static uint64_t pit_tick_at(uint64_t ns)
{
	const uint64_t reciprocal = (uint64_t)(((unsigned __int128)TICKS_PER_CYCLE << 64) / NS_PER_CYCLE);
	uint64_t tick = multiply_high(ns, reciprocal);
	uint64_t remainder = ns * TICKS_PER_CYCLE - tick * NS_PER_CYCLE;

	return PIT_TICK_BASE + tick + (remainder >= NS_PER_CYCLE);
}

/* The first nanosecond at which pit_tick_at() gives `tick`, or DEADLINE_NONE if it never comes. */
static uint64_t pit_tick_time(uint64_t tick)
{
	if (tick > pit_tick_at(UINT64_MAX))
		return DEADLINE_NONE;
	if (tick < PIT_TICK_BASE)
		return 0;
	tick -= PIT_TICK_BASE;
	return tick / TICKS_PER_CYCLE * NS_PER_CYCLE +
	       (tick % TICKS_PER_CYCLE * NS_PER_CYCLE + TICKS_PER_CYCLE - 1) / TICKS_PER_CYCLE;
}

static uint64_t pit_now(const struct device *device)
{
	return pit_tick_at(device_now(device));
}

/* For an access by the guest: a rise of OUT0 that was due has been given. */
static uint64_t pit_show_now(struct device *device)
{
	return pit_tick_at(device_show_now(device));
}

static void pit_drive_irq(struct device *device, bool level)
{
	struct pit_state *pit = device->state;

	pit->line = level;
	device_set_pin(device, PIT_PIN_OUT0, level);
}

/*
 * OUT0 rose, once or more often. Its falls between are not followed when they happen, since the
 * edge is all that most sinks look at: the line falls just before it rises, or in pit_looked_at().
 */
static void pit_give_edge(struct device *device)
{
	pit_drive_irq(device, false);
	pit_drive_irq(device, true);
}

static bool pit_is_cut_off(const struct device *device)
{
	return line_is_cut_off(&device->pin[PIT_PIN_OUT0]);
}

/* No one sees the output while another source has taken its line. */
static void pit_arm(struct device *device)
{
	const struct pit_state *pit = device->state;

	device_arm(device, pit_is_cut_off(device) ? DEADLINE_NONE : pit_tick_time(pit->rise));
}

static void pit_plan_rise(struct device *device, uint64_t tick)
{
	struct pit_state *pit = device->state;

	pit->rise = pit_channel_next_rise(&pit->channel[0], tick);
	pit_arm(device);
}

/* The line was taken or given back. What rose meanwhile went nowhere. */
static void pit_switched(struct line_listener *listener)
{
	struct device *device = container_of(listener, struct device, listener);
	struct pit_state *pit = device->state;
	uint64_t tick = pit_now(device);

	if (pit_is_cut_off(device)) {
		pit_arm(device);
	} else {
		pit_drive_irq(device, pit_channel_out(&pit->channel[0], tick));
		pit_plan_rise(device, tick);
	}
}

/*
 * A sink sees a fall that was not followed. The request goes with it, so the timer rests no longer.
 */
static void pit_looked_at(struct line_listener *listener)
{
	struct device *device = container_of(listener, struct device, listener);
	struct pit_state *pit = device->state;
	uint64_t tick = pit_now(device);
	bool out = pit_channel_out(&pit->channel[0], tick);

	if (out == pit->line || pit_is_cut_off(device))
		return;
	pit_drive_irq(device, out);
	pit_plan_rise(device, tick);
}

/* It may have rested for as long as its request waited. */
static void pit_acknowledged(struct line_listener *listener)
{
	struct device *device = container_of(listener, struct device, listener);
	const struct pit_state *pit = device->state;

	if (!device_is_armed(device) && pit->rise != PIT_TICK_NONE && !pit_is_cut_off(device))
		pit_plan_rise(device, pit_now(device));
}

/*
 * When a request has waited until the next rise, further edges would change nothing, and the timer
 * rests: firmware leaves it on, and many guests mask it or halt without another thought. A request
 * of its own waits only while it keeps the line high.
 */
static bool pit_rests(const struct device *device, uint64_t tick)
{
	const struct pit_state *pit = device->state;

	return pit->line && tick >= pit->rise && line_holds_request(device->pin[PIT_PIN_OUT0].line);
}

static void pit_timer(struct device *device)
{
	struct pit_state *pit = device->state;
	uint64_t tick = pit_now(device);

	if (pit_rests(device, tick))
		return;
	if (tick >= pit->rise) {
		pit_give_edge(device);
		/* A count below the minimum can only be periodic here: others are through. */
		if (pit->channel[0].reload < PIT_MIN_INTERVAL)
			tick += PIT_MIN_INTERVAL - 1;
	}
	pit_plan_rise(device, tick);
}

static void pit_write_control_word(struct device *device, unsigned index, uint8_t value, uint64_t tick)
{
	struct pit_state *pit = device->state;
	struct pit_channel *channel = &pit->channel[index];

	if (index) {
		pit_channel_control(channel, value, tick);
		return;
	}
	pit_drive_irq(device, pit_channel_out(channel, tick));
	pit_channel_control(channel, value, tick);
	pit_drive_irq(device, pit_channel_out(channel, tick));
	pit_plan_rise(device, tick);
}

/* 8254 datasheet "Read-Back Command". */
static void pit_read_back(struct pit_state *pit, uint8_t value, uint64_t tick)
{
	for (unsigned i = 0; i < PIT_CHANNELS; i++) {
		if (!(value & 2u << i))
			continue;
		if (!(value & READ_BACK_NO_COUNT))
			pit_channel_latch_count(&pit->channel[i], tick);
		if (!(value & READ_BACK_NO_STATUS))
			pit_channel_latch_status(&pit->channel[i], tick);
	}
}

static void pit_write_command(struct device *device, uint8_t value, uint64_t tick)
{
	struct pit_state *pit = device->state;
	unsigned index = value >> 6;

	if (index == COMMAND_READ_BACK)
		pit_read_back(pit, value, tick);
	else if (!(value & 0x30))
		pit_channel_latch_count(&pit->channel[index], tick);
	else
		pit_write_control_word(device, index, value, tick);
}

static void pit_write_count_0(struct device *device, uint8_t value, uint64_t tick)
{
	struct pit_state *pit = device->state;
	struct pit_channel *channel = &pit->channel[0];

	if (!pit_channel_write(channel, value, tick) && tick < pit->rise)
		return;
	if (pit->line && channel->mode == 0)
		pit_drive_irq(device, pit_channel_out(channel, tick));
	pit_plan_rise(device, tick);
}

static noinline cold uint32_t pit_read_late(struct device *device, struct pit_channel *channel, uint64_t now)
{
	deadlines_run(&device->environment->deadlines);
	return pit_channel_read(channel, pit_tick_at(now));
}

static uint32_t pit_read(struct device *device, unsigned offset, unsigned size)
{
	struct pit_state *pit = device->state;
	struct pit_channel *channel;
	uint64_t now;

	if (offset >= PIT_CHANNELS)
		return 0xFF; /* "No-Operation (3-State)" */
	channel = &pit->channel[offset];
	if (pit_channel_latched(channel))
		return pit_channel_read(channel, 0);
	now = device_now(device);
	if (device_is_late(device, now))
		return pit_read_late(device, channel, now);
	return pit_channel_read(channel, pit_tick_at(now));
}

static void pit_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct pit_state *pit = device->state;
	uint64_t tick = pit_show_now(device);

	if (offset >= PIT_CHANNELS)
		pit_write_command(device, (uint8_t)value, tick);
	else if (offset == 0)
		pit_write_count_0(device, (uint8_t)value, tick);
	else
		(void)pit_channel_write(&pit->channel[offset], (uint8_t)value, tick);
}

static uint32_t port_b_read(struct device *device, unsigned offset, unsigned size)
{
	struct pit_state *pit = device->state;
	uint64_t tick = pit_show_now(device);
	uint32_t refresh = tick / REFRESH_TICKS % 2,
		 out = pit_channel_out(&pit->channel[SPEAKER_CHANNEL], tick);

	return pit->port_b | pit->errors | refresh * PORT_B_REFRESH | out * PORT_B_OUT2;
}

static void port_b_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct pit_state *pit = device->state;

	pit->port_b = value & PORT_B_WRITABLE;
	if (value & PORT_B_PARITY_CLEAR)
		pit->errors &= (uint8_t)~PORT_B_PARITY;
	if (value & PORT_B_IOCHK_CLEAR)
		pit->errors &= (uint8_t)~PORT_B_IOCHK;
	pit_channel_set_gate(&pit->channel[SPEAKER_CHANNEL], value & PORT_B_GATE2, pit_now(device));
}

bool pit_report_error(struct device *device, uint8_t error)
{
	struct pit_state *pit = device->state;
	bool was_quiet = !pit->errors;

	error &= PORT_B_PARITY | PORT_B_IOCHK;
	if (pit->port_b & PORT_B_PARITY_CLEAR)
		error &= (uint8_t)~PORT_B_PARITY;
	if (pit->port_b & PORT_B_IOCHK_CLEAR)
		error &= (uint8_t)~PORT_B_IOCHK;
	pit->errors |= error;
	return was_quiet && error;
}

/* clang-format off */
static const struct port_region pit_ports[] = {
	{.base = 0x40, .count = 4, .width = 1, .read = pit_read,    .write = pit_write},
	{.base = 0x61, .count = 1, .width = 1, .read = port_b_read, .write = port_b_write},
};
/* clang-format on */

/* Undefined by the datasheet. OUT0 is high, so that the first control word is no interrupt. */
static void pit_reset(struct device *device)
{
	struct pit_state *pit = device->state;

	*pit = (struct pit_state){.rise = PIT_TICK_NONE};
	for (unsigned i = 0; i < PIT_CHANNELS; i++)
		pit_channel_reset(&pit->channel[i], i != SPEAKER_CHANNEL);
	pit_drive_irq(device, true);
}

static bool pit_state_valid(const void *state)
{
	const struct pit_state *pit = state;

	for (unsigned i = 0; i < PIT_CHANNELS; i++)
		if (!pit_channel_valid(&pit->channel[i]) || (i != SPEAKER_CHANNEL && !pit->channel[i].gate))
			return false;
	return (pit->rise <= PIT_TICK_MAX || pit->rise == PIT_TICK_NONE) && pit->line <= 1 &&
	       !(pit->port_b & ~PORT_B_WRITABLE) && !(pit->errors & ~(PORT_B_PARITY | PORT_B_IOCHK)) &&
	       pit->channel[SPEAKER_CHANNEL].gate == (pit->port_b & PORT_B_GATE2);
}

static void pit_restored(struct device *device)
{
	const struct pit_state *pit = device->state;

	device_set_pin(device, PIT_PIN_OUT0, pit->line);
	if (pit_rests(device, pit_now(device)))
		device_arm(device, DEADLINE_NONE);
	else
		pit_arm(device);
}

static const struct line_listener_ops pit_listener_ops = {
	.acknowledged = pit_acknowledged,
	.switched = pit_switched,
	.looked_at = pit_looked_at,
};

const struct device_model pit_model = {
	.name = "pit",
	.version = 1,
	.state_size = sizeof(struct pit_state),
	.ports = pit_ports,
	.port_count = ARRAY_SIZE(pit_ports),
	.pins = PIT_PINS,
	.reset = pit_reset,
	.state_valid = pit_state_valid,
	.restored = pit_restored,
	.timer = pit_timer,
	.listener_ops = &pit_listener_ops,
};
