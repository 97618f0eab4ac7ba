/* SPDX-License-Identifier: MIT */
#include "guests/loaders/pvh.h"
#include "guests/loaders/elf_load.h"
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

#define MODULE_LIST (GUEST_INFORMATION + 0x100)
#define MEMORY_MAP  (GUEST_INFORMATION + 0x200)
_Static_assert(0x200 + GUEST_E820_MAX * sizeof(struct start_memory) <= PAGE_SIZE, "start_info");

/*
 * 32-bit kernels map only so much of low memory; what lies higher is out of their reach at first.
 */
#define INITRD_LIMIT_32 0x38000000UL

enum fit pvh_fit(struct loading *loading)
{
	const struct image_file *kernel = &loading->image->kernel;
	const char *problem;
	struct elf_image elf;
	uint64_t entry;

	if (!elf_probe(kernel->data, kernel->size))
		return FIT_NO;
	if (elf_open(kernel->data, kernel->size, &loading->budget, &elf, &problem) < 0 ||
	    elf_note_number(&elf, "Xen", XEN_ELFNOTE_PHYS32_ENTRY, &entry) < 0)
		return FIT_PERHAPS;
	return FIT_SURE;
}

/* The entry must be reachable by 32 bits. */
static int pvh_check_entry(struct loading *loading, const struct elf_image *elf, uint64_t entry)
{
	if (elf_has_physical(elf, entry) && entry <= UINT32_MAX)
		return 0;
	return loading_fail(loading, ERR_INVALID,
	                    "the ELF kernel is corrupt: its PVH entry 0x%llx lies in no segment "
	                    "below 4 GiB; fetch or build it again",
	                    (unsigned long long)entry);
}

static int pvh_write_memory_map(struct loading *loading, struct start_info *info)
{
	struct guest_e820 ranges[GUEST_E820_MAX];
	int error = 0;

	info->memory_map = loading_handover(loading, MEMORY_MAP);
	info->memory_map_entries = guest_memory_e820(loading->machine->memory, ranges);
	for (unsigned i = 0; i < info->memory_map_entries && !error; i++) {
		struct start_memory entry = {ranges[i].start, ranges[i].size, ranges[i].type, 0};

		error = loading_copy(loading, info->memory_map + i * sizeof(entry), &entry, sizeof(entry));
	}
	return error;
}

static int pvh_write_start_info(struct loading *loading)
{
	struct start_module module = {.address = loading->initrd, .size = loading->image->initrd.size};
	struct start_info info = {
		.magic = START_MAGIC,
		.version = START_VERSION,
		.cmdline = loading_handover(loading, GUEST_CMDLINE),
		.rsdp = loading->rsdp,
	};
	gpa_t at = loading_handover(loading, GUEST_INFORMATION);
	int error = loading_zero(loading, at, PAGE_SIZE);

	if (!error && loading->initrd) {
		info.modules = 1;
		info.module_list = loading_handover(loading, MODULE_LIST);
		error = loading_copy(loading, info.module_list, &module, sizeof(module));
	}
	if (!error)
		error = pvh_write_memory_map(loading, &info);
	if (!error)
		error = loading_copy(loading, at, &info, sizeof(info));
	return error;
}

/*
 * Multiboot kernels are ELF files, too: for `auto` this is the last loader that an ELF file meets.
 */
static int pvh_refuse(struct loading *loading)
{
	if (loading->config->type == VM_TYPE_PVH)
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the ELF kernel has no PVH note, so its entry is unknown; use a kernel "
		                    "built with CONFIG_PVH, or the bzImage");
	return loading_fail(loading, ERR_UNSUPPORTED,
	                    "the ELF kernel has no PVH note, and no Multiboot header at a multiple of 4 in "
	                    "its first 8 KiB (version 2: of 8 in 32 KiB); link the header's section "
	                    "first, or use a kernel with CONFIG_PVH");
}

int pvh_load(struct loading *loading)
{
	const char *problem;
	struct elf_image elf;
	struct extent used;
	uint64_t entry;
	int error = elf_open(loading->image->kernel.data, loading->image->kernel.size, &loading->budget, &elf,
	                     &problem);

	if (error)
		return loading_fail(loading, (enum error) - error, "%s", problem);
	/* First of all, since a note that was cut off must not be taken for one that never was. */
	error = elf_check_file(loading, &elf);
	if (error)
		return error;
	if (elf_note_number(&elf, "Xen", XEN_ELFNOTE_PHYS32_ENTRY, &entry) < 0)
		return pvh_refuse(loading);
	error = elf_load(loading, &elf, 0, &used);
	if (!error)
		error = pvh_check_entry(loading, &elf, entry);
	if (!error)
		error = placing_move_handover(loading, &used);
	if (!error)
		error = loading_initrd(loading, used.end, elf.is_64 ? GUEST_HOLE_START : INITRD_LIMIT_32);
	if (!error)
		error = loading_cmdline(loading, loading_handover(loading, GUEST_CMDLINE),
		                        GUEST_CMDLINE_SIZE - 1);
	if (!error)
		error = pvh_write_start_info(loading);
	if (!error)
		error = loading_gdt(loading, loading_handover(loading, GUEST_GDT), false);
	loading->start->rip = entry;
	loading->start->gpr[RBX] = loading_handover(loading, GUEST_INFORMATION);
	return error;
}
