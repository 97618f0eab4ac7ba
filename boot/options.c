#include "boot/options.h"
#include "lib/string.h"

#define SPEED_MIN 50
#define SPEED_MAX 115200
#define PORT_MIN  0x100
#define PORT_MAX  0xfff8

struct word {
	const char *text;
	size_t length;
};

struct value_name {
	const char *name;
	uint32_t value;
};

static const struct value_name serial_names[] = {
    {"com1", 0x3f8},
    {"com2", 0x2f8},
    {"com3", 0x3e8},
    {"com4", 0x2e8},
	{"none", 0	  },
};

static const struct value_name screen_names[] = {
    {"yes", 1},
	{"no",  0}
};

static bool word_is(struct word word, const char *text)
{
	return word.length == strlen(text) && !memcmp(word.text, text, word.length);
}

static bool find_name(const struct value_name *names, size_t count, struct word word, uint32_t *value)
{
	for (size_t i = 0; i < count; i++) {
		if (word_is(word, names[i].name)) {
			*value = names[i].value;
			return true;
		}
	}
	return false;
}

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

/* A number from `min` to `max`, decimal or 0x and hexadecimal. */
static bool parse_number(struct word word, uint32_t min, uint32_t max, uint32_t *value)
{
	unsigned base = 10;
	uint64_t number = 0;

	if (word.length > 2 && word.text[0] == '0' && word.text[1] == 'x') {
		base = 16;
		word = (struct word){word.text + 2, word.length - 2};
	}
	if (!word.length)
		return false;
	for (size_t i = 0; i < word.length; i++) {
		unsigned digit = digit_value(word.text[i]);

		if (digit >= base)
			return false;
		number = number * base + digit;
		if (number > max)
			return false;
	}
	*value = (uint32_t)number;
	return number >= min;
}

static bool parse_serial(struct boot_options *options, struct word value)
{
	uint32_t port;

	if (!find_name(serial_names, ARRAY_SIZE(serial_names), value, &port) &&
	    !parse_number(value, PORT_MIN, PORT_MAX, &port))
		return false;
	options->serial_port = (uint16_t)port;
	return true;
}

static bool parse_speed(struct boot_options *options, struct word value)
{
	uint32_t speed;

	if (!parse_number(value, SPEED_MIN, SPEED_MAX, &speed))
		return false;
	options->serial_speed = speed;
	return true;
}

static bool parse_screen(struct boot_options *options, struct word value)
{
	uint32_t screen;

	if (!find_name(screen_names, ARRAY_SIZE(screen_names), value, &screen))
		return false;
	options->screen = screen;
	return true;
}

static const struct {
	const char *key;
	bool (*parse)(struct boot_options *options, struct word value);
} keys[] = {
    {"serial", parse_serial},
    {"speed",  parse_speed },
    {"screen", parse_screen},
};

static bool parse_option(struct boot_options *options, struct word word)
{
	const char *equals = memchr(word.text, '=', word.length);
	struct word key, value;

	if (!equals)
		return false;
	key = (struct word){word.text, (size_t)(equals - word.text)};
	value = (struct word){equals + 1, word.length - key.length - 1};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (word_is(key, keys[i].key))
			return keys[i].parse(options, value);
	return false;
}

static void copy_word(char *to, struct word word)
{
	size_t length = MIN(word.length, (size_t)BOOT_OPTION_MAX - 1);

	memcpy(to, word.text, length);
	to[length] = '\0';
}

unsigned boot_options_parse(const char *command_line, struct boot_options *options,
			    char unknown[BOOT_OPTION_MAX])
{
	unsigned count = 0;

	*options = (struct boot_options){.serial_port = 0x3f8, .serial_speed = SPEED_MAX, .screen = true};
	unknown[0] = '\0';
	while (*command_line) {
		struct word word = {command_line, 0};

		while (word.text[word.length] && word.text[word.length] != ' ')
			word.length++;
		if (word.length && !parse_option(options, word) && !count++)
			copy_word(unknown, word);
		command_line += word.length;
		while (*command_line == ' ')
			command_line++;
	}
	return count;
}
