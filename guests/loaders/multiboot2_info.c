/* SPDX-License-Identifier: MIT */
#include "guests/loaders/multiboot2_info.h"
#include "lib/string.h"

#define INFO_ALIGNMENT 8

enum info_tag_type {
	INFO_END = 0,
	INFO_CMDLINE = 1,
	INFO_LOADER_NAME = 2,
	INFO_MODULE = 3,
	INFO_MEMORY = 4,
	INFO_MAP = 6,
	INFO_SCREEN = 8,
	INFO_SECTIONS = 9,
	INFO_RSDP_1 = 14,
	INFO_RSDP_2 = 15,
	INFO_LOAD_BASE = 21,
};

struct info_head {
	uint32_t total_size, reserved;
};

struct info_tag {
	uint32_t type, size;
};

struct info_module {
	uint32_t start, end;
};

struct info_memory {
	uint32_t lower, upper; /* KiB */
};

struct info_map {
	uint32_t entry_size, entry_version;
};

struct info_map_entry {
	uint64_t start, length;
	uint32_t type, reserved;
};

struct packed info_screen {
	uint64_t address;
	uint32_t pitch, width, height;
	uint8_t depth, type;
	uint16_t reserved;
};

struct info_sections {
	uint32_t count, entry_size, names;
};

/*
 * ACPI Specification, "Root System Description Pointer (RSDP) Structure": the first version's part,
 * and all.
 */
#define RSDP_SIZE_1 20
#define RSDP_SIZE_2 36

_Static_assert(sizeof(struct info_map_entry) == 24 && sizeof(struct info_screen) == 24, "tags");

struct writer {
	struct loading *loading;
	struct extent area; /* what is left for tags */
};

/* Begin a tag whose contents have `size` bytes. */
static int info_begin_tag(struct writer *writer, enum info_tag_type type, size_t size)
{
	struct info_tag tag = {type, (uint32_t)(sizeof(tag) + size)};
	gpa_t at;

	return multiboot_put(writer->loading, &writer->area, &tag, sizeof(tag), INFO_ALIGNMENT, &at);
}

/* Go on with it. */
static int info_extend_tag(struct writer *writer, const void *data, size_t size)
{
	gpa_t at;

	return multiboot_put(writer->loading, &writer->area, data, size, 1, &at);
}

static int info_write_tag(struct writer *writer, enum info_tag_type type, const void *data, size_t size)
{
	int error = info_begin_tag(writer, type, size);

	return error ? error : info_extend_tag(writer, data, size);
}

static int info_write_string(struct writer *writer, enum info_tag_type type, const char *text)
{
	return info_write_tag(writer, type, text, strlen(text) + 1);
}

static int info_write_module(struct writer *writer, const struct multiboot_module *module)
{
	struct info_module tag = {(uint32_t)module->start, (uint32_t)module->end};
	size_t length = strlen(module->cmdline) + 1;
	int error = info_begin_tag(writer, INFO_MODULE, sizeof(tag) + length);

	if (!error)
		error = info_extend_tag(writer, &tag, sizeof(tag));
	return error ? error : info_extend_tag(writer, module->cmdline, length);
}

static int info_write_memory(struct writer *writer)
{
	struct info_memory memory = {MULTIBOOT_LOWER, multiboot_upper(writer->loading)};
	struct info_map map = {sizeof(struct info_map_entry), 0};
	struct guest_e820 ranges[GUEST_E820_MAX];
	unsigned count = guest_memory_e820(writer->loading->machine->memory, ranges);
	int error = info_write_tag(writer, INFO_MEMORY, &memory, sizeof(memory));

	if (!error)
		error = info_begin_tag(writer, INFO_MAP, sizeof(map) + count * sizeof(struct info_map_entry));
	if (!error)
		error = info_extend_tag(writer, &map, sizeof(map));
	for (unsigned i = 0; i < count && !error; i++) {
		struct info_map_entry entry = {ranges[i].start, ranges[i].size, ranges[i].type, 0};

		error = info_extend_tag(writer, &entry, sizeof(entry));
	}
	return error;
}

