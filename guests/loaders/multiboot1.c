/* SPDX-License-Identifier: MIT */
/* Multiboot 1: the header and the information structure. */
#include "guests/loaders/multiboot.h"
#include "lib/string.h"

/* ---- "The layout of Multiboot header" ---- */

struct packed multiboot1_header {
	uint32_t magic, flags, checksum;
	/* With FLAG_ADDRESSES. */
	uint32_t header_address, load_address, load_end, bss_end, entry;
};

#define HEADER_SEARCH    8192
#define HEADER_ALIGNMENT 4
#define HEADER_SHORT     12 /* bytes without addresses */
#define HEADER_MAGIC     0x1badb002

#define FLAG_ADDRESSES BIT(16)
/*
 * Demands that are always met: page-aligned modules, memory size, and a video mode, though the text
 * one.
 */
#define FLAGS_KNOWN  (BIT(0) | BIT(1) | BIT(2))
#define FLAGS_DEMAND 0xffff

/* Is there a header at `at`, whole and below `limit`? */
static bool multiboot1_take_header(const uint8_t *kernel, size_t at, size_t limit,
                                   struct multiboot1_header *header)
{
	size_t length = HEADER_SHORT;

	*header = (struct multiboot1_header){0};
	memcpy(header, kernel + at, HEADER_SHORT);
	if ((uint32_t)(header->magic + header->flags + header->checksum))
		return false;
	if (header->flags & FLAG_ADDRESSES)
		length = sizeof(*header);
	if (length > limit - at)
		return false;
	memcpy(header, kernel + at, length);
	return true;
}

/* Find the header from `*offset` on. */
static bool multiboot1_find_header(struct loading *loading, size_t *offset, struct multiboot1_header *header)
{
	const struct image_file *kernel = &loading->image->kernel;
	size_t limit = MIN(kernel->size, (size_t)HEADER_SEARCH), at = *offset;

	while (budget_draw(&loading->budget, BUDGET_HEADER)) {
		at = multiboot_search(loading, HEADER_MAGIC, at, HEADER_ALIGNMENT, HEADER_SHORT, limit);
		if (at == limit)
			break;
		if (multiboot1_take_header(kernel->data, at, limit, header)) {
			*offset = at;
			return true;
		}
		at += HEADER_ALIGNMENT;
	}
	return false;
}

enum fit multiboot1_fit(struct loading *loading)
{
	struct multiboot1_header header;

	loading->header = 0;
	return multiboot1_find_header(loading, &loading->header, &header) ? FIT_SURE : FIT_NO;
}

static int multiboot1_read_header(struct loading *loading, struct multiboot_header *wanted)
{
	struct multiboot1_header header;

	*wanted = (struct multiboot_header){.offset = loading->header};
	if (!multiboot1_find_header(loading, &wanted->offset, &header))
		return -ERR_UNSUPPORTED; /* the loader was chosen because it is there */
	if (header.flags & FLAGS_DEMAND & ~FLAGS_KNOWN)
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the Multiboot kernel demands features 0x%x, which Multiboot "
		                    "1 does not define; use another kernel",
		                    (unsigned)(header.flags & FLAGS_DEMAND & ~FLAGS_KNOWN));
	if (header.flags & FLAG_ADDRESSES) {
		wanted->has_addresses = wanted->has_entry = true;
		wanted->header_address = header.header_address;
		wanted->load_address = header.load_address;
		wanted->load_end = header.load_end;
		wanted->bss_end = header.bss_end;
		wanted->entry = header.entry;
	}
	return 0;
}

/* ---- "Boot information format" ---- */

struct packed multiboot1_info {
	uint32_t flags;
	uint32_t memory_lower, memory_upper; /* KiB */
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t module_count, modules;
	uint32_t section_count, section_size, sections, section_names;
	uint32_t map_length, map;
	uint32_t drives_length, drives;
	uint32_t config_table;
	uint32_t loader_name;
	uint32_t apm_table;
	uint32_t vbe_control, vbe_mode_info;
	uint16_t vbe_mode, vbe_segment, vbe_offset, vbe_length;
	uint64_t screen;
	uint32_t screen_pitch, screen_width, screen_height;
	uint8_t screen_depth, screen_type;
	uint8_t screen_colors[6];
};

#define INFO_MEMORY      BIT(0)
#define INFO_CMDLINE     BIT(2)
#define INFO_MODULES     BIT(3)
#define INFO_SECTIONS    BIT(5)
#define INFO_MAP         BIT(6)
#define INFO_LOADER_NAME BIT(9)
#define INFO_SCREEN      BIT(12)

struct multiboot1_module {
	uint32_t start, end, string, reserved;
};

struct packed multiboot1_memory {
	uint32_t size; /* of what follows */
	uint64_t start, length;
	uint32_t type;
};

_Static_assert(sizeof(struct multiboot1_info) == 116 && offsetof(struct multiboot1_info, screen) == 88,
               "information");
_Static_assert(sizeof(struct multiboot1_memory) == 24, "memory map");

#define MAGIC_LOADED 0x2badb002

/* One information structure on its way into the guest. */
struct writer {
	struct loading *loading;
	struct extent area;
	struct multiboot1_info info;
};

