/* SPDX-License-Identifier: MIT */
/*
 * The monitor's own address space: the direct map of RAM, its image with W^X
 * rights, stacks with guard pages, and windows onto devices. The places are in
 * mm/layout.h; docs/memory.md has the picture.
 *
 * Locking: one lock inside. What is mapped stays mapped.
 */
#ifndef MM_HOST_MAP_H
#define MM_HOST_MAP_H

#include "mm/frames.h"

/*
 * IA32_PAT while the monitor runs: PA0 write-back, PA1 write-combining, PA2 UC-, PA3 uncached,
 * and the same again. SDM Vol. 3A "IA32_PAT MSR". The VMCS must load it on every exit.
 */
#define HOST_PAT 0x0007010600070106

/*
 * Build the tables: direct map of all of `ram` (as for frames_init(); shrinks to whole pages,
 * what lies above DIRECT_MAP_LIMIT is left out), and the image. Needs frames_init() and the
 * tables of the entry code. -ERR_NO_MEMORY.
 */
int must_check host_map_init(const struct memory_range *ram, size_t count, bool one_gib_pages);

/* For CR3, the same on every CPU. */
hpa_t host_map_root(void);

/*
 * Switch this CPU to the tables, to HOST_PAT, CR0.WP, and NX, SMEP and SMAP where it has them. The
 * identity map of low memory is gone then. Every CPU calls it once; the first calls frames_extend()
 * next.
 */
void host_map_activate(void);

/*
 * A stack of `pages` zeroed pages with an unmapped page below it (and above). Returns its top: the
 * first byte after it. Null: no memory. Usable after host_map_activate().
 */
void *host_map_stack(size_t pages);

/*
 * Map [hpa, hpa + size), any alignment, and return where `hpa` is; null if there is no memory or no
 * such address. Not for RAM, which has its place in the direct map. Usable after
 * host_map_activate().
 *
 * Device registers: uncached. Framebuffers: write-combining. Firmware tables (ACPI; read only):
 * write-back.
 */
void *host_map_mmio(hpa_t hpa, size_t size);
void *host_map_framebuffer(hpa_t hpa, size_t size);
const void *host_map_firmware(hpa_t hpa, size_t size);

#endif
