/* SPDX-License-Identifier: MIT */
/* What the boot loader told us, in our own words. Multiboot2 Specification, "Boot information". */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "devices/real/screen.h"
#include "lib/types.h"
#include "mm/frames.h"

#define BOOT_MODULES_MAX   144
#define BOOT_RANGES_MAX    128
#define BOOT_STRING_MAX    256
#define BOOT_INFO_SIZE_MAX MIB(1) /* far more than any loader writes */

struct boot_module {
	hpa_t start, end;
	char name[BOOT_STRING_MAX]; /* first word of the module's string, quotes and backslashes resolved */
};

struct boot_info {
	uint32_t size; /* of the boot information itself, bytes */
	char loader[BOOT_STRING_MAX];
	char command_line[BOOT_STRING_MAX];
	bool efi;              /* started by UEFI firmware */
	uint8_t rsdp_copy[36]; /* the ACPI Root System Description Pointer, as the firmware wrote it */
	uint8_t rsdp_size;     /* 0, 20 (ACPI 1.0) or 36 */
	unsigned module_count;
	struct boot_module module[BOOT_MODULES_MAX];
	unsigned range_count; /* usable RAM, sorted; ranges that touch are one */
	struct memory_range range[BOOT_RANGES_MAX];
	struct boot_framebuffer framebuffer;
	bool modules_truncated;  /* more than fit */
	uint64_t memory_dropped; /* bytes in ranges that do not fit: the smallest */
};

/*
 * Parse the information at `data`; `size` is an upper bound of what may be read.
 * Returns 0, -ERR_INVALID (broken; `*problem` says in a sentence what and where) or
 * -ERR_TRUNCATED (it claims to be longer than `size`; `*problem` as well). After an error,
 * `info` holds what was understood up to there. The memory ranges come from the memory map;
 * from the UEFI memory map only where there is no other.
 */
int must_check boot_info_parse(const void *data, size_t size, struct boot_info *info, const char **problem);

#endif
