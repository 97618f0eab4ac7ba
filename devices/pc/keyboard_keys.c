/* SPDX-License-Identifier: MIT */
/*
 * Which key a terminal means: see keyboard_keys.h. Sequences as in "XTerm Control Sequences",
 * "PC-Style Function Keys", and console_codes(4) of Linux.
 */
#include "devices/pc/keyboard_keys.h"

#define SHIFTED 0x80

#define CODE_TAB       0x0d
#define CODE_BACKSPACE 0x66
#define CODE_ENTER     0x5a
#define CODE_ESCAPE    0x76
#define CODE_2         0x1e /* with Ctrl: NUL */
#define CODE_F1        0x05

/* The printable characters in their order, in set 2 with SHIFTED. */
static const uint8_t printable[] = {
	0x29,           SHIFTED | 0x16, SHIFTED | 0x52, SHIFTED | 0x26, /* space ! " # */
	SHIFTED | 0x25, SHIFTED | 0x2e, SHIFTED | 0x3d, 0x52,           /* $ % & ' */
	SHIFTED | 0x46, SHIFTED | 0x45, SHIFTED | 0x3e, SHIFTED | 0x55, /* ( ) * + */
	0x41,           0x4e,           0x49,           0x4a,           /* , - . / */
	0x45,           0x16,           0x1e,           0x26,           /* 0 to 3 */
	0x25,           0x2e,           0x36,           0x3d,           /* 4 to 7 */
	0x3e,           0x46,           SHIFTED | 0x4c, 0x4c,           /* 8 9 : ; */
	SHIFTED | 0x41, 0x55,           SHIFTED | 0x49, SHIFTED | 0x4a, /* < = > ? */
	SHIFTED | 0x1e,                                                 /* @ */
	SHIFTED | 0x1c, SHIFTED | 0x32, SHIFTED | 0x21, SHIFTED | 0x23, /* A to D */
	SHIFTED | 0x24, SHIFTED | 0x2b, SHIFTED | 0x34, SHIFTED | 0x33, /* E to H */
	SHIFTED | 0x43, SHIFTED | 0x3b, SHIFTED | 0x42, SHIFTED | 0x4b, /* I to L */
	SHIFTED | 0x3a, SHIFTED | 0x31, SHIFTED | 0x44, SHIFTED | 0x4d, /* M to P */
	SHIFTED | 0x15, SHIFTED | 0x2d, SHIFTED | 0x1b, SHIFTED | 0x2c, /* Q to T */
	SHIFTED | 0x3c, SHIFTED | 0x2a, SHIFTED | 0x1d, SHIFTED | 0x22, /* U to X */
	SHIFTED | 0x35, SHIFTED | 0x1a,                                 /* Y Z */
	0x54,           0x5d,           0x5b,                           /* [ \ ] */
	SHIFTED | 0x36, SHIFTED | 0x4e, 0x0e,                           /* ^ _ ` */
	0x1c,           0x32,           0x21,           0x23,           /* a to d */
	0x24,           0x2b,           0x34,           0x33,           /* e to h */
	0x43,           0x3b,           0x42,           0x4b,           /* i to l */
	0x3a,           0x31,           0x44,           0x4d,           /* m to p */
	0x15,           0x2d,           0x1b,           0x2c,           /* q to t */
	0x3c,           0x2a,           0x1d,           0x22,           /* u to x */
	0x35,           0x1a,                                           /* y z */
	SHIFTED | 0x54, SHIFTED | 0x5d, SHIFTED | 0x5b, SHIFTED | 0x0e, /* { | } ~ */
};
_Static_assert(sizeof(printable) == '~' - ' ' + 1, "ASCII");

/*
 * Control characters that have a key of their own; the others are Ctrl with the character 40h
 * above.
 */
static uint8_t key_of_control(uint8_t character)
{
	switch (character) {
	case '\b':
	case 0x7f: return CODE_BACKSPACE;
	case '\t': return CODE_TAB;
	case '\n':
	case '\r': return CODE_ENTER;
	case 0x1b: return CODE_ESCAPE;
	default: return 0;
	}
}

