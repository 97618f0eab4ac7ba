/* SPDX-License-Identifier: MIT */
/*
 * Guest page tables of every shape, for test_guest_paging.c and
 * test_guest_paging_entries.c: one include in each.
 */
#ifndef TESTS_UNIT_RIGS_GUEST_TABLES_H
#define TESTS_UNIT_RIGS_GUEST_TABLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/registers.h"
#include "memory.h"
#include "mm/guest_paging.h"

#define VM FRAME_OWNER_FIRST_VM

#define P  0x1UL
#define RW 0x2UL
#define US 0x4UL
#define A  0x20UL
#define D  0x40UL
#define PS 0x80UL
#define NX BIT(63)

/* Tables at level n are at TABLE(n), the page at PAGE; all in guest RAM. */
#define TABLE(n) (0x10000UL + 0x1000 * (n))
#define PAGE     0x40000000UL /* aligned for every size, and not RAM: it is not read */
#define RAM_SIZE MIB(1)

static struct guest_map map;

/* Called whenever an entry is about to be changed: another processor's chance. */
static void (*before_write)(uint8_t *entry);

/* The product's does the same, less the hook. */
void *guest_pointer(const struct guest_map *guest, gpa_t gpa, size_t size, bool write)
{
	struct guest_extent extent = guest_map_find(guest, gpa);
	uint8_t *pointer;

	if (extent.type != GUEST_RAM && (extent.type != GUEST_ROM || write))
		return NULL;
	assert_true(gpa % size == 0);
	pointer = (uint8_t *)hpa_to_pointer(extent.hpa) + (gpa - extent.gpa);
	if (write && before_write)
		before_write(pointer);
	return pointer;
}

/* One way to map: the mode, and the level at which the page stands. */
struct shape {
	const char *name;
	unsigned levels; /* in memory */
	unsigned leaf;   /* level of the page: 0 is a page-table entry */
	unsigned entry_size;
	uint64_t cr4, efer;
	uint64_t page_size;
	gva_t address; /* index 0x12 or more at every level */
};

/* clang-format off */
static const struct shape shapes[] = {
	{"32-bit 4K",      2, 0, 4, 0,       0,        KIB(4), 0x12f34567},
	{"32-bit 4K, PSE", 2, 0, 4, CR4_PSE, 0,        KIB(4), 0x12f34567},
	{"32-bit 4M",      2, 1, 4, CR4_PSE, 0,        MIB(4), 0x92f34567},
	{"PAE 4K",         2, 0, 8, CR4_PAE, 0,        KIB(4), 0x52f34567},
	{"PAE 2M",         2, 1, 8, CR4_PAE, 0,        MIB(2), 0xd2f34567},
	{"4-level 4K",     4, 0, 8, CR4_PAE, EFER_LMA, KIB(4), 0xffffa1b2c3d4e5f6},
	{"4-level 2M",     4, 1, 8, CR4_PAE, EFER_LMA, MIB(2), 0x00007fb2c3d4e5f6},
	{"4-level 1G",     4, 2, 8, CR4_PAE, EFER_LMA, GIB(1), 0x000001b2c3d4e5f6},
};
/* clang-format on */

static struct guest_paging paging;
static const struct shape *shape;

static inline bool is_pae(void)
{
	return shape->entry_size == 8 && shape->levels == 2;
}

static inline void *entry_at(unsigned level)
{
	unsigned bits = shape->entry_size == 4 ? 10 : 9;
	uint64_t index = shape->address >> (12 + bits * level) & ((1 << bits) - 1);
	gpa_t gpa = TABLE(level) + index * shape->entry_size;

	return (uint8_t *)hpa_to_pointer(guest_map_find(&map, gpa).hpa) + gpa % PAGE_SIZE;
}

static inline uint64_t get(unsigned level)
{
	return shape->entry_size == 4 ? *(uint32_t *)entry_at(level) : *(uint64_t *)entry_at(level);
}

static inline void set(unsigned level, uint64_t entry)
{
	if (shape->entry_size == 4)
		*(uint32_t *)entry_at(level) = (uint32_t)entry;
	else
		*(uint64_t *)entry_at(level) = entry;
}

/* The address part of the entry at `level`. */
static inline uint64_t target(unsigned level)
{
	if (level == shape->leaf)
		return PAGE | (level ? PS : 0);
	return TABLE(level - 1);
}

static inline void use(const struct shape *which)
{
	shape = which;
	paging = (struct guest_paging){
		.cr0 = CR0_PG | CR0_PE,
		.cr4 = shape->cr4,
		.efer = shape->efer,
		.cr3 = TABLE(shape->levels - 1),
		.physical_bits = 36,
		.has_1g_pages = true,
	};
	if (is_pae()) {
		paging.cr3 = 0xdead0020;
		paging.pdpte[shape->address >> 30] = TABLE(1) | P;
	}
	for (unsigned level = shape->leaf; level < shape->levels; level++)
		set(level, target(level) | P | RW | US);
}

static inline struct guest_translation translate(unsigned access)
{
	return guest_translate(&map, &paging, shape->address, access);
}

static inline void assert_fault(unsigned access, uint32_t error_code)
{
	struct guest_translation result = translate(access);

	assert_false(result.ok);
	assert_int_equal(result.error_code, error_code);
}

static inline int setup(void **state)
{
	(void)state;
	fake_memory_init(MIB(8));
	before_write = NULL;
	assert_int_equal(guest_map_create(&map, VM), 0);
	assert_int_equal(guest_map_add(&map, 0, RAM_SIZE, GUEST_RAM), 0);
	return 0;
}

#endif
