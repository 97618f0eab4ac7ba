/* SPDX-License-Identifier: MIT */
/*
 * What the other CPUs have to say: only the boot processor may touch the prompt and the shell, so
 * their text waits here for its console_poll().
 */
#include "lib/string.h"
#include "vmm/console/console_internal.h"

static struct {
	struct spinlock lock;
	bool panicking;
	uint64_t head, tail; /* bytes ever put and taken */
	uint64_t lost;
	char text[TEXT_QUEUE_SIZE];
} queue;

static void text_queue_lock(void)
{
	if (!queue.panicking)
		spin_lock(&queue.lock);
}

static void text_queue_unlock(void)
{
	if (!queue.panicking)
		spin_unlock(&queue.lock);
}

void text_queue_put(const char *text, size_t length, size_t reserve)
{
	text_queue_lock();
	if (length + reserve > TEXT_QUEUE_SIZE - (queue.head - queue.tail)) {
		queue.lost += length;
	} else {
		for (size_t i = 0; i < length; i++)
			queue.text[(queue.head + i) % TEXT_QUEUE_SIZE] = text[i];
		__atomic_store_n(&queue.head, queue.head + length, __ATOMIC_RELAXED);
	}
	text_queue_unlock();
}

bool text_queue_empty(void)
{
	return __atomic_load_n(&queue.head, __ATOMIC_RELAXED) == queue.tail &&
	       !__atomic_load_n(&queue.lost, __ATOMIC_RELAXED);
}

size_t text_queue_take(char *line, size_t size)
{
	size_t count = 0;

	text_queue_lock();
	while (count < size && queue.tail < queue.head) {
		line[count] = queue.text[queue.tail++ % TEXT_QUEUE_SIZE];
		if (line[count++] == '\n')
			break;
	}
	text_queue_unlock();
	return count;
}

uint64_t text_queue_lost(void)
{
	uint64_t lost;

	text_queue_lock();
	lost = queue.lost;
	queue.lost = 0;
	text_queue_unlock();
	return lost;
}

void text_queue_panic_mode(void)
{
	queue.panicking = true;
}
