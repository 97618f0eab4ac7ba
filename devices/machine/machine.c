/* SPDX-License-Identifier: MIT */
/* The PC that a guest sees: see machine.h and docs/devices.md. */
#include "devices/machine/machine.h"
#include "lib/errors.h"
#include "lib/panic.h"

#define STATE(member)    offsetof(struct machine, member)
#define MACHINE_PINS_MAX 2 /* of one device that lead to ISA lines */
#define NONE             (-1)

/* Which device sits where, in the order of enum machine_device. */
/* clang-format off */
static const struct {
	const struct device_model *model;
	size_t state; /* in struct machine */
	uint8_t unit;
	uint16_t base; /* of ports that the model leaves to the machine */
	int8_t irq[MACHINE_PINS_MAX]; /* the ISA line at each pin; NONE: none */
} layout[DEVICE_COUNT] = {
	{&pic_model,          STATE(pic),          0, 0,     {NONE,         NONE}},
	{&pit_model,          STATE(pit),          0, 0,     {0,            NONE}},
	{&rtc_model,          STATE(rtc),          0, 0,     {8,            NONE}},
	{&i8042_model,        STATE(i8042),        0, 0,     {1,            12}},
	{&acpi_pm_model,      STATE(acpi_pm),      0, 0,     {ACPI_SCI_IRQ, NONE}},
	{&system_ports_model, STATE(system_ports), 0, 0,     {13,           NONE}},
	{&vga_model,          STATE(vga),          0, 0,     {NONE,         NONE}},
	{&keyboard_model,     STATE(keyboard),     0, 0,     {NONE,         NONE}},
	{&hpet_model,         STATE(hpet),         0, 0,     {0,            8}}, /* legacy replacement */
	{&uart_model,         STATE(uart[0]),      0, 0x3F8, {4,            NONE}},
	{&uart_model,         STATE(uart[1]),      1, 0x2F8, {3,            NONE}},
	{&uart_model,         STATE(uart[2]),      2, 0x3E8, {4,            NONE}},
	{&uart_model,         STATE(uart[3]),      3, 0x2E8, {3,            NONE}},
};
/* clang-format on */

static bool machine_has(const struct machine *machine, unsigned index)
{
	return machine->device[index].model;
}

/* ---- Plugging ---- */

/* What has been handed out of the machine's storage. */
struct machine_storage {
	unsigned ports, memory, pins;
};

static bool machine_wants(const struct machine_config *config, unsigned index)
{
	switch (index) {
	case DEVICE_VGA:
	case DEVICE_KEYBOARD: return config->screen;
	case DEVICE_HPET: return config->hpet;
	default: return index < DEVICE_UART0 + (unsigned)config->uarts;
	}
}

static void machine_connect_pins(struct machine *machine, unsigned index)
{
	for (unsigned pin = 0; pin < MACHINE_PINS_MAX; pin++)
		if (layout[index].irq[pin] != NONE)
			device_connect_pin(&machine->device[index], pin,
			                   &machine->interrupts.gsi[layout[index].irq[pin]]);
}

static int machine_plug(struct machine *machine, unsigned index, struct machine_storage *used)
{
	const struct device_model *model = layout[index].model;
	struct device *device = &machine->device[index];

	*device = (struct device){
		.model = model,
		.state = (uint8_t *)machine + layout[index].state,
		.port = &machine->port_binding[used->ports],
		.memory = &machine->memory_binding[used->memory],
		.pin = &machine->pin[used->pins],
		.unit = layout[index].unit,
	};
	used->ports += model->port_count;
	used->memory += model->memory_count;
	used->pins += model->pins;
	assert_monitor(used->ports <= MACHINE_PORT_REGIONS && used->memory <= MACHINE_MEMORY_REGIONS &&
	               used->pins <= MACHINE_PINS);
	return device_plug(device, &machine->environment, layout[index].base);
}

