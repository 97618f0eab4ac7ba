#include "vmm/console_channel.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "vmm/console.h"
#include "vmm/console_internal.h"

#define LOSS_TEXT_MAX 120

static struct channel *channels[CHANNELS_MAX]; /* by number - 1 */

int channel_add(struct channel *channel)
{
	for (unsigned i = 0; i < CHANNELS_MAX; i++) {
		if (channels[i])
			continue;
		channels[i] = channel;
		channel->number = i + 1;
		channel->output_waiting = channel->delivering = false;
		channel->input_head = channel->input_tail = 0;
		channel->input_dropped = 0;
		channel->scrollback.written = 0;
		return (int)channel->number;
	}
	return -ERR_NO_MEMORY;
}

void channel_remove(struct channel *channel)
{
	if (!channel->number || channels[channel->number - 1] != channel)
		return;
	channels[channel->number - 1] = NULL;
	if (console_attached() == channel)
		console_attach(NULL);
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

bool channel_room(struct channel *channel)
{
	if (console_attached() != channel || console_room())
		return true;
	channel->output_waiting = true;
	return false;
}

void channel_put(struct channel *channel, uint8_t byte)
{
	scrollback_put(&channel->scrollback, byte);
	if (console_attached() == channel)
		console_put_vm(byte);
}

bool channel_receive(struct channel *channel, uint8_t byte)
{
	if (channel->input_head - channel->input_tail == CHANNEL_INPUT) {
		channel->input_dropped++;
		return false;
	}
	channel->pending[channel->input_head++ % CHANNEL_INPUT] = byte;
	return true;
}

static void say_dropped(struct channel *channel)
{
	char text[LOSS_TEXT_MAX];
	int length;

	if (!channel->input_dropped || channel->input_head - channel->input_tail > CHANNEL_INPUT / 2)
		return;
	length = format_buffer(text, sizeof(text), "[Nacre: %lu typed bytes lost, %.32s did not read them]\n",
	                       channel->input_dropped, channel->name);
	channel->input_dropped = 0;
	console_write(text, MIN((size_t)length, sizeof(text) - 1));
}

void channel_deliver(struct channel *channel)
{
	if (channel->delivering) /* the VM asks for more from within input(): it gets it when that returns */
		return;
	channel->delivering = true;
	/* At most two pieces: up to the end of the ring, and from its start. */
	for (unsigned piece = 0; piece < 2 && channel->input_head != channel->input_tail; piece++) {
		uint32_t at = channel->input_tail % CHANNEL_INPUT;
		size_t count = MIN(channel->input_head - channel->input_tail, CHANNEL_INPUT - at);
		size_t taken = channel->input(channel, channel->pending + at, count);

		channel->input_tail += (uint32_t)MIN(taken, count);
		if (taken < count)
			break;
	}
	channel->delivering = false;
	say_dropped(channel);
	if (console_attached() == channel)
		console_hold_input(channel->input_head - channel->input_tail > CHANNEL_INPUT / 2);
}

void channel_input_wanted(struct channel *channel)
{
	channel_deliver(channel);
}

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
