/* SPDX-License-Identifier: MIT */
/*
 * The monitor's own address space: mm/host_map.c. The tables are read by a walker of the test's
 * own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "lib/errors.h"
#include "lib/registers.h"
#include "lib/x86.h"
#include "memory.h"
#include "mm/host_map.h"
#include "mm/image.h"
#include "mm/layout.h"

#define LOAD MIB(2)

/* In place of mm/image.c: 3 pages of text, 2 of rodata, 5 of data. */
const struct image_section image_sections[IMAGE_SECTIONS] = {
	{.start = IMAGE_BASE + LOAD, .end = IMAGE_BASE + LOAD + 0x3000, .execute = true},
	{.start = IMAGE_BASE + LOAD + 0x3000, .end = IMAGE_BASE + LOAD + 0x5000},
	{.start = IMAGE_BASE + LOAD + 0x5000, .end = IMAGE_BASE + LOAD + 0xa000, .write = true},
};

/* clang-format off */
static const struct memory_range ram[] = {
	{MIB(1),           MIB(64) - 100},
	{0x100,            0x9fc00},
	{MIB(4),           MIB(10)}, /* inside another */
	{GIB(1),           GIB(2)},
	{DIRECT_MAP_LIMIT, DIRECT_MAP_LIMIT + GIB(1)},
};
/* clang-format on */

#define PRESENT 0x1UL
#define WRITE   0x2UL
#define PWT     0x8UL
#define PCD     0x10UL
#define NX      BIT(63)

static uint64_t size_of_page;

/*
 * SDM Vol. 3A "4-Level Paging": the leaf for `address` with its rights ANDed and NX ORed; 0: none.
 */
static uint64_t find(const void *pointer)
{
	uint64_t address = (uint64_t)pointer, table = host_map_root(), rights = WRITE, forbidden = 0;

	assert_int_equal((int64_t)(address << 16) >> 16, address);
	for (int shift = 39;; shift -= 9) {
		uint64_t entry = ((uint64_t *)hpa_to_pointer(table))[address >> shift & 511];

		if (!(entry & PRESENT))
			return 0;
		assert_false(entry & 4); /* no user page, or SMEP and SMAP would bite */
		rights &= entry;
		forbidden |= entry & NX;
		size_of_page = 1UL << shift;
		if (shift == 12 || entry & 0x80)
			return (entry & ~(WRITE | NX)) | rights | forbidden;
		table = entry & 0xffffffffff000;
	}
}

static hpa_t phys(const void *pointer)
{
	uint64_t entry = find(pointer);

	return (entry & 0xffffffffff000) + (uint64_t)pointer % size_of_page;
}

static void *direct(hpa_t hpa)
{
	return (void *)(DIRECT_MAP_BASE + hpa);
}

static void start(bool one_gib_pages, bool no_execute)
{
	fake_x86_reset();
	fake_cpuid_set(0x80000001, 0, (struct cpuid_result){.edx = no_execute ? BIT(20) : 0});
	fake_cpuid_set(0x80000008, 0, (struct cpuid_result){.eax = 0x3027}); /* 39 bits */
	fake_msr_set(MSR_EFER, EFER_LME | EFER_LMA);
	fake_memory_init(MIB(64));
	assert_int_equal(host_map_init(ram, ARRAY_SIZE(ram), one_gib_pages), 0);
}

static void test_direct_map(void **state)
{
	(void)state;
	start(true, true);
	assert_int_equal(find(direct(MIB(32))) & (WRITE | NX), WRITE | NX);
	assert_int_equal(phys(direct(MIB(32) + 0x1234)), MIB(32) + 0x1234);
	assert_int_equal(size_of_page, MIB(2));
	assert_int_equal(phys(direct(GIB(1) + 5)), GIB(1) + 5);
	assert_int_equal(size_of_page, GIB(1));
	assert_int_equal(find(direct(MIB(6))) & (WRITE | NX | PWT | PCD), WRITE | NX);
	/* Edges shrink; holes are holes. */
	assert_int_equal(find(direct(0)), 0);
	assert_int_equal(phys(direct(0x1000)), 0x1000);
	assert_int_equal(phys(direct(0x9efff)), 0x9efff);
	assert_int_equal(find(direct(0x9f000)), 0);
	assert_int_not_equal(find(direct(MIB(64) - PAGE_SIZE - 1)), 0);
	assert_int_equal(find(direct(MIB(64) - PAGE_SIZE)), 0);
	assert_int_equal(find(direct(GIB(2))), 0);
	assert_int_equal(find(direct(DIRECT_MAP_LIMIT)), 0);
	/* No identity map, no user half at all. */
	assert_int_equal(find(NULL), 0);
	assert_int_equal(find((void *)LOAD), 0);
	start(false, true);
	assert_int_equal(phys(direct(GIB(1) + 5)), GIB(1) + 5);
	assert_int_equal(size_of_page, MIB(2));
}

