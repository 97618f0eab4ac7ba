/* SPDX-License-Identifier: MIT */
#include "guests/loaders/linux.h"
#include "guests/loaders/linux_params.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/string.h"

#define SECTOR 512

#define HEADER_END_MAX 0x290      /* struct boot_params has other things after it */
#define HEADER_MAGIC   0x53726448 /* "HdrS" */
#define BOOT_FLAG      0xaa55
#define LOADED_HIGH    0x01
#define XLF_KERNEL_64  0x0001
#define ENTRY_64       0x200 /* bytes after the 32-bit entry */

enum fit linux_fit(struct loading *loading)
{
	const struct image_file *kernel = &loading->image->kernel;
	uint32_t magic;

	if (kernel->size < 0x206)
		return FIT_NO;
	memcpy(&magic, (const char *)kernel->data + 0x202, sizeof(magic));
	return magic == HEADER_MAGIC ? FIT_SURE : FIT_NO;
}

/*
 * iPXE and memdisk wear a Linux header, so that boot loaders start them, but are real-mode code.
 * The first has no 32-bit entry; the second's is for its own real-mode part.
 */
static bool linux_wants_bios(struct loading *loading, const struct setup_header *header)
{
	static const char memdisk[] = {'M', 'E', 'M', 'D', 'I', 'S', 'K'};
	const uint8_t *kernel = loading->image->kernel.data;
	size_t version = header->kernel_version + 0x200u; /* a string */

	return (!header->code32_start && !header->relocatable_kernel) ||
	       (range_within(version, sizeof(memdisk), loading->image->kernel.size) &&
	        !memcmp(kernel + version, memdisk, sizeof(memdisk)));
}

static int linux_read_header(struct loading *loading, struct linux_image *image)
{
	const uint8_t *kernel = loading->image->kernel.data;
	size_t size = loading->image->kernel.size, end;
	struct setup_header *header = &image->header;

	end = 0x202u + kernel[0x201]; /* the short jump over the header says where it ends */
	if (end > size)
		return loading_fail(
			loading, ERR_TRUNCATED,
			"the Linux kernel is truncated within its header; fetch or build it again");
	if (end > HEADER_END_MAX)
		return loading_fail(loading, ERR_INVALID,
		                    "the Linux kernel's header is corrupt; fetch or build it again");
	image->header_size = MIN(end - HEADER_OFFSET, sizeof(*header));
	memcpy(header, kernel + HEADER_OFFSET, image->header_size);
	if (header->boot_flag != BOOT_FLAG)
		return loading_fail(loading, ERR_INVALID,
		                    "the Linux kernel's header is corrupt; fetch or build it again");
	/* Version 2.02 brought cmd_line_ptr; bzImages are loaded high. */
	if (header->version < LINUX_PROTOCOL(2, 2) || !(header->loadflags & LOADED_HIGH))
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the Linux kernel is a zImage or older than boot protocol "
		                    "2.02; use a bzImage of Linux 2.4 or later");
	if (linux_wants_bios(loading, header))
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the file has a Linux header but is real-mode code that calls a BIOS (as "
		                    "iPXE and memdisk are), and guests have none; name the kernel that it "
		                    "would start");
	return 0;
}

/* Find the protected-mode part, and see whether the file holds all of it. */
static int linux_find_code(struct loading *loading, struct linux_image *image)
{
	const struct setup_header *header = &image->header;
	size_t size = loading->image->kernel.size;
	size_t setup = ((header->setup_sects ? header->setup_sects : 4u) + 1) * SECTOR;
	uint64_t wanted = (uint64_t)header->syssize * 16, payload_end;

	if (header->version < LINUX_PROTOCOL(2, 4))
		wanted = 0; /* had but 16 bits, and is not to be relied on */
	/* Old builds round syssize up, but not the file. */
	if (setup >= size || size - setup + 15 < wanted)
		return loading_fail(
			loading, ERR_TRUNCATED,
			"the Linux kernel is truncated: it has %zu bytes of %llu; fetch or build it again",
			size, setup + MAX(wanted, 1ULL));
	image->code = (const uint8_t *)loading->image->kernel.data + setup;
	image->code_size = wanted ? MIN(wanted, size - setup) : size - setup;
	payload_end = (uint64_t)header->payload_offset + header->payload_length;
	if (header->version >= LINUX_PROTOCOL(2, 8) && payload_end > image->code_size)
		return loading_fail(loading, ERR_INVALID,
		                    "the Linux kernel is corrupt: its payload ends after the "
		                    "file's end; fetch or build it again");
	image->entry_64 = header->version >= LINUX_PROTOCOL(2, 12) && (header->xloadflags & XLF_KERNEL_64) &&
	                  !loading->entry_32;
	if (image->entry_64 && image->code_size <= ENTRY_64)
		return loading_fail(
			loading, ERR_TRUNCATED,
			"the Linux kernel is truncated before its entry; fetch or build it again");
	return 0;
}

