/* SPDX-License-Identifier: MIT */
#include "vmm/console/terminal_input.h"
#include "lib/string.h"

#define BELL          0x07
#define CANCEL        0x18
#define SUBSTITUTE    0x1a
#define ESCAPE        0x1b
#define DELETE        0x7f
#define MOUSE_BYTES   3 /* after ESC [ M: button, column, row */
#define WITH_MODIFIER 6 /* bytes of ESC [ 1 ; MODIFIER FINAL */

void terminal_input_forget(struct terminal_input *input)
{
	input->state = INPUT_PLAIN;
	input->count = 0;
}

bool terminal_input_inside(const struct terminal_input *input)
{
	return input->state != INPUT_PLAIN;
}

/* What does not fit takes the last place, where no key has it. */
static void input_keep(struct terminal_input *input, uint8_t byte)
{
	if (input->count < INPUT_SEQUENCE_MAX)
		input->count++;
	else
		input->bytes[INPUT_SEQUENCE_MAX - 2] = '?';
	input->bytes[input->count - 1] = byte;
}

static enum input_part input_begin(struct terminal_input *input)
{
	input->state = INPUT_ESCAPE;
	input->count = 0;
	input_keep(input, ESCAPE);
	return INPUT_INSIDE;
}

static enum input_part input_end(struct terminal_input *input, enum input_part part)
{
	input->state = INPUT_PLAIN;
	return part;
}

static enum input_part input_after_escape(struct terminal_input *input, uint8_t byte)
{
	if (byte == ESCAPE) /* the first was the key, the second may be, too */
		return INPUT_CHARACTER;
	input_keep(input, byte);
	switch (byte) {
	case '[':
	case 'O': input->state = INPUT_CSI; return INPUT_INSIDE;
	case 'P': /* DCS, SOS, OSC, PM, APC */
	case 'X':
	case ']':
	case '^':
	case '_': input->state = INPUT_STRING; return INPUT_INSIDE;
	default: return input_end(input, INPUT_KEY);
	}
}

/*
 * Private sequences are none, nor are a terminal's answers and reports of its focus. A cursor's
 * place may look like F3 with a modifier.
 */
static bool input_is_key(const struct terminal_input *input)
{
	uint8_t final = input->bytes[input->count - 1];

	for (unsigned i = 2; i < input->count - 1u; i++)
		if ((input->bytes[i] < '0' || input->bytes[i] > ';') && input->bytes[i] != '[')
			return false;
	if (input->bytes[1] != '[' || !strchr("IORcntxy", final))
		return true;
	return final == 'R' && input->count == WITH_MODIFIER && input->bytes[2] == '1' &&
	       input->bytes[3] == ';';
}

static enum input_part input_in_sequence(struct terminal_input *input, uint8_t byte)
{
	bool bracket = input->bytes[1] == '[' && input->count == 2;

	if (byte < ' ') { /* broken off */
		if (byte == ESCAPE)
			return input_begin(input);
		terminal_input_forget(input);
		return INPUT_CHARACTER;
	}
	input_keep(input, byte);
	if (byte >= DELETE)
		return input_end(input, INPUT_ANSWER);
	/* In front of the final byte: parameters, and the Linux console's second bracket. */
	if (byte < '@' || (byte == '[' && bracket))
		return INPUT_INSIDE;
	if (byte == 'M' && bracket) {
		input->state = INPUT_MOUSE;
		input->mouse = MOUSE_BYTES;
		return INPUT_INSIDE;
	}
	return input_end(input, input_is_key(input) ? INPUT_KEY : INPUT_ANSWER);
}

static enum input_part input_in_string(struct terminal_input *input, uint8_t byte)
{
	input_keep(input, byte);
	if (byte == BELL || byte == CANCEL || byte == SUBSTITUTE)
		return input_end(input, INPUT_ANSWER);
	if (byte == ESCAPE)
		input->state = INPUT_STRING_ESCAPE;
	return INPUT_INSIDE;
}

enum input_part terminal_input_take(struct terminal_input *input, uint8_t byte)
{
	switch (input->state) {
	case INPUT_ESCAPE: return input_after_escape(input, byte);
	case INPUT_CSI: return input_in_sequence(input, byte);
	case INPUT_STRING: return input_in_string(input, byte);
	case INPUT_STRING_ESCAPE:
		if (byte == '\\')
			return input_end(input, INPUT_ANSWER);
		input_begin(input); /* the string was broken off */
		return input_after_escape(input, byte);
	case INPUT_MOUSE:
		input_keep(input, byte);
		return --input->mouse ? INPUT_INSIDE : input_end(input, INPUT_ANSWER);
	default: return byte == ESCAPE ? input_begin(input) : INPUT_CHARACTER;
	}
}
