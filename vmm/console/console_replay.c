/* SPDX-License-Identifier: MIT */
/*
 * What a VM said before the operator came to it. It is shown in small pieces, since no interrupt
 * waits for more than one of them, and the operator's keys are taken in between. The VM is held
 * meanwhile if it has something to say, so that it comes after what is replayed.
 */
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"

#define ESCAPE         0x1b
#define REPLAY_AT_ONCE 96
#define REPLAY_SPARE   8192 /* of the ring, for the status line, the last line, and the monitor */
#define LAST_LINE_MAX  200

static struct {
	struct channel *channel; /* null: nothing is replayed */
	uint64_t at;             /* the position in its scrollback that comes next */
	uint64_t limit;          /* and where it ends at the latest: the debug port never asks for room */
	bool alternate;          /* a picture on the alternate screen, which is replayed there */
} replay;

bool replay_goes_on(void)
{
	return replay.channel;
}

bool replay_ready(void)
{
	return replay.channel && console_room();
}

void replay_cancel(void)
{
	replay.channel = NULL;
}

/* Where a piece begins that shall begin at `from`: a character that is cut there is left out. */
static uint64_t replay_start_of(const struct scrollback *scrollback, uint64_t from)
{
	uint8_t byte;

	from = MAX(from, scrollback_start(scrollback));
	while (scrollback_copy(scrollback, from, &byte, 1) && (byte & 0xc0) == 0x80)
		from++;
	return from;
}

/* Where to cut: a message may come next, and must not come within a sequence or a character. */
static size_t replay_cut(const uint8_t *bytes, size_t count)
{
	size_t cut = count - 1;

	for (size_t at = count - 1; at > count - FILTER_SEQUENCE_MAX; at--)
		if (bytes[at] == ESCAPE)
			return at;
	while (cut > count - FILTER_SEQUENCE_MAX && (bytes[cut] & 0xc0) == 0x80)
		cut--;
	return cut;
}

/* The channel's lock is held. */
static void replay_piece(const struct channel *channel, uint32_t changed, size_t size)
{
	const struct scrollback *scrollback = channel->scrollback;
	uint8_t bytes[LAST_LINE_MAX];
	struct filter_piece piece = {FILTER_PICTURE, channel->coloured, channel->moved, bytes, 0};

	if (!scrollback)
		return;
	replay.at = replay_start_of(scrollback, replay.at);
	piece.count = scrollback_copy(scrollback, replay.at, bytes, size);
	if (replay.at + piece.count < scrollback->written)
		piece.count = replay_cut(bytes, piece.count);
	console_put_vm(&piece, changed);
	replay.at += piece.count;
}

static bool replay_has_more(const struct channel *channel)
{
	return channel->scrollback && replay.at < MIN(channel->scrollback->written, replay.limit);
}

/* The unfinished last line: a prompt, which the status line must not hide. */
static uint64_t replay_last_line(const struct scrollback *scrollback)
{
	uint64_t written = scrollback ? scrollback->written : 0, at = written;
	uint8_t byte;

	while (at > 0 && written - at < LAST_LINE_MAX) {
		if (!scrollback_copy(scrollback, at - 1, &byte, 1) || byte == '\n')
			break;
		at--;
	}
	return at;
}

/* The channel's lock is held. */
static void replay_say_where(const struct channel *channel)
{
	console_say("[Nacre: VM %u, %.32s. Ctrl-A m: monitor, Ctrl-A ?: keys]\n", channel->number,
	            channel->name);
	console_restore_modes(channel->filter.changed);
}

/* The channel's lock is held. */
static void replay_end(struct channel *channel)
{
	if (!replay.alternate) {
		replay_say_where(channel);
		replay.at = replay_last_line(channel->scrollback);
		replay_piece(channel, 0, LAST_LINE_MAX);
	}
	channel_attach(channel);
	replay.channel = NULL;
}

void replay_poll(void)
{
	struct channel *channel = replay.channel;

	if (!replay_ready())
		return;
	channel_lock(channel);
	if (replay_has_more(channel))
		replay_piece(channel, replay.alternate ? channel->filter.changed : 0, REPLAY_AT_ONCE);
	else
		replay_end(channel);
	channel_unlock(channel);
}

void replay_begin(struct channel *channel)
{
	size_t room = console_free() > REPLAY_SPARE ? console_free() - REPLAY_SPARE : 0;
	uint64_t written;

	channel_lock(channel);
	written = channel->scrollback ? channel->scrollback->written : 0;
	replay.channel = channel;
	replay.alternate = filter_on_alternate_screen(channel->filter.changed);
	replay.at = written > room ? written - room : 0;
	replay.limit = written + CHANNEL_SCROLLBACK;
	channel_hold(channel);
	console_put("\r\n", 2);
	if (replay.alternate)
		replay_say_where(channel);
	channel_unlock(channel);
	replay_poll();
	if (!replay_has_more(channel))
		replay_poll(); /* the end */
}
