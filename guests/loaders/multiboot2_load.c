/* SPDX-License-Identifier: MIT */
/* Multiboot 2: the header and its tags. What the kernel is told is in multiboot2_info.c. */
#include "guests/loaders/multiboot2_info.h"
#include "lib/string.h"

/* ---- "Header layout" ---- */

struct multiboot2_header {
	uint32_t magic, architecture, length, checksum;
};

#define HEADER_SEARCH     32768
#define HEADER_ALIGNMENT  8
#define HEADER_MAGIC      0xe85250d6
#define ARCHITECTURE_I386 0

/* "Header tags" */
struct header_tag {
	uint16_t type, flags;
	uint32_t size;
};

#define TAG_OPTIONAL BIT(0)

enum header_tag_type {
	TAG_END,
	TAG_INFORMATION,
	TAG_ADDRESSES,
	TAG_ENTRY,
	TAG_CONSOLE,
	TAG_FRAMEBUFFER,
	TAG_MODULE_ALIGNMENT,
	TAG_EFI_BOOT_SERVICES,
	TAG_EFI_ENTRY_32,
	TAG_EFI_ENTRY_64,
	TAG_RELOCATABLE,
	TAG_COUNT,
};

/* "Boot information format": its tags are numbered below this. */
#define INFORMATION_TYPES 22

#define CONSOLE_REQUIRED BIT(0)
#define CONSOLE_EGA_TEXT BIT(1)

#define MAGIC_LOADED 0x36d76289

static bool multiboot2_is_header(const struct multiboot2_header *header, size_t room)
{
	return header->architecture == ARCHITECTURE_I386 &&
	       (uint32_t)(header->magic + header->architecture + header->length + header->checksum) == 0 &&
	       header->length >= sizeof(*header) && header->length <= room;
}

/* Find the header from `*offset` on. */
static bool multiboot2_find_header(struct loading *loading, size_t *offset, struct multiboot2_header *header)
{
	const struct image_file *kernel = &loading->image->kernel;
	size_t limit = MIN(kernel->size, (size_t)HEADER_SEARCH), at = *offset;

	while (budget_draw(&loading->budget, BUDGET_HEADER)) {
		at = multiboot_search(loading, HEADER_MAGIC, at, HEADER_ALIGNMENT, sizeof(*header), limit);
		if (at == limit)
			break;
		memcpy(header, (const uint8_t *)kernel->data + at, sizeof(*header));
		if (multiboot2_is_header(header, limit - at)) {
			*offset = at;
			return true;
		}
		at += HEADER_ALIGNMENT;
	}
	return false;
}

enum fit multiboot2_fit(struct loading *loading)
{
	struct multiboot2_header header;

	loading->header = 0;
	return multiboot2_find_header(loading, &loading->header, &header) ? FIT_SURE : FIT_NO;
}

/* ---- The tags ---- */

static uint32_t multiboot2_word(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/*
 * Each takes the tag's contents, at least as long as the table says, of which `size` bytes are
 * there.
 */
typedef int tag_function(struct loading *loading, struct multiboot_header *wanted, bool optional,
                         const uint8_t *at, size_t size);

/*
 * "Multiboot2 information request": a loader refuses types that it does not understand. One that it
 * knows and has nothing to say of is left out, and the kernel starts as usual, so there is nothing
 * to note.
 */
static int multiboot2_take_information(struct loading *loading, struct multiboot_header *wanted,
                                       bool optional, const uint8_t *at, size_t size)
{
	for (; size >= 4 && !optional && budget_draw(&loading->budget, BUDGET_WORD); at += 4, size -= 4)
		if (multiboot2_word(at) >= INFORMATION_TYPES)
			return loading_fail(loading, ERR_UNSUPPORTED,
			                    "the Multiboot 2 kernel demands information of type "
			                    "%u, which is unknown; use another kernel",
			                    multiboot2_word(at));
	return 0;
}

static int multiboot2_take_addresses(struct loading *loading, struct multiboot_header *wanted, bool optional,
                                     const uint8_t *at, size_t size)
{
	wanted->has_addresses = true;
	wanted->header_address = multiboot2_word(at);
	wanted->load_address = multiboot2_word(at + 4);
	wanted->load_end = multiboot2_word(at + 8);
	wanted->bss_end = multiboot2_word(at + 12);
	if (wanted->load_address == UINT32_MAX) /* from the file's beginning */
		wanted->load_address = wanted->header_address - (uint32_t)wanted->offset;
	return 0;
}

static int multiboot2_take_entry(struct loading *loading, struct multiboot_header *wanted, bool optional,
                                 const uint8_t *at, size_t size)
{
	wanted->has_entry = true;
	wanted->entry = multiboot2_word(at);
	return 0;
}

static int multiboot2_take_console(struct loading *loading, struct multiboot_header *wanted, bool optional,
                                   const uint8_t *at, size_t size)
{
	uint32_t flags = multiboot2_word(at);

	if (optional || !(flags & CONSOLE_REQUIRED))
		return 0;
	if (!(flags & CONSOLE_EGA_TEXT))
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the Multiboot 2 kernel demands a console but cannot use a "
		                    "text screen, and guests have no other; use another kernel");
	wanted->needs_screen = true;
	return 0;
}

