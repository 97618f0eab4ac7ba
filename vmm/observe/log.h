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
	void (*write)(const char *text, size_t length); /* from any CPU */
	void (*panic_mode)(void);                       /* from now on without locks */
};
void log_set_sink(struct log_sink sink);

/* Bytes for the sink alone, as they are: panic()'s. */
void log_write(const char *text, size_t length);

#define LOG_KEPT 16384 /* bytes of the newest messages */

/* Hand the kept messages, oldest first, to `put` in pieces. */
void log_replay(void (*put)(const char *text, size_t length));

/* From now on without locks: in panic(). */
void log_panic_mode(void);

#define log_error(...)   log_print(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_print(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_print(LOG_DEBUG, __VA_ARGS__)

#endif
