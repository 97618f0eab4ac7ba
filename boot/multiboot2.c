/* SPDX-License-Identifier: MIT */
/*
 * The boot information is input from outside: every tag, entry and string is
 * checked against the bytes that are really there, and copied out before use.
 * Multiboot2 Specification, "Boot information format".
 */
#include "boot/multiboot2.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/string.h"

#define TAG_ALIGN  8
#define MAP_HEADER 8 /* of a memory map tag */

enum tag_type {
	TAG_END = 0,
	TAG_COMMAND_LINE = 1,
	TAG_LOADER_NAME = 2,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_EFI32 = 11,
	TAG_EFI64 = 12,
	TAG_RSDP_OLD = 14,
	TAG_RSDP_NEW = 15,
	TAG_EFI_MEMORY_MAP = 17,
	TAG_EFI_BOOT_SERVICES = 18,
	TAG_EFI32_IMAGE = 19,
	TAG_EFI64_IMAGE = 20,
};

/* One tag's payload: what follows its type and size. */
struct tag {
	enum tag_type type;
	const uint8_t *data;
	uint32_t size;
};

struct parse {
	struct boot_info *info;
	const char **problem;
	struct tag efi_memory_map; /* used if no other map comes */
	bool has_memory_map;
};

static uint16_t info_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t info_get32(const uint8_t *p)
{
	return info_get16(p) | (uint32_t)info_get16(p + 2) << 16;
}

static uint64_t info_get64(const uint8_t *p)
{
	return info_get32(p) | (uint64_t)info_get32(p + 4) << 32;
}

static int info_broken(struct parse *parse, const char *problem)
{
	*parse->problem = problem;
	return -ERR_INVALID;
}

/* Copy the text of a string tag, cut at BOOT_STRING_MAX; false if it has no end. */
static bool info_copy_string(char *to, const uint8_t *from, uint32_t size)
{
	size_t length = strnlen((const char *)from, size);

	if (length == size)
		return false;
	length = MIN(length, (size_t)BOOT_STRING_MAX - 1);
	memcpy(to, from, length);
	to[length] = '\0';
	return true;
}

/*
 * GRUB joins the words of a module's line by spaces; in each it sets a backslash before
 * quotes and backslashes, and double quotes around a word that has spaces.
 */
static void info_first_word(char *to, const char *from)
{
	bool quoted = false;
	size_t length = 0;

	for (; *from && (quoted || *from != ' ') && length < BOOT_STRING_MAX - 1; from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (*from == '\\' && from[1])
			from++;
		to[length++] = *from;
	}
	to[length] = '\0';
}

static int info_parse_command_line(struct parse *parse, struct tag tag)
{
	if (!info_copy_string(parse->info->command_line, tag.data, tag.size))
		return info_broken(parse, "the boot information's command line has no end");
	return 0;
}

static int info_parse_loader_name(struct parse *parse, struct tag tag)
{
	if (!info_copy_string(parse->info->loader, tag.data, tag.size))
		return info_broken(parse, "the boot information's loader name has no end");
	return 0;
}

static int info_parse_module(struct parse *parse, struct tag tag)
{
	struct boot_info *info = parse->info;
	struct boot_module *module = &info->module[info->module_count];
	char text[BOOT_STRING_MAX];

	if (info_get32(tag.data + 4) < info_get32(tag.data))
		return info_broken(parse, "a module of the boot information ends before it starts");
	if (!info_copy_string(text, tag.data + 8, tag.size - 8))
		return info_broken(parse, "a module's name in the boot information has no end");
	if (info->module_count == BOOT_MODULES_MAX) {
		info->modules_truncated = true;
		return 0;
	}
	module->start = info_get32(tag.data);
	module->end = info_get32(tag.data + 4);
	info_first_word(module->name, text);
	info->module_count++;
	return 0;
}

static void info_remove_ranges(struct boot_info *info, unsigned at, unsigned count)
{
	info->range_count -= count;
	memmove(&info->range[at], &info->range[at + count],
	        (info->range_count - at) * sizeof(info->range[0]));
}

static void info_insert_range(struct boot_info *info, struct memory_range range)
{
	unsigned at = 0;

	while (at < info->range_count && info->range[at].start < range.start)
		at++;
	memmove(&info->range[at + 1], &info->range[at], (info->range_count - at) * sizeof(info->range[0]));
	info->range[at] = range;
	info->range_count++;
}

static uint64_t range_size(struct memory_range range)
{
	return range.end - range.start;
}