/*
 * Modules are always page-aligned. What concerns EFI says nothing to others: GRUB passes over it
 * on a BIOS machine, demands included. The graphics mode is but preferred, and a loader may choose
 * another ("The framebuffer tag of Multiboot2 header"): the kernel is told of the text screen, or
 * of none.
 */
static int multiboot2_take_nothing(struct loading *loading, struct multiboot_header *wanted, bool optional,
                                   const uint8_t *at, size_t size)
{
	return 0;
}

static int multiboot2_take_relocatable(struct loading *loading, struct multiboot_header *wanted,
                                       bool optional, const uint8_t *at, size_t size)
{
	wanted->relocatable = true;
	wanted->lowest = multiboot2_word(at);
	wanted->highest = multiboot2_word(at + 4);
	wanted->alignment = multiboot2_word(at + 8);
	wanted->preference = multiboot2_word(at + 12);
	return 0;
}

/* clang-format off */
static const struct {
	size_t contents; /* bytes after the tag's head, at least */
	tag_function *take;
} tags[TAG_COUNT] = {
	[TAG_END] =               {0,  multiboot2_take_nothing},
	[TAG_INFORMATION] =       {0,  multiboot2_take_information},
	[TAG_ADDRESSES] =         {16, multiboot2_take_addresses},
	[TAG_ENTRY] =             {4,  multiboot2_take_entry},
	[TAG_CONSOLE] =           {4,  multiboot2_take_console},
	[TAG_FRAMEBUFFER] =       {12, multiboot2_take_nothing},
	[TAG_MODULE_ALIGNMENT] =  {0,  multiboot2_take_nothing},
	[TAG_EFI_BOOT_SERVICES] = {0,  multiboot2_take_nothing},
	[TAG_EFI_ENTRY_32] =      {0,  multiboot2_take_nothing},
	[TAG_EFI_ENTRY_64] =      {0,  multiboot2_take_nothing},
	[TAG_RELOCATABLE] =       {16, multiboot2_take_relocatable},
};
/* clang-format on */

static int multiboot2_take_tag(struct loading *loading, struct multiboot_header *wanted,
                               const struct header_tag *tag, const uint8_t *contents)
{
	bool optional = tag->flags & TAG_OPTIONAL;
	size_t size = tag->size - sizeof(*tag);

	if (tag->type >= TAG_COUNT)
		return optional ? 0
		                : loading_fail(loading, ERR_UNSUPPORTED,
		                               "the Multiboot 2 kernel demands header tag %u, which is "
		                               "unknown; use another kernel",
		                               tag->type);
	if (size < tags[tag->type].contents)
		return loading_fail(loading, ERR_INVALID,
		                    "the Multiboot 2 kernel is corrupt: header tag %u is too "
		                    "short; fetch or build it again",
		                    tag->type);
	return tags[tag->type].take(loading, wanted, optional, contents, size);
}

/* Tags follow each other at multiples of 8. */
static int multiboot2_read_header(struct loading *loading, struct multiboot_header *wanted)
{
	const uint8_t *kernel = loading->image->kernel.data;
	struct multiboot2_header header;
	struct header_tag tag = {.type = TAG_INFORMATION};
	size_t at = sizeof(header);
	int error = 0;

	*wanted = (struct multiboot_header){.offset = loading->header};
	if (!multiboot2_find_header(loading, &wanted->offset, &header))
		return -ERR_UNSUPPORTED; /* the loader was chosen because it is there */
	while (at + sizeof(tag) <= header.length && tag.type != TAG_END && !error &&
	       budget_draw(&loading->budget, BUDGET_HEADER)) {
		const uint8_t *here = kernel + wanted->offset + at;

		memcpy(&tag, here, sizeof(tag));
		if (tag.size < sizeof(tag) || tag.size > header.length - at)
			return loading_fail(loading, ERR_INVALID,
			                    "the Multiboot 2 kernel is corrupt: header tag %u is longer than "
			                    "the header; fetch or build it again",
			                    tag.type);
		error = multiboot2_take_tag(loading, wanted, &tag, here + sizeof(tag));
		at += ALIGN_UP((size_t)tag.size, (size_t)HEADER_ALIGNMENT);
	}
	return error;
}

int multiboot2_load(struct loading *loading)
{
	struct multiboot_header header;
	struct multiboot_kernel kernel = {0};
	int error = multiboot2_read_header(loading, &header);

	if (!error)
		error = multiboot_load_kernel(loading, &header, &kernel);
	if (!error)
		error = multiboot2_write_info(loading, &header, &kernel);
	return error ? error : multiboot_enter(loading, &kernel, MAGIC_LOADED);
}