static int multiboot1_write_string(struct writer *writer, const char *text, uint32_t *address)
{
	gpa_t at = 0;
	int error = multiboot_put(writer->loading, &writer->area, text, strlen(text) + 1, 1, &at);

	*address = (uint32_t)at;
	return error;
}

static int multiboot1_write_modules(struct writer *writer, const struct multiboot_modules *modules)
{
	struct multiboot1_module list[MULTIBOOT_MODULES_MAX];
	gpa_t at = 0;
	int error = 0;

	for (unsigned i = 0; i < modules->count && !error; i++) {
		list[i] = (struct multiboot1_module){.start = (uint32_t)modules->module[i].start,
		                                     .end = (uint32_t)modules->module[i].end};
		error = multiboot1_write_string(writer, modules->module[i].cmdline, &list[i].string);
	}
	if (!error)
		error = multiboot_put(writer->loading, &writer->area, list, modules->count * sizeof(list[0]),
		                      4, &at);
	writer->info.flags |= INFO_MODULES;
	writer->info.module_count = modules->count;
	writer->info.modules = (uint32_t)at;
	return error;
}

static int multiboot1_write_map(struct writer *writer)
{
	struct guest_e820 ranges[GUEST_E820_MAX];
	struct multiboot1_memory map[GUEST_E820_MAX];
	unsigned count = guest_memory_e820(writer->loading->machine->memory, ranges);
	gpa_t at = 0;
	int error;

	for (unsigned i = 0; i < count; i++)
		map[i] = (struct multiboot1_memory){20, ranges[i].start, ranges[i].size, ranges[i].type};
	error = multiboot_put(writer->loading, &writer->area, map, count * sizeof(map[0]), 4, &at);
	writer->info.flags |= INFO_MAP;
	writer->info.map = (uint32_t)at;
	writer->info.map_length = (uint32_t)(count * sizeof(map[0]));
	return error;
}

static int multiboot1_write_sections(struct writer *writer, const struct elf_image *elf, struct extent *room)
{
	uint64_t size = (uint64_t)elf->section_count * elf->section_size;
	gpa_t table;
	int error = placing_take(writer->loading, room, "kernel's symbol table", size, 16, &table);

	if (error)
		return error;
	writer->info.flags |= INFO_SECTIONS;
	writer->info.section_count = elf->section_count;
	writer->info.section_size = elf->section_size;
	writer->info.sections = (uint32_t)table;
	writer->info.section_names = elf->section_names;
	return elf_sections_load(writer->loading, elf, room, table);
}

static void multiboot1_describe_screen(struct multiboot1_info *info)
{
	info->flags |= INFO_SCREEN;
	info->screen = MULTIBOOT_SCREEN;
	info->screen_pitch = MULTIBOOT_SCREEN_COLUMNS * MULTIBOOT_SCREEN_CELL;
	info->screen_width = MULTIBOOT_SCREEN_COLUMNS;
	info->screen_height = MULTIBOOT_SCREEN_ROWS;
	info->screen_depth = 8 * MULTIBOOT_SCREEN_CELL;
	info->screen_type = MULTIBOOT_EGA_TEXT;
}

static int multiboot1_write_info(struct loading *loading, const struct multiboot_kernel *kernel)
{
	struct extent room = placing_room_beside(loading->machine->memory, kernel->used);
	struct multiboot_modules modules;
	uint32_t name = 0;
	struct extent information = multiboot_information(loading);
	struct writer writer = {
		.loading = loading,
		.area = {information.start + sizeof(writer.info), information.end},
		.info =
			{
				.flags = INFO_MEMORY | INFO_CMDLINE | INFO_LOADER_NAME,
				.memory_lower = MULTIBOOT_LOWER,
				.memory_upper = multiboot_upper(loading),
				.cmdline = (uint32_t)loading_handover(loading, GUEST_CMDLINE),
			},
	};
	int error = 0;

	if (kernel->is_elf && elf_has_sections(&kernel->elf))
		error = multiboot1_write_sections(&writer, &kernel->elf, &room);
	if (!error)
		error = multiboot_load_modules(loading, &room, &modules);
	if (!error)
		error = multiboot1_write_map(&writer);
	if (!error)
		error = multiboot1_write_string(&writer, MULTIBOOT_LOADER_NAME, &name);
	if (!error)
		error = multiboot1_write_modules(&writer, &modules);
	writer.info.loader_name = name;
	if (loading->machine->screen)
		multiboot1_describe_screen(&writer.info);
	return error ? error : loading_copy(loading, information.start, &writer.info, sizeof(writer.info));
}

int multiboot1_load(struct loading *loading)
{
	struct multiboot_header header;
	struct multiboot_kernel kernel = {0};
	int error = multiboot1_read_header(loading, &header);

	if (!error)
		error = multiboot_load_kernel(loading, &header, &kernel);
	if (!error)
		error = loading_cmdline(loading, loading_handover(loading, GUEST_CMDLINE),
		                        GUEST_CMDLINE_SIZE - 1);
	if (!error)
		error = multiboot1_write_info(loading, &kernel);
	return error ? error : multiboot_enter(loading, &kernel, MAGIC_LOADED);
}
