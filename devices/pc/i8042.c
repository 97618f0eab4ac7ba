/* SPDX-License-Identifier: MIT */
/*
 * 8042 keyboard controller: see i8042.h. IBM PC AT Technical Reference (5170), "Keyboard
 * Controller", and for the auxiliary channel IBM PS/2 Hardware Interface Technical Reference,
 * "Keyboard and Auxiliary Device Controller".
 *
 * Where nothing is plugged in, nothing answers: the controller cannot clock its byte out, and gives
 * up. It leaves FEh in the output buffer, with the time-out error in the status ("Sending Data to
 * the Keyboard").
 */
#include "devices/pc/i8042.h"

#include "devices/pc/keyboard_keys.h"

/* Status register. */
#define OBF      0x01 /* output buffer full */
#define SYSTEM   0x04 /* self test passed */
#define COMMAND  0x08 /* the last write went to 64h */
#define UNLOCKED 0x10 /* the keyboard lock is open */
#define AUX_OBF  0x20 /* the output buffer holds data of the auxiliary channel */
#define TIME_OUT 0x40
#define IBF      0x02 /* input buffer full: never seen, the controller is faster than the bus */
#define PARITY   0x80

/* Command byte, ram[0]. */
#define KEYBOARD_INTERRUPT 0x01
#define AUX_INTERRUPT      0x02
#define SYSTEM_FLAG        0x04
#define KEYBOARD_DISABLED  0x10
#define AUX_DISABLED       0x20
#define TRANSLATE          0x40

/* Output port P2; bits 4 and 5 are the interrupt lines. */
#define P2_NO_RESET     0x01
#define P2_A20          0x02
#define P2_KEYBOARD_IRQ 0x10
#define P2_AUX_IRQ      0x20
#define P2_POWER_ON     0xcf /* clock and data lines of both channels released */

/*
 * Input port P1: lock open, no manufacturing jumper, colour display, and the data lines of both
 * channels, which are pulled up.
 */
#define P1 0xa3

#define READ_RAM              0x20 /* ... 3Fh */
#define WRITE_RAM             0x60 /* ... 7Fh */
#define PASSWORD_INSTALLED    0xa4
#define LOAD_PASSWORD         0xa5
#define ENABLE_PASSWORD       0xa6
#define DISABLE_AUX           0xa7
#define ENABLE_AUX            0xa8
#define TEST_AUX              0xa9
#define SELF_TEST             0xaa
#define TEST_KEYBOARD         0xab
#define DISABLE_KEYBOARD      0xad
#define ENABLE_KEYBOARD       0xae
#define READ_INPUT_PORT       0xc0
#define READ_OUTPUT_PORT      0xd0
#define WRITE_OUTPUT_PORT     0xd1
#define WRITE_KEYBOARD_OUTPUT 0xd2
#define WRITE_AUX_OUTPUT      0xd3
#define WRITE_AUX_DEVICE      0xd4
#define READ_TEST_INPUTS      0xe0
#define PULSE_OUTPUT_PORT     0xf0 /* ... FFh */

#define SELF_TEST_PASSED 0x55
#define LINES_PASSED     0x00
#define NO_PASSWORD      0xf1
#define RESEND           0xfe

#define RELEASED 0x80 /* in scan code set 1 */

static bool i8042_keyboard_irq(const struct i8042_state *state)
{
	return (state->status & (OBF | AUX_OBF)) == OBF && state->ram[0] & KEYBOARD_INTERRUPT;
}

static bool i8042_aux_irq(const struct i8042_state *state)
{
	return (state->status & (OBF | AUX_OBF)) == (OBF | AUX_OBF) && state->ram[0] & AUX_INTERRUPT;
}

static void i8042_update(struct device *device)
{
	const struct i8042_state *state = device->state;

	device_set_pin(device, I8042_PIN_KEYBOARD, i8042_keyboard_irq(state));
	device_set_pin(device, I8042_PIN_AUX, i8042_aux_irq(state));
}

/* Place a byte in the output buffer, over what it held. `flags`: AUX_OBF, TIME_OUT. */
static void i8042_output(struct device *device, uint8_t byte, uint8_t flags)
{
	struct i8042_state *state = device->state;

	state->output = byte;
	state->status = (state->status & ~(AUX_OBF | TIME_OUT)) | OBF | flags;
	i8042_update(device);
}

