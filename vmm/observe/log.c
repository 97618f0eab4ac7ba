/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include "lib/format.h"
#include "lib/spinlock.h"
#include "lib/string.h"
#include "vmm/console/console.h"
#include "vmm/observe/log.h"

#define MESSAGE_MAX 512

static const char *const prefixes[] = {
	[LOG_ERROR] = "error: ",
	[LOG_WARNING] = "warning: ",
	[LOG_INFO] = "",
	[LOG_DEBUG] = "debug: ",
};

static enum log_level threshold = LOG_INFO;
static char kept[LOG_KEPT];
static uint64_t written; /* bytes ever; the last LOG_KEPT of them are in `kept` */
static bool locking = true;
static struct spinlock lock;

static void keep(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		kept[written++ % LOG_KEPT] = text[i];
}

void log_print(enum log_level level, const char *format, ...)
{
	char text[MESSAGE_MAX];
	size_t length;
	va_list args;

	if (level > __atomic_load_n(&threshold, __ATOMIC_RELAXED))
		return;
	length = (size_t)format_buffer(text, sizeof(text), "%s", prefixes[level]);
	va_start(args, format);
	length += (size_t)format_buffer_va(text + length, sizeof(text) - length, format, args);
	va_end(args);
	if (length >= sizeof(text)) {
		length = sizeof(text) - 1;
		text[length - 1] = '\n';
	}
	if (locking)
		spin_lock(&lock);
	keep(text, length);
	console_write(text, length);
	if (locking)
		spin_unlock(&lock);
}

void log_level_set(enum log_level level)
{
	__atomic_store_n(&threshold, level, __ATOMIC_RELAXED);
}

void log_replay(void (*put)(const char *text, size_t length))
{
	uint64_t end = written, at = end > LOG_KEPT ? end - LOG_KEPT : 0;

	while (at < end) {
		size_t start = at % LOG_KEPT;
		size_t length = MIN((size_t)(end - at), LOG_KEPT - start);

		put(kept + start, length);
		at += length;
	}
}

void log_panic_mode(void)
{
	locking = false;
}
