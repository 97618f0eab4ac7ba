/* SPDX-License-Identifier: MIT */
/*
 * MC146818A real-time clock: see rtc.h. Registers and bits as in the Motorola MC146818A datasheet;
 * CMOS contents as in the IBM PC AT Technical Reference (5170), "Real-Time Clock/CMOS RAM
 * Information".
 *
 * The unit of time is the update: once a second, at `phase`. Update number n ends when the machine
 * clock is (n - 1) seconds + phase; rtc_updates_at() says how many have ended. The divider chain
 * that makes the updates also makes the periodic interrupt, so that both have the same phase.
 */
#include "devices/pc/rtc.h"

#include "devices/pc/rtc_time.h"

#define NS_PER_SECOND 1000000000ULL

/* 32768 ticks a second: one tick is 1953125/64 ns. */
#define TICKS_PER_SECOND    32768
#define TICK_NS_NUMERATOR   1953125
#define TICK_NS_DENOMINATOR 64

/* "Update Cycle": UIP rises 244 us before the update, which then takes 1984 us. */
#define UIP_NS (244000 + 1984000)

/*
 * After the divider was held in reset, the first update comes half a second later: "Divider
 * Control".
 */
#define FIRST_UPDATE_NS (NS_PER_SECOND / 2)

#define INDEX_NMI_DISABLE 0x80

#define NEVER UINT64_MAX /* no update has this number */

static bool rtc_divider_runs(const struct rtc_state *state)
{
	return (state->ram[RTC_A] & A_DV) == A_DV_32KHZ;
}

/* Do updates advance the time? */
static bool rtc_updates_run(const struct rtc_state *state)
{
	return rtc_divider_runs(state) && !(state->ram[RTC_B] & B_SET);
}

/* Time in the divider chain's own count: a whole number of seconds at the end of each update. */
static uint64_t rtc_chain_ns(const struct rtc_state *state, uint64_t now)
{
	return now + NS_PER_SECOND - state->phase;
}

static uint64_t rtc_updates_at(const struct rtc_state *state, uint64_t now)
{
	return rtc_chain_ns(state, now) / NS_PER_SECOND;
}

/* The machine clock at the end of an update. */
static uint64_t rtc_update_time(const struct rtc_state *state, uint64_t update)
{
	return (update - 1) * NS_PER_SECOND + state->phase;
}

static uint64_t rtc_ticks_at(const struct rtc_state *state, uint64_t now)
{
	uint64_t chain = rtc_chain_ns(state, now);

	return chain / NS_PER_SECOND * TICKS_PER_SECOND +
	       chain % NS_PER_SECOND * TICK_NS_DENOMINATOR / TICK_NS_NUMERATOR;
}

/* The machine clock at a tick, rounded up to whole ns. */
static uint64_t rtc_tick_time(const struct rtc_state *state, uint64_t tick)
{
	uint64_t rest = tick % TICKS_PER_SECOND * TICK_NS_NUMERATOR;

	return rtc_update_time(state, tick / TICKS_PER_SECOND) +
	       (rest + TICK_NS_DENOMINATOR - 1) / TICK_NS_DENOMINATOR;
}

/*
 * Ticks per periodic interrupt as a power of two, or -1: Table "Periodic Interrupt Rate", 32.768
 * kHz.
 */
static int rtc_periodic_shift(const struct rtc_state *state)
{
	int rate = state->ram[RTC_A] & A_RS;

	return rate == 0 ? -1 : rate <= 2 ? rate + 6 : rate - 1;
}

/* The guest's time in seconds since 1970 after so many updates. */
static int64_t rtc_guest_time(const struct device *device, uint64_t updates)
{
	const struct rtc_state *state = device->state;

	return device->clock->epoch + state->offset + (int64_t)updates;
}

/* Are the time's bytes in RAM what the guest should read? Else they are computed. */
static bool rtc_time_in_ram(const struct rtc_state *state, uint64_t updates)
{
	return !rtc_updates_run(state) || state->written == updates;
}

