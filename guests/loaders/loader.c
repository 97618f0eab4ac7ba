/* SPDX-License-Identifier: MIT */
/* Which loader takes an image, and what they all do. */
#include "guests/loaders/loader.h"
#include "guests/firmware/firmware.h"
#include "guests/loaders/flat.h"
#include "guests/loaders/foreign.h"
#include "guests/loaders/linux.h"
#include "guests/loaders/loading.h"
#include "guests/loaders/multiboot.h"
#include "guests/loaders/pvh.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"

/* clang-format off */
static const struct loader loaders[] = {
	/*                   "the kernel is no ..."    32-bit entry, modules */
	{VM_TYPE_LINUX,      "Linux kernel (bzImage)", false, false, linux_fit,      linux_load},
	{VM_TYPE_LINUX32,    "Linux kernel (bzImage)", true,  false, linux_fit,      linux_load},
	{VM_TYPE_PVH,        "ELF file",               false, false, pvh_fit,        pvh_load},
	{VM_TYPE_MULTIBOOT2, "Multiboot 2 kernel (it has no header in its first 32 KiB)",
						       false, true,  multiboot2_fit, multiboot2_load},
	{VM_TYPE_MULTIBOOT,  "Multiboot kernel (it has no header in its first 8 KiB)",
						       false, true,  multiboot1_fit, multiboot1_load},
	{VM_TYPE_FLAT,       "real-mode image (it has more than 512 KiB)",
						       false, false, flat_fit,       flat_load},
};
/* clang-format on */

int loading_fail(struct loading *loading, enum error error, const char *format, ...)
{
	va_list args;

	if (loading->problem_size && loading->problem[0])
		return -(int)error;
	va_start(args, format);
	format_buffer_va(loading->problem, loading->problem_size, format, args);
	va_end(args);
	return -(int)error;
}

/* Copies of at least this size are worth their own steps. */
#define DEFERRED_MIN KIB(8)

/* One copy too many is done at once if the budget allows it, which a very large one does not. */
static bool loading_defer(struct loading *loading, gpa_t gpa, const void *data, uint64_t size)
{
	const struct guest_image *image = loading->image;

	if (size < DEFERRED_MIN || loading->copies == GUEST_COPIES_MAX ||
	    !guest_memory_has(loading->machine->memory, gpa, size))
		return false;
	loading->copies++;
	return image->defer(image->defer_context, gpa, data, size);
}

int loading_copy(struct loading *loading, gpa_t gpa, const void *data, size_t size)
{
	if (!size || loading_defer(loading, gpa, data, size))
		return 0;
	if (!budget_draw(&loading->budget, BUDGET_COPY + size))
		return -ERR_INVALID; /* guest_load_image() says why */
	if (guest_load(loading->image->map, gpa, data, size) < 0)
		return loading_fail(
			loading, ERR_OUT_OF_RANGE,
			"the guest has no memory at 0x%llx, where %zu bytes must go; raise 'memory'",
			(unsigned long long)gpa, size);
	return 0;
}

int loading_zero(struct loading *loading, gpa_t gpa, uint64_t size)
{
	static const uint8_t zeros[PAGE_SIZE];
	int error = 0;

	if (loading_defer(loading, gpa, NULL, size))
		return 0;
	while (size && !error) {
		size_t part = MIN(size, sizeof(zeros));

		error = loading_copy(loading, gpa, zeros, part);
		gpa += part;
		size -= part;
	}
	return error;
}

int loading_cmdline(struct loading *loading, gpa_t at, uint64_t limit)
{
	const char *cmdline = loading->config->cmdline;
	size_t length = strlen(cmdline);

	limit = MIN(limit, GUEST_CMDLINE_SIZE - 1);
	if (length > limit)
		return loading_fail(
			loading, ERR_INVALID,
			"the command line has %zu characters, but this kernel takes %llu; shorten it", length,
			(unsigned long long)limit);
	return loading_copy(loading, at, cmdline, length + 1);
}

