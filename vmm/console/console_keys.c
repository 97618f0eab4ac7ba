/* SPDX-License-Identifier: MIT */
/* Who the operator talks to: the escape key and what it switches. */
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"

#define ESCAPE_KEY    0x01 /* Ctrl-A */
#define BELL          0x07
#define TEXT_MAX      160
#define CHUNK         256
#define LAST_LINE_MAX 200
#define REPLAY_SPARE  1024 /* of the ring, for the status line and the last line */
#define LISTED_MAX    16   /* VMs in the help */
#define CLEAR_PICTURE "\x1b[0m\x1b[2J\x1b[H\x1b[?25h"

static struct channel *keys_attached; /* null: the shell */
static bool keys_escaped;             /* the last byte was the escape key */
static bool keys_picture_broken;      /* the attached screen's picture was written over */

void console_say(const char *format, ...)
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
	return keys_attached;
}

bool console_break_picture(void)
{
	if (!keys_attached || !keys_attached->screen)
		return false;
	keys_picture_broken = true;
	return true;
}

bool console_away(void)
{
	return keys_attached || goto_active();
}

static void keys_replay(const struct scrollback *scrollback, uint64_t from)
{
	uint8_t bytes[CHUNK];
	size_t count;

	while ((count = scrollback_copy(scrollback, from, bytes, sizeof(bytes)))) {
		console_put(bytes, count);
		from = MAX(from, scrollback_start(scrollback)) + count;
	}
}

/* Where the unfinished last line begins: a prompt, which the status line must not hide. */
static uint64_t keys_last_line(const struct scrollback *scrollback)
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

/*
 * The VM's CPU waits meanwhile if it has something to say, so that it comes after what is
 * replayed.
 */
static void keys_show_serial(struct channel *channel)
{
	const struct scrollback *scrollback = channel->scrollback;
	size_t room = console_free() > REPLAY_SPARE ? console_free() - REPLAY_SPARE : 0;

	channel_lock(channel);
	console_put("\r\n", 2);
	if (scrollback)
		keys_replay(scrollback, scrollback->written > room ? scrollback->written - room : 0);
	console_say("[Nacre: VM %u, %.32s. Ctrl-A m: monitor, Ctrl-A ?: keys]\n", channel->number,
	            channel->name);
	if (scrollback)
		keys_replay(scrollback, keys_last_line(scrollback));
	channel_attach(channel);
	channel_unlock(channel);
}

/* The owner paints over the line. */
static void keys_show_screen(struct channel *channel)
{
	console_put(CLEAR_PICTURE, sizeof(CLEAR_PICTURE) - 1);
	console_say("[Nacre: VM %u, %.32s, its screen. Ctrl-A m: monitor, Ctrl-A ?: keys]\n", channel->number,
	            channel->name);
	keys_picture_broken = false;
	channel_lock(channel);
	channel_attach(channel);
	channel_unlock(channel);
	channel->kick(channel);
}

static void keys_leave(struct channel *channel)
{
	bool held_back = channel_detach(channel);

	/* Output goes to its scrollback from now on: nothing holds it back any more. */
	if (held_back || channel->screen)
		channel->kick(channel);
	if (channel->screen)
		console_put(CLEAR_PICTURE, sizeof(CLEAR_PICTURE) - 1);
}

void console_attach(struct channel *channel)
{
	struct channel *left = keys_attached;

	if (channel == left && channel)
		return;
	goto_cancel();
	if (!left)
		console_shell_hide_prompt();
	if (channel && tagged_on())
		tagged_turn(false);
	keys_attached = NULL; /* messages on the way belong to no VM's line */
	keys_picture_broken = false;
	if (left)
		keys_leave(left);
	console_hold_input(false);
	keys_attached = channel;
	if (channel && channel->screen)
		keys_show_screen(channel);
	else if (channel)
		keys_show_serial(channel);
	else if (left)
		console_say("[Nacre: monitor. Ctrl-A and a digit: that VM, Ctrl-A ?: keys]\n");
}

void console_follow_view(void)
{
	struct channel *seen = keys_attached ? channel_find(keys_attached->number) : NULL;

	if (seen && seen != keys_attached)
		console_attach(seen);
}

static void key_number(uint8_t key)
{
	struct channel *channel = channel_find(key - '0');

	if (channel)
		console_attach(channel);
	else
		console_say("[Nacre: there is no VM %c]\n", key);
}

