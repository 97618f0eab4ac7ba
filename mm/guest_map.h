/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: the map from guest frame number to (type, host frame).
 *
 * The map is the truth about a VM's physical address space. EPT and shadow page
 * tables are caches of it: dropping one whole at any time is correct, because
 * faults rebuild it from here. Caches listen to changes: guest_map_begin_change().
 *
 * The map is itself a radix tree, kept by the generic page-table code: mm/paging.h,
 * format `paging_guest_map`. So one entry can describe 4 KiB, 2 MiB or 1 GiB. Each RAM
 * or ROM entry is one block of the frame allocator. Guest-physical addresses are below
 * 2^48.
 *
 * Locking: the VM's owner serialises.
 */
#ifndef MM_GUEST_MAP_H
#define MM_GUEST_MAP_H

#include "lib/list.h"
#include "mm/paging.h"

/* More will come here: copy-on-write, ballooned, swapped, logged ... */
enum guest_type {
	GUEST_NONE, /* nothing there: reads all ones, ignores writes (the floating bus) */
	GUEST_RAM,
	GUEST_ROM,    /* reads like RAM, ignores writes */
	GUEST_DEVICE, /* a device model answers; never mapped */
};

/* A cache of the map: EPT; later shadow tables, a dirty log, an IOMMU. Embedded in the cache. */
struct guest_map_listener {
	struct list link;
	/* Forget [gpa, gpa + size). Owed: CPUs may still hold some of it in their TLBs. */
	flush_t (*drop)(struct guest_map_listener *listener, gpa_t gpa, uint64_t size);
	/* Every CPU has flushed since the drop: what it took out may be freed. */
	void (*flushed)(struct guest_map_listener *listener);
};

#define GUEST_MAP_CPUS 64 /* a set of CPUs is a mask, by index */

struct guest_map {
	struct page_table tree; /* its owner, the VM, owns the RAM too; tree.tables: frames spent on it */
	gpa_t end;              /* nothing is mapped from here on */
	uint64_t ram;           /* bytes of RAM mapped, ROM not counted */
	struct list listeners;
	bool changing;                    /* between guest_map_begin_change() and guest_map_commit() */
	uint8_t vcpus_on[GUEST_MAP_CPUS]; /* how many of the VM's vCPUs each CPU may cache the map for */
	/*
	 * Flush on these CPUs; returns when all have. Set by the owner before a CPU may cache the
	 * map.
	 */
	void (*flush)(struct guest_map *map, uint64_t cpus);
	void (*pause)(
		void); /* in the middle of what takes long: guest_map_add(), ept_create(); may be null */
};

/* One answer of the map: an extent with one type and consecutive host frames. */
struct guest_extent {
	enum guest_type type;
	gpa_t gpa;     /* start of the extent, aligned to `size` */
	hpa_t hpa;     /* host address of `gpa`; meaningful for RAM and ROM */
	uint64_t size; /* 4 KiB, 2 MiB or 1 GiB: the largest page that the map entry allows */
};

/* `owner` is the VM's frame owner id. -ERR_NO_MEMORY. */
int must_check guest_map_create(struct guest_map *map, uint16_t owner);

/*
 * Free the tree and every RAM and ROM frame in it: a change of the whole map. Frames are cleared
 * before their next owner gets them.
 */
void guest_map_destroy(struct guest_map *map);

/*
 * Give the guest `size` bytes of fresh RAM or zeroed ROM at `gpa`, in the largest
 * pages that alignment and free memory allow; or mark them GUEST_DEVICE. RAM holds what an earlier
 * owner left: guest_map_clear() comes before the guest. `gpa` and `size`
 * are multiples of PAGE_SIZE. All or nothing: -ERR_INVALID, -ERR_OUT_OF_RANGE,
 * -ERR_EXISTS (something is there already), -ERR_NO_MEMORY.
 */
int must_check guest_map_add(struct guest_map *map, gpa_t gpa, uint64_t size, enum guest_type type);

/* Take a range that one call has marked GUEST_DEVICE out again: nothing is there then. */
void guest_map_remove_device(struct guest_map *map, gpa_t gpa, uint64_t size);

/*
 * Free part of the RAM and ROM from `*from` on, which moves on, in a step of a fraction of a
 * millisecond. True: nothing above is left.
 */
bool must_check guest_map_release(struct guest_map *map, gpa_t *from);

/*
 * Zero RAM, `bytes` (a multiple of 8) of it from `*from` on, which moves on. True: all of it above
 * was reached.
 */
bool must_check guest_map_clear(const struct guest_map *map, gpa_t *from, uint64_t bytes);

/*
 * Change RAM to ROM or back over a range that is wholly RAM or ROM. All or nothing: -ERR_INVALID,
 * -ERR_OUT_OF_RANGE, -ERR_NOT_FOUND (not all of it is RAM or ROM), -ERR_NO_MEMORY (for splitting
 * large pages).
 */
int must_check guest_map_protect(struct guest_map *map, gpa_t gpa, uint64_t size, enum guest_type type);

/*
 * The protocol of every change that takes something away: a page, its frame, the right to write.
 *
 * begin: listeners drop [gpa, gpa + size); if any owes a flush, all CPUs that may cache the map
 * flush, and the listeners hear of it. Only then may the map change and frames be freed: neither a
 * table nor a TLB leads there any more. commit: faults may fill the caches again, from the new map.
 * The range is a multiple of PAGE_SIZE, below 2^48; changes do not nest.
 */
void guest_map_begin_change(struct guest_map *map, gpa_t gpa, uint64_t size);
void guest_map_commit(struct guest_map *map);

/* Caches of the map come and go. They hold nothing of it then. */
void guest_map_listen(struct guest_map *map, struct guest_map_listener *listener);
void guest_map_unlisten(struct guest_map_listener *listener);

/*
 * A vCPU of the VM may make `cpu` cache translations from here on, or no more: whoever comes to a
 * CPU flushes there first, so what stays there unused needs no flush. From any CPU.
 */
void guest_map_enter_cpu(struct guest_map *map, unsigned cpu);
void guest_map_leave_cpu(struct guest_map *map, unsigned cpu);

/*
 * How many tables a cache of the RAM and ROM needs at most, if all its pages have 4 KiB; its root
 * not counted.
 */
uint64_t guest_map_tables(const struct guest_map *map);

/* Look `gpa` up. Always answers; GUEST_NONE with size PAGE_SIZE where nothing is. */
struct guest_extent guest_map_find(const struct guest_map *map, gpa_t gpa);

/*
 * Copy between the monitor and guest-physical memory; may cross pages and extents.
 * Holes and devices read as FFh and ignore writes; ROM ignores writes unless
 * `guest_load`, the loaders' way in, is used. guest_load fails with
 * -ERR_OUT_OF_RANGE (nothing copied) where there is no RAM or ROM.
 */
void guest_read(const struct guest_map *map, gpa_t gpa, void *buffer, size_t size);
void guest_write(const struct guest_map *map, gpa_t gpa, const void *buffer, size_t size);
int must_check guest_load(const struct guest_map *map, gpa_t gpa, const void *data, size_t size);

/*
 * The monitor's view of [gpa, gpa + size) where one entry of the map holds it all and allows
 * the access (RAM; ROM if not `write`); else null. For atomic accesses and large copies;
 * never kept across an exit, since the map may change. Other vCPUs may write there meanwhile.
 */
void *guest_pointer(const struct guest_map *map, gpa_t gpa, size_t size, bool write);

/* Is all of [gpa, gpa + size) RAM or ROM? */
bool guest_is_backed(const struct guest_map *map, gpa_t gpa, uint64_t size);

#endif
