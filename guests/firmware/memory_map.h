/* SPDX-License-Identifier: MIT */
/*
 * What a guest's physical address space looks like: the PC's map, and where
 * inside low memory the loaders and the firmware tables put their things.
 */
#ifndef GUESTS_FIRMWARE_MEMORY_MAP_H
#define GUESTS_FIRMWARE_MEMORY_MAP_H

#include "lib/types.h"

#define GUEST_LOW_RAM_END 0xa0000UL  /* conventional memory, then the legacy video hole */
#define GUEST_OPTION_ROMS 0xc0000UL  /* no adapter has one: reads as all ones, up to the firmware's own */
#define GUEST_BIOS_START  0xe0000UL  /* the firmware's own area, up to 1 MiB */
#define GUEST_HIGH_START  0x100000UL /* extended memory */
#define GUEST_HOLE_START  GIB(3)     /* devices live between here and 4 GiB */
#define GUEST_ABOVE_4G    GIB(4)

/* The top KiB of conventional memory: the extended BIOS data area. */
#define GUEST_EBDA      0x9fc00UL
#define GUEST_EBDA_SIZE 0x400UL

/* Images lie above the real-mode vectors and the BIOS data area. */
#define GUEST_IMAGES_START 0x500UL

/*
 * Below GUEST_HANDOVER_END RAM holds what the loaders hand over, at these addresses. An image that
 * is linked there keeps its place, and all of it moves: placing_move_handover().
 */
#define GUEST_HANDOVER_END 0x10000UL
#define GUEST_GDT          0x1000UL
#define GUEST_INFORMATION  0x2000UL /* PVH's start info, or Multiboot's information */
#define GUEST_PAGE_TABLES  0x3000UL /* PML4, PDPT, four page directories */
#define GUEST_STACK_TOP    0xa000UL
#define GUEST_CMDLINE      0xb000UL
#define GUEST_CMDLINE_SIZE 0x1000UL

/*
 * Linux finds its own where its real-mode code would be on a PC, up to the EBDA: below that,
 * kernels before boot protocol 2.05 unpack themselves, and from 1000h they run the routine that
 * moves the result up.
 */
#define GUEST_LINUX_PARAMS  0x90000UL /* struct boot_params, "The Zero Page" */
#define GUEST_LINUX_CMDLINE 0x91000UL
#define GUEST_LINUX_GDT     0x92000UL

enum guest_range_kind {
	GUEST_RANGE_RAM,
	GUEST_RANGE_BIOS, /* RAM while loading, read-only afterwards */
};

struct guest_range {
	gpa_t start;
	uint64_t size; /* bytes, a multiple of 4 KiB */
	enum guest_range_kind kind;
};
#define GUEST_RANGES_MAX 4

/*
 * The memory to give to a guest with `memory` bytes, a multiple of 4 KiB and at least 1 MiB.
 * Ascending, without overlaps; returns the number of ranges. As on a PC, the RAM under the legacy
 * hole is lost, and what lies above 3 GiB continues at 4 GiB.
 */
unsigned guest_memory_layout(uint64_t memory, struct guest_range ranges[GUEST_RANGES_MAX]);

/* Is all of [gpa, gpa + size) in these ranges, or in the text memory of a VGA? */
bool guest_memory_has(uint64_t memory, gpa_t gpa, uint64_t size);

/* End of the RAM below 4 GiB that starts at 1 MiB; GUEST_HIGH_START if there is none. */
gpa_t guest_high_ram_end(uint64_t memory);

/* Address range types: ACPI Specification, "System Address Map Interfaces". */
#define E820_RAM      1
#define E820_RESERVED 2

struct guest_e820 {
	uint64_t start, size;
	uint32_t type;
};
#define GUEST_E820_MAX 8

/* The same as the firmware tells the guest, ascending. Returns the number of entries. */
unsigned guest_memory_e820(uint64_t memory, struct guest_e820 entries[GUEST_E820_MAX]);

#endif
