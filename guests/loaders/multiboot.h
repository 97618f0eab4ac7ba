/* SPDX-License-Identifier: MIT */
/*
 * Multiboot kernels: what versions 1 and 2 share, and both loaders' entries. Used by guests/ alone.
 */
#ifndef GUESTS_LOADERS_MULTIBOOT_H
#define GUESTS_LOADERS_MULTIBOOT_H

#include "guests/loaders/elf_load.h"
#include "guests/loaders/elf_sections.h"

/* Multiboot Specification 0.6.96. */
enum fit multiboot1_fit(struct loading *loading);
int must_check multiboot1_load(struct loading *loading);

/* Multiboot2 Specification 2.0. */
enum fit multiboot2_fit(struct loading *loading);
int must_check multiboot2_load(struct loading *loading);

/* ---- The kernel ---- */

/*
 * The first place of `magic` in the kernel from `from` on, at a multiple of `step`, so that `size`
 * bytes from there lie below `limit`. Returns `limit` if there is none.
 */
size_t multiboot_search(struct loading *loading, uint32_t magic, size_t from, size_t step, size_t size,
                        size_t limit);

/* What the header says, whichever version. */
struct multiboot_header {
	size_t offset;      /* of the header in the file */
	bool has_addresses; /* the file is no ELF file, or shall not be loaded as one */
	uint32_t header_address, load_address, load_end, bss_end; /* the last two: 0 for none */
	bool has_entry;                                           /* else ELF's */
	uint32_t entry;
	bool relocatable;
	uint32_t lowest, highest; /* addresses of the first and last byte that it may take */
	uint32_t alignment;
	uint32_t preference; /* enum multiboot_preference */
	bool needs_screen;   /* in text mode */
};

enum multiboot_preference { PREFER_NONE, PREFER_LOWEST, PREFER_HIGHEST };

struct multiboot_kernel {
	bool is_elf;
	struct elf_image elf;
	gpa_t base;  /* of its first byte */
	gpa_t entry; /* below 4 GiB */
	struct extent used;
};

/*
 * Load the kernel as its header says into `*kernel`, which is all zero. Negative error with a
 * sentence.
 */
int must_check multiboot_load_kernel(struct loading *loading, const struct multiboot_header *header,
                                     struct multiboot_kernel *kernel);

/* ---- Modules: the initrd is the first ---- */

#define MULTIBOOT_MODULES_MAX (CONFIG_MODULES_MAX + 1)

struct multiboot_module {
	gpa_t start, end;
	const char *cmdline;
};

struct multiboot_modules {
	unsigned count;
	struct multiboot_module module[MULTIBOOT_MODULES_MAX];
};

/* Put all modules into `room`, at page boundaries. */
int must_check multiboot_load_modules(struct loading *loading, struct extent *room,
                                      struct multiboot_modules *modules);

/* ---- What is handed over, in low memory ---- */

#define MULTIBOOT_INFORMATION_SIZE (GUEST_STACK_TOP - PAGE_SIZE - GUEST_INFORMATION)

/* Where the information lies, and ends at most. The kernel is loaded. */
struct extent multiboot_information(const struct loading *loading);

#define MULTIBOOT_LOADER_NAME "Nacre"

/* KiB of memory from address 0 and from 1 MiB on, each up to the first hole. */
#define MULTIBOOT_LOWER (GUEST_EBDA / 1024)
uint32_t multiboot_upper(const struct loading *loading);

/* The screen of a guest that has one: VGA text. */
#define MULTIBOOT_SCREEN         0xb8000
#define MULTIBOOT_SCREEN_COLUMNS 80
#define MULTIBOOT_SCREEN_ROWS    25
#define MULTIBOOT_SCREEN_CELL    2 /* bytes */
#define MULTIBOOT_EGA_TEXT       2 /* framebuffer type */

/* Take `size` bytes from the start of `area`, at a multiple of `alignment`. */
int must_check multiboot_reserve(struct loading *loading, struct extent *area, uint64_t size,
                                 uint64_t alignment, gpa_t *address);

/* Copy to the start of `area`, at a multiple of `alignment`, and take that away from it. */
int must_check multiboot_put(struct loading *loading, struct extent *area, const void *data, size_t size,
                             uint64_t alignment, gpa_t *address);

/* The state that both versions start in: `magic` in EAX, the information's address in EBX. */
int must_check multiboot_enter(struct loading *loading, const struct multiboot_kernel *kernel,
                               uint32_t magic);

#endif
