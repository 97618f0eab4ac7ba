/* SPDX-License-Identifier: MIT */
/* The monitor's view of physical memory. Host tests link tests/unit/fake/memory.c instead. */
#include "lib/panic.h"
#include "mm/frames.h"
#include "mm/layout.h"

void *hpa_to_pointer(hpa_t hpa)
{
	assert_monitor(hpa < DIRECT_MAP_LIMIT);
	return (void *)(DIRECT_MAP_BASE + hpa);
}

hpa_t pointer_to_hpa(const void *pointer)
{
	uintptr_t address = (uintptr_t)pointer;

	if (address >= IMAGE_BASE)
		return address - IMAGE_BASE;
	assert_monitor(address >= DIRECT_MAP_BASE && address - DIRECT_MAP_BASE < DIRECT_MAP_LIMIT);
	return address - DIRECT_MAP_BASE;
}