struct key_press key_of_character(uint8_t character)
{
	uint8_t own = key_of_control(character), letter, code;

	if (own)
		return (struct key_press){.code = own};
	if (character > '~')
		return (struct key_press){0};
	if (character == 0)
		return (struct key_press){.code = CODE_2, .control = true};
	if (character >= ' ') {
		code = printable[character - ' '];
		return (struct key_press){.code = code & ~SHIFTED, .shift = code & SHIFTED};
	}
	/* Letters in their small form; Ctrl-^ and Ctrl-_ need the shift. */
	letter = character + (character <= 26 ? 0x60 : 0x40);
	code = printable[letter - ' '];
	return (struct key_press){.code = code & ~SHIFTED, .shift = code & SHIFTED, .control = true};
}

struct named_key {
	uint8_t name; /* the final byte, or the number in front of ~ */
	uint8_t code;
	bool extended;
};

/* clang-format off */
static const struct named_key by_final[] = {
	{'A', 0x75, true},  /* Up */
	{'B', 0x72, true},  /* Down */
	{'C', 0x74, true},  /* Right */
	{'D', 0x6b, true},  /* Left */
	{'F', 0x69, true},  /* End */
	{'H', 0x6c, true},  /* Home */
	{'P', 0x05, false}, /* F1 to F4 */
	{'Q', 0x06, false},
	{'R', 0x04, false},
	{'S', 0x0c, false},
	{'M', 0x5a, true},  /* Enter of the keypad */
	{'Z', 0x0d, false}, /* Tab, with the shift */
};
/* clang-format on */

/* clang-format off */
static const struct named_key by_number[] = {
	{1,  0x6c, true},  /* Home */
	{2,  0x70, true},  /* Insert */
	{3,  0x71, true},  /* Delete */
	{4,  0x69, true},  /* End */
	{5,  0x7d, true},  /* Page Up */
	{6,  0x7a, true},  /* Page Down */
	{7,  0x6c, true},  /* Home and End of rxvt */
	{8,  0x69, true},
	{11, 0x05, false}, /* F1 to F12 */
	{12, 0x06, false},
	{13, 0x04, false},
	{14, 0x0c, false},
	{15, 0x03, false},
	{17, 0x0b, false},
	{18, 0x83, false},
	{19, 0x0a, false},
	{20, 0x01, false},
	{21, 0x09, false},
	{23, 0x78, false},
	{24, 0x07, false},
};
/* clang-format on */

/* The Linux console's F1 to F5: ESC [ [ A to E. */
static const uint8_t linux_keys[] = {CODE_F1, 0x06, 0x04, 0x0c, 0x03};

static struct key_press key_find(const struct named_key *keys, unsigned count, unsigned name, unsigned held)
{
	for (unsigned i = 0; i < count; i++)
		if (keys[i].name == name)
			return (struct key_press){
				.code = keys[i].code,
				.extended = keys[i].extended,
				.shift = held & 1,
				.alt = held & 2,
				.control = held & 4,
			};
	return (struct key_press){0};
}

struct key_press key_of_sequence(const uint8_t *bytes, unsigned count)
{
	uint8_t final = bytes[count - 1];
	unsigned parameters[2] = {0, 0}, n = 0;
	unsigned held;

	if (count == 4 && bytes[2] == '[') {
		bool known = final >= 'A' && final < 'A' + sizeof(linux_keys);

		return (struct key_press){.code = known ? linux_keys[final - 'A'] : 0};
	}
	for (unsigned i = 2; i < count - 1; i++) {
		if (bytes[i] == ';' && n == 0)
			n = 1;
		else if (bytes[i] >= '0' && bytes[i] <= '9' && parameters[n] < 100)
			parameters[n] = parameters[n] * 10 + bytes[i] - '0';
		else
			return (struct key_press){0};
	}
	/* The second parameter is 1 more than the sum of the modifiers. */
	held = parameters[1] ? parameters[1] - 1 : 0;
	if (final == '~')
		return key_find(by_number, ARRAY_SIZE(by_number), parameters[0], held);
	return key_find(by_final, ARRAY_SIZE(by_final), final, final == 'Z' ? held | 1 : held);
}
