/* SPDX-License-Identifier: MIT */
/* From a section of the config table to a VM, and what its loader is given. */
#include "guests/guest_vm.h"
#include "guests/firmware/firmware.h"
#include "guests/loaders/loader.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "vmm/console/console_ports.h"
#include "vmm/console/console_vm.h"
#include "vmm/observe/log.h"

#define OWN_PORT_SPEED 115200

static const struct guest_file *guest_files;
static unsigned guest_file_count;

void guest_files_set(const struct guest_file *files, unsigned count)
{
	guest_files = files;
	guest_file_count = count;
}

const struct guest_file *guest_file_find(const char *name)
{
	for (unsigned i = 0; i < guest_file_count; i++)
		if (!strcmp(guest_files[i].name, name))
			return &guest_files[i];
	return NULL;
}

/* ---- Loading ---- */

/* Where guest_vm_find_file() leaves its sentence. */
struct missing {
	char *problem;
	size_t size;
	bool any;
};

/* What the loader works from. */
struct guest_vm_images {
	struct guest_image image;
	char missing[400]; /* the sentence about a file that is not there; "": all are */
};

static bool guest_vm_find_file(void *context, const struct image_name *name, struct image_file *found)
{
	const struct guest_file *file = guest_file_find(name->path);
	struct missing *missing = context;

	if (file)
		*found = (struct image_file){hpa_to_pointer(file->start), file->size};
	else if (!missing->any)
		format_buffer(missing->problem, missing->size,
		              "config line %u: %s = %s: the boot loader did not load that file; add "
		              "\"module2 /boot/FILE %s\" to its menu entry, or rebuild the image with "
		              "make iso",
		              name->line, name->key, name->path, name->path);
	missing->any |= !file;
	return file;
}

_Static_assert(GUEST_COPIES_MAX <= VM_COPIES_MAX, "all copies of a load can be deferred");

static bool guest_vm_defer(void *context, gpa_t gpa, const void *data, uint64_t size)
{
	return vm_defer_copy(context, gpa, data, size);
}

static int guest_vm_firmware(struct vm *vm)
{
	return firmware_load(&vm->map, &vm->config.machine);
}

static int guest_vm_load(struct vm *vm, struct vcpu_start *start, char *problem, size_t size)
{
	const struct guest_vm_images *images = vm->loader.context;
	const struct guest_config *guest = images->image.config;
	char reason[GUEST_PROBLEM_MAX];
	int error;

	if (images->missing[0]) {
		format_buffer(problem, size, "%s", images->missing);
		return -ERR_NOT_FOUND;
	}
	error = guest_load_image(&images->image, start, reason, sizeof(reason));
	if (error)
		format_buffer(problem, size, "config line %u: kernel = %s: %s", guest->kernel_line,
		              guest->kernel, reason);
	return error;
}

/*
 * Look for its files now, and not at each load: their names are compared with all that there are.
 */
static void guest_vm_find_images(struct guest_vm_images *images, const struct guest_config *section,
                                 struct vm *vm)
{
	struct missing missing = {images->missing, sizeof(images->missing), false};

	images->image = (struct guest_image){
		.config = section, .map = &vm->map, .defer = guest_vm_defer, .defer_context = vm};
	images->missing[0] = '\0';
	(void)!guest_image_find(&images->image, guest_vm_find_file, &missing);
}

/*
 * Kernels search the option ROMs byte by byte. All ones in read-only pages look like the empty bus
 * that the bare machine has there, without an exit for each.
 */
static int guest_vm_add_empty_roms(struct guest_map *map)
{
	uint8_t ones[1024];
	int error = guest_map_add(map, GUEST_OPTION_ROMS, GUEST_BIOS_START - GUEST_OPTION_ROMS, GUEST_ROM);

	memset(ones, 0xff, sizeof(ones));
	for (gpa_t at = GUEST_OPTION_ROMS; at < GUEST_BIOS_START && !error; at += sizeof(ones)) {
		error = guest_load(map, at, ones, sizeof(ones));
		if (map->pause)
			map->pause();
	}
	return error;
}

static int guest_vm_populate(struct guest_map *map, uint64_t memory)
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
	return error ? error : guest_vm_add_empty_roms(map);
}

/* ---- The VM ---- */

/*
 * Where the operator finds it. A port that does not answer leaves the VM on the shared console, and
 * says so.
 */
static void guest_vm_choose_console(const struct guest_config *section, struct console_vm *console)
{
	static const enum channel_view view[] = {
		[VIEW_AUTO] = CHANNEL_VIEW_AUTO,
		[VIEW_SERIAL] = CHANNEL_VIEW_SERIAL,
		[VIEW_SCREEN] = CHANNEL_VIEW_SCREEN,
	};

	if (section->console == CONSOLE_NONE)
		channel_drop_output(&console->serial);
	else if (section->console != CONSOLE_SHARED)
		(void)!console_bind_port(&console->serial, (uint16_t)section->console, OWN_PORT_SPEED);
	channel_set_view(console->serial.number, view[section->view]);
}

/* Null: there is no memory. */
static void *guest_vm_alloc(size_t size)
{
	hpa_t frames = frames_alloc(frames_order(size), FRAME_OWNER_MONITOR, FRAME_DATA);

	return frames ? hpa_to_pointer(frames) : NULL;
}

struct vm *guest_vm_define(const struct guest_config *section, unsigned number)
{
	struct vm_loader loader = {
		.populate = guest_vm_populate, .firmware = guest_vm_firmware, .load = guest_vm_load};
	uint64_t present = UINT64_MAX >> (64 - cpu_count);
	struct vm_config config = section->vm;
	struct guest_vm_images *images;
	struct console_vm *console;
	struct vm *vm;

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
	vm = guest_vm_alloc(sizeof(*vm));
	console = guest_vm_alloc(sizeof(*console));
	loader.context = images = guest_vm_alloc(sizeof(*images));
	if (!vm || !console || !images || vm_define(vm, &config, &loader, number)) {
		log_error("vm %s: no memory for the VM: give the machine more memory\n", section->vm.name);
		return NULL;
	}
	guest_vm_find_images(images, section, vm);
	console_vm_connect(console, vm);
	guest_vm_choose_console(section, console);
	return vm;
}
