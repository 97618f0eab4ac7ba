/* SPDX-License-Identifier: MIT */
/*
 * The monitor's linear address space. Also read by assembly and the linker
 * script, so plain constants only. docs/memory.md has the picture.
 */
#ifndef MM_LAYOUT_H
#define MM_LAYOUT_H

/* All RAM, at DIRECT_MAP_BASE + hpa. */
#define DIRECT_MAP_BASE  0xffff888000000000
#define DIRECT_MAP_LIMIT 0x0000400000000000 /* 64 TiB: RAM at or above this host address stays unused */

/* What host_map_mmio() and its variants hand out. */
#define MMIO_MAP_BASE 0xffffc90000000000
#define MMIO_MAP_SIZE 0x0000008000000000

/* Per-CPU pages that need a guard: what host_map_stack() hands out. */
#define CPU_AREA_BASE 0xffffd10000000000
#define CPU_AREA_SIZE 0x0000008000000000

/* The monitor's image: linked at IMAGE_BASE + its physical load address. */
#define IMAGE_BASE 0xffffffff80000000

/*
 * Until host_map_activate() only host addresses below this are mapped, by the
 * tables of the entry code: at 0, at DIRECT_MAP_BASE and at IMAGE_BASE (2 GiB of it).
 */
#define EARLY_MAP_LIMIT 0x0000000100000000

#endif
