/*
 * What the boot loader told us, in our own words. Multiboot2 Specification,
 * "Boot information".
 */
#ifndef BOOT_MULTIBOOT2_H
#define BOOT_MULTIBOOT2_H

#include "devices/real/screen.h"
#include "lib/types.h"
#include "mm/frames.h"

#define MULTIBOOT2_MAGIC     0x36d76289
#define BOOT_MODULES_MAX     128
#define BOOT_RANGES_MAX      128
#define BOOT_STRING_MAX      256

struct boot_module {
	hpa_t start, end;
	char name[BOOT_STRING_MAX]; /* first word of the module's string */
};

struct boot_info {
	char loader[BOOT_STRING_MAX];
	char command_line[BOOT_STRING_MAX];
	bool efi;       /* started by UEFI firmware */
	hpa_t rsdp;     /* 0: none; where a verbatim copy of the RSDP stands inside the boot information */
	uint8_t rsdp_copy[36];
	uint8_t rsdp_size; /* 0, 20 or 36 */
	unsigned module_count;
	struct boot_module module[BOOT_MODULES_MAX];
	unsigned range_count; /* usable RAM */
	struct memory_range range[BOOT_RANGES_MAX];
	struct boot_framebuffer framebuffer;
	bool modules_truncated, ranges_truncated; /* more than fit */
};

/*
 * Parse the information at `data`; `size` is an upper bound of what may be read.
 * Returns 0, -ERR_INVALID (broken; `*problem` says in a sentence what and where) or -ERR_TRUNCATED.
 */
int must_check boot_info_parse(const void *data, size_t size, struct boot_info *info, const char **problem);

#endif
