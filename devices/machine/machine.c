/* SPDX-License-Identifier: MIT */
/* The PC that a guest sees: see machine.h and docs/devices.md. */
#include "devices/machine/machine.h"
#include "devices/machine/services.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/string.h"

#define SOURCE_EXTERNAL 0x8000u /* machine_set_line(), in machine->line_sources */

_Static_assert(DEVICE_COUNT <= 15, "a bit of line_sources per device");

#define STATE(member) offsetof(struct machine, member)

/* Which device sits where, in the order of enum machine_device. */
/* clang-format off */
static const struct {
	const struct device_model *model;
	size_t state; /* in struct machine */
	uint8_t irq;
	uint8_t unit;
	uint16_t base; /* of ports that the model leaves to the machine */
} layout[DEVICE_COUNT] = {
	{&pic_model,          STATE(pic),          0,            0, 0},
	{&pit_model,          STATE(pit),          0,            0, 0},
	{&rtc_model,          STATE(rtc),          8,            0, 0},
	{&i8042_model,        STATE(i8042),        1,            0, 0},
	{&acpi_pm_model,      STATE(acpi_pm),      ACPI_SCI_IRQ, 0, 0},
	{&system_ports_model, STATE(system_ports), 0,            0, 0},
	{&vga_model,          STATE(vga),          0,            0, 0},
	{&keyboard_model,     STATE(keyboard),     0,            0, 0},
	{&hpet_model,         STATE(hpet),         0,            0, 0},
	{&uart_model,         STATE(uart[0]),      4,            0, 0x3F8},
	{&uart_model,         STATE(uart[1]),      3,            1, 0x2F8},
	{&uart_model,         STATE(uart[2]),      4,            2, 0x3E8},
	{&uart_model,         STATE(uart[3]),      3,            3, 0x2E8},
};
/* clang-format on */

/*
 * A saved machine starts with this; the devices' records follow in the order of enum
 * machine_device.
 */
struct machine_header {
	char magic[8];
	uint32_t version;
	uint32_t devices;  /* a bit per device that is plugged in */
	uint16_t external; /* a bit per line that is driven from outside */
	uint16_t reserved[3];
};

#define MACHINE_MAGIC   "nacrepc"
#define MACHINE_VERSION 1

static bool plugged(const struct machine *machine, unsigned index)
{
	return machine->device[index].model;
}

/* ---- Time ---- */

/* So that the few that wait for something need not be looked for among all. */
static void mark_armed(const struct device *device)
{
	struct machine *machine = device->machine;
	uint32_t bit = 1u << (device - machine->device);

	machine->armed = device->deadline == DEADLINE_NONE ? machine->armed & ~bit : machine->armed | bit;
}

static void set_deadline(struct machine *machine, uint64_t earliest)
{
	if (earliest == machine->deadline)
		return;
	machine->deadline = earliest;
	service_deadline_changed(machine, earliest);
}

static void update_deadline(struct machine *machine)
{
	uint64_t earliest = DEADLINE_NONE;

	if (machine->defer_deadline)
		return;
	for (uint32_t armed = machine->armed; armed; armed &= armed - 1)
		earliest = MIN(earliest, machine->device[__builtin_ctz(armed)].deadline);
	set_deadline(machine, earliest);
}

void device_arm(struct device *device, uint64_t deadline)
{
	struct machine *machine = device->machine;
	uint64_t old = device->deadline;

	if (old == deadline)
		return;
	device->deadline = deadline;
	mark_armed(device);
	/* Only the earliest one matters, and only when it goes must all others be looked at. */
	if (deadline < machine->deadline && !machine->defer_deadline)
		set_deadline(machine, deadline);
	else if (old <= machine->deadline)
		update_deadline(machine);
}

void machine_run_timers(struct machine *machine)
{
	uint64_t now = service_clock_ns(machine);

	if (machine->deadline > now)
		return;
	machine->defer_deadline = true;
	for (uint32_t armed = machine->armed; armed; armed &= armed - 1) {
		struct device *device = &machine->device[__builtin_ctz(armed)];

		if (device->deadline > now || device->deadline == DEADLINE_NONE)
			continue;
		device->deadline = DEADLINE_NONE;
		mark_armed(device);
		if (device->model->timer)
			device->model->timer(device);
	}
	machine->defer_deadline = false;
	update_deadline(machine);
}

