/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines: a wire that any number of sources drive, and any number of sinks see.
 *
 * A line is high while any of its sources drives it high. One source may take it for itself; then
 * all others are cut off, as by a switch in the chip set. Whether a level or an edge matters is the
 * sink's business. An output of one interrupt controller that is an input of another, or of a
 * processor, is a line as well.
 *
 * The state of a line follows from its sources, so nothing here is saved: see line_forget().
 *
 * Locking: the owner of the machine serialises.
 */
#ifndef DEVICES_BUS_LINE_H
#define DEVICES_BUS_LINE_H

#include "lib/types.h"

struct line;
struct line_sink;
struct line_listener;

/* One that drives a line. All zeroes: it leads nowhere, and is low. */
struct line_source {
	struct line *line;
	struct line_source *next;
	struct line_listener *listener; /* told of acknowledgements while it has taken the line; or null */
	bool level;
};

struct line_sink_ops {
	/* The line rose or fell. */
	void (*changed)(struct line_sink *sink, bool level);

	/*
	 * Does it hold a request that was not taken yet, so that another edge would change nothing?
	 * Null: it never does.
	 */
	bool (*holds)(const struct line_sink *sink);
};

/* One that sees a line. */
struct line_sink {
	const struct line_sink_ops *ops;
	void *owner;    /* for ops */
	unsigned input; /* for ops: which of the owner's */
	struct line *line;
	struct line_sink *next;
};

struct line_listener_ops {
	/* A sink has taken the request that it held of this line, or dropped it. */
	void (*acknowledged)(struct line_listener *listener);

	/* A source has taken the line for itself, or given it back. */
	void (*switched)(struct line_listener *listener);

	/* A sink is about to look at the level: drive the one that is true by now. */
	void (*looked_at)(struct line_listener *listener);
};

/* One that is told what becomes of a line's requests. */
struct line_listener {
	const struct line_listener_ops *ops;
	struct line_listener *next;
};

/* All zeroes: low, and neither end connected. */
struct line {
	bool level;                      /* what the sinks see */
	unsigned high;                   /* sources that drive it high */
	const struct line_source *taker; /* the only one that counts; null: all do */
	struct line_source *sources;
	struct line_sink *sinks;
	struct line_sink *untold; /* the sinks, from line_forget() to line_refresh() */
	struct line_listener *listeners;
};

/* ---- Connecting ---- */

/* The source leads nowhere yet. It drives the line from now on. */
void line_add_source(struct line *line, struct line_source *source);

/* The sink, whose ops are set, is told at once if the line is high. */
void line_add_sink(struct line *line, struct line_sink *sink);
void line_add_listener(struct line *line, struct line_listener *listener);

/* ---- For sources ---- */

/* What line_drive() does when the level is another one. */
void line_change(struct line_source *source, bool level);

/* Repeating a level is harmless. */
static inline void line_drive(struct line_source *source, bool level)
{
	if (source->level != level)
		line_change(source, level);
}

/* Take the line, which no other source has, or give it back. Repeating either is harmless. */
void line_take(struct line_source *source, bool taken);

/* Has another source taken the line? */
static inline bool line_is_cut_off(const struct line_source *source)
{
	const struct line *line = source->line;

	return line && line->taker && line->taker != source;
}

/* Would another edge change nothing for any sink? A line without sinks: yes. */
bool line_holds_request(const struct line *line);

/* ---- For sinks ---- */

static inline bool line_level(const struct line *line)
{
	return line->level;
}

/* The request that this sink held is taken or dropped. Only those whose request it was are told. */
static inline void line_acknowledge(struct line_sink *sink)
{
	const struct line *line = sink->line;
	struct line_listener *listener = line ? line->listeners : NULL;

	if (unlikely(line && line->taker)) {
		listener = line->taker->listener;
		if (listener)
			listener->ops->acknowledged(listener);
		return;
	}
	for (; listener; listener = listener->next)
		listener->ops->acknowledged(listener);
}

/*
 * Bring the level up to date, for a sink that looks at it between two edges. A source may follow
 * what its device computes from the clock only then, so that an edge which no sink sees costs no
 * timer.
 */
static inline void line_look(const struct line *line)
{
	struct line_listener *listener = line ? line->listeners : NULL;

	for (; listener; listener = listener->next)
		listener->ops->looked_at(listener);
}

/* ---- For a machine that is reset or loaded ---- */

/*
 * Make the line and all its sources low, and no one's. Then each source drives its level, or takes
 * the line, in any order. The sinks hear nothing of all this until line_refresh() tells them what
 * came of it: so none sees an edge that never was.
 */
void line_forget(struct line *line);
void line_refresh(struct line *line);

#endif
