/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 keyboard: see keyboard.h. Commands: IBM PS/2 Hardware Interface Technical Reference,
 * "Commands from the System" and "Commands to the System".
 */
#include "devices/pc/keyboard.h"

#include "lib/string.h"

/* Commands from the system. */
#define SET_LEDS        0xed /* takes a byte */
#define ECHO            0xee
#define SCAN_CODE_SET   0xf0 /* takes a byte */
#define IDENTIFY        0xf2
#define SET_TYPEMATIC   0xf3 /* takes a byte */
#define ENABLE          0xf4
#define DEFAULT_DISABLE 0xf5
#define SET_DEFAULT     0xf6
#define ALL_TYPEMATIC   0xf7 /* set 3: no break codes, nor with F9h */
#define ALL_MAKE_BREAK  0xf8
#define ALL_MAKE        0xf9
#define ALL_BOTH        0xfa
#define RESEND          0xfe /* also to the system: not understood */
#define RESET           0xff
#define FIRST_COMMAND   SET_LEDS

/* Commands to the system. */
#define ACKNOWLEDGE 0xfa
#define TEST_PASSED 0xaa
#define ID_FIRST    0xab
#define ID_SECOND   0x83

#define LEDS              0x07
#define DEFAULT_TYPEMATIC 0x2b /* 10.9 characters a second after 500 ms */

static bool keyboard_takes_parameter(uint8_t command)
{
	return command == SET_LEDS || command == SCAN_CODE_SET || command == SET_TYPEMATIC;
}

/* ---- To the system ---- */

static void keyboard_answer(struct keyboard_state *state, uint8_t byte)
{
	if (state->answer_count < KEYBOARD_ANSWER)
		state->answer[state->answer_count++] = byte;
}

static void keyboard_clear_queue(struct keyboard_state *state)
{
	state->queue_head = state->queue_count = state->held = 0;
}

/* False: no room. */
static bool keyboard_queue_press(struct device *device, const struct key_press *press)
{
	struct keyboard_state *state = device->state;
	uint8_t codes[KEY_CODES_MAX];
	unsigned count, makes;

	if (!press->code || !state->scanning)
		return true;
	state->held = 0;
	count = key_codes(press, state->scan_set, state->makes_only, codes);
	if (count > KEYBOARD_QUEUE - (unsigned)state->queue_count)
		return false;
	for (unsigned i = 0; i < count; i++)
		state->queue[(state->queue_head + state->queue_count++) % KEYBOARD_QUEUE] = codes[i];
	makes = 1u + press->shift + press->control + press->alt + (press->extended && state->scan_set != 3);
	state->held = (uint8_t)(count - makes);
	state->release_at = device_now(device) + KEYBOARD_HOLD_NS;
	return true;
}

/* For the time when the key that is down is released. */
static void keyboard_arm(struct device *device)
{
	const struct keyboard_state *state = device->state;

	device_arm(device, state->held ? state->release_at : DEADLINE_NONE);
}

static void keyboard_ready(struct device *device)
{
	const struct ps2_cable *cable = device->wiring;

	cable->controller_ops->ready(cable->controller);
}

bool keyboard_press(struct device *device, const struct key_press *press)
{
	struct keyboard_state *state = device->state;
	bool queued = keyboard_queue_press(device, press);

	if (!queued)
		state->input_wanted = 1;
	keyboard_arm(device);
	keyboard_ready(device);
	return queued;
}

static void keyboard_timer(struct device *device)
{
	struct keyboard_state *state = device->state;

	if (device_now(device) >= state->release_at)
		state->held = 0;
	keyboard_arm(device);
	keyboard_ready(device);
}

static bool keyboard_send(struct device *keyboard, uint8_t *byte)
{
	struct keyboard_state *state = keyboard->state;

	if (state->answer_count) {
		*byte = state->answer[0];
		memmove(state->answer, state->answer + 1, --state->answer_count);
	} else if (state->queue_count > state->held && !state->command) {
		*byte = state->queue[state->queue_head];
		state->queue_head = (uint8_t)((state->queue_head + 1) % KEYBOARD_QUEUE);
		state->queue_count--;
	} else {
		return false;
	}
	state->last = *byte;
	return true;
}

/* ---- From the system ---- */

static void keyboard_set_default(struct keyboard_state *state)
{
	keyboard_clear_queue(state);
	state->scan_set = 2;
	state->makes_only = 0;
	state->typematic = DEFAULT_TYPEMATIC;
}

static void keyboard_reset_registers(struct keyboard_state *state)
{
	keyboard_set_default(state);
	state->scanning = 1;
	state->leds = 0;
}

