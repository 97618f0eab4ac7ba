/* SPDX-License-Identifier: MIT */
/* A VM's screen and keyboard at the console: see console_screen.h. */
#include "vmm/console/console_screen.h"

#define NO_TEXT 0x20

/* ---- Output ---- */

static void console_screen_read_text(const void *context, size_t offset, void *bytes, size_t count)
{
	guest_read(context, VGA_TEXT_GPA + offset, bytes, count);
}

static struct text_frame console_screen_frame_of(const struct console_screen *screen)
{
	struct text_frame frame = {.read = console_screen_read_text, .context = screen->map};

	vga_text_frame(&screen->machine->device[DEVICE_VGA], &frame);
	return frame;
}

/* False: the console has no room; console_screen_output_ready() goes on. */
static bool console_screen_send(struct console_screen *screen)
{
	while (screen->sent < screen->count) {
		if (!channel_room(&screen->channel))
			return false;
		channel_put(&screen->channel, screen->bytes[screen->sent++]);
	}
	screen->sent = screen->count = 0;
	return true;
}

/*
 * One piece a look: what waits in the console's ring is old when it comes out, and the operator's
 * keys with it.
 */
static void console_screen_paint(struct console_screen *screen)
{
	struct text_frame frame;

	if (!console_screen_send(screen))
		return;
	frame = console_screen_frame_of(screen);
	screen->count = (uint16_t)text_screen_render(&screen->shown, &frame, screen->bytes, SCREEN_BYTES);
	console_screen_send(screen);
}

/* ---- Is there something on it? ---- */

static bool console_screen_has_text(const struct text_frame *frame)
{
	uint16_t cells[TEXT_COLUMNS_MAX];

	for (unsigned row = 0; row < frame->rows && !frame->blank; row++) {
		unsigned from = (frame->start + row * frame->pitch) % TEXT_CELLS;
		unsigned count = MIN((unsigned)frame->columns, TEXT_CELLS - from);

		frame->read(frame->context, from * sizeof(*cells), cells, count * sizeof(*cells));
		for (unsigned i = 0; i < count; i++)
			if ((cells[i] & 0xff) > NO_TEXT)
				return true;
	}
	return false;
}

static uint64_t console_screen_look_for_life(struct console_screen *screen)
{
	struct text_frame frame = console_screen_frame_of(screen);

	if (!console_screen_has_text(&frame))
		return SCREEN_LIVELY_NS;
	screen->lively = true;
	channel_set_lively(&screen->channel);
	return SCREEN_NEVER;
}

static uint64_t console_screen_look_at_picture(struct console_screen *screen)
{
	if (channel_attached(&screen->channel)) {
		console_screen_paint(screen);
		return SCREEN_LOOK_NS;
	}
	return screen->lively ? SCREEN_NEVER : console_screen_look_for_life(screen);
}

uint64_t console_screen_look(struct console_screen *screen)
{
	uint64_t escape = typing_expire(&screen->typing), next = console_screen_look_at_picture(screen);

	return MIN(next, escape);
}

/* ---- The channel ---- */

static size_t console_screen_input(struct channel *channel, const uint8_t *bytes, size_t count)
{
	struct console_screen *screen = container_of(channel, struct console_screen, channel);

	return typing_take(&screen->typing, bytes, count);
}

void console_screen_want_keys(struct console_screen *screen)
{
	(void)typing_expire(&screen->typing); /* what has waited for longest comes first */
	channel_input_wanted(&screen->channel);
}

static void console_screen_output_ready(struct channel *channel)
{
	struct console_screen *screen = container_of(channel, struct console_screen, channel);

	if (channel_attached(channel))
		console_screen_send(screen);
}

/* What was rendered and not sent belongs to the picture that is gone. */
static void console_screen_attached_changed(struct channel *channel)
{
	struct console_screen *screen = container_of(channel, struct console_screen, channel);

	screen->sent = screen->count = 0;
	text_screen_forget(&screen->shown);
	if (channel_attached(channel))
		console_screen_paint(screen);
}

void console_screen_init(struct console_screen *screen, const char *name, struct machine *machine,
                         const struct guest_map *map)
{
	screen->machine = machine;
	screen->typing.keyboard = &machine->device[DEVICE_KEYBOARD];
	screen->map = map;
	screen->channel.name = name;
	screen->channel.screen = true;
	screen->channel.input = console_screen_input;
	screen->channel.output_ready = console_screen_output_ready;
	screen->channel.attached_changed = console_screen_attached_changed;
}