/* Put the present time into RAM. */
static void rtc_time_to_ram(const struct device *device)
{
	struct rtc_state *state = device->state;
	uint64_t updates = rtc_updates_at(state, device_now(device));

	if (!rtc_time_in_ram(state, updates))
		rtc_time_encode(state->ram, rtc_guest_time(device, updates), state->weekday_offset);
}

/* Let the time go on from what is in RAM. */
static void rtc_time_from_ram(struct device *device)
{
	struct rtc_state *state = device->state;

	state->written = rtc_updates_at(state, device_now(device));
	state->offset +=
		rtc_time_decode(state->ram, &state->weekday_offset) - rtc_guest_time(device, state->written);
}

static void rtc_pulse_alarm(struct device *device)
{
	device_set_pin(device, RTC_PIN_ALARM, true);
	device_set_pin(device, RTC_PIN_ALARM, false);
}

/* Set in register C what has happened from when it was last looked at until `now`. */
static void rtc_catch_up(struct device *device, uint64_t now)
{
	struct rtc_state *state = device->state;
	uint64_t seen = MIN(state->seen, now);
	int shift = rtc_periodic_shift(state);

	state->seen = now;
	if (!rtc_divider_runs(state))
		return;
	if (shift >= 0 && rtc_ticks_at(state, seen) >> shift != rtc_ticks_at(state, now) >> shift)
		state->ram[RTC_C] |= C_PF;
	if (rtc_updates_run(state)) {
		uint64_t first = rtc_updates_at(state, seen) + 1, last = rtc_updates_at(state, now);

		if (first > last)
			return;
		state->ram[RTC_C] |= C_UF;
		if (rtc_until_alarm(state->ram, rtc_guest_time(device, first)) <= last - first) {
			state->ram[RTC_C] |= C_AF;
			if (state->ram[RTC_B] & B_AIE)
				rtc_pulse_alarm(device);
		}
	}
}

/* When the next interrupt is due that the guest enabled and that is not pending yet. */
static uint64_t rtc_next_interrupt(const struct device *device)
{
	const struct rtc_state *state = device->state;
	uint8_t wanted = state->ram[RTC_B] & ~state->ram[RTC_C];
	int shift = rtc_periodic_shift(state);
	uint64_t next = rtc_updates_at(state, state->seen) + 1, deadline = DEADLINE_NONE;

	if ((wanted & C_PF) && rtc_divider_runs(state) && shift >= 0)
		deadline = rtc_tick_time(state, ((rtc_ticks_at(state, state->seen) >> shift) + 1) << shift);
	if ((wanted & C_UF) && rtc_updates_run(state))
		deadline = MIN(deadline, rtc_update_time(state, next));
	if ((wanted & C_AF) && rtc_updates_run(state)) {
		uint64_t wait = rtc_until_alarm(state->ram, rtc_guest_time(device, next));

		if (wait != RTC_NO_ALARM)
			deadline = MIN(deadline, rtc_update_time(state, next + wait));
	}
	return deadline;
}

/* IRQF as register C shows it. */
static uint8_t rtc_irqf(const struct rtc_state *state)
{
	return (state->ram[RTC_B] & state->ram[RTC_C] & C_FLAGS) ? C_IRQF : 0;
}

/*
 * Bring line and timer up to date. Nothing is armed while the line is up: only a read of C lowers
 * it.
 */
static void rtc_update(struct device *device)
{
	bool raised = rtc_irqf(device->state);

	device_set_pin(device, RTC_PIN_IRQ, raised);
	device_arm(device, raised ? DEADLINE_NONE : rtc_next_interrupt(device));
}

static void rtc_timer(struct device *device)
{
	rtc_catch_up(device, device_now(device));
	rtc_update(device);
}

