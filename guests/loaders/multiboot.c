/* SPDX-License-Identifier: MIT */
/* Multiboot: the kernel, its modules and its first state, in both versions. */
#include "guests/loaders/multiboot.h"
#include "lib/checked.h"
#include "lib/string.h"

#define WHAT             "Multiboot kernel"
#define SENTENCE_CORRUPT "the Multiboot kernel is corrupt: %s; fetch or build it again"

/* ---- The header ---- */

size_t multiboot_search(struct loading *loading, uint32_t magic, size_t from, size_t step, size_t size,
                        size_t limit)
{
	const uint8_t *kernel = loading->image->kernel.data, *at = kernel + from;
	const uint8_t *last = limit < size ? kernel - 1 : kernel + limit - size;
	uint32_t word;

	for (; at <= last; at += step) {
		memcpy(&word, at, sizeof(word));
		if (word == magic)
			break;
	}
	if (!budget_draw(&loading->budget, (size_t)(at - kernel - from) / step * BUDGET_WORD) || at > last)
		return limit;
	return (size_t)(at - kernel);
}

/* ---- Where it goes ---- */

/* How far from its linked place [span] is loaded. */
static int multiboot_choose_shift(struct loading *loading, const struct multiboot_header *header,
                                  struct extent span, uint64_t *shift)
{
	const struct extent within = {header->lowest, header->highest + 1UL};
	uint64_t memory = loading->machine->memory, alignment = MAX(header->alignment, 1u);
	gpa_t base;

	*shift = 0;
	if (!header->relocatable)
		return 0;
	if (alignment & (alignment - 1))
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT,
		                    "its alignment is no power of two");
	if (header->preference == PREFER_NONE && span.start >= within.start && span.end <= within.end &&
	    !(span.start & (alignment - 1)) && placing_is_free(memory, span.start, span.end))
		return 0;
	if (placing_find(memory, within, span.end - span.start, alignment,
	                 header->preference == PREFER_HIGHEST, &base) < 0)
		return loading_fail(loading, ERR_NO_MEMORY,
		                    "the " WHAT " needs %llu KiB between 0x%x and 0x%x, which are "
		                    "not free; raise 'memory'",
		                    (unsigned long long)(span.end - span.start) / 1024 + 1, header->lowest,
		                    header->highest);
	*shift = base - span.start;
	return 0;
}

/* ---- A file with address fields ---- */

struct raw_image {
	size_t offset;
	uint64_t size; /* in the file */
	struct extent span;
};

static int multiboot_find_raw(struct loading *loading, const struct multiboot_header *header,
                              struct raw_image *raw)
{
	size_t size = loading->image->kernel.size;
	uint32_t load = header->load_address, before = header->header_address - load;

	if (header->header_address < load || before > header->offset)
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT,
		                    "its header lies before its load address");
	raw->offset = header->offset - before;
	raw->size = size - raw->offset;
	if (header->load_end) {
		if (header->load_end < load || (header->bss_end && header->bss_end < header->load_end))
			return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT,
			                    "its addresses do not ascend");
		raw->size = header->load_end - load;
	}
	if (!range_within(raw->offset, raw->size, size))
		return loading_fail(loading, ERR_TRUNCATED,
		                    "the " WHAT
		                    " is truncated: it has %zu bytes of %llu; fetch or build it again",
		                    size, (unsigned long long)raw->offset + raw->size);
	raw->span.start = load;
	raw->span.end = MAX(load + raw->size, (uint64_t)header->bss_end);
	if (!header->has_entry || header->entry < load || header->entry >= raw->span.end)
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT, "its entry lies outside of it");
	return 0;
}

static int multiboot_load_raw(struct loading *loading, const struct multiboot_header *header,
                              struct multiboot_kernel *kernel)
{
	const uint8_t *file = loading->image->kernel.data;
	struct raw_image raw = {0};
	uint64_t shift;
	gpa_t end;
	int error = multiboot_find_raw(loading, header, &raw);

	if (!error)
		error = multiboot_choose_shift(loading, header, raw.span, &shift);
	if (error)
		return error;
	kernel->base = raw.span.start + shift;
	kernel->entry = header->entry + shift;
	end = raw.span.end + shift;
	kernel->used = (struct extent){kernel->base, end};
	placing_note_low(loading, kernel->base, end);
	if (!placing_is_free(loading->machine->memory, kernel->base, end))
		return placing_refuse(loading, WHAT, kernel->base, end);
	error = loading_copy(loading, kernel->base, file + raw.offset, raw.size);
	if (!error)
		error = loading_zero(loading, kernel->base + raw.size, end - kernel->base - raw.size);
	return error;
}

/* ---- An ELF file ---- */

/*
 * ELF's entry is a virtual address. Some kernels, linked for addresses that they have only later,
 * give a physical one, and mean it where no segment has the virtual one. The header's own entry is
 * physical.
 */
