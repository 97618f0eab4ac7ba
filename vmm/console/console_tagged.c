/* SPDX-License-Identifier: MIT */
/*
 * The tagged view: while the operator is at the shell, the output of all VMs line by line, each
 * with its VM's name in front. It goes the way of other CPUs' messages, and holds no VM back: what
 * is too much is lost to the view, and counted; the scrollback has it.
 */
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/time.h"

#define ESCAPE     0x1b
#define NAME_MAX   32
#define LINE_MAX   (NAME_MAX + TAGGED_MAX + 8)
#define RESERVE    (TEXT_QUEUE_SIZE / 4) /* of the queue, for messages */
#define PARTIAL_NS 200000000             /* after which a line is shown without its end */
#define LOOK_NS    50000000              /* between two looks at all lines */

static struct {
	bool on;
	unsigned unfinished; /* lines */
	uint64_t next_look;  /* TSC */
} tagged;

bool tagged_on(void)
{
	return tagged.on;
}

bool tagged_waiting(void)
{
	return __atomic_load_n(&tagged.unfinished, __ATOMIC_RELAXED);
}

void tagged_drop(struct channel *channel)
{
	if (channel->tagged.length)
		__atomic_fetch_sub(&tagged.unfinished, 1, __ATOMIC_RELAXED);
	channel->tagged.length = 0;
}

static void tagged_show(struct channel *channel)
{
	struct tagged_line *line = &channel->tagged;
	char text[LINE_MAX];
	int length = format_buffer(text, sizeof(text), "[%.*s] %.*s\n", NAME_MAX, channel->name,
	                           (int)line->length, line->text);

	text_queue_put(text, (size_t)length, RESERVE);
	tagged_drop(channel);
	console_want();
}

static void tagged_append(struct channel *channel, uint8_t byte)
{
	struct tagged_line *line = &channel->tagged;

	if (line->after_cr && line->length) /* written over: both shall be seen */
		tagged_show(channel);
	line->after_cr = false;
	line->text[line->length] = (char)byte;
	if (!line->length++) {
		line->since = time_now();
		__atomic_fetch_add(&tagged.unfinished, 1, __ATOMIC_RELAXED);
		console_want();
	}
	if (line->length == TAGGED_MAX)
		tagged_show(channel);
}

/*
 * Codes from 80h to 9Fh begin sequences, too: on a terminal of 8 bits by themselves, on one of
 * UTF-8 after C2h. Elsewhere they are parts of characters.
 */
static bool tagged_is_c1(const struct tagged_line *line, uint8_t byte)
{
	uint8_t last = line->length ? (uint8_t)line->text[line->length - 1] : 0;

	return (byte & 0xe0) == 0x80 && (last < 0x80 || last == 0xc2);
}

static void tagged_put_plain(struct channel *channel, uint8_t byte)
{
	struct tagged_line *line = &channel->tagged;

	switch (byte) {
	case '\n':
		line->after_cr = false;
		tagged_show(channel);
		break;
	case '\r': line->after_cr = true; break;
	case '\b':
		if (line->length > 1)
			line->length--;
		break;
	case ESCAPE: line->state = TAGGED_AFTER_ESCAPE; break;
	default:
		if (tagged_is_c1(line, byte))
			byte = '?';
		if (byte == '\t' || byte >= ' ')
			tagged_append(channel, byte);
		break;
	}
}

/* Sequences are left out: their place is a screen of the VM's own. */
void tagged_put(struct channel *channel, uint8_t byte)
{
	struct tagged_line *line = &channel->tagged;

	if (byte < ' ')
		line->state = TAGGED_PLAIN;
	switch (line->state) {
	case TAGGED_PLAIN: tagged_put_plain(channel, byte); break;
	case TAGGED_AFTER_ESCAPE: line->state = byte == '[' ? TAGGED_IN_SEQUENCE : TAGGED_PLAIN; break;
	case TAGGED_IN_SEQUENCE:
		if (byte >= 0x40)
			line->state = TAGGED_PLAIN;
		break;
	}
}

void tagged_turn(bool on)
{
	tagged.on = on;
	for (unsigned i = 0; i < CHANNEL_SLOTS; i++) {
		struct channel *channel = channel_slot(i);

		if (!channel || channel->screen)
			continue;
		channel_lock(channel);
		tagged_drop(channel);
		if (channel->sink == (on ? CHANNEL_KEPT : CHANNEL_TAGGED)) {
			channel->tagged = (struct tagged_line){0};
			__atomic_store_n(&channel->sink, on ? CHANNEL_TAGGED : CHANNEL_KEPT,
			                 __ATOMIC_RELAXED);
		}
		channel_unlock(channel);
	}
}

void tagged_poll(void)
{
	uint64_t now = time_now();

	if (!tagged_waiting() || now < tagged.next_look)
		return;
	tagged.next_look = now + time_tsc_from_ns(LOOK_NS);
	for (unsigned i = 0; i < CHANNEL_SLOTS; i++) {
		struct channel *channel = channel_slot(i);

		if (!channel || !__atomic_load_n(&channel->tagged.length, __ATOMIC_RELAXED))
			continue;
		channel_lock(channel);
		if (channel->tagged.length && now > channel->tagged.since &&
		    now - channel->tagged.since >= time_tsc_from_ns(PARTIAL_NS))
			tagged_show(channel);
		channel_unlock(channel);
	}
}