static int info_write_screen(struct writer *writer)
{
	const struct info_screen screen = {
		.address = MULTIBOOT_SCREEN,
		.pitch = MULTIBOOT_SCREEN_COLUMNS * MULTIBOOT_SCREEN_CELL,
		.width = MULTIBOOT_SCREEN_COLUMNS,
		.height = MULTIBOOT_SCREEN_ROWS,
		.depth = 8 * MULTIBOOT_SCREEN_CELL,
		.type = MULTIBOOT_EGA_TEXT,
	};

	return info_write_tag(writer, INFO_SCREEN, &screen, sizeof(screen));
}

static int info_write_sections(struct writer *writer, const struct elf_image *elf, struct extent *room)
{
	struct info_sections tag = {elf->section_count, elf->section_size, elf->section_names};
	uint64_t size = (uint64_t)tag.count * tag.entry_size;
	int error = info_begin_tag(writer, INFO_SECTIONS, sizeof(tag) + size);
	gpa_t table;

	if (!error)
		error = info_extend_tag(writer, &tag, sizeof(tag));
	if (!error)
		error = multiboot_reserve(writer->loading, &writer->area, size, 1, &table);
	return error ? error : elf_sections_load(writer->loading, elf, room, table);
}

static int info_write_rsdp(struct writer *writer)
{
	uint8_t rsdp[RSDP_SIZE_2];
	int error;

	guest_read(writer->loading->image->map, writer->loading->rsdp, rsdp, sizeof(rsdp));
	error = info_write_tag(writer, INFO_RSDP_1, rsdp, RSDP_SIZE_1);
	return error ? error : info_write_tag(writer, INFO_RSDP_2, rsdp, RSDP_SIZE_2);
}

/* What a kernel is told of the machine and of itself. */
static int info_write_description(struct writer *writer, const struct multiboot_header *header,
                                  const struct multiboot_kernel *kernel, struct extent *room)
{
	uint32_t base = (uint32_t)kernel->base;
	int error = info_write_string(writer, INFO_CMDLINE, writer->loading->config->cmdline);

	if (!error)
		error = info_write_string(writer, INFO_LOADER_NAME, MULTIBOOT_LOADER_NAME);
	if (!error)
		error = info_write_memory(writer);
	if (!error && writer->loading->machine->screen)
		error = info_write_screen(writer);
	if (!error && kernel->is_elf && elf_has_sections(&kernel->elf))
		error = info_write_sections(writer, &kernel->elf, room);
	if (!error && writer->loading->rsdp)
		error = info_write_rsdp(writer);
	if (!error && header->relocatable)
		error = info_write_tag(writer, INFO_LOAD_BASE, &base, sizeof(base));
	return error;
}

int multiboot2_write_info(struct loading *loading, const struct multiboot_header *header,
                          const struct multiboot_kernel *kernel)
{
	struct extent room = placing_room_beside(loading->machine->memory, kernel->used);
	struct extent information = multiboot_information(loading);
	struct writer writer = {
		.loading = loading,
		.area = {information.start + sizeof(struct info_head), information.end},
	};
	struct multiboot_modules modules;
	struct info_head head = {0};
	int error = info_write_description(&writer, header, kernel, &room);

	if (!error)
		error = multiboot_load_modules(loading, &room, &modules);
	if (error)
		return error;
	for (unsigned i = 0; i < modules.count && !error; i++)
		error = info_write_module(&writer, &modules.module[i]);
	if (!error)
		error = info_write_tag(&writer, INFO_END, NULL, 0);
	head.total_size = (uint32_t)(writer.area.start - information.start);
	return error ? error : loading_copy(loading, information.start, &head, sizeof(head));
}