static uint8_t rtc_a_read(struct device *device)
{
	const struct rtc_state *state = device->state;
	uint64_t into_second = rtc_chain_ns(state, device_show_now(device)) % NS_PER_SECOND;
	bool uip = rtc_updates_run(state) && into_second >= NS_PER_SECOND - UIP_NS;

	return state->ram[RTC_A] | (uip ? A_UIP : 0);
}

/*
 * "A read of Register C clears all flags", and with them the line. An interrupt that is due comes
 * after the read, since before it the guest would lose it.
 */
static uint8_t rtc_c_read(struct device *device)
{
	struct rtc_state *state = device->state;
	uint8_t flags;

	rtc_catch_up(device, MIN(device_now(device), device->deadline.at - 1));
	flags = state->ram[RTC_C] | rtc_irqf(state);
	state->ram[RTC_C] = 0;
	rtc_update(device);
	(void)device_show_now(device);
	return flags;
}

static void rtc_a_write(struct device *device, uint8_t value)
{
	struct rtc_state *state = device->state;
	bool ran = rtc_divider_runs(state);

	rtc_time_to_ram(device);
	state->ram[RTC_A] = value & ~A_UIP;
	if (rtc_divider_runs(state) && !ran)
		state->phase = (device_now(device) + FIRST_UPDATE_NS) % NS_PER_SECOND;
	if (rtc_updates_run(state) && !ran)
		rtc_time_from_ram(device);
}

static void rtc_b_write(struct device *device, uint8_t value)
{
	struct rtc_state *state = device->state;
	bool ran = rtc_updates_run(state);

	rtc_time_to_ram(device);
	/* "The UIE bit is cleared by the SET bit going high." */
	if (value & ~state->ram[RTC_B] & B_SET)
		value &= ~B_UIE;
	state->ram[RTC_B] = value;
	if (rtc_updates_run(state) && !ran)
		rtc_time_from_ram(device);
	else if (rtc_updates_run(state))
		state->written = NEVER; /* show the time in the mode that may be new */
}

static void rtc_time_write(struct device *device, unsigned index, uint8_t value)
{
	struct rtc_state *state = device->state;

	rtc_time_to_ram(device);
	state->ram[index] = value;
	if (rtc_updates_run(state))
		rtc_time_from_ram(device);
}

static uint8_t rtc_register_read(struct device *device, unsigned index)
{
	struct rtc_state *state = device->state;

	if (index == RTC_A)
		return rtc_a_read(device);
	if (index == RTC_C)
		return rtc_c_read(device);
	if (rtc_is_time(index)) {
		(void)device_show_now(device);
		rtc_time_to_ram(device);
	}
	return state->ram[index];
}

static void rtc_register_write(struct device *device, unsigned index, uint8_t value)
{
	struct rtc_state *state = device->state;

	/* What happened until now did so under the old registers. */
	rtc_catch_up(device, device_show_now(device));
	if (index == RTC_A)
		rtc_a_write(device, value);
	else if (index == RTC_B)
		rtc_b_write(device, value);
	else if (rtc_is_time(index))
		rtc_time_write(device, index, value);
	else if (index != RTC_C && index != RTC_D)
		state->ram[index] = value;
	/* NVRAM has no influence on interrupts. */
	if (index <= RTC_D || rtc_is_time(index))
		rtc_update(device);
}

static uint32_t rtc_read(struct device *device, unsigned offset, unsigned size)
{
	const struct rtc_state *state = device->state;

	/* The index is write-only: Intel 82371AB (PIIX4) datasheet, "RTC Index Register". */
	return offset == 0 ? 0xff : rtc_register_read(device, state->index & (RTC_RAM_SIZE - 1));
}

static void rtc_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct rtc_state *state = device->state;

	if (offset == 0)
		state->index = value;
	else
		rtc_register_write(device, state->index & (RTC_RAM_SIZE - 1), value);
}

