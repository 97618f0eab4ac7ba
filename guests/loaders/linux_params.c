/* SPDX-License-Identifier: MIT */
#include "guests/loaders/linux_params.h"

#define CAN_USE_HEAP     0x80
#define VID_MODE_NORMAL  0xffff
#define LOADER_UNDEFINED 0xff

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
	if (header->version < LINUX_PROTOCOL(2, 5))
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

int linux_write_params(struct loading *loading, struct linux_image *image)
{
	uint64_t rsdp = image->header.version >= LINUX_PROTOCOL(2, 14) ? loading->rsdp : 0;
	int error = loading_zero(loading, GUEST_LINUX_PARAMS, PAGE_SIZE);

	linux_complete_header(loading, image);
	if (!error)
		error = loading_copy(loading, GUEST_LINUX_PARAMS + HEADER_OFFSET, &image->header,
		                     image->header_size);
	if (!error)
		error = loading_copy(loading, GUEST_LINUX_PARAMS + PARAMS_RSDP, &rsdp, sizeof(rsdp));
	if (!error)
		error = linux_write_machine(loading);
	return error ? error : linux_write_e820(loading);
}
