/* SPDX-License-Identifier: MIT */
/* Which channels there are, and which of a VM's two the operator sees. Of the boot processor. */
#include "lib/errors.h"
#include "lib/string.h"
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"

static struct pair {
	struct channel *serial, *screen;
	enum channel_view view;
} pairs[CHANNELS_MAX]; /* by number - 1 */

static struct channel **views_place(const struct channel *channel, unsigned number)
{
	return channel->screen ? &pairs[number - 1].screen : &pairs[number - 1].serial;
}

int channel_add(struct channel *channel, unsigned number)
{
	if (number < 1 || number > CHANNELS_MAX)
		return -ERR_OUT_OF_RANGE;
	if (*views_place(channel, number))
		return -ERR_EXISTS;
	*views_place(channel, number) = channel;
	channel->number = number;
	channel->lock = (struct spinlock){0};
	channel->sink = tagged_on() && !channel->screen ? CHANNEL_TAGGED : CHANNEL_KEPT;
	channel->output_waiting = channel->changed = channel->delivering = channel->lively = false;
	channel->tagged = (struct tagged_line){0};
	channel->filter = (struct terminal_filter){0};
	channel->coloured = channel->moved = channel->break_waiting = false;
	channel->asked = 0;
	channel->questions = channel->answers = 0;
	channel->input_head = channel->input_tail = 0;
	channel->input_dropped = 0;
	if (channel->scrollback)
		channel->scrollback->written = 0;
	return 0;
}

static bool views_known(const struct channel *channel)
{
	return channel->number && *views_place(channel, channel->number) == channel;
}

void channel_remove(struct channel *channel)
{
	struct pair *pair;

	if (!views_known(channel))
		return;
	if (console_attached() == channel)
		console_attach(NULL);
	ports_unbind(channel);
	(void)channel_detach(channel);
	pair = &pairs[channel->number - 1];
	*views_place(channel, channel->number) = NULL;
	channel->number = 0;
	if (!pair->serial && !pair->screen)
		pair->view = CHANNEL_VIEW_AUTO;
}

void channel_drop_output(struct channel *channel)
{
	if (console_attached() == channel)
		console_attach(NULL);
	channel_lock(channel);
	tagged_drop(channel);
	__atomic_store_n(&channel->sink, CHANNEL_DROPPED, __ATOMIC_RELAXED);
	channel_unlock(channel);
}

void channel_set_view(unsigned number, enum channel_view view)
{
	if (number >= 1 && number <= CHANNELS_MAX)
		pairs[number - 1].view = view;
}

static struct channel *views_reachable(struct channel *channel)
{
	return channel && channel->sink < CHANNEL_PORT ? channel : NULL;
}

/* The serial line has never had a byte, and the screen shows something. */
static bool views_only_screen_used(const struct pair *pair)
{
	const struct scrollback *scrollback = pair->serial->scrollback;

	return __atomic_load_n(&pair->screen->lively, __ATOMIC_RELAXED) &&
	       !(scrollback && __atomic_load_n(&scrollback->written, __ATOMIC_RELAXED));
}

static struct channel *views_shown(const struct pair *pair)
{
	struct channel *serial = views_reachable(pair->serial), *screen = views_reachable(pair->screen);

	if (!serial || !screen)
		return serial ? serial : screen;
	if (pair->view == CHANNEL_VIEW_AUTO)
		return views_only_screen_used(pair) ? screen : serial;
	return pair->view == CHANNEL_VIEW_SCREEN ? screen : serial;
}

struct channel *channel_find(unsigned number)
{
	return number >= 1 && number <= CHANNELS_MAX ? views_shown(&pairs[number - 1]) : NULL;
}

struct channel *channel_find_name(const char *name)
{
	struct channel *begun = NULL;
	unsigned matching = 0;

	for (unsigned number = 1; number <= CHANNELS_MAX; number++) {
		struct channel *channel = channel_find(number);

		if (!channel || strncmp(channel->name, name, strlen(name)))
			continue;
		if (!strcmp(channel->name, name))
			return channel;
		begun = channel;
		matching++;
	}
	return matching == 1 ? begun : NULL;
}

struct channel *channel_next(const struct channel *channel)
{
	unsigned from = channel ? channel->number : 0; /* the index after its own */

	for (unsigned i = 0; i < CHANNELS_MAX; i++) {
		struct channel *found = views_shown(&pairs[(from + i) % CHANNELS_MAX]);

		if (found)
			return found;
	}
	return NULL;
}

struct channel *channel_previous(const struct channel *channel)
{
	unsigned from = channel ? channel->number - 1 : 0; /* its own index */

	for (unsigned i = 1; i <= CHANNELS_MAX; i++) {
		struct channel *found = views_shown(&pairs[(from + CHANNELS_MAX - i) % CHANNELS_MAX]);

		if (found)
			return found;
	}
	return NULL;
}

struct channel *channel_other(const struct channel *channel)
{
	const struct pair *pair = &pairs[channel->number - 1];

	return views_reachable(channel->screen ? pair->serial : pair->screen);
}

struct channel *channel_slot(unsigned index)
{
	const struct pair *pair = &pairs[index / 2];

	return index % 2 ? pair->screen : pair->serial;
}
