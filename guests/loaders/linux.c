/* SPDX-License-Identifier: MIT */
#include "guests/loaders/linux.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/string.h"

#define SECTOR 512

/* "The Real-Mode Kernel Header", from offset 1F1h of the image and of struct boot_params. */
struct packed setup_header {
	uint8_t setup_sects;
	uint16_t root_flags;
	uint32_t syssize; /* of the protected-mode part, in 16 bytes */
	uint16_t ram_size;
	uint16_t vid_mode;
	uint16_t root_dev;
	uint16_t boot_flag;
	uint16_t jump;
	uint32_t header;
	uint16_t version;
	uint32_t realmode_swtch;
	uint16_t start_sys_seg;
	uint16_t kernel_version;
	uint8_t type_of_loader;
	uint8_t loadflags;
	uint16_t setup_move_size;
	uint32_t code32_start;
	uint32_t ramdisk_image;
	uint32_t ramdisk_size;
	uint32_t bootsect_kludge;
	uint16_t heap_end_ptr;
	uint8_t ext_loader_ver;
	uint8_t ext_loader_type;
	uint32_t cmd_line_ptr;
	uint32_t initrd_addr_max;
	uint32_t kernel_alignment;
	uint8_t relocatable_kernel;
	uint8_t min_alignment;
	uint16_t xloadflags;
	uint32_t cmdline_size;
	uint32_t hardware_subarch;
	uint64_t hardware_subarch_data;
	uint32_t payload_offset;
	uint32_t payload_length;
	uint64_t setup_data;
	uint64_t pref_address;
	uint32_t init_size;
	uint32_t handover_offset;
	uint32_t kernel_info_offset;
};

#define HEADER_OFFSET    0x1f1
#define HEADER_END_MAX   0x290      /* struct boot_params has other things after it */
#define HEADER_MAGIC     0x53726448 /* "HdrS" */
#define BOOT_FLAG        0xaa55
#define LOADED_HIGH      0x01
#define CAN_USE_HEAP     0x80
#define XLF_KERNEL_64    0x0001
#define ENTRY_64         0x200 /* bytes after the 32-bit entry */
#define VID_MODE_NORMAL  0xffff
#define LOADER_UNDEFINED 0xff

#define VERSION(major, minor) ((major) << 8 | (minor))

_Static_assert(offsetof(struct setup_header, header) == 0x202 - HEADER_OFFSET, "setup_header");
_Static_assert(offsetof(struct setup_header, payload_offset) == 0x248 - HEADER_OFFSET, "setup_header");
_Static_assert(sizeof(struct setup_header) == 0x26c - HEADER_OFFSET, "setup_header");

/* struct boot_params, "The Zero Page". */
#define PARAMS_SCREEN     0x000
#define PARAMS_RSDP       0x070
#define PARAMS_ALT_MEM_K  0x1e0
#define PARAMS_E820_COUNT 0x1e8
#define PARAMS_E820       0x2d0

struct packed e820_entry {
	uint64_t start, size;
	uint32_t type;
};

/* What the header says, in our words. */
struct linux_image {
	struct setup_header header; /* fields that the version lacks are zero */
	size_t header_size;         /* bytes of it that the image has */
	const uint8_t *code;        /* the protected-mode part */
	size_t code_size;
	bool entry_64;
	gpa_t load; /* where the code goes */
	gpa_t end;  /* of what the kernel needs before it knows its memory */
};

enum fit linux_fit(const void *kernel, size_t size)
{
	uint32_t magic;

	if (size < 0x206)
		return FIT_NO;
	memcpy(&magic, (const char *)kernel + 0x202, sizeof(magic));
	return magic == HEADER_MAGIC ? FIT_SURE : FIT_NO;
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
	if (header->version < VERSION(2, 2) || !(header->loadflags & LOADED_HIGH))
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the Linux kernel is a zImage or older than boot protocol "
		                    "2.02; use a bzImage of Linux 2.4 or later");
	return 0;
}