static void test_image_rights(void **state)
{
	(void)state;
	start(true, true);
	for (uint64_t offset = 0; offset < 0xa000; offset += PAGE_SIZE) {
		uint64_t rights = offset < 0x3000 ? 0 : offset < 0x5000 ? NX : WRITE | NX;
		void *image = (void *)(IMAGE_BASE + LOAD + offset);

		assert_int_equal(phys(image), LOAD + offset);
		assert_int_equal(find(image) & (WRITE | NX), rights);
		/*
		 * The other way to the same frames: never executable, and writable only where the
		 * image is.
		 */
		assert_int_equal(find(direct(LOAD + offset)) & (WRITE | NX), NX | (rights & WRITE));
		assert_int_equal(phys(direct(LOAD + offset)), LOAD + offset);
	}
	assert_int_equal(find((void *)(IMAGE_BASE + LOAD - 1)), 0);
	assert_int_equal(find((void *)(IMAGE_BASE + LOAD + 0xa000)), 0);
}

/* No page anywhere is both writable and executable. */
static void check_write_xor_execute(hpa_t table, unsigned level, uint64_t rights, uint64_t forbidden)
{
	for (unsigned i = 0; i < 512; i++) {
		uint64_t entry = ((uint64_t *)hpa_to_pointer(table))[i];

		if (!(entry & PRESENT))
			continue;
		if (level && !(entry & 0x80))
			check_write_xor_execute(entry & 0xffffffffff000, level - 1, rights & entry,
			                        forbidden | entry);
		else
			assert_false(rights & entry & WRITE && !((forbidden | entry) & NX));
	}
}

static void test_write_xor_execute(void **state)
{
	(void)state;
	start(true, true);
	assert_non_null(host_map_stack(2));
	assert_non_null(host_map_mmio(0xfee00000, 0x1000));
	check_write_xor_execute(host_map_root(), 3, WRITE, 0);
}

/* Firmware can switch NX off: then the bit must not be set anywhere. */
static void test_without_nx(void **state)
{
	(void)state;
	start(true, false);
	assert_int_equal(find(direct(MIB(32))) & (WRITE | NX), WRITE);
	assert_int_equal(find((void *)(IMAGE_BASE + LOAD + 0x3000)) & (WRITE | NX), 0);
	assert_int_equal(find(direct(LOAD)) & (WRITE | NX), 0);
	host_map_activate();
	assert_int_equal(fake_msr_get(MSR_EFER), EFER_LME | EFER_LMA);
}

static void test_activate(void **state)
{
	(void)state;
	start(true, true);
	fake_x86.cr[0] = CR0_PG | CR0_PE;
	fake_x86.cr[4] = CR4_PAE;
	host_map_activate();
	assert_int_equal(fake_x86.cr[3], host_map_root());
	assert_int_equal(fake_x86.cr[0], CR0_PG | CR0_PE | CR0_WP);
	assert_int_equal(fake_x86.cr[4], CR4_PAE);
	assert_int_equal(fake_msr_get(MSR_EFER), EFER_LME | EFER_LMA | EFER_NXE);
	assert_int_equal(fake_msr_get(MSR_PAT), HOST_PAT);
	fake_cpuid_set(7, 0, (struct cpuid_result){.ebx = BIT(7)});
	host_map_activate();
	assert_int_equal(fake_x86.cr[4], CR4_PAE | CR4_SMEP);
	fake_x86.cr[4] = CR4_PAE;
	fake_cpuid_set(7, 0, (struct cpuid_result){.ebx = BIT(20)});
	host_map_activate();
	assert_int_equal(fake_x86.cr[4], CR4_PAE | CR4_SMAP);
}

/*
 * The frames above 4 GiB come in when the direct map is active, once, however often they are asked
 * for.
 */
static void test_frames_extend(void **state)
{
	/* clang-format off */
	static const struct memory_range usable[] = {
		{MIB(1),                         MIB(64)},
		{GIB(4),                         GIB(5)}
        };
	uint64_t total;

	(void)state;
	start(true, true);
	fake_memory_arena(GIB(5));
	assert_int_equal(frames_init(usable, 2, NULL, 0, GIB(5)), 0);
	assert_int_equal(host_map_init(usable, 2, true), 0);
	total = frames_stat().total;
	host_map_activate();
	assert_int_equal(frames_stat().total, total); /* every CPU does that */
	frames_extend();
	assert_int_equal(frames_stat().total, total + (GIB(1) >> PAGE_SHIFT));
	assert_true(frame_owner(frames_alloc(FRAME_ORDER_1G, FRAME_OWNER_MONITOR, FRAME_DATA)));
	total = frames_stat().free;
	frames_extend();
	assert_int_equal(frames_stat().free, total);
}

