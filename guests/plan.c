/* SPDX-License-Identifier: MIT */
/* From a section of the config table to a VM, and what its loader is given. */
#include "guests/plan.h"
#include "guests/loaders/loader.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "vmm/console/console_ports.h"
#include "vmm/observe/log.h"

#define OWN_PORT_SPEED 115200

static const struct guest_file *files;
static unsigned file_count;

void plan_files(const struct guest_file *boot_files, unsigned count)
{
	files = boot_files;
	file_count = count;
}

const struct guest_file *plan_file(const char *name)
{
	for (unsigned i = 0; i < file_count; i++)
		if (!strcmp(files[i].name, name))
			return &files[i];
	return NULL;
}

/* ---- Loading ---- */

static const struct guest_file *need_file(const char *key, const char *name, unsigned line, char *problem,
                                          size_t size)
{
	const struct guest_file *file = plan_file(name);

	if (!file)
		format_buffer(problem, size,
		              "config line %u: %s = %s: the boot loader did not load that file; add "
		              "\"module2 /boot/FILE %s\" to its menu entry, or rebuild the image with "
		              "make iso",
		              line, key, name, name);
	return file;
}

_Static_assert(GUEST_MODULES_MAX == CONFIG_MODULES_MAX, "modules");

static int find_modules(const struct guest_config *guest, struct guest_image *image, char *problem,
                        size_t size)
{
	for (unsigned i = 0; i < guest->module_count; i++) {
		const struct config_module *module = &guest->module[i];
		const struct guest_file *file =
			need_file("module", module->path, module->line, problem, size);

		if (!file)
			return -ERR_NOT_FOUND;
		image->modules[image->module_count++] =
			(struct guest_module){hpa_to_pointer(file->start), file->size, module->arguments};
	}
	return 0;
}

static bool defer(void *context, gpa_t gpa, const void *data, uint64_t size)
{
	return vm_defer_copy(context, gpa, data, size);
}

static int load(struct vm *vm, struct vcpu_start *start, char *problem, size_t size)
{
	const struct guest_config *guest = vm->loader.context;
	const struct guest_file *kernel, *initrd = NULL;
	struct guest_image image;
	char reason[160];
	int error;

	kernel = need_file("kernel", guest->kernel, guest->kernel_line, problem, size);
	if (!kernel)
		return -ERR_NOT_FOUND;
	if (guest->initrd[0]) {
		initrd = need_file("initrd", guest->initrd, guest->initrd_line, problem, size);
		if (!initrd)
			return -ERR_NOT_FOUND;
	}
	image = (struct guest_image){
		.kernel = hpa_to_pointer(kernel->start),
		.kernel_size = kernel->size,
		.initrd = initrd ? hpa_to_pointer(initrd->start) : NULL,
		.initrd_size = initrd ? initrd->size : 0,
		.cmdline = guest->cmdline,
		.type = guest->type,
		.acpi = guest->vm.machine.acpi,
		.uarts = guest->vm.machine.uarts,
		.screen = guest->vm.machine.screen,
		.hpet = guest->vm.machine.hpet,
		.memory = guest->vm.machine.memory,
		.map = &vm->map,
		.defer = defer,
		.defer_context = vm,
	};
	error = find_modules(guest, &image, problem, size);
	if (error)
		return error;
	error = guest_load_image(&image, start, reason, sizeof(reason));
	if (error)
		format_buffer(problem, size, "config line %u: kernel = %s: %s", guest->kernel_line,
		              guest->kernel, reason);
	return error;
}

/*
 * Kernels search the option ROMs byte by byte. All ones in read-only pages look like the empty bus
 * that the bare machine has there, without an exit for each.
 */
static int add_empty_roms(struct guest_map *map)
{
	uint8_t ones[256];
	int error = guest_map_add(map, GUEST_OPTION_ROMS, GUEST_BIOS_START - GUEST_OPTION_ROMS, GUEST_ROM);

	memset(ones, 0xff, sizeof(ones));
	for (gpa_t at = GUEST_OPTION_ROMS; at < GUEST_BIOS_START && !error; at += sizeof(ones))
		error = guest_load(map, at, ones, sizeof(ones));
	return error;
}

static int populate(struct guest_map *map, uint64_t memory)
{
	struct guest_range ranges[GUEST_RANGES_MAX];
	unsigned count = guest_memory_layout(memory, ranges);
	int error;

	for (unsigned i = 0; i < count; i++) {
		enum guest_type type = ranges[i].kind == GUEST_RANGE_BIOS ? GUEST_ROM : GUEST_RAM;
		error = guest_map_add(map, ranges[i].start, ranges[i].size, type);
		if (error)
			return error;
	}
	error = guest_map_add(map, VGA_TEXT_GPA, VGA_TEXT_SIZE, GUEST_RAM);
	return error ? error : add_empty_roms(map);
}

/* ---- The VM ---- */

/*
 * Where the operator finds it. A port that does not answer leaves the VM on the shared console, and
 * says so.
 */
static void choose_console(const struct guest_config *section, struct vm *vm)
{
	static const enum channel_view view[] = {
		[VIEW_AUTO] = CHANNEL_VIEW_AUTO,
		[VIEW_SERIAL] = CHANNEL_VIEW_SERIAL,
		[VIEW_SCREEN] = CHANNEL_VIEW_SCREEN,
	};

	if (section->console == CONSOLE_NONE)
		channel_drop_output(&vm->console);
	else if (section->console != CONSOLE_SHARED)
		(void)!console_bind_port(&vm->console, (uint16_t)section->console, OWN_PORT_SPEED);
	channel_set_view(vm->console.number, view[section->view]);
}

struct vm *plan_vm(const struct guest_config *section, unsigned number)
{
	const struct vm_loader loader = {.populate = populate, .load = load, .context = section};
	uint64_t present = UINT64_MAX >> (64 - cpu_count);
	struct vm_config config = section->vm;
	struct vm *vm;
	hpa_t frames;

	config.cpus &= present;
	if (!config.cpus) {
		log_error("vm %s: config line %u: cpus: this machine runs guests on processors 0 "
		          "to %u; name one of them\n",
		          section->vm.name, section->cpus_line, cpu_count - 1);
		return NULL;
	}
	if (section->vm.cpus != UINT64_MAX && section->vm.cpus != config.cpus)
		log_warning("vm %s: config line %u: cpus: this machine runs guests on processors 0 to "
		            "%u; the others are left out\n",
		            section->vm.name, section->cpus_line, cpu_count - 1);
	frames = frames_alloc(frames_order(sizeof(*vm)), FRAME_OWNER_MONITOR, FRAME_DATA);
	if (!frames) {
		log_error("vm %s: no memory for the VM: give the machine more memory\n", section->vm.name);
		return NULL;
	}
	vm = hpa_to_pointer(frames);
	if (vm_define(vm, &config, &loader, number)) {
		log_error("vm %s: no memory for its vCPU: give the machine more memory\n", section->vm.name);
		return NULL;
	}
	choose_console(section, vm);
	return vm;
}
