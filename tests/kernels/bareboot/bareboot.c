/* SPDX-License-Identifier: MIT */
/*
 * Start a kernel on the bare machine just as Nacre starts a guest: loaded by the guests' own
 * loader, with the same memory map and the same state of the processor. So what the kernel does can
 * be compared.
 *
 * GRUB gives it the modules "kernel", "initrd" and "cmdline"; its own command line is the memory
 * that the kernel is to be told of, in MiB. The machine must have room for the modules above that.
 * It says "bareboot: entry at TSC N", and jumps to the kernel when the TSC gets there.
 */
#include "kernel.h"
#include "boot/multiboot2.h"
#include "guests/firmware/firmware.h"
#include "guests/loaders/loader.h"
#include "guests/loaders/loading.h"
#include "lib/checked.h"
#include "lib/errors.h"
#include "lib/panic.h"
#include "lib/registers.h"
#include "lib/string.h"

#define TSC_STEP   (1ul << 23) /* the entry is at a multiple of this ... */
#define TSC_MARGIN (1ul << 22) /* ... that leaves the serial line time to say so */

struct packed descriptor_table {
	uint16_t limit;
	uint64_t base;
};

/*
 * enter.S: 32-bit protected mode without paging, the table's selectors, EBX and ESP; then jump to
 * `rip`.
 */
_Noreturn void enter(uint32_t rip, uint32_t ebx, uint32_t esp, const struct descriptor_table *gdt);

extern const uint8_t kernel_start[], kernel_end[]; /* kernel.lds */

static struct boot_info info;
static uint64_t memory; /* bytes that the kernel is told of */

_Noreturn void panic(const char *format, ...)
{
	print("bareboot: %s\n", format);
	power_off();
}

static bool is_free(gpa_t gpa, uint64_t size)
{
	uint64_t end;

	return !add_overflows(gpa, size, &end) && end <= memory &&
	       (gpa >= (uint64_t)kernel_end || end <= (uint64_t)kernel_start);
}

bool guest_is_backed(const struct guest_map *map, gpa_t gpa, uint64_t size)
{
	(void)map;
	return is_free(gpa, size);
}

/*
 * The guests' loader copies into its "guest": the machine itself. The BIOS area is the firmware's
 * and stays.
 */
int guest_load(const struct guest_map *map, gpa_t gpa, const void *data, size_t size)
{
	(void)map;
	if (!is_free(gpa, size))
		return -ERR_OUT_OF_RANGE;
	if (gpa + size <= GUEST_LOW_RAM_END || gpa >= GUEST_HIGH_START)
		memcpy((void *)gpa, data, size);
	return 0;
}

/* Large copies need not wait. */
static bool copy_at_once(void *context, gpa_t gpa, const void *data, uint64_t size)
{
	(void)context;
	if (data)
		return guest_load(NULL, gpa, data, size) == 0;
	if (!is_free(gpa, size))
		return false;
	memset((void *)gpa, 0, size);
	return true;
}

void guest_read(const struct guest_map *map, gpa_t gpa, void *buffer, size_t size)
{
	(void)map;
	memcpy(buffer, (const void *)gpa, size);
}

static uint64_t parse_memory(const char *text)
{
	uint64_t mib = 0;

	for (; *text >= '0' && *text <= '9' && mib < 4096; text++)
		mib = mib * 10 + (uint64_t)(*text - '0');
	if (*text || mib < 16 || mib > 3072)
		panic("the command line must be the kernel's memory in MiB, 16 to 3072");
	return mib << 20;
}

static bool is_ram(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < info.range_count; i++)
		if (start >= info.range[i].start && end <= info.range[i].end)
			return true;
	return false;
}

/* Move the module above the kernel's memory, to `*at` and on. */
static const void *take_module(const char *name, uint64_t *at, size_t *size)
{
	for (unsigned i = 0; i < info.module_count; i++) {
		const struct boot_module *module = &info.module[i];
		void *to = (void *)*at;

		if (strcmp(module->name, name))
			continue;
		*size = module->end - module->start;
		if (module->end > memory || !is_ram(*at, *at + *size + 1))
			panic("the machine has too little memory for the modules");
		memcpy(to, (const void *)module->start, *size);
		((char *)to)[*size] = '\0';
		*at = ALIGN_UP(*at + *size + 1, PAGE_SIZE);
		return to;
	}
	panic("a module is missing: kernel, initrd or cmdline");
}

/*
 * SDM Vol. 3B "Time-Stamp Counter": a plain write would show up in IA32_TSC_ADJUST, which kernels
 * undo.
 */
static void wait_for_entry(void)
{
	uint64_t at = ALIGN_UP(read_tsc() + TSC_MARGIN, TSC_STEP);

	print("bareboot: entry at TSC %u\n", at);
	while (read_tsc() < at)
		;
}

void kernel_main(uint32_t magic, uint32_t address)
{
	const char *problem = "not started by a multiboot2 loader";
	struct guest_config config = {.type = VM_TYPE_PVH, .vm.machine = {.uarts = 1}};
	struct guest_image image = {.config = &config, .defer = copy_at_once};
	struct vcpu_start start;
	struct descriptor_table gdt;
	char sentence[GUEST_PROBLEM_MAX];
	size_t cmdline_size;
	uint64_t at;

	if (magic != MULTIBOOT2_LOADED || boot_info_parse((void *)(uint64_t)address, MIB(1), &info, &problem))
		panic(problem);
	at = config.vm.machine.memory = memory = parse_memory(info.command_line);
	image.kernel.data = take_module("kernel", &at, &image.kernel.size);
	image.initrd.data = take_module("initrd", &at, &image.initrd.size);
	config.cmdline = take_module("cmdline", &at, &cmdline_size);
	if (firmware_load(NULL, &config.vm.machine) ||
	    guest_load_image(&image, &start, sentence, sizeof(sentence)))
		panic(sentence);
	gdt = (struct descriptor_table){start.gdt_limit, start.gdt};
	wait_for_entry();
	enter((uint32_t)start.rip, (uint32_t)start.gpr[RBX], (uint32_t)start.rsp, &gdt);
}
