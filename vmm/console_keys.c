/* Who the operator talks to: the escape key and what it switches. */
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console.h"
#include "vmm/console_internal.h"
#include "vmm/shell.h"

#define ESCAPE_KEY    0x01 /* Ctrl-A */
#define BELL          0x07
#define TEXT_MAX      160
#define CHUNK         256
#define LAST_LINE_MAX 200
#define REPLAY_SPARE  1024 /* of the ring, for the status line and the last line */

static struct channel *attached; /* null: the shell */
static bool escaped;             /* the last byte was the escape key */

static void say(const char *format, ...) printf_like(1, 2);

static void say(const char *format, ...)
{
	char text[TEXT_MAX];
	size_t length;
	va_list args;

	va_start(args, format);
	length = (size_t)format_buffer_va(text, sizeof(text), format, args);
	va_end(args);
	console_write(text, MIN(length, sizeof(text) - 1));
}

struct channel *console_attached(void)
{
	return attached;
}

static void replay(const struct scrollback *scrollback, uint64_t from)
{
	uint8_t bytes[CHUNK];
	size_t count;

	while ((count = scrollback_copy(scrollback, from, bytes, sizeof(bytes)))) {
		console_put(bytes, count);
		from = MAX(from, scrollback_start(scrollback)) + count;
	}
}

/* Where the unfinished last line begins: a prompt, which the status line must not hide. */
static uint64_t last_line(const struct scrollback *scrollback)
{
	uint64_t at = scrollback->written, start = scrollback_start(scrollback);
	uint8_t byte;

	while (at > start && scrollback->written - at < LAST_LINE_MAX) {
		scrollback_copy(scrollback, at - 1, &byte, 1);
		if (byte == '\n')
			break;
		at--;
	}
	return at;
}

/* The VM's CPU waits meanwhile if it has something to say, so that it comes behind what is replayed. */
static void show_channel(struct channel *channel)
{
	const struct scrollback *scrollback = channel->scrollback;
	size_t room = console_free() > REPLAY_SPARE ? console_free() - REPLAY_SPARE : 0;
	uint64_t from;

	channel_lock(channel);
	from = scrollback->written > room ? scrollback->written - room : 0;
	console_put("\r\n", 2);
	replay(scrollback, from);
	say("[Nacre: VM %u, %.32s. Ctrl-A m: monitor, Ctrl-A ?: keys]\n", channel->number, channel->name);
	replay(scrollback, last_line(scrollback));
	channel_attach(channel);
	channel_unlock(channel);
}

void console_attach(struct channel *channel)
{
	struct channel *left = attached;

	if (channel == left && channel)
		return;
	if (!left)
		shell_hide_prompt();
	attached = channel;
	/* Output of the one that was left goes to its scrollback from now on: nothing holds it back any more.
	 */
	if (left && channel_detach(left))
		left->kick(left);
	console_hold_input(false);
	if (channel)
		show_channel(channel);
	else if (left)
		say("[Nacre: monitor. Ctrl-A and a digit: that VM, Ctrl-A ?: keys]\n");
}

static void key_number(uint8_t key)
{
	struct channel *channel = channel_find(key - '0');

	if (channel)
		console_attach(channel);
	else
		say("[Nacre: there is no VM %c]\n", key);
}

static void key_next(uint8_t key)
{
	struct channel *channel = channel_next(attached);

	if (channel)
		console_attach(channel);
	else
		say("[Nacre: there is no VM]\n");
}

static void key_monitor(uint8_t key)
{
	console_attach(NULL);
}

static void pass_on(uint8_t byte)
{
	if (!attached) {
		shell_input(byte);
		return;
	}
	if (!channel_receive(attached, byte))
		console_put((const uint8_t[]){BELL}, 1);
}

static void key_help(uint8_t key);

static const struct key {
	uint8_t first, last; /* the range of bytes that follow Ctrl-A */
	const char *name, *help;
	void (*press)(uint8_t key);
} keys[] = {
	{'1',        '9',        "1..9",   "go to the console of that VM", key_number },
	{'n',        'n',        "n",      "go to the next VM",            key_next   },
	{'m',        'm',        "m",      "go to the monitor's shell",    key_monitor},
	{'?',        '?',        "?",      "show this",                    key_help   },
	{ESCAPE_KEY, ESCAPE_KEY, "Ctrl-A", "send a Ctrl-A on",             pass_on    },
};

static void key_help(uint8_t key)
{
	say("[Nacre: keys after Ctrl-A]\n");
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		say("  %-7s %s\n", keys[i].name, keys[i].help);
	for (struct channel *channel = channel_next(NULL), *first = channel; channel;) {
		say("  %-7u %.32s%s\n", channel->number, channel->name, channel == attached ? " (here)" : "");
		channel = channel_next(channel);
		if (channel == first)
			break;
	}
}

void console_key(uint8_t byte)
{
	if (!escaped) {
		escaped = byte == ESCAPE_KEY;
		if (!escaped)
			pass_on(byte);
		return;
	}
	escaped = false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (byte >= keys[i].first && byte <= keys[i].last) {
			keys[i].press(byte);
			return;
		}
	}
	say("[Nacre: Ctrl-A is the escape key; Ctrl-A ? shows the keys]\n");
}
