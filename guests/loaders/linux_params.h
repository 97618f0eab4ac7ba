/* SPDX-License-Identifier: MIT */
/*
 * struct boot_params, the "zero page" that a Linux kernel starts with, and the header in it, which
 * comes from the image. Used by the Linux loader alone.
 */
#ifndef GUESTS_LOADERS_LINUX_PARAMS_H
#define GUESTS_LOADERS_LINUX_PARAMS_H

#include "guests/loaders/loading.h"

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

#define HEADER_OFFSET 0x1f1

#define LINUX_PROTOCOL(major, minor) ((major) << 8 | (minor))

_Static_assert(offsetof(struct setup_header, header) == 0x202 - HEADER_OFFSET, "setup_header");
_Static_assert(offsetof(struct setup_header, payload_offset) == 0x248 - HEADER_OFFSET, "setup_header");
_Static_assert(sizeof(struct setup_header) == 0x26c - HEADER_OFFSET, "setup_header");

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

/*
 * Fill in the fields of the header that a loader must, and write it at GUEST_LINUX_PARAMS with the
 * rest of struct boot_params. The command line and the initrd are in their places.
 */
int must_check linux_write_params(struct loading *loading, struct linux_image *image);

#endif