static void keys_go(struct channel *channel)
{
	if (channel)
		console_attach(channel);
	else
		console_say("[Nacre: there is no VM]\n");
}

static void key_next(uint8_t key)
{
	keys_go(channel_next(keys_attached));
}

static void key_previous(uint8_t key)
{
	keys_go(channel_previous(keys_attached));
}

static void key_monitor(uint8_t key)
{
	console_attach(NULL);
}

/* Between the serial line and the screen of the VM, and remember it. */
static void key_view(uint8_t key)
{
	struct channel *other = keys_attached ? channel_other(keys_attached) : NULL;

	if (!keys_attached) {
		console_say("[Nacre: this is the monitor; Ctrl-A and a digit go to a VM]\n");
	} else if (!other) {
		console_say("[Nacre: %.32s has no %s on this console]\n", keys_attached->name,
		            keys_attached->screen ? "serial line" : "screen");
	} else {
		channel_set_view(other->number, other->screen ? CHANNEL_VIEW_SCREEN : CHANNEL_VIEW_SERIAL);
		console_attach(other);
	}
}

static void key_tagged(uint8_t key)
{
	bool on = !tagged_on();

	console_attach(NULL);
	tagged_turn(on);
	console_say(on ? "[Nacre: all VMs' output, each line with its VM's name. Ctrl-A t: no more]\n"
	               : "[Nacre: no VM's output any more]\n");
}

static void keys_pass_on(uint8_t byte)
{
	if (!keys_attached) {
		console_shell_input(byte);
		return;
	}
	if (!channel_receive(keys_attached, byte))
		console_put((const uint8_t[]){BELL}, 1);
}

static void key_help(uint8_t key);

/* clang-format off */
const struct console_key console_keys[] = {
	{'1',        '9',        "1..9",   "go to the console of that VM", key_number},
	{'0',        '0',        "0",      "go to a VM: type its number or name, and Enter", goto_start},
	{'g',        'g',        "g",      "the same",                     goto_start},
	{'n',        'n',        "n",      "go to the next VM",            key_next},
	{'p',        'p',        "p",      "go to the previous VM",        key_previous},
	{'s',        's',        "s",      "switch between the VM's serial line and its screen", key_view},
	{'t',        't',        "t",      "show all VMs' output, tagged with their names; again: no more", key_tagged  },
	{'m',        'm',        "m",      "go to the monitor's shell",    key_monitor},
	{'?',        '?',        "?",      "show this",                    key_help},
	{ESCAPE_KEY, ESCAPE_KEY, "Ctrl-A", "send a Ctrl-A on",             keys_pass_on},
};
/* clang-format on */
const unsigned console_key_count = ARRAY_SIZE(console_keys);

static void keys_list_channels(void)
{
	struct channel *channel = channel_next(NULL), *first = channel;
	unsigned listed = 0;

	while (channel && listed++ < LISTED_MAX) {
		console_say("  %-7u %.32s%s\n", channel->number, channel->name,
		            channel == keys_attached ? " (here)" : "");
		channel = channel_next(channel);
		if (channel == first)
			return;
	}
	if (channel)
		console_say("  and more; the monitor's command 'list' shows all\n");
}

static void key_help(uint8_t key)
{
	console_say("[Nacre: keys after Ctrl-A]\n");
	for (unsigned i = 0; i < console_key_count; i++)
		console_say("  %-7s %s\n", console_keys[i].name, console_keys[i].help);
	keys_list_channels();
}

static void keys_press(uint8_t byte)
{
	for (unsigned i = 0; i < console_key_count; i++) {
		if (byte >= console_keys[i].first && byte <= console_keys[i].last) {
			console_keys[i].press(byte);
			return;
		}
	}
	console_say("[Nacre: Ctrl-A is the escape key; Ctrl-A ? shows the keys]\n");
}

void console_key(uint8_t byte)
{
	if (keys_picture_broken) { /* whatever was said over the picture has been read */
		keys_picture_broken = false;
		channel_repaint(keys_attached);
	}
	if (keys_escaped) {
		keys_escaped = false;
		keys_press(byte);
	} else if (byte == ESCAPE_KEY) {
		goto_cancel();
		keys_escaped = true;
	} else if (goto_active()) {
		goto_key(byte);
	} else {
		keys_pass_on(byte);
	}
}