/*
 * Where the code goes. Kernels with a preferred address do not run below it even
 * when relocatable: their entry code moves up to it.
 */
static int linux_place_code(struct loading *loading, struct linux_image *image)
{
	const struct setup_header *header = &image->header;
	uint64_t preferred = header->version >= LINUX_PROTOCOL(2, 10) ? header->pref_address : 0;
	uint64_t needed = header->version >= LINUX_PROTOCOL(2, 10) ? header->init_size : 0;
	uint64_t alignment = header->kernel_alignment, top = guest_high_ram_end(loading->machine->memory);
	bool relocatable = header->version >= LINUX_PROTOCOL(2, 5) && header->relocatable_kernel;

	if ((relocatable && (!alignment || (alignment & (alignment - 1)))) || preferred > UINT32_MAX ||
	    (!relocatable && header->code32_start < GUEST_HIGH_START))
		return loading_fail(loading, ERR_INVALID,
		                    "the Linux kernel's header has an impossible load address or "
		                    "alignment; fetch or build it again");
	image->load = header->code32_start;
	if (relocatable)
		image->load = ALIGN_UP(MAX(preferred, GUEST_HIGH_START), alignment);
	needed += MAX(preferred, image->load); /* no overflow: both are about 32 bits */
	image->end = ALIGN_UP(MAX(needed, image->load + image->code_size), PAGE_SIZE);
	if (image->end > top)
		return loading_fail(loading, ERR_NO_MEMORY,
		                    "the Linux kernel needs memory up to %llu KiB, and the guest's ends at "
		                    "%llu KiB; raise 'memory'",
		                    (unsigned long long)image->end / 1024, (unsigned long long)top / 1024);
	return 0;
}

#define PAGE_TABLE_FLAGS 0x03 /* present, writable */
#define LARGE_PAGE_FLAGS 0x83 /* and a 2 MiB page */
#define DIRECTORIES      4    /* of 1 GiB each */

/* The first 4 GiB mapped to themselves. */
static int linux_write_page_tables(struct loading *loading)
{
	gpa_t pdpt = GUEST_PAGE_TABLES + PAGE_SIZE, directories = pdpt + PAGE_SIZE;
	uint64_t entries[PAGE_SIZE / sizeof(uint64_t)] = {pdpt | PAGE_TABLE_FLAGS};
	int error = loading_copy(loading, GUEST_PAGE_TABLES, entries, sizeof(entries));

	for (unsigned i = 0; i < DIRECTORIES; i++)
		entries[i] = (directories + i * PAGE_SIZE) | PAGE_TABLE_FLAGS;
	if (!error)
		error = loading_copy(loading, pdpt, entries, sizeof(entries));
	for (unsigned n = 0; n < DIRECTORIES * ARRAY_SIZE(entries) && !error; n += ARRAY_SIZE(entries)) {
		for (unsigned i = 0; i < ARRAY_SIZE(entries); i++)
			entries[i] = (uint64_t)(n + i) << 21 | LARGE_PAGE_FLAGS;
		error = loading_copy(loading, directories + n * sizeof(entries[0]), entries, sizeof(entries));
	}
	loading->start->cr3 = GUEST_PAGE_TABLES;
	return error;
}

static int linux_enter(struct loading *loading, const struct linux_image *image)
{
	struct vcpu_start *start = loading->start;

	start->mode = image->entry_64 ? START_LONG : START_PROTECTED;
	start->rip = image->load + (image->entry_64 ? ENTRY_64 : 0);
	start->gpr[RSI] = GUEST_LINUX_PARAMS;
	if (loading_gdt(loading, GUEST_LINUX_GDT, image->entry_64) < 0)
		return -ERR_OUT_OF_RANGE;
	return image->entry_64 ? linux_write_page_tables(loading) : 0;
}

int linux_load(struct loading *loading)
{
	struct linux_image image = {0};
	const struct setup_header *header = &image.header;
	int error = linux_read_header(loading, &image);

	if (!error)
		error = linux_find_code(loading, &image);
	if (!error)
		error = linux_place_code(loading, &image);
	if (!error)
		error = loading_copy(loading, image.load, image.code, image.code_size);
	if (!error)
		error = loading_initrd(loading, image.end,
		                       header->version >= LINUX_PROTOCOL(2, 3) ? header->initrd_addr_max + 1UL
		                                                               : 0x38000000);
	if (!error)
		error = loading_cmdline(loading, GUEST_LINUX_CMDLINE,
		                        header->version >= LINUX_PROTOCOL(2, 6) ? header->cmdline_size : 255);
	if (error)
		return error;
	error = linux_write_params(loading, &image);
	return error ? error : linux_enter(loading, &image);
}
