/* SPDX-License-Identifier: MIT */
#include "vmm/console/console_channel.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"
#include "vmm/cpu/time.h"

#define LOSS_TEXT_MAX 120
#define QUESTIONS_MAX 4          /* of a guest to the terminal that are not answered */
#define ANSWER_NS     1000000000 /* after which an answer does not come any more */

void channel_lock(struct channel *channel)
{
	spin_lock(&channel->lock);
}

void channel_unlock(struct channel *channel)
{
	spin_unlock(&channel->lock);
}

/* ---- Output ---- */

bool channel_attached(const struct channel *channel)
{
	return __atomic_load_n(&channel->sink, __ATOMIC_RELAXED) == CHANNEL_SHOWN;
}

static bool channel_has_room(const struct channel *channel)
{
	switch (__atomic_load_n(&channel->sink, __ATOMIC_ACQUIRE)) {
	case CHANNEL_HELD: return false;
	case CHANNEL_SHOWN: return console_room();
	case CHANNEL_PORT: return port_room(channel->port);
	default: return true;
	}
}

static bool channel_has_half_free(const struct channel *channel)
{
	switch (channel->sink) {
	case CHANNEL_HELD: return false;
	case CHANNEL_SHOWN: return console_half_free();
	case CHANNEL_PORT: return port_half_free(channel->port);
	default: return true;
	}
}

/* Asked for every byte: without the lock unless the answer is no. */
bool channel_room(struct channel *channel)
{
	bool room;

	if (channel_has_room(channel))
		return true;
	/*
	 * Under the lock, so that whoever makes room looks at output_waiting after it was set, or
	 * before we looked.
	 */
	channel_lock(channel);
	room = channel_has_room(channel);
	if (!room)
		channel->output_waiting = true;
	channel_unlock(channel);
	return room;
}

static bool channel_asked_lately(const struct channel *channel)
{
	return channel->asked && time_now() - channel->asked < time_tsc_from_ns(ANSWER_NS);
}

/*
 * The terminal's answers come on the line that brings the operator's keys. So a guest has few
 * questions open: the keys wait for no more than their answers.
 */
static bool channel_may_ask(struct channel *channel)
{
	uint32_t open = channel->questions - __atomic_load_n(&channel->answers, __ATOMIC_RELAXED);

	if (open < QUESTIONS_MAX)
		__atomic_store_n(&channel->questions, channel->questions + 1, __ATOMIC_RELAXED);
	else if (channel_asked_lately(channel))
		return false;
	channel->asked = time_now();
	return true;
}

void channel_answered(struct channel *channel)
{
	if (channel->answers != __atomic_load_n(&channel->questions, __ATOMIC_RELAXED))
		__atomic_store_n(&channel->answers, channel->answers + 1, __ATOMIC_RELAXED);
}

/* FILTER_TEXT and FILTER_PICTURE; the lock is held. */
static void channel_keep(struct channel *channel, const struct filter_piece *piece)
{
	struct scrollback *scrollback = channel->scrollback;
	bool first;

	if (!scrollback || piece->kind > FILTER_PICTURE)
		return;
	first = !scrollback->written;
	for (size_t i = 0; i < piece->count; i++)
		scrollback_put(scrollback, piece->bytes[i]);
	channel->coloured = channel->coloured || piece->coloured;
	channel->moved = channel->moved || piece->moved;
	if (first)
		console_want(); /* the VM's view may change with its first byte */
}

/* The lock is held. */
static void channel_show(struct channel *channel, const struct filter_piece *piece)
{
	if (piece->kind == FILTER_NOTHING)
		return;
	channel_keep(channel, piece);
	if (channel->sink == CHANNEL_TAGGED && piece->kind == FILTER_TEXT)
		tagged_put(channel, piece->bytes, piece->count);
	if (channel->sink == CHANNEL_SHOWN && (piece->kind != FILTER_QUESTION || channel_may_ask(channel)))
		console_put_vm(piece, channel->filter.changed);
}

/* The lock is held. */
static void channel_filter(struct channel *channel, uint8_t byte)
{
	struct filter_piece piece;
	bool taken;

	do {
		taken = filter_take(&channel->filter, byte, &piece);
		channel_show(channel, &piece);
	} while (!taken);
}

/* The owner has made it from characters and colours; the lock is held. */
static void channel_show_picture(struct channel *channel, uint8_t byte)
{
	const struct filter_piece piece = {FILTER_PICTURE, true, true, &byte, 1};

	channel_show(channel, &piece);
}

void channel_put(struct channel *channel, uint8_t byte)
{
	if (__atomic_load_n(&channel->sink, __ATOMIC_RELAXED) == CHANNEL_DROPPED)
		return;
	channel_lock(channel);
	if (channel->sink == CHANNEL_PORT)
		port_put(channel->port, byte);
	else if (channel->screen)
		channel_show_picture(channel, byte);
	else
		channel_filter(channel, byte);
	channel_unlock(channel);
}

bool channel_may_go_on(struct channel *channel)
{
	bool may;

	channel_lock(channel);
	may = channel->output_waiting && channel_has_half_free(channel);
	channel_unlock(channel);
	return may;
}

/* ---- Input: the boot processor puts it at the head, the VM's CPU takes it from the tail ---- */

static uint32_t channel_waiting(const struct channel *channel)
{
	return channel->input_head - channel->input_tail;
}

/*
 * A line that only this VM uses can be asked to wait. The operator's cannot: the key that leaves
 * the VM comes on it. The lock is held.
 */
static void channel_hold_line(const struct channel *channel)
{
	if (channel->sink == CHANNEL_PORT)
		port_hold_input(channel->port, channel_waiting(channel) > CHANNEL_INPUT / 2);
}

