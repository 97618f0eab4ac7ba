/* SPDX-License-Identifier: MIT */
#include "devices/real/real_keyboard_codes.h"
#include "lib/string.h"

#define RELEASED  0x80
#define EXTENDED  0xe0
#define PAUSE     0xe1
#define CONTROL   0x1d
#define ALT       0x38
#define SHIFT     0x2a
#define SHIFT_R   0x36
#define CAPS_LOCK 0x3a
#define NUM_LOCK  0x45
#define KEYPAD    0x47 /* 7, the first of its digits */
#define POINT     0x53
#define SLASH     0x35 /* with E0h that of the keypad, and so are */
#define ENTER     0x1c
#define ESCAPE    0x1b
#define DELETE    0x7f

/* By scan code: the keys that are a character, without and with shift. */
static const char plain[] = "\0\x1b"
			    "1234567890-=\x7f\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\0\x1b"
			      "!@#$%^&*()_+\x7f\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

/* F1 to F10, and F11 and F12, which are 57h and 58h. */
static const char *const functions[] = {"\x1bOP",   "\x1bOQ",   "\x1bOR",   "\x1bOS",
                                        "\x1b[15~", "\x1b[17~", "\x1b[18~", "\x1b[19~",
                                        "\x1b[20~", "\x1b[21~", "\x1b[23~", "\x1b[24~"};

/* From KEYPAD on: what the keys send as digits, and by their other labels. */
static const char digits[] = "789-456+1230.";
static const char *const moves[] = {"\x1b[H", "\x1b[A", "\x1b[5~", NULL,      "\x1b[D",  "\x1b[E", "\x1b[C",
                                    NULL,     "\x1b[F", "\x1b[B",  "\x1b[6~", "\x1b[2~", "\x1b[3~"};

static size_t keyboard_put_text(const char *text, uint8_t *bytes)
{
	size_t length = 0;

	for (; text[length]; length++)
		bytes[length] = (uint8_t)text[length];
	return length;
}

/* The locks and modifiers; false: another key. */
static bool keyboard_take_modifier(struct keyboard_state *state, uint8_t code, bool extended, bool down)
{
	switch (code) {
	case CONTROL: state->control[extended] = down; return true;
	case ALT: state->alt[extended] = down; return true;
	case SHIFT:
	case SHIFT_R:
		if (!extended) /* else an invention of the keyboard, for programs of 1981 */
			state->shift[code == SHIFT_R] = down;
		return true;
	case CAPS_LOCK: state->caps_lock ^= down; return true;
	case NUM_LOCK: state->num_lock ^= down; return true;
	default: return false;
	}
}

/* What a terminal makes of a character with Ctrl. */
static char keyboard_control_character(char c)
{
	if (c >= '@' && c <= '_')
		return (char)(c & 0x1f);
	if (c >= 'a' && c <= 'z')
		return (char)(c & 0x1f);
	switch (c) {
	case ' ':
	case '2': return 0;
	case '6': return 0x1e;
	case '-':
	case '/': return 0x1f;
	case DELETE: return '\b';
	default: return c;
	}
}

static size_t keyboard_put_character(const struct keyboard_state *state, char c, uint8_t *bytes)
{
	size_t length = 0;

	if (state->control[0] || state->control[1])
		c = keyboard_control_character(c);
	if (state->alt[0] || state->alt[1])
		bytes[length++] = ESCAPE;
	bytes[length++] = (uint8_t)c;
	return length;
}

static bool keyboard_is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static size_t keyboard_take_keypad(const struct keyboard_state *state, uint8_t code, bool extended,
                                   uint8_t *bytes)
{
	unsigned key = code - KEYPAD;
	bool shift = state->shift[0] || state->shift[1];

	/* The keys of their own between letters and keypad come with E0h; shift undoes Num Lock. */
	if (!moves[key] || (!extended && state->num_lock != shift))
		return keyboard_put_character(state, digits[key], bytes);
	return keyboard_put_text(moves[key], bytes);
}

static size_t keyboard_take_key(const struct keyboard_state *state, uint8_t code, bool extended,
                                uint8_t *bytes)
{
	bool shift = state->shift[0] || state->shift[1];

	if (code >= KEYPAD && code <= POINT)
		return keyboard_take_keypad(state, code, extended, bytes);
	if (extended && code != SLASH && code != ENTER)
		return 0;
	if (code >= 0x3b && code <= 0x44)
		return keyboard_put_text(functions[code - 0x3b], bytes);
	if (code == 0x57 || code == 0x58)
		return keyboard_put_text(functions[code - 0x57 + 10], bytes);
	if (code == 0x56) /* the key that Europeans have more */
		return keyboard_put_character(state, shift ? '|' : '\\', bytes);
	if (code >= sizeof(plain) - 1 || !plain[code])
		return 0;
	if (extended)
		shift = false;
	else if (keyboard_is_letter(plain[code]))
		shift ^= state->caps_lock;
	return keyboard_put_character(state, shift ? shifted[code] : plain[code], bytes);
}

size_t keyboard_decode(struct keyboard_state *state, uint8_t code, uint8_t *bytes)
{
	bool extended = state->extended, down = !(code & RELEASED);

	if (state->skip) {
		state->skip--;
		return 0;
	}
	state->extended = code == EXTENDED;
	if (code == EXTENDED)
		return 0;
	if (code == PAUSE) {
		state->skip = 2;
		return 0;
	}
	code &= (uint8_t)~RELEASED;
	if (keyboard_take_modifier(state, code, extended, down) || !down)
		return 0;
	return keyboard_take_key(state, code, extended, bytes);
}