/* Set 2 to set 1: the prefix of a break code becomes bit 7 of the code that follows. */
static bool i8042_translate(struct i8042_state *state, uint8_t *byte)
{
	if (!(state->ram[0] & TRANSLATE))
		return true;
	if (*byte == KEY_BREAK) {
		state->released = RELEASED;
		return false;
	}
	if (*byte <= KEY_TRANSLATED_MAX) {
		*byte = key_translate(*byte) | state->released;
		state->released = 0;
	}
	return true;
}

/* The keyboard may send while its clock line is free and its last byte has been read. */
static void i8042_keyboard_ready(struct device *device)
{
	struct i8042_state *state = device->state;
	const struct ps2_cable *cable = device->wiring;
	uint8_t byte;

	while (!(state->status & OBF) && !(state->ram[0] & KEYBOARD_DISABLED) &&
	       cable->peripheral_ops->send(cable->peripheral, &byte))
		if (i8042_translate(state, &byte))
			i8042_output(device, byte, 0);
}

const struct ps2_controller_ops i8042_ps2_ops = {.ready = i8042_keyboard_ready};

/* After an access that may have made room. */
static void i8042_serve_keyboard(struct device *device)
{
	const struct ps2_cable *cable = device->wiring;

	if (!cable->peripheral)
		return;
	i8042_keyboard_ready(device);
	cable->peripheral_ops->idle(cable->peripheral);
}

static void i8042_set_command_byte(struct device *device, uint8_t value)
{
	struct i8042_state *state = device->state;

	state->ram[0] = value;
	state->status = (state->status & ~SYSTEM) | (value & SYSTEM_FLAG ? SYSTEM : 0);
	i8042_update(device);
}

static void i8042_set_output_port(struct device *device, uint8_t value)
{
	struct i8042_state *state = device->state;

	state->output_port = value & ~(P2_KEYBOARD_IRQ | P2_AUX_IRQ);
	if (!(value & P2_NO_RESET))
		platform_reset(device_platform(device), RESET_CPU);
}

static uint8_t i8042_output_port(const struct i8042_state *state)
{
	return state->output_port | (i8042_keyboard_irq(state) ? P2_KEYBOARD_IRQ : 0) |
	       (i8042_aux_irq(state) ? P2_AUX_IRQ : 0);
}

/* T0 and T1 are the clock lines, which the controller holds low to keep a device silent. */
static uint8_t i8042_test_inputs(const struct i8042_state *state)
{
	return (state->ram[0] & KEYBOARD_DISABLED ? 0 : 1) | (state->ram[0] & AUX_DISABLED ? 0 : 2);
}

static void i8042_self_test(struct device *device)
{
	struct i8042_state *state = device->state;

	i8042_set_command_byte(device, state->ram[0] | SYSTEM_FLAG);
	i8042_output(device, SELF_TEST_PASSED, 0);
}

/* A command at 64h that needs no data byte. Unknown ones do nothing. */
static void i8042_command(struct device *device, uint8_t value)
{
	struct i8042_state *state = device->state;

	switch (value) {
	case PASSWORD_INSTALLED: i8042_output(device, NO_PASSWORD, 0); break;
	case DISABLE_AUX: i8042_set_command_byte(device, state->ram[0] | AUX_DISABLED); break;
	case ENABLE_AUX: i8042_set_command_byte(device, state->ram[0] & ~AUX_DISABLED); break;
	case TEST_AUX: i8042_output(device, LINES_PASSED, 0); break;
	case SELF_TEST: i8042_self_test(device); break;
	case TEST_KEYBOARD: i8042_output(device, LINES_PASSED, 0); break;
	case DISABLE_KEYBOARD: i8042_set_command_byte(device, state->ram[0] | KEYBOARD_DISABLED); break;
	case ENABLE_KEYBOARD: i8042_set_command_byte(device, state->ram[0] & ~KEYBOARD_DISABLED); break;
	case READ_INPUT_PORT: i8042_output(device, P1, 0); break;
	case READ_OUTPUT_PORT: i8042_output(device, i8042_output_port(state), 0); break;
	case READ_TEST_INPUTS: i8042_output(device, i8042_test_inputs(state), 0); break;
	}
}

static bool i8042_needs_data(uint8_t value)
{
	return (value & 0xe0) == WRITE_RAM || value == LOAD_PASSWORD ||
	       (value >= WRITE_OUTPUT_PORT && value <= WRITE_AUX_DEVICE);
}