/* Make room for a range of `size` bytes, at the expense of the smallest if that is smaller. */
static bool info_make_room(struct boot_info *info, uint64_t size)
{
	unsigned smallest = 0;

	if (info->range_count < BOOT_RANGES_MAX)
		return true;
	for (unsigned i = 1; i < info->range_count; i++)
		if (range_size(info->range[i]) < range_size(info->range[smallest]))
			smallest = i;
	info->memory_dropped += MIN(size, range_size(info->range[smallest]));
	if (size <= range_size(info->range[smallest]))
		return false;
	info_remove_ranges(info, smallest, 1);
	return true;
}

/* Sorted, and as one with those that it touches: UEFI tells apart what is all the same to us. */
static void info_merge_range(struct boot_info *info, struct memory_range range)
{
	unsigned at = 0, touched = 0;

	while (at < info->range_count && info->range[at].end < range.start)
		at++;
	for (; at + touched < info->range_count && info->range[at + touched].start <= range.end; touched++) {
		range.start = MIN(range.start, info->range[at + touched].start);
		range.end = MAX(range.end, info->range[at + touched].end);
	}
	info_remove_ranges(info, at, touched);
	if (info_make_room(info, range_size(range)))
		info_insert_range(info, range);
}

static int info_add_range(struct parse *parse, uint64_t start, uint64_t size)
{
	uint64_t end;

	if (add_overflows(start, size, &end))
		return info_broken(parse, "an entry of the boot information's memory map wraps around");
	if (size)
		info_merge_range(parse->info, (struct memory_range){.start = start, .end = end});
	return 0;
}

/* In both memory maps, the entries follow their size and a version. */
static int info_parse_map(struct parse *parse, struct tag tag, uint32_t entry_min,
                          int (*parse_entry)(struct parse *parse, const uint8_t *entry))
{
	uint32_t entry_size = info_get32(tag.data);

	if (entry_size < entry_min || entry_size % TAG_ALIGN)
		return info_broken(parse, "a memory map's entry size in the boot information is impossible");
	for (uint32_t at = MAP_HEADER; range_within(at, entry_size, tag.size); at += entry_size) {
		int error = parse_entry(parse, tag.data + at);

		if (error)
			return error;
	}
	return 0;
}

static int info_parse_entry(struct parse *parse, const uint8_t *entry)
{
	enum { AVAILABLE = 1 };

	return info_get32(entry + 16) == AVAILABLE
	               ? info_add_range(parse, info_get64(entry), info_get64(entry + 8))
	               : 0;
}

static int info_parse_memory_map(struct parse *parse, struct tag tag)
{
	parse->has_memory_map = true;
	return info_parse_map(parse, tag, 24, info_parse_entry);
}

/* UEFI Specification, "GetMemoryMap()": what is ordinary memory once boot services have ended. */
static bool info_efi_type_usable(uint32_t type)
{
	enum { LOADER_CODE = 1, BOOT_SERVICES_DATA = 4, CONVENTIONAL = 7 };

	return (type >= LOADER_CODE && type <= BOOT_SERVICES_DATA) || type == CONVENTIONAL;
}

static int info_parse_efi_entry(struct parse *parse, const uint8_t *entry)
{
	uint64_t pages = info_get64(entry + 24);

	if (!info_efi_type_usable(info_get32(entry)))
		return 0;
	if (pages > UINT64_MAX >> PAGE_SHIFT)
		return info_broken(parse, "an entry of the UEFI memory map wraps around");
	return info_add_range(parse, info_get64(entry + 8), pages << PAGE_SHIFT);
}

static int info_keep_efi_memory_map(struct parse *parse, struct tag tag)
{
	parse->info->efi = true;
	parse->efi_memory_map = tag;
	return 0;
}

static int info_parse_framebuffer(struct parse *parse, struct tag tag)
{
	enum { TYPE_INDEXED = 0, TYPE_RGB = 1, TYPE_TEXT = 2 };
	struct boot_framebuffer framebuffer = {.kind = FRAMEBUFFER_NONE};
	const uint8_t *p = tag.data;

	framebuffer.address = info_get64(p);
	framebuffer.pitch = info_get32(p + 8);
	framebuffer.width = info_get32(p + 12);
	framebuffer.height = info_get32(p + 16);
	framebuffer.bits_per_pixel = p[20];
	if (p[21] == TYPE_RGB) {
		if (tag.size < 30)
			return info_broken(parse,
			                   "the framebuffer tag of the boot information lacks its colours");
		framebuffer.kind = FRAMEBUFFER_RGB;
		framebuffer.red_position = p[24];
		framebuffer.red_size = p[25];
		framebuffer.green_position = p[26];
		framebuffer.green_size = p[27];
		framebuffer.blue_position = p[28];
		framebuffer.blue_size = p[29];
	} else if (p[21] == TYPE_TEXT) {
		framebuffer.kind = FRAMEBUFFER_TEXT;
	}
	parse->info->framebuffer = framebuffer;
	return 0;
}

