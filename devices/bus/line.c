/* SPDX-License-Identifier: MIT */
/* Interrupt lines: see line.h. */
#include "devices/bus/line.h"

/* The last sink is told by a tail call, since most lines have one, and interrupts wait for this. */
static inline void line_set_level(struct line *line, bool level)
{
	struct line_sink *sink = line->sinks;

	line->level = level;
	if (!sink)
		return;
	for (; sink->next; sink = sink->next)
		sink->ops->changed(sink, level);
	sink->ops->changed(sink, level);
}

static void line_update(struct line *line)
{
	bool level = line->taker ? line->taker->level : line->high != 0;

	if (level != line->level)
		line_set_level(line, level);
}

void line_add_source(struct line *line, struct line_source *source)
{
	source->line = line;
	source->next = line->sources;
	line->sources = source;
	line->high += source->level;
	line_update(line);
}

void line_add_sink(struct line *line, struct line_sink *sink)
{
	sink->line = line;
	sink->next = line->sinks;
	line->sinks = sink;
	if (line->level)
		sink->ops->changed(sink, true);
}

void line_add_listener(struct line *line, struct line_listener *listener)
{
	listener->next = line->listeners;
	line->listeners = listener;
}

/* The first that drives an idle line high, and the last that lets go, change it. */
void line_change(struct line_source *source, bool level)
{
	struct line *line = source->line;

	source->level = level;
	if (!line)
		return;
	line->high += level ? 1u : -1u;
	if (unlikely(line->taker))
		line_update(line);
	else if (line->high == level)
		line_set_level(line, level);
}

void line_take(struct line_source *source, bool taken)
{
	struct line *line = source->line;

	if (!line || taken == (line->taker == source))
		return;
	line->taker = taken ? source : NULL;
	for (struct line_listener *listener = line->listeners; listener; listener = listener->next)
		listener->ops->switched(listener);
	line_update(line);
}

bool line_holds_request(const struct line *line)
{
	const struct line_sink *sink = line->untold ? line->untold : line->sinks;

	for (; sink; sink = sink->next)
		if (!sink->ops->holds || !sink->ops->holds(sink))
			return false;
	return true;
}

void line_forget(struct line *line)
{
	for (struct line_source *source = line->sources; source; source = source->next)
		source->level = false;
	line->level = false;
	line->high = 0;
	line->taker = NULL;
	if (!line->sinks)
		return;
	line->untold = line->sinks;
	line->sinks = NULL;
}

void line_refresh(struct line *line)
{
	if (line->untold)
		line->sinks = line->untold;
	line->untold = NULL;
	line_set_level(line, line->level);
}
