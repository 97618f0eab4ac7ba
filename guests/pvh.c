#include "guests/pvh.h"
#include "guests/elf.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/string.h"

#define XEN_ELFNOTE_PHYS32_ENTRY 18

/* struct hvm_start_info and what hangs on it, version 1. */
#define START_MAGIC   0x336ec578
#define START_VERSION 1

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t module_list, cmdline, rsdp, memory_map;
	uint32_t memory_map_entries, reserved;
};

struct start_module {
	uint64_t address, size, cmdline, reserved;
};

struct start_memory {
	uint64_t address, size;
	uint32_t type, reserved;
};

_Static_assert(sizeof(struct start_info) == 56, "start_info");
_Static_assert(sizeof(struct start_module) == 32 && sizeof(struct start_memory) == 24, "start_info");

#define MODULE_LIST (GUEST_BOOT_PARAMS + 0x100)
#define MEMORY_MAP  (GUEST_BOOT_PARAMS + 0x200)
_Static_assert(0x200 + GUEST_E820_MAX * sizeof(struct start_memory) <= PAGE_SIZE, "start_info");

/* 32-bit kernels map only so much of low memory; what lies higher is out of their reach at first. */
#define INITRD_LIMIT_32 0x38000000UL

#define SENTENCE_CORRUPT "the ELF kernel is corrupt: segment %u %s; fetch or build it again"

bool pvh_probe(const void *kernel, size_t size)
{
	return elf_probe(kernel, size);
}

/* Does [start, end) lie in RAM that is free for images? */
static bool range_is_free(uint64_t memory, gpa_t start, gpa_t end)
{
	struct guest_e820 ranges[GUEST_E820_MAX];
	unsigned count = guest_memory_e820(memory, ranges);

	for (unsigned i = 0; i < count; i++) {
		gpa_t from = MAX(ranges[i].start, GUEST_HANDOVER_END);

		if (ranges[i].type == E820_RAM && start >= from && end <= ranges[i].start + ranges[i].size)
			return true;
	}
	return false;
}

static bool is_loaded(const struct elf_segment *segment)
{
	return segment->type == ELF_PT_LOAD && segment->memory_size;
}

static bool overlaps_earlier(const struct elf_image *elf, unsigned index)
{
	struct elf_segment a = elf_segment(elf, index);

	for (unsigned i = 0; i < index; i++) {
		struct elf_segment b = elf_segment(elf, i);

		if (is_loaded(&b) && a.physical < b.physical + b.memory_size &&
		    b.physical < a.physical + a.memory_size)
			return true;
	}
	return false;
}

/* [start, end) cannot be used: say what the operator can do. */
static int refuse_range(struct loading *loading, gpa_t start, gpa_t end)
{
	unsigned long long top = guest_high_ram_end(loading->image->memory);

	if (start < GUEST_HIGH_START)
		return loading_fail(
			loading, ERR_NO_MEMORY,
			"the ELF kernel wants to be loaded at 0x%llx, which is in use; link it at 1 MiB "
			"or above",
			(unsigned long long)start);
	return loading_fail(loading, ERR_NO_MEMORY,
	                    "the ELF kernel needs memory up to %llu KiB, and the guest's ends at %llu KiB; "
	                    "raise 'memory'",
	                    end / 1024ULL + (end % 1024 != 0), top / 1024);
}

/* Is segment `index` whole in the file? */
static int check_file(struct loading *loading, const struct elf_image *elf, unsigned index)
{
	struct elf_segment segment = elf_segment(elf, index);

	if (segment.file_size > segment.memory_size)
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT, index,
		                    "is larger in the file than in memory");
	if (!range_within(segment.offset, segment.file_size, elf->size))
		return loading_fail(
			loading, ERR_TRUNCATED,
			"the ELF kernel is truncated: segment %u ends behind the file's end at %zu bytes; "
			"fetch or build it again",
			index, elf->size);
	return 0;
}

/* Check segment `index`, which is whole in the file; the ones before it are good. */
static int check_segment(struct loading *loading, const struct elf_image *elf, unsigned index)
{
	struct elf_segment segment = elf_segment(elf, index);
	uint64_t end;

	if (add_overflows(segment.physical, segment.memory_size, &end))
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT, index,
		                    "ends behind the last address");
	if (!range_is_free(loading->image->memory, segment.physical, end))
		return refuse_range(loading, segment.physical, end);
	if (overlaps_earlier(elf, index))
		return loading_fail(loading, ERR_INVALID, SENTENCE_CORRUPT, index, "overlaps another");
	return 0;
}