static void keyboard_set_key_type(struct keyboard_state *state, uint8_t command)
{
	keyboard_clear_queue(state);
	state->makes_only = command == ALL_TYPEMATIC || command == ALL_MAKE;
}

static void keyboard_scan_code_set(struct keyboard_state *state, uint8_t value)
{
	if (value > 3) {
		keyboard_answer(state, RESEND);
		return;
	}
	keyboard_answer(state, ACKNOWLEDGE);
	if (value == 0) {
		keyboard_answer(state, state->scan_set);
		return;
	}
	keyboard_clear_queue(state);
	state->scan_set = value;
}

static void keyboard_parameter(struct keyboard_state *state, uint8_t command, uint8_t value)
{
	if (command == SCAN_CODE_SET) {
		keyboard_scan_code_set(state, value);
		return;
	}
	keyboard_answer(state, ACKNOWLEDGE);
	if (command == SET_LEDS)
		state->leds = value & LEDS;
	else
		state->typematic = value;
}

static void keyboard_command(struct keyboard_state *state, uint8_t value)
{
	if (value == RESEND) {
		keyboard_answer(state, state->last);
		return;
	}
	if (value == ECHO) {
		keyboard_answer(state, ECHO);
		return;
	}
	keyboard_answer(state, ACKNOWLEDGE);
	switch (value) {
	case SET_LEDS:
	case SCAN_CODE_SET:
	case SET_TYPEMATIC: state->command = value; break;
	case IDENTIFY:
		keyboard_answer(state, ID_FIRST);
		keyboard_answer(state, ID_SECOND);
		break;
	case ENABLE:
		keyboard_clear_queue(state);
		state->scanning = 1;
		break;
	case DEFAULT_DISABLE:
		keyboard_set_default(state);
		state->scanning = 0;
		break;
	case SET_DEFAULT: keyboard_set_default(state); break;
	case ALL_TYPEMATIC:
	case ALL_MAKE_BREAK:
	case ALL_MAKE:
	case ALL_BOTH: keyboard_set_key_type(state, value); break;
	case RESET:
		keyboard_reset_registers(state);
		keyboard_answer(state, TEST_PASSED);
		break;
	default: state->answer[0] = RESEND; break;
	}
}

/* A byte that could be a command is one, even where a parameter was expected. */
static void keyboard_receive(struct device *keyboard, uint8_t byte)
{
	struct keyboard_state *state = keyboard->state;
	uint8_t waiting = state->command;

	state->command = 0;
	state->answer_count = 0;
	if (waiting && byte < FIRST_COMMAND)
		keyboard_parameter(state, waiting, byte);
	else
		keyboard_command(state, byte);
}

/* All has been sent: ask the operator's side for more. */
static void keyboard_idle(struct device *keyboard)
{
	struct keyboard_state *state = keyboard->state;

	if (state->queue_count || state->answer_count)
		return;
	if (!state->input_wanted)
		return;
	state->input_wanted = 0;
	platform_keyboard_input_wanted(device_platform(keyboard));
}

const struct ps2_peripheral_ops keyboard_ps2_ops = {
	.receive = keyboard_receive,
	.send = keyboard_send,
	.idle = keyboard_idle,
};

/* ---- Life ---- */

static void keyboard_reset(struct device *device)
{
	struct keyboard_state *state = device->state;
	uint8_t wanted = state->input_wanted; /* the operator's side still waits to be asked */

	*state = (struct keyboard_state){.input_wanted = wanted};
	keyboard_reset_registers(state);
}

static bool keyboard_state_valid(const void *bytes)
{
	const struct keyboard_state *state = bytes;

	return state->queue_head < KEYBOARD_QUEUE && state->queue_count <= KEYBOARD_QUEUE &&
	       state->held <= state->queue_count && state->answer_count <= KEYBOARD_ANSWER &&
	       (!state->command || keyboard_takes_parameter(state->command)) && state->scan_set >= 1 &&
	       state->scan_set <= 3 && state->scanning <= 1 && state->makes_only <= 1 &&
	       !(state->leds & ~LEDS) && state->input_wanted <= 1;
}

/* A key that was down stays so for its whole time. */
static void keyboard_restored(struct device *device)
{
	struct keyboard_state *state = device->state;

	if (state->held)
		state->release_at = device_now(device) + KEYBOARD_HOLD_NS;
	keyboard_arm(device);
}

const struct device_model keyboard_model = {
	.name = "keyboard",
	.version = 3,
	.state_size = sizeof(struct keyboard_state),
	.reset = keyboard_reset,
	.state_valid = keyboard_state_valid,
	.restored = keyboard_restored,
	.timer = keyboard_timer,
};
