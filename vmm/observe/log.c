/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include "lib/format.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "lib/x86.h"
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
/*
 * The newest messages. `run` numbers the starts of the monitor, and the sum tells a whole log from
 * what a power cycle leaves.
 */
#define LOG_MAGIC 0x3130676f6c65724e /* "Nrelog01" */

struct log_ring {
	uint64_t magic, run;
	uint64_t written; /* bytes ever; the last LOG_KEPT of them are in `text` */
	uint64_t sum;     /* of each byte times its place from 1 */
	uint8_t unused[CACHE_LINE - 4 * sizeof(uint64_t)];
	char text[LOG_KEPT];
};
_Static_assert(2 * sizeof(struct log_ring) <= LOG_PLACE_SIZE, "room for this run and the one before");

static struct log_ring log_first = {.magic = LOG_MAGIC};
static struct log_ring *log_ring = &log_first;
static const struct log_ring *log_previous;
static bool log_locking = true;
static struct spinlock log_lock;
static struct log_sink log_sink;

void log_set_sink(struct log_sink sink)
{
	log_sink = sink;
}

/* A reset loses what is only in the caches. */
static void log_write_back(uint64_t from, uint64_t to)
{
	for (uint64_t at = ALIGN_DOWN(from, CACHE_LINE); at < to; at += CACHE_LINE)
		cache_flush(log_ring->text + at % LOG_KEPT);
	cache_flush(log_ring);
}

static void log_keep(const char *text, size_t length)
{
	uint64_t from = log_ring->written;

	for (size_t i = 0; i < length; i++) {
		uint64_t at = log_ring->written++ % LOG_KEPT;

		log_ring->sum += ((uint64_t)(uint8_t)text[i] - (uint8_t)log_ring->text[at]) * (at + 1);
		log_ring->text[at] = text[i];
	}
	log_write_back(from, log_ring->written);
}

static void log_put(const char *text, size_t length)
{
	if (log_sink.write)
		log_sink.write(text, length);
}

void log_write(const char *text, size_t length)
{
	log_keep(text, length);
	log_put(text, length);
}

void log_record(const char *text, size_t length)
{
	if (log_sink.record)
		log_sink.record(text, length);
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
	log_write(text, length);
	if (log_locking)
		spin_unlock(&log_lock);
}

void log_level_set(enum log_level level)
{
	__atomic_store_n(&log_threshold, level, __ATOMIC_RELAXED);
}

/* Where the kept messages begin. */
static uint64_t log_oldest(const struct log_ring *ring)
{
	return ring->written > LOG_KEPT ? ring->written - LOG_KEPT : 0;
}

/* put() may let others write, so that what comes next may be gone. */
static void log_replay_ring(const struct log_ring *ring, void (*put)(const char *text, size_t length))
{
	uint64_t end = ring->written;
	size_t length;

	for (uint64_t at = log_oldest(ring); at < end; at = MAX(at + length, log_oldest(ring))) {
		size_t start = at % LOG_KEPT;

		length = MIN(MIN(end - at, LOG_KEPT - start), REPLAY_PIECE);
		put(ring->text + start, length);
	}
}

void log_replay(void (*put)(const char *text, size_t length))
{
	log_replay_ring(log_ring, put);
}

static bool log_is_whole(const struct log_ring *ring)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < LOG_KEPT; i++)
		sum += (uint8_t)ring->text[i] * (uint64_t)(i + 1);
	return ring->magic == LOG_MAGIC && ring->written && ring->sum == sum;
}

/* Two rings take turns: the newer whole one is the run before, the other one is ours. */
bool log_keep_at(void *place)
{
	struct log_ring *rings = place;
	bool whole[2] = {log_is_whole(&rings[0]), log_is_whole(&rings[1])};
	unsigned previous = whole[1] && (!whole[0] || rings[1].run > rings[0].run);

	log_previous = whole[previous] ? &rings[previous] : NULL;
	rings[!previous] = *log_ring;
	rings[!previous].run = log_previous ? log_previous->run + 1 : 1;
	log_ring = &rings[!previous];
	log_write_back(0, LOG_KEPT);
	return log_previous;
}

bool log_replay_previous(void (*put)(const char *text, size_t length))
{
	if (log_previous)
		log_replay_ring(log_previous, put);
	return log_previous;
}

void log_panic_mode(void)
{
	log_locking = false;
	if (log_sink.panic_mode)
		log_sink.panic_mode();
}
