/* SPDX-License-Identifier: MIT */
/* See fake/memory.h. Stands in for mm/direct_map.c. */
#include <sys/mman.h>
#include "lib/panic.h"
#include "memory.h"

#define ALIGNMENT GIB(1)

static char *mapping, *arena;
static uint64_t mapping_size, arena_size;

void fake_memory_arena(uint64_t size)
{
	assert_monitor(size <= GIB(64));
	if (mapping)
		munmap(mapping, mapping_size);
	mapping_size = size + ALIGNMENT;
	mapping = mmap(NULL, mapping_size, PROT_READ | PROT_WRITE,
	               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_monitor(mapping != MAP_FAILED);
	arena = (char *)ALIGN_UP((uintptr_t)mapping, ALIGNMENT);
	arena_size = size;
}

void fake_memory_init(uint64_t size)
{
	static struct memory_range all;

	fake_memory_arena(size);
	all = (struct memory_range){0, size};
	assert_monitor(frames_init(&all, 1, NULL, 0, size) == 0);
}

void *hpa_to_pointer(hpa_t hpa)
{
	assert_monitor(hpa < arena_size);
	return arena + hpa;
}

hpa_t pointer_to_hpa(const void *pointer)
{
	uint64_t offset = (uint64_t)((const char *)pointer - arena);

	assert_monitor(offset < arena_size);
	return offset;
}