/* ---- Interrupt lines ---- */

static bool line_level(const struct machine *machine, unsigned irq)
{
	return machine->line_sources[irq] & machine->line_mask[irq];
}

static unsigned source_of(const struct device *device)
{
	return 1u << (device - device->machine->device);
}

static void drive_line(struct machine *machine, unsigned irq, unsigned source, bool level)
{
	uint16_t *sources = &machine->line_sources[irq];
	bool before = line_level(machine, irq);

	*sources = (uint16_t)(level ? *sources | source : *sources & ~source);
	if (before != line_level(machine, irq))
		pic_set_line(&machine->device[DEVICE_PIC], irq, level);
}

void device_set_line(struct device *device, bool level)
{
	drive_line(device->machine, device->irq, source_of(device), level);
}

void device_drive_irq(struct device *device, unsigned irq, bool level)
{
	drive_line(device->machine, irq, source_of(device), level);
}

void device_take_irq(struct device *device, unsigned irq, bool taken)
{
	struct machine *machine = device->machine;
	uint16_t mask = taken ? (uint16_t)source_of(device) : UINT16_MAX;
	bool before = line_level(machine, irq);

	if (machine->line_mask[irq] == mask)
		return;
	machine->line_mask[irq] = mask;
	if (irq == machine->device[DEVICE_PIT].irq)
		pit_line_switched(&machine->device[DEVICE_PIT]);
	if (before != line_level(machine, irq))
		pic_set_line(&machine->device[DEVICE_PIC], irq, !before);
}

bool device_is_cut_off(const struct device *device)
{
	return !(device->machine->line_mask[device->irq] & source_of(device));
}

void machine_set_line(struct machine *machine, unsigned irq, bool level)
{
	if (irq < PIC_LINES)
		drive_line(machine, irq, SOURCE_EXTERNAL, level);
}

/* After a reset or a load: only lines from outside are known; the devices drive theirs anew. */
static void forget_devices_lines(struct machine *machine, uint16_t external)
{
	for (unsigned irq = 0; irq < PIC_LINES; irq++) {
		machine->line_sources[irq] = (external & 1u << irq) ? SOURCE_EXTERNAL : 0;
		machine->line_mask[irq] = UINT16_MAX;
	}
}

static uint16_t external_lines(const struct machine *machine)
{
	uint16_t lines = 0;

	for (unsigned irq = 0; irq < PIC_LINES; irq++)
		if (machine->line_sources[irq] & SOURCE_EXTERNAL)
			lines |= (uint16_t)(1u << irq);
	return lines;
}

static void sync_lines(struct machine *machine)
{
	for (unsigned irq = 0; irq < PIC_LINES; irq++)
		pic_set_line(&machine->device[DEVICE_PIC], irq, line_level(machine, irq));
}

uint8_t machine_acknowledge(struct machine *machine)
{
	return pic_acknowledge(&machine->device[DEVICE_PIC]);
}

bool machine_intr(const struct machine *machine)
{
	return pic_intr(&machine->device[DEVICE_PIC]);
}

void machine_report_error(struct machine *machine, uint8_t error)
{
	if (pit_report_error(&machine->device[DEVICE_PIT], error) &&
	    !rtc_nmi_disabled(&machine->device[DEVICE_RTC]))
		service_nmi(machine);
}

/* ---- Life ---- */

static int plug(struct machine *machine, unsigned index)
{
	struct device *device = &machine->device[index];
	const struct device_model *model = layout[index].model;

	*device = (struct device){
		.model = model,
		.machine = machine,
		.state = (uint8_t *)machine + layout[index].state,
		.deadline = DEADLINE_NONE,
		.unit = layout[index].unit,
		.irq = layout[index].irq,
	};
	for (unsigned i = 0; i < model->port_count; i++) {
		const struct port_region *region = &model->ports[i];
		uint16_t base = region->base ? region->base : layout[index].base;
		int error = port_space_claim(&machine->ports, device, region, base);

		if (error)
			return error;
	}
	for (unsigned i = 0; i < model->memory_count; i++) {
		int error = memory_space_claim(&machine->memory, device, &model->memory[i]);

		if (error)
			return error;
	}
	return 0;
}

