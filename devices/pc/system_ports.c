/* SPDX-License-Identifier: MIT */
/* Small ports of the chipset: see system_ports.h. */
#include "devices/pc/system_ports.h"

/* Port 92h: Intel 82371AB (PIIX4) datasheet, "Port 92 Register". */
#define INIT_NOW    0x01
#define FAST_A20    0x02
#define PORT92_BITS (INIT_NOW | FAST_A20)

/*
 * CF9h: Intel ICH datasheets, "RST_CNT - Reset Control Register". It lies under PCI's
 * CONFIG_ADDRESS at CF8h.
 */
#define CONFIG_ADDRESS     0xcf8
#define RESET_CONTROL      1    /* from there */
#define SYS_RST            0x02 /* 1: the whole system, 0: INIT to the processor */
#define RST_CPU            0x04 /* its rising edge starts the reset */
#define FULL_RST           0x08 /* with a power cycle; no different here */
#define RESET_CONTROL_BITS (SYS_RST | RST_CPU | FULL_RST)

#define DEBUG_PORT_PRESENT 0xe9 /* what reads of the debug port give */

static uint32_t post_read(struct device *device, unsigned offset, unsigned size)
{
	const struct system_ports_state *state = device->state;

	return state->post_code;
}

static void post_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct system_ports_state *state = device->state;

	state->post_code = value;
}

static uint32_t port92_read(struct device *device, unsigned offset, unsigned size)
{
	const struct system_ports_state *state = device->state;

	return state->port92;
}

static void port92_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct system_ports_state *state = device->state;
	uint8_t rising = value & ~state->port92;

	state->port92 = value & PORT92_BITS;
	if (rising & INIT_NOW)
		platform_reset(device_platform(device), RESET_CPU);
}

/*
 * Intel 440FX and later datasheets, "CONFADD - Configuration Address Register": a doubleword there,
 * and nothing narrower, is that register's, and never reaches the byte at CF9h. There is no PCI to
 * answer it.
 */
static bool reaches_reset_control(unsigned offset, unsigned size)
{
	return size < 4 && offset <= RESET_CONTROL && RESET_CONTROL < offset + size;
}

static uint32_t config_address_read(struct device *device, unsigned offset, unsigned size)
{
	const struct system_ports_state *state = device->state;
	unsigned shift = 8 * (RESET_CONTROL - offset);

	if (!reaches_reset_control(offset, size))
		return UINT32_MAX >> (32 - 8 * size);
	return (uint32_t)state->reset_control << shift | (size == 2 ? 0xff00u >> shift : 0);
}

static void config_address_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct system_ports_state *state = device->state;
	uint8_t rising;

	if (!reaches_reset_control(offset, size))
		return;
	value >>= 8 * (RESET_CONTROL - offset);
	rising = value & ~state->reset_control;
	state->reset_control = value & RESET_CONTROL_BITS;
	if (rising & RST_CPU)
		platform_reset(device_platform(device), value & SYS_RST ? RESET_SYSTEM : RESET_CPU);
}

/*
 * IBM PC AT Technical Reference, "Math Coprocessor Control": a write to F0h clears the latched
 * error, one to F1h resets the coprocessor, too. Nothing reads there.
 */
static void fpu_drive_irq(struct device *device, bool level)
{
	struct system_ports_state *state = device->state;

	state->fpu_error = level;
	device_set_pin(device, SYSTEM_PORTS_PIN_FPU, level);
}

void system_ports_fpu_error(struct device *device)
{
	fpu_drive_irq(device, false);
	fpu_drive_irq(device, true);
}

static uint32_t fpu_read(struct device *device, unsigned offset, unsigned size)
{
	return 0xff;
}

static void fpu_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	fpu_drive_irq(device, false);
}

static uint32_t firmware_read(struct device *device, unsigned offset, unsigned size)
{
	return 0xff;
}

static void firmware_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	platform_firmware_called(device_platform(device), (uint8_t)value);
}

static uint32_t debug_read(struct device *device, unsigned offset, unsigned size)
{
	return DEBUG_PORT_PRESENT;
}

static void debug_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	platform_debug_output(device_platform(device), (uint8_t)value);
}

static void system_ports_reset(struct device *device)
{
	struct system_ports_state *state = device->state;

	/* Firmware leaves the A20 line enabled. */
	*state = (struct system_ports_state){.port92 = FAST_A20};
	device_set_pin(device, SYSTEM_PORTS_PIN_FPU, false);
}

static bool system_ports_state_valid(const void *bytes)
{
	const struct system_ports_state *state = bytes;

	return !(state->port92 & ~PORT92_BITS) && !(state->reset_control & ~RESET_CONTROL_BITS) &&
	       state->fpu_error <= 1;
}

static void system_ports_restored(struct device *device)
{
	const struct system_ports_state *state = device->state;

	device_set_pin(device, SYSTEM_PORTS_PIN_FPU, state->fpu_error);
}

/* clang-format off */
static const struct port_region system_ports[] = {
	{.base = 0x80,           .count = 1, .width = 1, .read = post_read,           .write = post_write},
	{.base = 0x92,           .count = 1, .width = 1, .read = port92_read,         .write = port92_write},
	{.base = FIRMWARE_CALLED, .count = 1, .width = 1, .read = firmware_read,      .write = firmware_write},
	{.base = 0xe9,           .count = 1, .width = 1, .read = debug_read,          .write = debug_write},
	{.base = 0xf0,           .count = 2, .width = 1, .read = fpu_read,            .write = fpu_write},
	{.base = CONFIG_ADDRESS, .count = 4, .width = 4, .read = config_address_read, .write = config_address_write},
};
/* clang-format on */

const struct device_model system_ports_model = {
	.name = "system_ports",
	.version = 2,
	.state_size = sizeof(struct system_ports_state),
	.ports = system_ports,
	.port_count = ARRAY_SIZE(system_ports),
	.pins = SYSTEM_PORTS_PINS,
	.reset = system_ports_reset,
	.state_valid = system_ports_state_valid,
	.restored = system_ports_restored,
};
