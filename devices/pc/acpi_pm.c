/* SPDX-License-Identifier: MIT */
/*
 * ACPI fixed hardware: see acpi_pm.h. Bits are named as in the ACPI specification, "ACPI Register
 * Model".
 */
#include "devices/pc/acpi_pm.h"
#include "lib/checked.h"

#define TMR_STS        0x0001
#define BM_STS         0x0010
#define GBL_STS        0x0020
#define PWRBTN_STS     0x0100
#define SLPBTN_STS     0x0200
#define RTC_STS        0x0400
#define PCIEXP_WAK_STS 0x4000
#define WAK_STS        0x8000

/* The enable bits are at the places of the status bits that they let through to the SCI. */
#define SCI_SOURCES   (TMR_STS | GBL_STS | PWRBTN_STS | SLPBTN_STS | RTC_STS)
#define STATUS_CLEARS (SCI_SOURCES | BM_STS | PCIEXP_WAK_STS | WAK_STS)
#define PM1_EN_BITS   (SCI_SOURCES | PCIEXP_WAK_STS /* here: PCIEXP_WAKE_DIS */)

#define SCI_EN        0x0001
#define BM_RLD        0x0002
#define SLP_TYP_SHIFT 10
#define SLP_TYP       (7 << SLP_TYP_SHIFT)
#define SLP_EN        0x2000
#define CONTROL_BITS  (BM_RLD | SLP_TYP) /* GBL_RLS and SLP_EN read as 0 */

/* Offsets from ACPI_PM1A_EVT_PORT in the 8-byte block that pm1_read() composes. */
#define ENABLE_SHIFT  16
#define CONTROL_SHIFT 32

/*
 * PM_TMR counts at 3.579545 MHz. Ticks per ns in units of 2^-64, rounded up so that a tick is never
 * seen late; and ns per tick in units of 2^-48, rounded up so that a deadline is never early.
 */
#define TICKS_PER_NS 66030950515326657ULL
#define NS_PER_TICK  78634289193362844ULL

static uint64_t acpi_pm_ticks(uint64_t now)
{
	return multiply_high(now, TICKS_PER_NS);
}

/* TMR_STS tells of a change of the counter's top bit, i.e. of this number. */
static uint64_t acpi_pm_periods(uint64_t now)
{
	return acpi_pm_ticks(now) >> 31;
}

static uint16_t pm1_status(const struct device *device, uint64_t now)
{
	const struct acpi_pm_state *state = device->state;

	return state->status | (acpi_pm_periods(now) != state->timer_periods ? TMR_STS : 0);
}

/* Bring SCI and the wish for a timer call up to date. */
static void acpi_pm_update(struct device *device)
{
	struct acpi_pm_state *state = device->state;
	uint16_t status = pm1_status(device, device_now(device));
	uint64_t deadline = DEADLINE_NONE;

	if ((state->enable & TMR_STS) && !(status & TMR_STS)) {
		uint64_t next = (state->timer_periods + 1) << 31;

		deadline = (uint64_t)((unsigned __int128)next * NS_PER_TICK >> 48) + 1;
	}
	device_arm(device, deadline);
	device_set_pin(device, ACPI_PM_PIN_SCI, status & state->enable & SCI_SOURCES);
}

static uint32_t pm1_read(struct device *device, unsigned offset, unsigned size)
{
	const struct acpi_pm_state *state = device->state;
	uint64_t block = pm1_status(device, device_show_now(device)) |
	                 (uint64_t)state->enable << ENABLE_SHIFT | (uint64_t)state->control << CONTROL_SHIFT;
	uint32_t mask = size == 4 ? UINT32_MAX : (1U << size * 8) - 1;

	return block >> offset * 8 & mask;
}

static void pm1_control_write(struct device *device, uint16_t mask, uint16_t value)
{
	struct acpi_pm_state *state = device->state;
	uint16_t kept = state->control & ~mask;

	state->control = ((kept | (value & mask)) & CONTROL_BITS) | SCI_EN;
	if ((value & mask & SLP_EN) && (state->control & SLP_TYP) >> SLP_TYP_SHIFT == ACPI_SLP_TYP_S5)
		platform_power_off(device_platform(device));
}