static void test_stacks(void **state)
{
	char *one, *two;

	(void)state;
	start(true, true);
	one = host_map_stack(4);
	two = host_map_stack(1);
	assert_non_null(one);
	assert_non_null(two);
	assert_int_equal((uint64_t)one % PAGE_SIZE, 0);
	for (unsigned page = 1; page <= 4; page++) {
		assert_int_equal(find(one - page * PAGE_SIZE) & (WRITE | NX), WRITE | NX);
		assert_int_equal(frame_owner(phys(one - page * PAGE_SIZE)), FRAME_OWNER_MONITOR);
	}
	assert_int_equal(find(one - 4 * PAGE_SIZE - 1), 0);
	assert_int_equal(find(one), 0);
	assert_int_not_equal(find(two - 1), 0);
	assert_int_equal(find(two - PAGE_SIZE - 1), 0);
	assert_int_equal(find(two), 0);
	assert_true(two > one);
	assert_null(host_map_stack(CPU_AREA_SIZE / PAGE_SIZE));
	assert_null(host_map_stack(SIZE_MAX));
}

static void test_windows(void **state)
{
	char *registers, *screen, *other;
	const char *table;

	(void)state;
	start(true, true);
	registers = host_map_mmio(0xfee00300, 16);
	screen = host_map_framebuffer(0xfd123000, MIB(8));
	table = host_map_firmware(0xbffe0ffc, 8);
	assert_int_equal(phys(registers), 0xfee00300);
	assert_int_equal(find(registers) & (WRITE | NX | PWT | PCD), WRITE | NX | PWT | PCD);
	assert_int_equal(find(registers + PAGE_SIZE), 0);
	assert_int_equal(phys(screen), 0xfd123000);
	assert_int_equal(find(screen) & (WRITE | NX | PWT | PCD), WRITE | NX | PWT);
	assert_int_equal(phys(screen + MIB(4)), 0xfd523000);
	assert_int_equal(size_of_page, MIB(2));
	assert_int_equal(phys(screen + MIB(8) - 1), 0xfd922fff);
	assert_int_equal(find(screen + MIB(8)), 0);
	assert_int_equal(phys(table + 7), 0xbffe1003);
	assert_int_equal(find(table) & (WRITE | NX | PWT | PCD), NX);
	/* Windows do not touch. */
	other = host_map_mmio(0xfec00000, 1);
	assert_int_equal(phys(other), 0xfec00000);
	assert_int_equal(find(other - 1), 0);

	assert_null(host_map_mmio(0xfee00000, 0));
	assert_null(host_map_mmio(BIT(39), 1));
	assert_null(host_map_mmio(BIT(39) - 1, 2));
	assert_null(host_map_mmio(UINT64_MAX, 2));
	assert_non_null(host_map_mmio(BIT(39) - 1, 1));
	assert_null(host_map_mmio(0, MMIO_MAP_SIZE));
}

static void test_no_memory(void **state)
{
	static hpa_t held[MIB(64) >> PAGE_SHIFT];
	struct frames_stat stat;
	size_t count = 0;
	char *top;

	(void)state;
	start(true, true);
	while ((held[count] = frames_alloc(0, FRAME_OWNER_MONITOR, FRAME_DATA)))
		count++;
	assert_int_equal(host_map_init(ram, ARRAY_SIZE(ram), true), -ERR_NO_MEMORY);
	frames_free(held[--count], 0);
	assert_int_equal(host_map_init(ram, ARRAY_SIZE(ram), true), -ERR_NO_MEMORY);
	while (count)
		frames_free(held[--count], 0);

	start(true, true);
	assert_non_null(host_map_stack(1));
	assert_non_null(host_map_mmio(0, 1));
	while ((held[count] = frames_alloc(0, FRAME_OWNER_MONITOR, FRAME_DATA)))
		count++;
	assert_null(host_map_stack(1));
	/*
	 * Half of a stack: nothing is handed out, and the next one has its guard page all the same.
	 */
	frames_free(held[--count], 0);
	assert_null(host_map_stack(2));
	frames_free(held[--count], 0);
	top = host_map_stack(1);
	assert_non_null(top);
	assert_int_equal(find(top - PAGE_SIZE - 1), 0);
	/* The page is to be had, the table for it is not. */
	assert_null(host_map_mmio(0, GIB(2)));
	for (unsigned pages = 0; pages < 600 && count; pages++) {
		frames_free(held[--count], 0);
		top = host_map_stack(1);
		stat = frames_stat();
		if (!top)
			break;
	}
	assert_null(top);
	assert_int_equal(stat.free, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct_map), cmocka_unit_test(test_image_rights),
		cmocka_unit_test(test_without_nx), cmocka_unit_test(test_write_xor_execute),
		cmocka_unit_test(test_activate),   cmocka_unit_test(test_frames_extend),
		cmocka_unit_test(test_stacks),     cmocka_unit_test(test_windows),
		cmocka_unit_test(test_no_memory),
	};
	/* clang-format on */

	return cmocka_run_group_tests_name("host_map", tests, NULL, NULL);
}