static void i8042_command_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct i8042_state *state = device->state;

	state->status |= COMMAND;
	state->pending = i8042_needs_data(value) ? value : 0;
	if ((value & 0xe0) == READ_RAM)
		i8042_output(device, state->ram[value & 0x1f], 0);
	else if (value >= PULSE_OUTPUT_PORT && !(value & P2_NO_RESET))
		platform_reset(device_platform(device), RESET_CPU);
	else if (!state->pending)
		i8042_command(device, value);
	i8042_serve_keyboard(device);
}

/* What the controller leaves after it could not send to a device. */
static void i8042_send_timed_out(struct device *device, uint8_t flags)
{
	i8042_output(device, RESEND, flags | TIME_OUT);
}

/* Sending to the keyboard opens its channel. */
static void i8042_send_to_keyboard(struct device *device, uint8_t byte)
{
	struct i8042_state *state = device->state;
	const struct ps2_cable *cable = device->wiring;

	state->ram[0] &= ~KEYBOARD_DISABLED;
	if (cable->peripheral)
		cable->peripheral_ops->receive(cable->peripheral, byte);
	else
		i8042_send_timed_out(device, 0);
}

static void i8042_data_write(struct device *device, unsigned offset, unsigned size, uint32_t value)
{
	struct i8042_state *state = device->state;
	uint8_t pending = state->pending;

	state->status &= ~COMMAND;
	/* A password is a string that ends with 0. It goes nowhere: see NO_PASSWORD. */
	state->pending = pending == LOAD_PASSWORD && value != 0 ? pending : 0;
	switch (pending) {
	case 0: i8042_send_to_keyboard(device, (uint8_t)value); break;
	case LOAD_PASSWORD: break;
	case WRITE_RAM: i8042_set_command_byte(device, value); break;
	case WRITE_OUTPUT_PORT: i8042_set_output_port(device, value); break;
	case WRITE_KEYBOARD_OUTPUT: i8042_output(device, value, 0); break;
	case WRITE_AUX_OUTPUT: i8042_output(device, value, AUX_OBF); break;
	case WRITE_AUX_DEVICE: i8042_send_timed_out(device, AUX_OBF); break;
	default: state->ram[pending & 0x1f] = value; break;
	}
	i8042_serve_keyboard(device);
}

static uint32_t i8042_data_read(struct device *device, unsigned offset, unsigned size)
{
	struct i8042_state *state = device->state;
	uint8_t byte = state->output;

	if (state->status & OBF) {
		state->status &= ~(OBF | AUX_OBF);
		i8042_update(device);
		i8042_serve_keyboard(device);
	}
	return byte;
}

static uint32_t i8042_status_read(struct device *device, unsigned offset, unsigned size)
{
	const struct i8042_state *state = device->state;

	return state->status;
}

static void i8042_reset(struct device *device)
{
	struct i8042_state *state = device->state;
	const struct ps2_cable *cable = device->wiring;

	/*
	 * As firmware leaves it after the self test: a channel is closed where nothing was found.
	 */
	*state = (struct i8042_state){
		.ram = {AUX_DISABLED | SYSTEM_FLAG | TRANSLATE |
	                (cable->peripheral ? KEYBOARD_INTERRUPT : KEYBOARD_DISABLED)},
		.status = UNLOCKED | SYSTEM,
		.output_port = P2_POWER_ON,
	};
	i8042_update(device);
}

static bool i8042_state_valid(const void *bytes)
{
	const struct i8042_state *state = bytes;

	return !(state->status & (IBF | PARITY)) && (!state->pending || i8042_needs_data(state->pending)) &&
	       !(state->output_port & (P2_KEYBOARD_IRQ | P2_AUX_IRQ)) && !(state->released & ~RELEASED);
}

/* clang-format off */
static const struct port_region i8042_ports[] = {
	{.base = 0x60, .count = 1, .width = 1, .read = i8042_data_read,   .write = i8042_data_write},
	{.base = 0x64, .count = 1, .width = 1, .read = i8042_status_read, .write = i8042_command_write},
};
/* clang-format on */

const struct device_model i8042_model = {
	.name = "i8042",
	.version = 2,
	.state_size = sizeof(struct i8042_state),
	.ports = i8042_ports,
	.port_count = ARRAY_SIZE(i8042_ports),
	.pins = I8042_PINS,
	.reset = i8042_reset,
	.state_valid = i8042_state_valid,
	.restored = i8042_update,
};
