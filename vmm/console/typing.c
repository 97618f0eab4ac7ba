/* SPDX-License-Identifier: MIT */
/* What an operator types becomes keys: see typing.h. */
#include "vmm/console/typing.h"

#include "lib/string.h"

#define ESCAPE 0x1b

void typing_forget(struct typing *typing)
{
	typing->count = 0;
}

static void typing_keep(struct typing *typing, uint8_t byte)
{
	/* No key's sequence is so long: with this in it, it is no key when its end comes. */
	if (typing->count == TYPING_SEQUENCE_MAX)
		typing->bytes[TYPING_SEQUENCE_MAX - 1] = '?';
	else
		typing->bytes[typing->count++] = byte;
	typing->escape_at = device_now(typing->keyboard) + TYPING_ESCAPE_NS;
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
	if (!keyboard_press(typing->keyboard, &press))
		return false;
	typing_forget(typing);
	return true;
}

static bool typing_sequence(struct typing *typing, uint8_t final)
{
	uint8_t sequence[TYPING_SEQUENCE_MAX + 1];
	struct key_press press;

	memcpy(sequence, typing->bytes, typing->count);
	sequence[typing->count] = final;
	press = key_of_sequence(sequence, typing->count + 1u);
	if (!keyboard_press(typing->keyboard, &press))
		return false;
	typing_forget(typing);
	return true;
}

/* The next byte of a sequence that has begun. False: no room for the key that it ends. */
static bool typing_continue(struct typing *typing, uint8_t byte)
{
	if (byte == ESCAPE && typing->count == 1)
		return typing_character(typing, ESCAPE); /* the first was the key, the second may be, too */
	if (byte < ' ' && typing->count > 1) {
		typing_forget(typing); /* broken off */
		if (byte != ESCAPE)
			return typing_character(typing, byte);
		typing_keep(typing, byte);
		return true;
	}
	if (typing->count == 1 && byte != '[' && byte != 'O')
		return typing_alt(typing, byte);
	/* In front of the final byte: parameters, and the Linux console's second bracket. */
	if (typing->count == 1 || byte < '@' || (byte == '[' && typing->count == 2)) {
		typing_keep(typing, byte);
		return true;
	}
	return typing_sequence(typing, byte);
}

/* No more of the sequence came: it was the Esc key, or Alt with what followed. False: no room. */
static bool typing_end(struct typing *typing)
{
	if (typing->count == 2)
		return typing_alt(typing, typing->bytes[1]);
	if (typing->count == 1 && !typing_character(typing, ESCAPE))
		return false;
	typing_forget(typing);
	return true;
}

static bool typing_overdue(const struct typing *typing)
{
	return typing->count && device_now(typing->keyboard) >= typing->escape_at;
}

static bool typing_byte(struct typing *typing, uint8_t byte)
{
	if (typing_overdue(typing) && !typing_end(typing))
		return false;
	if (typing->count)
		return typing_continue(typing, byte);
	if (byte != ESCAPE)
		return typing_character(typing, byte);
	typing_keep(typing, byte);
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

	if (!typing->count)
		return TYPING_NEVER;
	now = device_now(typing->keyboard);
	if (now < typing->escape_at)
		return typing->escape_at - now;
	(void)typing_end(typing); /* without room, the keyboard will ask for more */
	return TYPING_NEVER;
}