int loading_initrd(struct loading *loading, gpa_t from, gpa_t limit)
{
	const struct guest_image *image = loading->image;
	gpa_t top = MIN(limit, guest_high_ram_end(loading->machine->memory)), start;

	if (!image->initrd.data || !image->initrd.size)
		return 0;
	if (top < from || image->initrd.size > top - from ||
	    (start = ALIGN_DOWN(top - image->initrd.size, PAGE_SIZE)) < from)
		return loading_fail(
			loading, ERR_NO_MEMORY,
			"the initrd of %llu KiB does not fit between the kernel's end at %llu KiB "
			"and %llu KiB; raise 'memory' or use a smaller initrd",
			(unsigned long long)(image->initrd.size + 1023) / 1024,
			(unsigned long long)from / 1024, (unsigned long long)top / 1024);
	loading->initrd = start;
	return loading_copy(loading, start, image->initrd.data, image->initrd.size);
}

int loading_gdt(struct loading *loading, gpa_t at, bool long_mode)
{
	/* SDM Vol. 3A "Segment Descriptors": flat, accessed, present, DPL 0. */
	const uint64_t table[] = {
		0,
		0,
		long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff, /* code: L or D, G */
		0x00cf93000000ffff,                                  /* data: B, G */
		0x00008b0000000067,
		0, /* busy TSS */
	};
	struct vcpu_start *start = loading->start;

	start->gdt = at;
	start->gdt_limit = sizeof(table) - 1;
	start->cs = GDT_CODE;
	start->ds = GDT_DATA;
	start->tr = GDT_TSS;
	start->rsp = start->gpr[RSP] = loading_handover(loading, GUEST_STACK_TOP);
	return loading_copy(loading, at, table, sizeof(table));
}

/* ---- Which loader ---- */

static int loading_by(struct loading *loading, const struct loader *loader)
{
	if (loading->config->module_count && !loader->takes_modules)
		return loading_fail(loading, ERR_INVALID,
		                    "this kernel takes no modules, only an initrd; remove "
		                    "'module', or put a Multiboot type");
	loading->entry_32 = loader->entry_32;
	return loader->load(loading);
}

/*
 * The first loader that is sure, else the first that may be right. A kernel can have the headers of
 * several formats: where one demands what there is not, the next one may do.
 */
static int loading_by_any(struct loading *loading)
{
	const struct loader *perhaps = NULL;
	bool refused = false;
	int error;

	for (unsigned i = 0; i < ARRAY_SIZE(loaders); i++) {
		enum fit fit = loaders[i].fit(loading);

		if (fit == FIT_PERHAPS && !perhaps)
			perhaps = &loaders[i];
		if (fit != FIT_SURE)
			continue;
		error = loading_by(loading, &loaders[i]);
		if (error != -ERR_UNSUPPORTED)
			return error;
		refused = true;
	}
	if (refused)
		return -ERR_UNSUPPORTED;
	if (perhaps)
		return loading_by(loading, perhaps);
	error = foreign_refuse(loading);
	return error ? error
	             : loading_fail(loading, ERR_UNSUPPORTED,
	                            "the kernel has an unknown format; use a Linux bzImage, an ELF file "
	                            "with a PVH note, or a Multiboot kernel");
}

static int loading_by_type(struct loading *loading)
{
	const struct loader *loader = loaders;
	int error;

	while (loader->type != loading->config->type)
		loader++;
	if (loader->fit(loading) != FIT_NO)
		return loading_by(loading, loader);
	error = foreign_refuse(loading);
	return error ? error
	             : loading_fail(loading, ERR_UNSUPPORTED,
	                            "the kernel is no %s; correct 'kernel', or write type = auto",
	                            loader->name);
}

int guest_load_image(const struct guest_image *image, struct vcpu_start *start, char *problem,
                     size_t problem_size)
{
	struct loading loading = {
		.image = image,
		.config = image->config,
		.machine = &image->config->vm.machine,
		.start = start,
		.budget = {BUDGET_LOAD},
		.rsdp = firmware_rsdp(&image->config->vm.machine),
		.problem = problem,
		.problem_size = problem_size,
	};
	int error;

	memset(start, 0, sizeof(*start));
	if (problem_size)
		problem[0] = '\0';
	if (!image->kernel.data || !image->kernel.size)
		return loading_fail(&loading, ERR_TRUNCATED, "the kernel is empty; fetch or build it again");
	error = loading.config->type == VM_TYPE_AUTO ? loading_by_any(&loading) : loading_by_type(&loading);
	if (loading.budget.left)
		return error;
	if (problem_size)
		problem[0] = '\0';
	return loading_fail(&loading, ERR_INVALID,
	                    "the kernel has more notes, segments, sections or tags than can be loaded "
	                    "within a millisecond; strip it, or fetch or build it again");
}