static int info_note_efi(struct parse *parse, struct tag tag)
{
	parse->info->efi = true;
	return 0;
}

/*
 * Of several the newest counts. A wrong signature makes it no RSDP; checksums are for ACPI to
 * check.
 */
static int info_parse_rsdp(struct parse *parse, struct tag tag)
{
	struct boot_info *info = parse->info;
	uint8_t size = tag.type == TAG_RSDP_OLD ? 20 : 36;

	if (memcmp(tag.data, "RSD PTR ", 8))
		return info_broken(parse, "the boot information's copy of the ACPI RSDP is broken");
	if (size > info->rsdp_size) {
		memcpy(info->rsdp_copy, tag.data, size);
		info->rsdp_size = size;
	}
	return 0;
}

/* Tags that are not listed carry nothing that Nacre uses. */
/* clang-format off */
static const struct {
	enum tag_type type;
	uint32_t min_size;
	int (*parse)(struct parse *parse, struct tag tag);
} tag_parsers[] = {
	{TAG_COMMAND_LINE,      0,          info_parse_command_line},
	{TAG_LOADER_NAME,       0,          info_parse_loader_name},
	{TAG_MODULE,            8,          info_parse_module},
	{TAG_MEMORY_MAP,        MAP_HEADER, info_parse_memory_map},
	{TAG_FRAMEBUFFER,       24,         info_parse_framebuffer},
	{TAG_EFI32,             0,          info_note_efi},
	{TAG_EFI64,             0,          info_note_efi},
	{TAG_RSDP_OLD,          20,         info_parse_rsdp},
	{TAG_RSDP_NEW,          36,         info_parse_rsdp},
	{TAG_EFI_MEMORY_MAP,    MAP_HEADER, info_keep_efi_memory_map},
	{TAG_EFI_BOOT_SERVICES, 0,          info_note_efi},
	{TAG_EFI32_IMAGE,       0,          info_note_efi},
	{TAG_EFI64_IMAGE,       0,          info_note_efi},
};
/* clang-format on */

static int info_parse_tag(struct parse *parse, struct tag tag)
{
	for (size_t i = 0; i < ARRAY_SIZE(tag_parsers); i++) {
		if (tag_parsers[i].type != tag.type)
			continue;
		if (tag.size < tag_parsers[i].min_size)
			return info_broken(parse,
			                   "a tag of the boot information is shorter than its type needs");
		return tag_parsers[i].parse(parse, tag);
	}
	return 0;
}

static int info_parse_tags(struct parse *parse, const uint8_t *data, uint32_t total)
{
	enum { INFO_HEADER = 8, TAG_HEADER = 8 };
	uint64_t at = INFO_HEADER;

	while (range_within(at, TAG_HEADER, total)) {
		uint32_t type = info_get32(data + at), size = info_get32(data + at + 4);
		int error;

		if (size < TAG_HEADER || !range_within(at, size, total))
			return info_broken(parse, "a tag of the boot information has an impossible length");
		if (type == TAG_END)
			return 0;
		error = info_parse_tag(parse, (struct tag){type, data + at + TAG_HEADER, size - TAG_HEADER});
		if (error)
			return error;
		at = ALIGN_UP(at + size, TAG_ALIGN);
	}
	return info_broken(parse, "the boot information has no end tag");
}

int boot_info_parse(const void *data, size_t size, struct boot_info *info, const char **problem)
{
	struct parse parse = {.info = info, .problem = problem};
	uint32_t total;
	int error;

	memset(info, 0, sizeof(*info));
	*problem = NULL;
	total = size < 8 ? UINT32_MAX : info_get32(data);
	if (total > size) {
		*problem = "the boot information is longer than the place where it stands";
		return -ERR_TRUNCATED;
	}
	if (total < 8)
		return info_broken(&parse, "the boot information is shorter than its header");
	info->size = total;
	error = info_parse_tags(&parse, data, total);
	if (!error && !parse.has_memory_map && parse.efi_memory_map.data)
		error = info_parse_map(&parse, parse.efi_memory_map, 40, info_parse_efi_entry);
	return error;
}
