/* SPDX-License-Identifier: MIT */
#include "mm/host_map.h"
#include "lib/checked.h"
#include "lib/panic.h"
#include "lib/registers.h"
#include "lib/spinlock.h"
#include "lib/x86.h"
#include "mm/image.h"
#include "mm/layout.h"
#include "mm/paging.h"

/* SDM Vol. 2A "CPUID". */
#define CPUID_FEATURES          0x7
#define CPUID_FEATURES_EBX_SMEP BIT(7)
#define CPUID_FEATURES_EBX_SMAP BIT(20)
#define CPUID_EXTENDED_FEATURES 0x80000001
#define CPUID_EXTENDED_EDX_NX   BIT(20)
#define CPUID_ADDRESS_SIZES     0x80000008

static struct {
	struct spinlock lock;
	struct page_table table;
	bool no_execute;      /* firmware can turn NX off: then the bit is a reserved one */
	hpa_t physical_limit; /* of the CPU: MAXPHYADDR */
	uint64_t next_window, next_stack;
} host;

static int host_map_pages(uint64_t virt, hpa_t hpa, uint64_t size, struct page_attributes attributes,
                          flush_t *flush)
{
	attributes.read = true;
	attributes.execute = attributes.execute || !host.no_execute;
	return page_table_map(&host.table, virt, hpa, size, attributes, flush);
}

static int map_direct(const struct memory_range *range, flush_t *flush)
{
	const struct page_attributes data = {.write = true, .memory_type = MEMORY_TYPE_WB};
	hpa_t start, end = ALIGN_DOWN(MIN(range->end, DIRECT_MAP_LIMIT), PAGE_SIZE);

	if (range->start >= end)
		return 0;
	start = ALIGN_UP(range->start, PAGE_SIZE);
	return start < end ? host_map_pages(DIRECT_MAP_BASE + start, start, end - start, data, flush) : 0;
}

/* What is not writable in the image must not be so through the direct map. */
static int map_section(const struct image_section *section, flush_t *flush)
{
	const struct page_attributes read_only = {.memory_type = MEMORY_TYPE_WB};
	struct page_attributes attributes = read_only;
	hpa_t hpa = section->start - IMAGE_BASE;
	uint64_t size = section->end - section->start;
	int error;

	attributes.write = section->write;
	attributes.execute = section->execute;
	error = host_map_pages(section->start, hpa, size, attributes, flush);
	if (!error && !section->write)
		error = host_map_pages(DIRECT_MAP_BASE + hpa, hpa, size, read_only, flush);
	return error;
}

int host_map_init(const struct memory_range *ram, size_t count, bool one_gib_pages)
{
	unsigned pages = PAGES_4K | PAGES_2M | (one_gib_pages ? PAGES_1G : 0);
	flush_t flush = FLUSH_NONE;
	int error;

	host.no_execute = cpuid(CPUID_EXTENDED_FEATURES, 0).edx & CPUID_EXTENDED_EDX_NX;
	host.physical_limit = BIT(MIN(cpuid(CPUID_ADDRESS_SIZES, 0).eax & 0xff, 52));
	host.next_window = MMIO_MAP_BASE;
	host.next_stack = CPU_AREA_BASE;
	error = page_table_create(&host.table, &paging_host, pages, FRAME_OWNER_MONITOR);
	for (size_t i = 0; i < count && !error; i++)
		error = map_direct(&ram[i], &flush);
	for (size_t i = 0; i < IMAGE_SECTIONS && !error; i++)
		error = map_section(&image_sections[i], &flush);
	/* No processor has seen the tables, so whatever is owed is paid. */
	page_table_flushed(&host.table);
	return error;
}

hpa_t host_map_root(void)
{
	return host.table.root;
}

void host_map_activate(void)
{
	uint32_t features = cpuid(CPUID_FEATURES, 0).ebx;
	uint64_t cr4 = read_cr4();

	if (host.no_execute)
		write_msr(MSR_EFER, read_msr(MSR_EFER) | EFER_NXE);
	write_msr(MSR_PAT, HOST_PAT);
	write_cr3(host.table.root);
	write_cr0(read_cr0() | CR0_WP);
	cr4 |= features & CPUID_FEATURES_EBX_SMEP ? CR4_SMEP : 0;
	cr4 |= features & CPUID_FEATURES_EBX_SMAP ? CR4_SMAP : 0;
	write_cr4(cr4);
}

/* In a place where nothing was: no TLB has anything to forget. */
static int map_new(uint64_t virt, hpa_t hpa, uint64_t size, struct page_attributes attributes)
{
	flush_t flush = FLUSH_NONE;
	int error = host_map_pages(virt, hpa, size, attributes, &flush);

	assert_monitor(!flush.owed);
	return error;
}

/*
 * What an attempt that runs out of memory has mapped stays behind, unused; the next one begins
 * above.
 */
static void *map_stack(size_t pages)
{
	const struct page_attributes data = {.write = true, .memory_type = MEMORY_TYPE_WB};
	uint64_t virt = host.next_stack + PAGE_SIZE; /* above its guard page */

	if (pages > CPU_AREA_SIZE / PAGE_SIZE ||
	    !range_within(virt - CPU_AREA_BASE, pages * PAGE_SIZE, CPU_AREA_SIZE))
		return NULL;
	for (; pages; pages--, virt += PAGE_SIZE) {
		hpa_t hpa = frames_alloc(FRAME_ORDER_4K, FRAME_OWNER_MONITOR, FRAME_DATA);

		if (!hpa)
			return NULL;
		if (map_new(virt, hpa, PAGE_SIZE, data)) {
			frames_free(hpa, FRAME_ORDER_4K);
			return NULL;
		}
		host.next_stack = virt + PAGE_SIZE;
	}
	return (void *)host.next_stack;
}

void *host_map_stack(size_t pages)
{
	void *top;

	spin_lock(&host.lock);
	top = map_stack(pages);
	spin_unlock(&host.lock);
	return top;
}

/*
 * `virt` agrees with `hpa` below 2 MiB where that allows large pages. A page stays unmapped between
 * windows.
 */
static void *map_window(hpa_t hpa, uint64_t size, struct page_attributes attributes)
{
	uint64_t offset = hpa % PAGE_SIZE, virt = host.next_window;

	size = ALIGN_UP(size + offset, PAGE_SIZE);
	hpa -= offset;
	if (size >= PAGING_SIZE(1))
		virt = ALIGN_UP(virt, PAGING_SIZE(1)) + hpa % PAGING_SIZE(1);
	if (!range_within(virt - MMIO_MAP_BASE, size, MMIO_MAP_SIZE - PAGE_SIZE))
		return NULL;
	host.next_window = virt + size + PAGE_SIZE;
	return map_new(virt, hpa, size, attributes) ? NULL : (void *)(virt + offset);
}

static void *open_window(hpa_t hpa, size_t size, bool write, uint8_t memory_type)
{
	void *window;

	if (!size || !range_within(hpa, size, host.physical_limit))
		return NULL;
	spin_lock(&host.lock);
	window = map_window(hpa, size, (struct page_attributes){.write = write, .memory_type = memory_type});
	spin_unlock(&host.lock);
	return window;
}

void *host_map_mmio(hpa_t hpa, size_t size)
{
	return open_window(hpa, size, true, MEMORY_TYPE_UC);
}

void *host_map_framebuffer(hpa_t hpa, size_t size)
{
	return open_window(hpa, size, true, MEMORY_TYPE_WC);
}

const void *host_map_firmware(hpa_t hpa, size_t size)
{
	return open_window(hpa, size, false, MEMORY_TYPE_WB);
}
