#include "vmm/console_channel.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console.h"
#include "vmm/console_internal.h"

#define LOSS_TEXT_MAX 120

static struct channel *channels[CHANNELS_MAX]; /* by number - 1; of the boot processor */

int channel_add(struct channel *channel, unsigned number)
{
	if (number < 1 || number > CHANNELS_MAX)
		return -ERR_OUT_OF_RANGE;
	if (channels[number - 1])
		return -ERR_EXISTS;
	channels[number - 1] = channel;
	channel->number = number;
	channel->lock = (struct spinlock){0};
	channel->attached = channel->output_waiting = channel->delivering = false;
	channel->input_head = channel->input_tail = 0;
	channel->input_dropped = 0;
	channel->scrollback->written = 0;
	return 0;
}

void channel_remove(struct channel *channel)
{
	if (!channel->number || channels[channel->number - 1] != channel)
		return;
	if (console_attached() == channel)
		console_attach(NULL);
	channels[channel->number - 1] = NULL;
	channel->number = 0;
}

struct channel *channel_find(unsigned number)
{
	return number >= 1 && number <= CHANNELS_MAX ? channels[number - 1] : NULL;
}

struct channel *channel_next(const struct channel *channel)
{
	unsigned from = channel ? channel->number : 0; /* the index behind its own */

	for (unsigned i = 0; i < CHANNELS_MAX; i++)
		if (channels[(from + i) % CHANNELS_MAX])
			return channels[(from + i) % CHANNELS_MAX];
	return NULL;
}

void channel_lock(struct channel *channel)
{
	spin_lock(&channel->lock);
}

void channel_unlock(struct channel *channel)
{
	spin_unlock(&channel->lock);
}

/* ---- Output ---- */

/* Asked for every byte: without the lock unless the answer is no. */
bool channel_room(struct channel *channel)
{
	bool room;

	if (!__atomic_load_n(&channel->attached, __ATOMIC_RELAXED) || console_room())
		return true;
	/* Under the lock, so that whoever makes room looks at output_waiting after it was set, or before we
	 * looked. */
	channel_lock(channel);
	room = !channel->attached || console_room();
	if (!room)
		channel->output_waiting = true;
	channel_unlock(channel);
	return room;
}

void channel_put(struct channel *channel, uint8_t byte)
{
	channel_lock(channel);
	scrollback_put(channel->scrollback, byte);
	if (channel->attached)
		console_put_vm(byte);
	channel_unlock(channel);
}

bool channel_held_back(struct channel *channel)
{
	bool waits;

	channel_lock(channel);
	waits = channel->output_waiting;
	channel_unlock(channel);
	return waits;
}

/* ---- Input: the boot processor puts it at the head, the VM's CPU takes it from the tail ---- */

static uint32_t waiting(const struct channel *channel)
{
	return channel->input_head - channel->input_tail;
}

/* The lock is held. */
static void hold_line(const struct channel *channel)
{
	if (channel->attached)
		console_hold_input(waiting(channel) > CHANNEL_INPUT / 2);
}

bool channel_receive(struct channel *channel, uint8_t byte)
{
	bool room;

	channel_lock(channel);
	room = waiting(channel) < CHANNEL_INPUT;
	if (room)
		channel->pending[channel->input_head++ % CHANNEL_INPUT] = byte;
	else
		channel->input_dropped++;
	hold_line(channel);
	channel_unlock(channel);
	channel->kick(channel);
	return room;
}

static void say_dropped(struct channel *channel)
{
	char text[LOSS_TEXT_MAX];
	uint64_t dropped = 0;
	int length;

	channel_lock(channel);
	if (waiting(channel) <= CHANNEL_INPUT / 2) {
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

/* What waits in one piece, up to the end of the ring. It stays where it is until it is taken. */
static size_t next_piece(struct channel *channel, const uint8_t **bytes)
{
	uint32_t at = channel->input_tail % CHANNEL_INPUT;
	size_t count;

	channel_lock(channel);
	count = MIN(waiting(channel), CHANNEL_INPUT - at);
	channel_unlock(channel);
	*bytes = channel->pending + at;
	return count;
}

static void take(struct channel *channel, size_t count)
{
	channel_lock(channel);
	channel->input_tail += (uint32_t)count;
	hold_line(channel);
	channel_unlock(channel);
}

static void deliver(struct channel *channel)
{
	const uint8_t *bytes;

	if (channel->delivering) /* the VM asks for more from within input(): it gets it when that returns */
		return;
	channel->delivering = true;
	/* At most two pieces: up to the end of the ring, and from its start. */
	for (unsigned piece = 0; piece < 2; piece++) {
		size_t count = next_piece(channel, &bytes), taken;

		if (!count)
			break;
		taken = channel->input(channel, bytes, count);
		take(channel, MIN(taken, count));
		if (taken < count)
			break;
	}
	channel->delivering = false;
	say_dropped(channel);
}

void channel_input_wanted(struct channel *channel)
{
	deliver(channel);
}

void channel_service(struct channel *channel)
{
	bool ready;

	deliver(channel);
	channel_lock(channel);
	ready = channel->output_waiting && (!channel->attached || console_half_free());
	if (ready)
		channel->output_waiting = false;
	channel_unlock(channel);
	if (ready)
		channel->output_ready(channel);
}

/* ---- The operator comes and goes ---- */

/* The lock is held. */
void channel_attach(struct channel *channel)
{
	__atomic_store_n(&channel->attached, true, __ATOMIC_RELAXED);
	hold_line(channel);
}

bool channel_detach(struct channel *channel)
{
	bool held_back;

	channel_lock(channel);
	__atomic_store_n(&channel->attached, false, __ATOMIC_RELAXED);
	held_back = channel->output_waiting;
	channel_unlock(channel);
	return held_back;
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