static int load_segment(struct loading *loading, const struct elf_image *elf, unsigned index)
{
	struct elf_segment segment = elf_segment(elf, index);
	int error = loading_copy(loading, segment.physical, elf->data + segment.offset, segment.file_size);

	if (error)
		return error;
	return loading_zero(loading, segment.physical + segment.file_size,
	                    segment.memory_size - segment.file_size);
}

/* Check and load all segments. `*low_end`: where those below 3 GiB end, page-aligned. */
static int load_segments(struct loading *loading, const struct elf_image *elf, uint64_t entry, gpa_t *low_end)
{
	bool entry_loaded = false;
	int error = 0;

	*low_end = GUEST_HIGH_START;
	for (unsigned i = 0; i < elf->count && !error; i++) {
		struct elf_segment segment = elf_segment(elf, i);

		if (!is_loaded(&segment))
			continue;
		error = check_segment(loading, elf, i);
		if (error)
			break;
		error = load_segment(loading, elf, i);
		if (entry >= segment.physical && entry - segment.physical < segment.file_size)
			entry_loaded = true;
		if (segment.physical < GUEST_HOLE_START)
			*low_end = MAX(*low_end, ALIGN_UP(segment.physical + segment.memory_size, PAGE_SIZE));
	}
	if (!error && (!entry_loaded || entry > UINT32_MAX))
		return loading_fail(
			loading, ERR_INVALID,
			"the ELF kernel is corrupt: its PVH entry 0x%llx lies in no segment below 4 GiB; "
			"fetch or build it again",
			(unsigned long long)entry);
	return error;
}

static int write_memory_map(struct loading *loading, struct start_info *info)
{
	struct guest_e820 ranges[GUEST_E820_MAX];
	int error = 0;

	info->memory_map = MEMORY_MAP;
	info->memory_map_entries = guest_memory_e820(loading->image->memory, ranges);
	for (unsigned i = 0; i < info->memory_map_entries && !error; i++) {
		struct start_memory entry = {ranges[i].start, ranges[i].size, ranges[i].type, 0};

		error = loading_copy(loading, MEMORY_MAP + i * sizeof(entry), &entry, sizeof(entry));
	}
	return error;
}

static int write_start_info(struct loading *loading)
{
	struct start_module module = {.address = loading->initrd, .size = loading->image->initrd_size};
	struct start_info info = {
		.magic = START_MAGIC,
		.version = START_VERSION,
		.cmdline = GUEST_CMDLINE,
		.rsdp = loading->rsdp,
	};
	int error = loading_zero(loading, GUEST_BOOT_PARAMS, PAGE_SIZE);

	if (!error && loading->initrd) {
		info.modules = 1;
		info.module_list = MODULE_LIST;
		error = loading_copy(loading, MODULE_LIST, &module, sizeof(module));
	}
	if (!error)
		error = write_memory_map(loading, &info);
	if (!error)
		error = loading_copy(loading, GUEST_BOOT_PARAMS, &info, sizeof(info));
	return error;
}

int pvh_load(struct loading *loading)
{
	const char *problem;
	struct elf_image elf;
	uint64_t entry;
	gpa_t low_end;
	int error = elf_open(loading->image->kernel, loading->image->kernel_size, &elf, &problem);

	if (error)
		return loading_fail(loading, (enum error) - error, "%s", problem);
	/* First of all, since a note that was cut off must not be taken for one that never was. */
	for (unsigned i = 0; i < elf.count && !error; i++) {
		struct elf_segment segment = elf_segment(&elf, i);

		if (is_loaded(&segment))
			error = check_file(loading, &elf, i);
	}
	if (error)
		return error;
	if (elf_note_number(&elf, "Xen", XEN_ELFNOTE_PHYS32_ENTRY, &entry) < 0)
		return loading_fail(
			loading, ERR_UNSUPPORTED,
			"the ELF kernel has no PVH note, so its entry is unknown; use a kernel built with "
			"CONFIG_PVH, or the bzImage");
	error = load_segments(loading, &elf, entry, &low_end);
	if (!error)
		error = loading_initrd(loading, low_end, elf.is_64 ? GUEST_HOLE_START : INITRD_LIMIT_32);
	if (!error)
		error = loading_cmdline(loading, GUEST_CMDLINE_SIZE - 1);
	if (!error)
		error = write_start_info(loading);
	if (!error)
		error = loading_gdt(loading, false);
	loading->start->rip = entry;
	loading->start->gpr[3] = GUEST_BOOT_PARAMS; /* RBX */
	return error;
}