static int multiboot_find_entry(struct loading *loading, const struct multiboot_header *header,
                                const struct elf_image *elf, uint64_t *entry)
{
	*entry = header->has_entry ? header->entry : elf->entry;
	if ((!header->has_entry && elf_translate(elf, entry)) || elf_has_physical(elf, *entry))
		return 0;
	return loading_fail(loading, ERR_INVALID,
	                    "the " WHAT " is corrupt: its entry 0x%llx lies in no segment; fetch "
	                    "or build it again",
	                    (unsigned long long)*entry);
}

static int multiboot_load_elf(struct loading *loading, const struct multiboot_header *header,
                              struct multiboot_kernel *kernel)
{
	const struct guest_image *image = loading->image;
	struct elf_image *elf = &kernel->elf;
	const char *problem;
	uint64_t shift;
	int error = elf_open(image->kernel.data, image->kernel.size, &loading->budget, elf, &problem);

	if (error)
		return loading_fail(loading, (enum error) - error, "%s", problem);
	kernel->is_elf = true;
	error = elf_check_file(loading, elf);
	if (!error)
		error = multiboot_find_entry(loading, header, elf, &kernel->entry);
	if (!error)
		error = multiboot_choose_shift(loading, header, elf_span(elf), &shift);
	if (!error)
		error = elf_load(loading, elf, shift, &kernel->used);
	if (error)
		return error;
	kernel->base = elf_span(elf).start + shift;
	kernel->entry += shift;
	if (kernel->entry > UINT32_MAX)
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT, "its entry lies above 4 GiB");
	return 0;
}

static int multiboot_load_any(struct loading *loading, const struct multiboot_header *header,
                              struct multiboot_kernel *kernel)
{
	const struct guest_image *image = loading->image;

	if (header->needs_screen && !loading->machine->screen)
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the " WHAT " demands a screen; write screen = yes");
	if (header->has_addresses)
		return multiboot_load_raw(loading, header, kernel);
	if (elf_probe(image->kernel.data, image->kernel.size))
		return multiboot_load_elf(loading, header, kernel);
	return loading_fail(loading, ERR_UNSUPPORTED,
	                    "the " WHAT " is no ELF file, and its header has no addresses; link it as ELF");
}

int multiboot_load_kernel(struct loading *loading, const struct multiboot_header *header,
                          struct multiboot_kernel *kernel)
{
	int error = multiboot_load_any(loading, header, kernel);

	return error ? error : placing_move_handover(loading, &kernel->used);
}

/* ---- Modules ---- */

static int multiboot_load_module(struct loading *loading, struct extent *room, const struct image_file *file,
                                 const char *arguments, struct multiboot_modules *modules)
{
	struct multiboot_module *module = &modules->module[modules->count++];
	int error = placing_take(loading, room, "module", file->size, PAGE_SIZE, &module->start);

	module->end = module->start + file->size;
	module->cmdline = arguments;
	return error ? error : loading_copy(loading, module->start, file->data, file->size);
}

int multiboot_load_modules(struct loading *loading, struct extent *room, struct multiboot_modules *modules)
{
	const struct guest_image *image = loading->image;
	int error = 0;

	modules->count = 0;
	if (image->initrd.data)
		error = multiboot_load_module(loading, room, &image->initrd, "", modules);
	for (unsigned i = 0; i < loading->config->module_count && !error; i++)
		error = multiboot_load_module(loading, room, &image->module[i],
		                              loading->config->module[i].arguments, modules);
	return error;
}

/* ---- What is handed over ---- */

uint32_t multiboot_upper(const struct loading *loading)
{
	return (uint32_t)((guest_high_ram_end(loading->machine->memory) - GUEST_HIGH_START) / 1024);
}

struct extent multiboot_information(const struct loading *loading)
{
	gpa_t start = loading_handover(loading, GUEST_INFORMATION);

	return (struct extent){start, start + MULTIBOOT_INFORMATION_SIZE};
}

int multiboot_reserve(struct loading *loading, struct extent *area, uint64_t size, uint64_t alignment,
                      gpa_t *address)
{
	gpa_t at = ALIGN_UP(area->start, alignment);

	if (at > area->end || size > area->end - at)
		return loading_fail(loading, ERR_NO_MEMORY,
		                    "what the " WHAT " must be told does not fit into %llu KiB; "
		                    "shorten the modules' arguments",
		                    (unsigned long long)MULTIBOOT_INFORMATION_SIZE / 1024);
	*address = at;
	area->start = at + size;
	return 0;
}

int multiboot_put(struct loading *loading, struct extent *area, const void *data, size_t size,
                  uint64_t alignment, gpa_t *address)
{
	int error = multiboot_reserve(loading, area, size, alignment, address);

	return error ? error : loading_copy(loading, *address, data, size);
}

int multiboot_enter(struct loading *loading, const struct multiboot_kernel *kernel, uint32_t magic)
{
	struct vcpu_start *start = loading->start;

	start->mode = START_PROTECTED;
	start->rip = kernel->entry;
	start->gpr[RAX] = magic;
	start->gpr[RBX] = multiboot_information(loading).start;
	return loading_gdt(loading, loading_handover(loading, GUEST_GDT), false);
}
