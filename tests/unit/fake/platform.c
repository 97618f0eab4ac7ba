/* SPDX-License-Identifier: MIT */
/* The machine's outside in host tests: see fake/platform.h. */
#include "platform.h"
#include <string.h>

struct fake_platform fake_platform;

static void deadline_changed(void *context, uint64_t deadline)
{
	((struct fake_platform *)context)->deadline = deadline;
}

static void nmi(void *context)
{
	((struct fake_platform *)context)->nmis++;
}

static void reset(void *context, enum reset_kind kind)
{
	((struct fake_platform *)context)->resets[kind]++;
}

static void power_off(void *context)
{
	((struct fake_platform *)context)->power_offs++;
}

static void serial_output(void *context, unsigned unit, uint8_t byte)
{
	struct fake_platform *platform = context;

	if (platform->serial_length[unit] < sizeof(platform->serial[unit]))
		platform->serial[unit][platform->serial_length[unit]++] = byte;
}

static bool serial_room(void *context, unsigned unit)
{
	return !((struct fake_platform *)context)->serial_full[unit];
}

static void serial_input_wanted(void *context, unsigned unit)
{
	((struct fake_platform *)context)->input_wanted[unit]++;
}

static void keyboard_input_wanted(void *context)
{
	((struct fake_platform *)context)->keyboard_wanted++;
}

static void debug_output(void *context, uint8_t byte)
{
	struct fake_platform *platform = context;

	platform->debug_last = byte;
	platform->debug_count++;
}

static void firmware_called(void *context, uint8_t vector)
{
	((struct fake_platform *)context)->firmware_called = vector;
}

static const struct platform_events events = {
	.deadline_changed = deadline_changed,
	.nmi = nmi,
	.reset = reset,
	.power_off = power_off,
	.serial_output = serial_output,
	.serial_room = serial_room,
	.serial_input_wanted = serial_input_wanted,
	.keyboard_input_wanted = keyboard_input_wanted,
	.debug_output = debug_output,
	.firmware_called = firmware_called,
};

static void intr_changed(struct line_sink *pin, bool level)
{
	((struct fake_platform *)pin->owner)->intr = level;
}

static const struct line_sink_ops intr_ops = {.changed = intr_changed};

void fake_platform_init(struct fake_platform *platform)
{
	memset(platform, 0, sizeof(*platform));
	platform->clock = (struct clock){.multiplier = 1UL << 63, .shift = 1, .stopped_at = CLOCK_RUNS};
	platform->intr_pin = (struct line_sink){.ops = &intr_ops, .owner = platform};
}

int fake_platform_create(struct fake_platform *platform, struct machine *machine,
                         const struct machine_config *config)
{
	const struct platform outside = {&platform->clock, &events, platform};
	int error = machine_create(machine, config, &outside);

	if (!error)
		line_add_sink(&machine->interrupts.intr, &platform->intr_pin);
	return error;
}
