/* SPDX-License-Identifier: MIT */
/*
 * Guest memory for the loaders' tests and fuzz targets: one sparse mapping, of
 * which exactly the ranges of guest_memory_layout() and the text memory exist. It stands in for
 * mm/guest_map.c; include it in one file of a program.
 */
#ifndef TESTS_UNIT_RIGS_GUEST_RAM_H
#define TESTS_UNIT_RIGS_GUEST_RAM_H

#include <string.h>
#include <sys/mman.h>
#include "guests/firmware/firmware.h"
#include "guests/firmware/memory_map.h"
#include "lib/errors.h"
#include "mm/guest_map.h"

#define GUEST_RAM_SPACE GIB(8)

static uint8_t *guest_ram; /* byte n is the guest's physical address n */
static uint64_t guest_ram_size;
static struct guest_map guest_ram_map;
static uint64_t guest_ram_loaded; /* bytes that guest_load() has copied */

/*
 * A guest with `memory` bytes; each range begins with 64 KiB of A5h, as after somebody else's use.
 */
static inline void guest_ram_create(uint64_t memory)
{
	struct guest_range ranges[GUEST_RANGES_MAX];
	unsigned count = guest_memory_layout(memory, ranges);

	if (guest_ram)
		munmap(guest_ram, GUEST_RAM_SPACE);
	guest_ram = mmap(NULL, GUEST_RAM_SPACE, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (guest_ram == MAP_FAILED)
		__builtin_trap();
	guest_ram_size = memory;
	for (unsigned i = 0; i < count; i++)
		memset(guest_ram + ranges[i].start, 0xa5, MIN(ranges[i].size, KIB(64)));
}

static inline bool guest_ram_has(gpa_t gpa, size_t size)
{
	return guest_memory_has(guest_ram_size, gpa, size);
}

bool guest_is_backed(const struct guest_map *map, gpa_t gpa, uint64_t size)
{
	(void)map;
	return guest_ram_has(gpa, size);
}

int guest_load(const struct guest_map *map, gpa_t gpa, const void *data, size_t size)
{
	(void)map;
	if (!guest_ram_has(gpa, size))
		return -ERR_OUT_OF_RANGE;
	memcpy(guest_ram + gpa, data, size);
	guest_ram_loaded += size;
	return 0;
}

void guest_read(const struct guest_map *map, gpa_t gpa, void *buffer, size_t size)
{
	(void)map;
	if (guest_ram_has(gpa, size))
		memcpy(buffer, guest_ram + gpa, size);
	else
		memset(buffer, 0xff, size);
}

/* For guest_image.defer: do it at once. */
static inline bool guest_ram_copy(void *context, gpa_t gpa, const void *data, uint64_t size)
{
	(void)context;
	if (!guest_ram_has(gpa, size))
		return false;
	if (data)
		memcpy(guest_ram + gpa, data, size);
	else
		memset(guest_ram + gpa, 0, size);
	return true;
}

/* The loaders expect what firmware leaves in memory. */
static inline void guest_ram_add_firmware(const struct machine_config *machine)
{
	if (firmware_load(&guest_ram_map, machine))
		__builtin_trap();
}

static inline uint64_t guest_ram_number(gpa_t gpa, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, guest_ram + gpa, size);
	return value;
}

#endif
