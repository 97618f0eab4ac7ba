/* SPDX-License-Identifier: MIT */
/*
 * The tagged view: while the operator is at the shell, the output of all VMs line by line, each
 * with its VM's name in front. It goes the way of other CPUs' messages, and holds no VM back: what
 * is too much is lost to the view, and counted; the scrollback has it. Only characters are shown.
 * Each row of the terminal has the name at its start, so that none is taken for the monitor's.
 */
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/time.h"

#define NAME_MAX   32
#define ROW_MAX    79 /* columns: the narrowest usual terminal has one more */
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
	channel->tagged.length = channel->tagged.columns = 0;
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

/* Columns of a character, at most: what is not ASCII may be wide. */
static unsigned tagged_columns(size_t bytes)
{
	return bytes > 1 ? 2 : 1;
}

static bool tagged_fits(const struct channel *channel, size_t bytes)
{
	size_t mark = strnlen(channel->name, NAME_MAX) + sizeof("[] ") - 1;

	return mark + channel->tagged.columns + tagged_columns(bytes) <= ROW_MAX;
}

static void tagged_append(struct channel *channel, const void *bytes, size_t count)
{
	struct tagged_line *line = &channel->tagged;

	/* Written over: both shall be seen. */
	if (line->length && (line->after_cr || !tagged_fits(channel, count)))
		tagged_show(channel);
	line->after_cr = false;
	if (!line->length) {
		line->since = time_now();
		__atomic_fetch_add(&tagged.unfinished, 1, __ATOMIC_RELAXED);
		console_want();
	}
	memcpy(line->text + line->length, bytes, count);
	line->length += (uint8_t)count;
	line->columns += (uint8_t)tagged_columns(count);
}

/* The last character goes, unless it is the only one. */
static void tagged_rub_out(struct tagged_line *line)
{
	unsigned at = line->length;

	while (at > 1 && (line->text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at < 2)
		return;
	line->columns -= (uint8_t)tagged_columns(line->length - (at - 1u));
	line->length = (uint8_t)(at - 1);
}

void tagged_put(struct channel *channel, const uint8_t *bytes, size_t count)
{
	struct tagged_line *line = &channel->tagged;

	switch (bytes[0]) {
	case '\n':
		line->after_cr = false;
		tagged_show(channel);
		break;
	case '\r': line->after_cr = true; break;
	case '\b': tagged_rub_out(line); break;
	case '\t': tagged_append(channel, " ", 1); break;
	default: tagged_append(channel, bytes, count); break;
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
