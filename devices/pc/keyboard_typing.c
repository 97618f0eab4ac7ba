/* SPDX-License-Identifier: MIT */
/* From what an operator types on a terminal to keys: keyboard_type() of keyboard.h. */
#include "devices/pc/keyboard_typing.h"

#include "devices/machine/machine.h"
#include "lib/string.h"

#define ESCAPE 0x1b

static void forget_typed(struct device *device)
{
	struct keyboard_state *state = device->state;

	state->typed_count = 0;
}

static void keep_typed(struct device *device, uint8_t byte)
{
	struct keyboard_state *state = device->state;

	/* None of ours is so long: with this in it, it is no key when its end comes. */
	if (state->typed_count == KEYBOARD_TYPED)
		state->typed[KEYBOARD_TYPED - 1] = '?';
	else
		state->typed[state->typed_count++] = byte;
	state->escape_at = device_now(device) + KEYBOARD_ESCAPE_NS;
}

/* ESC and a character: terminals send so what is typed with Alt. */
static bool type_alt(struct device *device, uint8_t byte)
{
	struct key_press press = key_of_character(byte);

	press.alt = true;
	if (!keyboard_press(device, &press))
		return false;
	forget_typed(device);
	return true;
}

static bool type_sequence(struct device *device, uint8_t final)
{
	struct keyboard_state *state = device->state;
	uint8_t sequence[KEYBOARD_TYPED + 1];
	struct key_press press;

	memcpy(sequence, state->typed, state->typed_count);
	sequence[state->typed_count] = final;
	press = key_of_sequence(sequence, state->typed_count + 1u);
	if (!keyboard_press(device, &press))
		return false;
	forget_typed(device);
	return true;
}

static bool type_character(struct device *device, uint8_t byte)
{
	struct key_press press = key_of_character(byte);

	return keyboard_press(device, &press);
}

/* The next byte of a sequence that has begun. False: no room for the key that it ends. */
static bool continue_sequence(struct device *device, uint8_t byte)
{
	struct keyboard_state *state = device->state;

	if (byte == ESCAPE && state->typed_count == 1)
		return type_character(device, ESCAPE); /* the first was the key, the second may be, too */
	if (byte < ' ' && state->typed_count > 1) {
		forget_typed(device); /* broken off */
		if (byte != ESCAPE)
			return type_character(device, byte);
		keep_typed(device, byte);
		return true;
	}
	if (state->typed_count == 1 && byte != '[' && byte != 'O')
		return type_alt(device, byte);
	/* In front of the final byte: parameters, and the Linux console's second bracket. */
	if (state->typed_count == 1 || byte < '@' || (byte == '[' && state->typed_count == 2)) {
		keep_typed(device, byte);
		return true;
	}
	return type_sequence(device, byte);
}

/* No more of the sequence came: it was the Esc key, or Alt with what followed. False: no room. */
static bool end_sequence(struct device *device)
{
	struct keyboard_state *state = device->state;

	if (state->typed_count == 2)
		return type_alt(device, state->typed[1]);
	if (state->typed_count == 1 && !type_character(device, ESCAPE))
		return false;
	forget_typed(device);
	return true;
}

static bool sequence_overdue(const struct device *device)
{
	const struct keyboard_state *state = device->state;

	return state->typed_count && device_now(device) >= state->escape_at;
}

/* For the next of what time brings; an overdue sequence waits for room instead. */
static void arm(struct device *device)
{
	const struct keyboard_state *state = device->state;
	uint64_t next = state->held ? state->release_at : DEADLINE_NONE;

	if (state->typed_count && !sequence_overdue(device))
		next = MIN(next, state->escape_at);
	device_arm(device, next);
}

static bool type(struct device *device, uint8_t byte)
{
	const struct keyboard_state *state = device->state;

	if (sequence_overdue(device) && !end_sequence(device))
		return false;
	if (state->typed_count)
		return continue_sequence(device, byte);
	if (byte != ESCAPE)
		return type_character(device, byte);
	keep_typed(device, byte);
	return true;
}

size_t keyboard_type(struct device *device, const uint8_t *bytes, size_t count)
{
	struct keyboard_state *state = device->state;
	size_t taken = 0;

	while (taken < count && type(device, bytes[taken]))
		taken++;
	if (taken < count)
		state->input_wanted = 1;
	arm(device);
	i8042_keyboard_ready(&device->machine->device[DEVICE_I8042]);
	return taken;
}

void keyboard_typing_timer(struct device *device)
{
	struct keyboard_state *state = device->state;

	if (device_now(device) >= state->release_at)
		state->held = 0;
	if (sequence_overdue(device))
		(void)end_sequence(device); /* without room, keyboard_typing_overdue() comes back to it */
	arm(device);
	i8042_keyboard_ready(&device->machine->device[DEVICE_I8042]);
}

void keyboard_typing_overdue(struct device *device)
{
	if (sequence_overdue(device))
		keyboard_typing_timer(device);
}

void keyboard_typing_restored(struct device *device)
{
	struct keyboard_state *state = device->state;

	if (state->typed_count)
		state->escape_at = device_now(device) + KEYBOARD_ESCAPE_NS;
	if (state->held)
		state->release_at = device_now(device) + KEYBOARD_HOLD_NS;
	arm(device);
}
