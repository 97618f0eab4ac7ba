/* SPDX-License-Identifier: MIT */
/* The monitor's log: printf to every console, and the end of everything: panic. */
#ifndef VMM_OBSERVE_LOG_H
#define VMM_OBSERVE_LOG_H

#include "lib/log_level.h"
#include "lib/types.h"

/* One message; a newline is part of the format. Levels above log_level_set() are dropped. */
void log_print(enum log_level level, const char *format, ...) printf_like(2, 3);
void log_level_set(enum log_level level);

/*
 * Where messages go, apart from the log's own memory: the operator's console, which is above the
 * log. At boot; until then they are only kept.
 */
struct log_sink {
	void (*write)(const char *text, size_t length);  /* from any CPU */
	void (*record)(const char *text, size_t length); /* what is too long for a screen; in a panic */
	void (*panic_mode)(void);                        /* from now on without locks */
};
void log_set_sink(struct log_sink sink);

/* A piece of panic()'s report, as it is: to the sink, and kept. */
void log_write(const char *text, size_t length);

/* A piece for a serial line alone, in a panic: it would push the report off the screen. */
void log_record(const char *text, size_t length);

#define LOG_KEPT 16384 /* bytes of the newest messages */

/* Hand the kept messages, oldest first, to `put` in pieces. */
void log_replay(void (*put)(const char *text, size_t length));

/* ---- A log that a restart of the machine leaves alone ---- */

#define LOG_PLACE_SIZE (16 * PAGE_SIZE)

/*
 * Keep the log, with what it has already, in LOG_PLACE_SIZE bytes at `place`, aligned to a page.
 * They must be the same at the next start. True: the log of the run before is whole in them, and
 * stays. At boot, once.
 */
bool log_keep_at(void *place);

/* The messages of the run before, as log_replay() does. False: there are none. */
bool log_replay_previous(void (*put)(const char *text, size_t length));

/* From now on without locks: in panic(). */
void log_panic_mode(void);

#define log_error(...)   log_print(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_print(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_print(LOG_DEBUG, __VA_ARGS__)

#endif