static bool wanted(const struct machine_config *config, unsigned index)
{
	switch (index) {
	case DEVICE_VGA:
	case DEVICE_KEYBOARD: return config->screen;
	case DEVICE_HPET: return config->hpet;
	default: return index < DEVICE_UART0 + (unsigned)config->uarts;
	}
}

int machine_create(struct machine *machine, const struct machine_config *config)
{
	if (config->uarts > MACHINE_UARTS)
		return -ERR_INVALID;
	port_space_init(&machine->ports);
	machine->deadline = DEADLINE_NONE;
	for (unsigned i = 0; i < DEVICE_COUNT; i++) {
		int error = wanted(config, i) ? plug(machine, i) : 0;

		if (error)
			return error;
	}
	machine_reset(machine);
	return 0;
}

void machine_reset(struct machine *machine)
{
	machine->defer_deadline = true;
	machine->armed = 0;
	forget_devices_lines(machine, external_lines(machine));
	for (unsigned i = 0; i < DEVICE_COUNT; i++) {
		struct device *device = &machine->device[i];

		if (!plugged(machine, i))
			continue;
		device->deadline = DEADLINE_NONE;
		device->model->reset(device);
	}
	sync_lines(machine);
	machine->defer_deadline = false;
	update_deadline(machine);
}

/* ---- Save and load ---- */

static struct machine_header header_of(const struct machine *machine)
{
	struct machine_header header = {.magic = MACHINE_MAGIC, .version = MACHINE_VERSION};

	for (unsigned i = 0; i < DEVICE_COUNT; i++)
		if (plugged(machine, i))
			header.devices |= 1u << i;
	return header;
}

size_t machine_save(const struct machine *machine, void *buffer, size_t size)
{
	struct machine_header header = header_of(machine);
	size_t needed = sizeof(header), offset = sizeof(header);

	for (unsigned i = 0; i < DEVICE_COUNT; i++)
		if (plugged(machine, i))
			needed += device_save(&machine->device[i], NULL, 0);
	if (size < needed)
		return needed;
	header.external = external_lines(machine);
	memcpy(buffer, &header, sizeof(header));
	for (unsigned i = 0; i < DEVICE_COUNT; i++)
		if (plugged(machine, i))
			offset += device_save(&machine->device[i], (uint8_t *)buffer + offset, size - offset);
	return needed;
}

/* Check the header and every record, in the order in which they will be loaded. */
static int check_records(const struct machine *machine, const uint8_t *buffer, size_t size,
                         uint16_t *external)
{
	struct machine_header header, expected = header_of(machine);
	size_t offset = sizeof(header);

	if (size < sizeof(header))
		return -ERR_TRUNCATED;
	memcpy(&header, buffer, sizeof(header));
	*external = header.external;
	header.external = 0;
	if (memcmp(&header, &expected, sizeof(header)) != 0)
		return -ERR_INVALID;
	for (unsigned i = 0; i < DEVICE_COUNT; i++) {
		int error;

		if (!plugged(machine, i))
			continue;
		error = device_check(&machine->device[i], buffer + offset, size - offset);
		if (error)
			return error;
		offset += device_save(&machine->device[i], NULL, 0);
	}
	return 0;
}

static int load_records(struct machine *machine, const uint8_t *buffer, size_t size)
{
	size_t offset = sizeof(struct machine_header);

	for (unsigned i = 0; i < DEVICE_COUNT; i++) {
		int error;

		if (!plugged(machine, i))
			continue;
		error = device_load(&machine->device[i], buffer + offset, size - offset);
		if (error)
			return error;
		offset += device_save(&machine->device[i], NULL, 0);
	}
	return 0;
}

int machine_load(struct machine *machine, const void *buffer, size_t size)
{
	uint16_t external;
	int error = check_records(machine, buffer, size, &external);

	if (error)
		return error;
	machine->defer_deadline = true;
	forget_devices_lines(machine, external);
	error = load_records(machine, buffer, size);
	sync_lines(machine);
	machine->defer_deadline = false;
	update_deadline(machine);
	return error;
}
