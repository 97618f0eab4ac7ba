/* SPDX-License-Identifier: MIT */
/* What an operator types becomes keys: see typing.h. */
#include "vmm/console/typing.h"

#include "lib/string.h"

#define ESCAPE 0x1b

void typing_forget(struct typing *typing)
{
	terminal_input_forget(&typing->input);
}

static bool typing_character(struct typing *typing, uint8_t byte)
{
	struct key_press press = key_of_character(byte);

	return keyboard_press(typing->keyboard, &press);
}

/* ESC and a character: terminals send so what is typed with Alt. */
static bool typing_alt(struct typing *typing, uint8_t byte)
{
	struct key_press press = key_of_character(byte);

	press.alt = true;
	return keyboard_press(typing->keyboard, &press);
}

static bool typing_sequence(struct typing *typing)
{
	const struct terminal_input *input = &typing->input;
	struct key_press press;

	if (input->count == 2)
		return typing_alt(typing, input->bytes[1]);
	press = key_of_sequence(input->bytes, input->count);
	return keyboard_press(typing->keyboard, &press);
}

/* No more of the sequence came: it was the Esc key, or Alt with what followed. False: no room. */
static bool typing_end(struct typing *typing)
{
	const struct terminal_input *input = &typing->input;

	if (input->count == 2 && !typing_alt(typing, input->bytes[1]))
		return false;
	if (input->count == 1 && !typing_character(typing, ESCAPE))
		return false;
	typing_forget(typing);
	return true;
}

static bool typing_overdue(const struct typing *typing)
{
	return terminal_input_inside(&typing->input) && device_now(typing->keyboard) >= typing->escape_at;
}

/* False: no room for the key that it makes. */
static bool typing_press(struct typing *typing, uint8_t byte)
{
	bool second = byte == '\n' && typing->after_cr; /* CR LF is one Enter */

	switch (terminal_input_take(&typing->input, byte)) {
	case INPUT_CHARACTER: return second || typing_character(typing, byte);
	case INPUT_KEY: return typing_sequence(typing);
	default: return true;
	}
}

static bool typing_byte(struct typing *typing, uint8_t byte)
{
	struct terminal_input before;

	if (typing_overdue(typing) && !typing_end(typing))
		return false;
	before = typing->input;
	if (!typing_press(typing, byte)) {
		typing->input = before;
		return false;
	}
	typing->after_cr = byte == '\r';
	if (terminal_input_inside(&typing->input))
		typing->escape_at = device_now(typing->keyboard) + TYPING_ESCAPE_NS;
	return true;
}

size_t typing_take(struct typing *typing, const uint8_t *bytes, size_t count)
{
	size_t taken = 0;

	while (taken < count && typing_byte(typing, bytes[taken]))
		taken++;
	return taken;
}

uint64_t typing_expire(struct typing *typing)
{
	uint64_t now;

	if (!terminal_input_inside(&typing->input))
		return TYPING_NEVER;
	now = device_now(typing->keyboard);
	if (now < typing->escape_at)
		return typing->escape_at - now;
	(void)typing_end(typing); /* without room, the keyboard will ask for more */
	return TYPING_NEVER;
}