static void pm1_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct acpi_pm_state *state = device->state;
	uint64_t mask = (size == 4 ? UINT32_MAX : (1ULL << size * 8) - 1) << offset * 8;
	uint64_t bits = (uint64_t)value << offset * 8 & mask;
	uint16_t enable_mask = mask >> ENABLE_SHIFT;
	uint64_t now = device_show_now(device);

	state->status &= ~(bits & STATUS_CLEARS);
	if (bits & TMR_STS)
		state->timer_periods = acpi_pm_periods(now);
	state->enable = ((state->enable & ~enable_mask) | (bits >> ENABLE_SHIFT)) & PM1_EN_BITS;
	acpi_pm_update(device);
	pm1_control_write(device, mask >> CONTROL_SHIFT, bits >> CONTROL_SHIFT);
}

static uint32_t pm_timer_at(uint64_t now, unsigned offset, unsigned size)
{
	uint32_t count = acpi_pm_ticks(now);

	if (likely(size == 4))
		return count;
	return count >> offset * 8 & ((1U << size * 8) - 1);
}

static noinline cold uint32_t pm_timer_read_late(struct device *device, uint64_t now, unsigned offset,
                                                 unsigned size)
{
	deadlines_run(&device->environment->deadlines);
	return pm_timer_at(now, offset, size);
}

static uint32_t pm_timer_read(struct device *device, unsigned offset, unsigned size)
{
	uint64_t now = device_now(device);

	return device_is_late(device, now) ? pm_timer_read_late(device, now, offset, size)
	                                   : pm_timer_at(now, offset, size);
}

static void pm_timer_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	/* "PM_TMR" is read-only. */
}

static void acpi_pm_event(struct device *device, uint16_t status)
{
	struct acpi_pm_state *state = device->state;

	state->status |= status;
	acpi_pm_update(device);
}

void acpi_pm_power_button(struct device *device)
{
	acpi_pm_event(device, PWRBTN_STS);
}

bool acpi_pm_wants_power_button(const struct device *device)
{
	const struct acpi_pm_state *state = device->state;

	return state->control & SCI_EN && state->enable & PWRBTN_STS;
}

/* The real-time clock's alarm. */
static void acpi_pm_input_changed(struct line_sink *sink, bool level)
{
	if (level)
		acpi_pm_event(sink->owner, RTC_STS);
}

static const struct line_sink_ops acpi_pm_input_ops = {.changed = acpi_pm_input_changed};

static void acpi_pm_reset(struct device *device)
{
	struct acpi_pm_state *state = device->state;

	state->timer_periods = acpi_pm_periods(device_now(device));
	state->status = 0;
	state->enable = 0;
	state->control = SCI_EN;
	acpi_pm_update(device);
}

static bool acpi_pm_state_valid(const void *bytes)
{
	const struct acpi_pm_state *state = bytes;

	return !(state->status & ~(STATUS_CLEARS & ~TMR_STS)) && !(state->enable & ~PM1_EN_BITS) &&
	       (state->control & ~CONTROL_BITS) == SCI_EN && !state->reserved;
}

/* clang-format off */
static const struct port_region acpi_pm_ports[] = {
	{.base = ACPI_PM1A_EVT_PORT, .count = 8, .width = 4, .read = pm1_read, .write = pm1_write},
	{.base = ACPI_PM_TMR_PORT,   .count = 4, .width = 4, .read = pm_timer_read, .write = pm_timer_write},
};
/* clang-format on */

const struct device_model acpi_pm_model = {
	.name = "acpi_pm",
	.version = 1,
	.state_size = sizeof(struct acpi_pm_state),
	.ports = acpi_pm_ports,
	.port_count = ARRAY_SIZE(acpi_pm_ports),
	.pins = ACPI_PM_PINS,
	.inputs = ACPI_PM_INPUTS,
	.input_ops = &acpi_pm_input_ops,
	.reset = acpi_pm_reset,
	.state_valid = acpi_pm_state_valid,
	.restored = acpi_pm_update,
	.timer = acpi_pm_update,
};