bool channel_receive(struct channel *channel, uint8_t byte)
{
	bool room;

	channel_lock(channel);
	room = channel_waiting(channel) < CHANNEL_INPUT;
	if (room)
		channel->pending[channel->input_head++ % CHANNEL_INPUT] = byte;
	else
		channel->input_dropped++;
	channel_hold_line(channel);
	channel_unlock(channel);
	channel->kick(channel);
	return room;
}

bool channel_receive_break(struct channel *channel)
{
	if (!channel->input_break)
		return false;
	channel_lock(channel);
	if (!channel->break_waiting)
		channel->break_at = channel->input_head;
	channel->break_waiting = true;
	channel_unlock(channel);
	channel->kick(channel);
	return true;
}

void channel_say_dropped(struct channel *channel, bool now)
{
	char text[LOSS_TEXT_MAX];
	uint64_t dropped = 0;
	int length;

	channel_lock(channel);
	if (now || channel_waiting(channel) <= CHANNEL_INPUT / 2) {
		dropped = channel->input_dropped;
		channel->input_dropped = 0;
	}
	channel_unlock(channel);
	if (!dropped)
		return;
	length = format_buffer(text, sizeof(text), "[Nacre: %lu typed bytes lost, %.32s did not read them]\n",
	                       dropped, channel->name);
	console_write(text, MIN((size_t)length, sizeof(text) - 1));
}

/* What waits in one piece, up to the ring's end or a BREAK. It stays there until it is taken. */
static size_t channel_next_piece(struct channel *channel, const uint8_t **bytes)
{
	uint32_t at = channel->input_tail % CHANNEL_INPUT;
	size_t count;

	channel_lock(channel);
	count = MIN(channel_waiting(channel), CHANNEL_INPUT - at);
	if (channel->break_waiting)
		count = MIN(count, channel->break_at - channel->input_tail);
	channel_unlock(channel);
	*bytes = channel->pending + at;
	return count;
}

static void channel_take(struct channel *channel, size_t count)
{
	channel_lock(channel);
	channel->input_tail += (uint32_t)count;
	channel_hold_line(channel);
	channel_unlock(channel);
}

/* False: the VM does not take it now. */
static bool channel_deliver_break(struct channel *channel)
{
	bool due;

	channel_lock(channel);
	due = channel->break_waiting && channel->break_at == channel->input_tail;
	channel_unlock(channel);
	if (!due)
		return true;
	if (!channel->input_break(channel))
		return false;
	channel_lock(channel);
	channel->break_waiting = false;
	channel_unlock(channel);
	return true;
}

static void channel_deliver(struct channel *channel)
{
	const uint8_t *bytes;

	if (channel->delivering) /* the VM asks for more from within input(): it gets it when that returns */
		return;
	channel->delivering = true;
	/* Before a BREAK and after it, and one of these in two parts of the ring. */
	for (unsigned piece = 0; piece < 4 && channel_deliver_break(channel); piece++) {
		size_t count = channel_next_piece(channel, &bytes), taken;

		if (!count)
			break;
		taken = channel->input(channel, bytes, count);
		channel_take(channel, MIN(taken, count));
		if (taken < count)
			break;
	}
	channel->delivering = false;
	channel_say_dropped(channel, false);
}

void channel_input_wanted(struct channel *channel)
{
	channel_deliver(channel);
}

void channel_service(struct channel *channel)
{
	bool ready, changed;

	channel_deliver(channel);
	channel_lock(channel);
	changed = channel->changed;
	channel->changed = false;
	ready = channel->output_waiting && channel_has_half_free(channel);
	if (ready)
		channel->output_waiting = false;
	channel_unlock(channel);
	if (changed && channel->screen)
		channel->attached_changed(channel);
	if (ready)
		channel->output_ready(channel);
}

/* ---- The operator comes and goes ---- */

static void channel_set_sink(struct channel *channel, enum channel_sink sink)
{
	tagged_drop(channel);
	__atomic_store_n(&channel->sink, sink, __ATOMIC_RELAXED);
	channel->changed = true;
}

/* The lock is held. */
void channel_hold(struct channel *channel)
{
	channel_set_sink(channel, CHANNEL_HELD);
}

/* The lock is held. */
void channel_attach(struct channel *channel)
{
	channel_set_sink(channel, CHANNEL_SHOWN);
	channel->questions = channel->answers;
}

bool channel_detach(struct channel *channel)
{
	bool answers;

	channel_lock(channel);
	channel_set_sink(channel, CHANNEL_KEPT);
	answers = channel_asked_lately(channel) || channel->filter.changed; /* the mouse has reports */
	channel_unlock(channel);
	return answers;
}

void channel_set_lively(struct channel *channel)
{
	if (__atomic_exchange_n(&channel->lively, true, __ATOMIC_RELAXED))
		return;
	console_want();
}

/* ---- Scrollbacks ---- */

void scrollback_put(struct scrollback *scrollback, uint8_t byte)
{
	scrollback->data[scrollback->written++ % CHANNEL_SCROLLBACK] = byte;
}

uint64_t scrollback_start(const struct scrollback *scrollback)
{
	return scrollback->written > CHANNEL_SCROLLBACK ? scrollback->written - CHANNEL_SCROLLBACK : 0;
}

size_t scrollback_copy(const struct scrollback *scrollback, uint64_t from, uint8_t *buffer, size_t size)
{
	size_t count = 0;

	for (from = MAX(from, scrollback_start(scrollback)); from < scrollback->written && count < size;
	     from++)
		buffer[count++] = scrollback->data[from % CHANNEL_SCROLLBACK];
	return count;
}