static int machine_plug_all(struct machine *machine, const struct machine_config *config)
{
	struct machine_storage used = {0};
	int error = 0;

	for (unsigned i = 0; i < DEVICE_COUNT && !error; i++)
		if (machine_wants(config, i))
			error = machine_plug(machine, i, &used);
	return error;
}

/* What connects one device with another, and the board's lines. */
static void machine_wire(struct machine *machine)
{
	struct interrupts *interrupts = &machine->interrupts;
	struct device *pic = &machine->device[DEVICE_PIC], *i8042 = &machine->device[DEVICE_I8042];
	struct device *acpi_pm = &machine->device[DEVICE_ACPI_PM];
	struct device *keyboard =
		machine_has(machine, DEVICE_KEYBOARD) ? &machine->device[DEVICE_KEYBOARD] : NULL;

	pic->input = interrupts->pic_input;
	acpi_pm->input = interrupts->acpi_pm_input;
	interrupts_connect(interrupts, pic);
	for (unsigned i = 0; i < DEVICE_COUNT; i++)
		if (machine_has(machine, i))
			machine_connect_pins(machine, i);
	device_connect_pin(&machine->device[DEVICE_RTC], RTC_PIN_ALARM, &interrupts->rtc_alarm);
	device_connect_input(acpi_pm, ACPI_PM_INPUT_RTC_ALARM, &interrupts->rtc_alarm);

	machine->keyboard_cable = (struct ps2_cable){i8042, &i8042_ps2_ops, keyboard, &keyboard_ps2_ops};
	i8042->wiring = &machine->keyboard_cable;
	if (keyboard)
		keyboard->wiring = &machine->keyboard_cable;
}

int machine_create(struct machine *machine, const struct machine_config *config,
                   const struct platform *platform)
{
	int error;

	if (config->uarts > MACHINE_UARTS)
		return -ERR_INVALID;
	port_space_init(&machine->ports);
	machine->environment = (struct environment){
		.platform = *platform, .ports = &machine->ports, .memory = &machine->memory};
	deadlines_init(&machine->environment.deadlines, &machine->environment.platform);
	error = machine_plug_all(machine, config);
	if (error)
		return error;
	machine_wire(machine);
	interrupts_register(&machine->interrupts, &machine->environment.sections);
	machine_reset(machine);
	return 0;
}

/* ---- Life ---- */

void machine_reset(struct machine *machine)
{
	struct deadlines *deadlines = &machine->environment.deadlines;

	deadlines_defer(deadlines);
	interrupts_forget(&machine->interrupts);
	for (unsigned i = 0; i < DEVICE_COUNT; i++) {
		struct device *device = &machine->device[i];

		if (!machine_has(machine, i))
			continue;
		device_arm(device, DEADLINE_NONE);
		device->model->reset(device);
	}
	interrupts_refresh(&machine->interrupts);
	deadlines_tell(deadlines);
}

void machine_run_timers(struct machine *machine)
{
	deadlines_run(&machine->environment.deadlines);
}

void machine_set_line(struct machine *machine, unsigned irq, bool level)
{
	interrupts_set_external(&machine->interrupts, irq, level);
}

void machine_report_error(struct machine *machine, uint8_t error)
{
	if (pit_report_error(&machine->device[DEVICE_PIT], error) &&
	    !rtc_nmi_disabled(&machine->device[DEVICE_RTC]))
		platform_nmi(&machine->environment.platform);
}

/* ---- Save and load ---- */

size_t machine_save(const struct machine *machine, void *buffer, size_t size)
{
	return sections_save(&machine->environment.sections, buffer, size);
}

int machine_load(struct machine *machine, const void *buffer, size_t size)
{
	int error;

	deadlines_defer(&machine->environment.deadlines);
	error = sections_load(&machine->environment.sections, buffer, size);
	deadlines_tell(&machine->environment.deadlines);
	return error;
}