uint8_t rtc_take_shutdown(struct device *device)
{
	struct rtc_state *state = device->state;
	uint8_t code = state->ram[CMOS_SHUTDOWN];

	state->ram[CMOS_SHUTDOWN] = 0;
	return code;
}

bool rtc_nmi_disabled(const struct device *device)
{
	return ((const struct rtc_state *)device->state)->index & INDEX_NMI_DISABLE;
}

static void rtc_insert_battery(struct device *device)
{
	struct rtc_state *state = device->state;

	*state = (struct rtc_state){.written = NEVER};
	state->ram[RTC_A] = A_DV_32KHZ | A_RS_1024HZ;
	state->ram[RTC_B] = B_24H;
	state->ram[RTC_D] = D_VRT;
	state->ram[CMOS_EQUIPMENT] = EQUIPMENT_FPU;
	/* The wall clock, whatever update it is. */
	state->offset = -(int64_t)rtc_updates_at(state, 0);
	rtc_set_memory(device, 0);
}

/*
 * Reset pin and power-on are one: the battery keeps clock, calendar and RAM ("RESET"). Only the
 * very first reset, known by a VRT bit that is still 0, finds nothing.
 */
static void rtc_reset(struct device *device)
{
	struct rtc_state *state = device->state;

	if (!(state->ram[RTC_D] & D_VRT))
		rtc_insert_battery(device);
	state->index = 0;
	state->seen = device_now(device);
	state->ram[RTC_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
	state->ram[RTC_C] = 0;
	rtc_update(device);
}

static void rtc_put16(uint8_t *ram, unsigned index, uint16_t value)
{
	ram[index] = value;
	ram[index + 1] = value >> 8;
}

void rtc_set_memory(struct device *device, uint64_t bytes_below_4g)
{
	struct rtc_state *state = device->state;
	uint64_t base = MIN(bytes_below_4g / KIB(1), 640);
	uint64_t extended = bytes_below_4g > MIB(1) ? (bytes_below_4g - MIB(1)) / KIB(1) : 0;
	uint64_t above_16m = bytes_below_4g > MIB(16) ? (bytes_below_4g - MIB(16)) / KIB(64) : 0;
	uint16_t sum = 0;

	rtc_put16(state->ram, CMOS_BASE_KIB, base);
	rtc_put16(state->ram, CMOS_EXTENDED_KIB, MIN(extended, UINT16_MAX));
	rtc_put16(state->ram, CMOS_EXTENDED_KIB_2, MIN(extended, UINT16_MAX));
	rtc_put16(state->ram, CMOS_ABOVE_16M, MIN(above_16m, UINT16_MAX));
	for (unsigned i = CMOS_SUM_FIRST; i <= CMOS_SUM_LAST; i++)
		sum += state->ram[i];
	/* The checksum alone has its high byte first. */
	state->ram[CMOS_CHECKSUM] = sum >> 8;
	state->ram[CMOS_CHECKSUM + 1] = sum;
}

static bool rtc_state_valid(const void *bytes)
{
	const struct rtc_state *state = bytes;

	return state->offset >= -RTC_MAX_OFFSET && state->offset <= RTC_MAX_OFFSET &&
	       state->phase < NS_PER_SECOND && state->weekday_offset < 7 && !(state->ram[RTC_A] & A_UIP) &&
	       !(state->ram[RTC_C] & ~C_FLAGS) && state->ram[RTC_D] == D_VRT;
}

static const struct port_region rtc_ports[] = {
	{.base = 0x70, .count = 2, .width = 1, .read = rtc_read, .write = rtc_write},
};

const struct device_model rtc_model = {
	.name = "rtc",
	.version = 1,
	.state_size = sizeof(struct rtc_state),
	.ports = rtc_ports,
	.port_count = ARRAY_SIZE(rtc_ports),
	.pins = RTC_PINS,
	.reset = rtc_reset,
	.state_valid = rtc_state_valid,
	.restored = rtc_timer,
	.timer = rtc_timer,
};
