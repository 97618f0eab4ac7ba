/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include "lib/format.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "vmm/observe/log.h"

#define MESSAGE_MAX  512
#define REPLAY_PIECE 256 /* bytes put at once */

static const char *const log_prefixes[] = {
	[LOG_ERROR] = "error: ",
	[LOG_WARNING] = "warning: ",
	[LOG_INFO] = "",
	[LOG_DEBUG] = "debug: ",
};

static enum log_level log_threshold = LOG_INFO;
static char log_kept[LOG_KEPT];
static uint64_t log_written; /* bytes ever; the last LOG_KEPT of them are in `log_kept` */
static bool log_locking = true;
static struct spinlock log_lock;
static struct log_sink log_sink;

void log_set_sink(struct log_sink sink)
{
	log_sink = sink;
}

static void log_keep(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		log_kept[log_written++ % LOG_KEPT] = text[i];
}

void log_write(const char *text, size_t length)
{
	if (log_sink.write)
		log_sink.write(text, length);
}

void log_print(enum log_level level, const char *format, ...)
{
	char text[MESSAGE_MAX];
	size_t length;
	va_list args;

	if (level > __atomic_load_n(&log_threshold, __ATOMIC_RELAXED))
		return;
	length = (size_t)format_buffer(text, sizeof(text), "%s", log_prefixes[level]);
	va_start(args, format);
	length += (size_t)format_buffer_va(text + length, sizeof(text) - length, format, args);
	va_end(args);
	if (length >= sizeof(text)) {
		length = sizeof(text) - 1;
		text[length - 1] = '\n';
	}
	if (log_locking)
		spin_lock(&log_lock);
	log_keep(text, length);
	log_write(text, length);
	if (log_locking)
		spin_unlock(&log_lock);
}

void log_level_set(enum log_level level)
{
	__atomic_store_n(&log_threshold, level, __ATOMIC_RELAXED);
}

void log_replay(void (*put)(const char *text, size_t length))
{
	uint64_t end = log_written, length;

	for (uint64_t at = 0; at < end; at += length) {
		uint64_t oldest = log_written > LOG_KEPT ? log_written - LOG_KEPT : 0;
		size_t start;

		at = MAX(at, oldest); /* put() may let others write */
		start = at % LOG_KEPT;
		length = MIN(MIN(end - at, LOG_KEPT - start), REPLAY_PIECE);
		put(log_kept + start, length);
	}
}

void log_panic_mode(void)
{
	log_locking = false;
	if (log_sink.panic_mode)
		log_sink.panic_mode();
}