/* Find the protected-mode part, and see whether the file holds all of it. */
static int linux_find_code(struct loading *loading, struct linux_image *image)
{
	const struct setup_header *header = &image->header;
	size_t size = loading->image->kernel.size;
	size_t setup = ((header->setup_sects ? header->setup_sects : 4u) + 1) * SECTOR;
	uint64_t wanted = (uint64_t)header->syssize * 16, payload_end;

	if (header->version < VERSION(2, 4))
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
	if (header->version >= VERSION(2, 8) && payload_end > image->code_size)
		return loading_fail(loading, ERR_INVALID,
		                    "the Linux kernel is corrupt: its payload ends after the "
		                    "file's end; fetch or build it again");
	image->entry_64 = header->version >= VERSION(2, 12) && (header->xloadflags & XLF_KERNEL_64) &&
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
	uint64_t preferred = header->version >= VERSION(2, 10) ? header->pref_address : 0;
	uint64_t needed = header->version >= VERSION(2, 10) ? header->init_size : 0;
	uint64_t alignment = header->kernel_alignment, top = guest_high_ram_end(loading->machine->memory);
	bool relocatable = header->version >= VERSION(2, 5) && header->relocatable_kernel;

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

/* The fields that a loader must fill in. */
static void linux_complete_header(const struct loading *loading, struct linux_image *image)
{
	struct setup_header *header = &image->header;

	header->type_of_loader = LOADER_UNDEFINED;
	/* The heap is for the real-mode code, which does not run here. */
	header->loadflags &= (uint8_t)~CAN_USE_HEAP;
	header->heap_end_ptr = 0;
	header->vid_mode = VID_MODE_NORMAL;
	header->code32_start = (uint32_t)image->load;
	header->cmd_line_ptr = GUEST_LINUX_CMDLINE;
	header->ramdisk_image = (uint32_t)loading->initrd;
	header->ramdisk_size = loading->initrd ? (uint32_t)loading->image->initrd.size : 0;
	header->setup_data = 0;
	/*
	 * To old kernels the upper byte says whether there is a pointing device, and AAh means yes.
	 */
	if (header->version < VERSION(2, 5))
		header->boot_flag &= 0xff;
}

static int linux_write_e820(struct loading *loading)
{
	struct guest_e820 ranges[GUEST_E820_MAX];
	uint8_t count = (uint8_t)guest_memory_e820(loading->machine->memory, ranges);
	int error = loading_copy(loading, GUEST_LINUX_PARAMS + PARAMS_E820_COUNT, &count, sizeof(count));

	for (unsigned i = 0; i < count && !error; i++) {
		struct e820_entry entry = {ranges[i].start, ranges[i].size, ranges[i].type};

		error = loading_copy(loading, GUEST_LINUX_PARAMS + PARAMS_E820 + i * sizeof(entry), &entry,
		                     sizeof(entry));
	}
	return error;
}

/* Linux, Documentation/arch/x86/zero-page.rst, and struct screen_info there. */
struct packed screen_info {
	uint8_t x, y;
	uint16_t ext_mem_k, page;
	uint8_t mode, columns, flags, reserved0;
	uint16_t ega_bx;
	uint16_t reserved1;
	uint8_t lines, is_vga;
	uint16_t points;
};
_Static_assert(sizeof(struct screen_info) == 18, "screen_info");

#define EXT_MEM_K_MAX 0xfc00 /* as firmware answers: INT 15h, AH = 88h, knows 64 MiB at most */

/*
 * Zeroes say that there is no screen. Memory from 1 MiB on is told in two more ways: the
 * decompressors of old kernels know no map, and refuse to work without 3 MiB.
 */
static int linux_write_machine(struct loading *loading)
{
	static const struct screen_info mode3 = {
		.mode = 3, .columns = 80, .ega_bx = 3, .lines = 25, .is_vga = 1, .points = 16};
	uint32_t alt_mem_k =
		(uint32_t)((guest_high_ram_end(loading->machine->memory) - GUEST_HIGH_START) / 1024);
	struct screen_info info = loading->machine->screen ? mode3 : (struct screen_info){0};
	int error;

	info.ext_mem_k = (uint16_t)MIN(alt_mem_k, (uint32_t)EXT_MEM_K_MAX);
	error = loading_copy(loading, GUEST_LINUX_PARAMS + PARAMS_SCREEN, &info, sizeof(info));
	return error ? error
	             : loading_copy(loading, GUEST_LINUX_PARAMS + PARAMS_ALT_MEM_K, &alt_mem_k,
	                            sizeof(alt_mem_k));
}

static int linux_write_boot_params(struct loading *loading, const struct linux_image *image)
{
	uint64_t rsdp = image->header.version >= VERSION(2, 14) ? loading->rsdp : 0;
	int error = loading_zero(loading, GUEST_LINUX_PARAMS, PAGE_SIZE);

	if (!error)
		error = loading_copy(loading, GUEST_LINUX_PARAMS + HEADER_OFFSET, &image->header,
		                     image->header_size);
	if (!error)
		error = loading_copy(loading, GUEST_LINUX_PARAMS + PARAMS_RSDP, &rsdp, sizeof(rsdp));
	if (!error)
		error = linux_write_machine(loading);
	return error ? error : linux_write_e820(loading);
}

#define PAGE_TABLE_FLAGS 0x03 /* present, writable */
#define LARGE_PAGE_FLAGS 0x83 /* and a 2 MiB page */
#define DIRECTORIES      4    /* of 1 GiB each */

/* The first 4 GiB mapped to themselves. */
static int linux_write_page_tables(struct loading *loading)
{
	gpa_t pdpt = GUEST_PAGE_TABLES + PAGE_SIZE, directories = pdpt + PAGE_SIZE;
	uint64_t entries[64] = {pdpt | PAGE_TABLE_FLAGS};
	int error = loading_zero(loading, GUEST_PAGE_TABLES, (2 + DIRECTORIES) * PAGE_SIZE);

	if (!error)
		error = loading_copy(loading, GUEST_PAGE_TABLES, entries, sizeof(entries[0]));
	for (unsigned i = 0; i < DIRECTORIES; i++)
		entries[i] = (directories + i * PAGE_SIZE) | PAGE_TABLE_FLAGS;
	if (!error)
		error = loading_copy(loading, pdpt, entries, DIRECTORIES * sizeof(entries[0]));
	for (unsigned n = 0; n < DIRECTORIES * 512 && !error; n += ARRAY_SIZE(entries)) {
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
		                       header->version >= VERSION(2, 3) ? header->initrd_addr_max + 1UL
		                                                        : 0x38000000);
	if (!error)
		error = loading_cmdline(loading, GUEST_LINUX_CMDLINE,
		                        header->version >= VERSION(2, 6) ? header->cmdline_size : 255);
	if (error)
		return error;
	linux_complete_header(loading, &image);
	error = linux_write_boot_params(loading, &image);
	return error ? error : linux_enter(loading, &image);
}
