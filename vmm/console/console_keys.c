/* SPDX-License-Identifier: MIT */
/* What the operator types: the escape key and what it does, and keys for the shell or a VM. */
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"
#include "vmm/console/terminal_input.h"
#include "vmm/cpu/time.h"

#define ESCAPE      0x1b
#define ESCAPE_KEY  0x01 /* Ctrl-A */
#define BELL        0x07
#define TEXT_MAX    160
#define LISTED_MAX  16        /* VMs in the help */
#define SEQUENCE_NS 500000000 /* between two bytes of a sequence, at most: networks stall */

static bool keys_escaped; /* the last byte was the escape key */
static struct {
	struct terminal_input input;
	uint64_t last; /* TSC of the last byte */
	bool stale;    /* the sequence began before the keys went elsewhere */
	bool after_cr; /* the last byte was a CR that ended a question of the monitor's */
} keys_line;

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

void console_keys_go_elsewhere(void)
{
	keys_line.stale = terminal_input_inside(&keys_line.input);
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
	keys_go(channel_next(console_attached()));
}

static void key_previous(uint8_t key)
{
	keys_go(channel_previous(console_attached()));
}

static void key_monitor(uint8_t key)
{
	console_attach(NULL);
}

/* Between the serial line and the screen of the VM, and remember it. */
static void key_view(uint8_t key)
{
	struct channel *here = console_attached(), *other = here ? channel_other(here) : NULL;

	if (!here) {
		console_say("[Nacre: this is the monitor; Ctrl-A and a digit go to a VM]\n");
	} else if (!other) {
		console_say("[Nacre: %.32s has no %s on this console]\n", here->name,
		            here->screen ? "serial line" : "screen");
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

static void key_break(uint8_t key)
{
	if (!console_attached() || !channel_receive_break(console_attached()))
		console_say("[Nacre: there is no serial line here to send BREAK on]\n");
}

void console_break(void)
{
	if (console_attached())
		(void)channel_receive_break(console_attached());
}

/* One bell for all that is dropped until that is said. */
static void keys_to_vm(struct channel *channel, uint8_t byte)
{
	bool first = !channel->input_dropped;

	if (!channel_receive(channel, byte) && first)
		console_put((const uint8_t[]){BELL}, 1);
}

static void keys_pass_on(uint8_t byte)
{
	if (console_attached())
		keys_to_vm(console_attached(), byte);
	else
		console_shell_input(byte);
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
	{'b',        'b',        "b",      "send BREAK on the VM's serial line", key_break},
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
		            channel == console_attached() ? " (here)" : "");
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

/* Answers of the terminal, and what else is no key, are nothing for the shell. */
static void keys_to_shell(enum input_part part, uint8_t byte)
{
	const struct terminal_input *input = &keys_line.input;

	if (part == INPUT_CHARACTER) {
		console_shell_input(byte);
		if (byte == ESCAPE) /* of two, both are taken: the shell waits for a third byte else */
			console_shell_input(byte);
	}
	for (unsigned i = 0; part == INPUT_KEY && i < input->count; i++)
		console_shell_input(input->bytes[i]);
}

/* A question of the monitor's. An escape character cancels it, whatever sequence it begins. */
static void keys_to_goto(enum input_part part, uint8_t byte)
{
	if (part == INPUT_CHARACTER || byte == ESCAPE)
		goto_key(byte);
	if (!goto_active())
		console_keys_go_elsewhere();
	keys_line.after_cr = byte == '\r';
}

static bool keys_is_answer(enum input_part part, uint8_t byte)
{
	return part >= INPUT_KEY && (byte == 'R' || byte == 'c' || byte == 'n'); /* CPR, DA, DSR */
}

/* What the byte is on the line, whoever gets it. Too late a byte continues nothing. */
static enum input_part keys_parse(uint8_t byte)
{
	struct channel *channel = console_attached();
	uint64_t now = time_now();
	enum input_part part;

	if (now - keys_line.last >= time_tsc_from_ns(SEQUENCE_NS)) {
		terminal_input_forget(&keys_line.input);
		keys_line.stale = false;
	}
	keys_line.last = now;
	part = terminal_input_take(&keys_line.input, byte);
	if (channel && keys_is_answer(part, byte))
		channel_answered(channel);
	return part;
}

/* What is for the monitor comes in whole sequences. A VM gets each byte, as on any serial line. */
static void keys_take(enum input_part part, uint8_t byte)
{
	if (goto_active())
		keys_to_goto(part, byte);
	else if (console_attached())
		keys_to_vm(console_attached(), byte);
	else
		keys_to_shell(part, byte);
}

/*
 * An answer of the terminal may come between the escape key and the next one, and after the VM that
 * asked was left.
 */
static void keys_take_or_press(uint8_t byte)
{
	enum input_part part = keys_parse(byte);
	bool second = byte == '\n' && keys_line.after_cr; /* CR LF is one line end */

	keys_line.after_cr = false;
	if (keys_line.stale || second || (part != INPUT_CHARACTER && (keys_escaped || console_deaf()))) {
		keys_line.stale = part == INPUT_INSIDE;
		return;
	}
	if (!keys_escaped) {
		keys_take(part, byte);
		return;
	}
	keys_escaped = false;
	keys_press(byte);
}

/* No terminal sends the escape key by itself: it counts even inside of a sequence. */
void console_key(uint8_t byte)
{
	console_thaw_picture();
	if (byte != ESCAPE_KEY) {
		keys_take_or_press(byte);
	} else if (keys_escaped) {
		keys_escaped = false;
		keys_pass_on(byte);
	} else {
		goto_cancel();
		console_keys_go_elsewhere();
		keys_escaped = true;
	}
}
