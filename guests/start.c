#include "guests/start.h"
#include "guests/config.h"
#include "guests/loader.h"
#include "lib/errors.h"
#include "lib/format.h"
#include "lib/string.h"
#include "mm/frames.h"
#include "vmm/console.h"
#include "vmm/cpuid.h"
#include "vmm/log.h"
#include "vmm/mitigations.h"
#include "vmm/shell.h"
#include "vmm/shell_vm.h"
#include "vmm/shutdown.h"
#include "vmm/time.h"
#include "vmm/vm.h"

#define ERRORS_SHOWN 16

static const struct guest_file *files;
static unsigned file_count;
static struct config config;

static void put(const char *line)
{
	log_info("%s\n", line);
}

static const struct guest_file *find_file(const char *name)
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
	const struct guest_file *file = find_file(name);

	if (!file)
		format_buffer(
			problem, size,
			"config line %u: %s = %s: the boot loader did not load that file; add "
			"\"module2 /boot/FILE %s\" to its menu entry, or rebuild the image with make iso",
			line, key, name, name);
	return file;
}

_Static_assert(GUEST_MODULES_MAX == CONFIG_MODULES_MAX, "modules");

static int find_modules(const struct vm_config *plan, struct guest_image *image, char *problem, size_t size)
{
	for (unsigned i = 0; i < plan->module_count; i++) {
		const struct config_module *module = &plan->module[i];
		const struct guest_file *file =
			need_file("module", module->path, module->line, problem, size);

		if (!file)
			return -ERR_NOT_FOUND;
		image->modules[image->module_count++] =
			(struct guest_module){hpa_to_pointer(file->start), file->size, module->arguments};
	}
	return 0;
}

static int load(struct vm *vm, struct vcpu_start *start, char *problem, size_t size)
{
	const struct vm_config *plan = vm->load_context;
	const struct guest_file *kernel, *initrd = NULL;
	struct guest_image image;
	struct guest_start state;
	char reason[160];
	int error;

	kernel = need_file("kernel", plan->kernel, plan->kernel_line, problem, size);
	if (!kernel)
		return -ERR_NOT_FOUND;
	if (plan->initrd[0]) {
		initrd = need_file("initrd", plan->initrd, plan->initrd_line, problem, size);
		if (!initrd)
			return -ERR_NOT_FOUND;
	}
	image = (struct guest_image){
		.kernel = hpa_to_pointer(kernel->start),
		.kernel_size = kernel->size,
		.initrd = initrd ? hpa_to_pointer(initrd->start) : NULL,
		.initrd_size = initrd ? initrd->size : 0,
		.cmdline = plan->cmdline,
		.type = plan->type,
		.acpi = plan->acpi,
		.uarts = plan->uarts,
		.screen = plan->screen,
		.hpet = plan->hpet,
		.memory = vm->memory,
		.map = &vm->map,
	};
	error = find_modules(plan, &image, problem, size);
	if (error)
		return error;
	error = guest_load_image(&image, &state, reason, sizeof(reason));
	if (error) {
		format_buffer(problem, size, "config line %u: kernel = %s: %s", plan->kernel_line,
		              plan->kernel, reason);
		return error;
	}
	*start = (struct vcpu_start){
		.mode = state.mode,
		.rip = state.rip,
		.rsp = state.rsp,
		.cr3 = state.cr3,
		.gdt = state.gdt,
		.gdt_limit = state.gdt_limit,
		.cs = state.cs,
		.ds = state.ds,
		.tr = state.tr,
	};
	memcpy(start->gpr, state.gpr, sizeof(start->gpr));
	return 0;
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

/* ---- Config ---- */

/* Of the frames that hold `size` bytes. */
static unsigned order_of(size_t size)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

static bool read_config(void)
{
	static struct config_error errors[ERRORS_SHOWN];
	const struct guest_file *file = find_file("config");
	unsigned count;
	hpa_t storage;

	if (!file) {
		log_error("There is no config module: add \"module2 /boot/FILE config\" to the boot loader's "
		          "menu "
		          "entry, or build the image with make iso CONFIG=FILE.\n");
		return false;
	}
	storage = frames_alloc(order_of(config_storage_size(hpa_to_pointer(file->start), file->size)),
	                       FRAME_OWNER_MONITOR, FRAME_DATA);
	count = config_parse(hpa_to_pointer(file->start), file->size,
	                     storage ? hpa_to_pointer(storage) : NULL, &config, errors, ERRORS_SHOWN);
	for (unsigned i = 0; i < MIN(count, ERRORS_SHOWN); i++) {
		if (errors[i].line)
			log_error("config line %u: %s\n", errors[i].line, errors[i].text);
		else
			log_error("config: %s\n", errors[i].text);
	}
	if (count > ERRORS_SHOWN)
		log_error("config: %u more errors\n", count - ERRORS_SHOWN);
	return true;
}

static struct vm *alloc_vm(void)
{
	hpa_t frames = frames_alloc(order_of(sizeof(struct vm)), FRAME_OWNER_MONITOR, FRAME_DATA);

	return frames ? hpa_to_pointer(frames) : NULL;
}

static bool start_vm(const struct vm_config *plan)
{
	struct vm_plan vm_plan = {
		.name = plan->name,
		.memory = plan->memory,
		.uarts = plan->uarts,
		.screen = plan->screen,
		.hpet = plan->hpet,
		.populate = populate,
		.load = load,
		.load_context = plan,
	};
	struct vm *vm = alloc_vm();
	char problem[400];

	if (!vm) {
		log_error("vm %s: no memory for the VM: give the machine more memory\n", plan->name);
		return false;
	}
	if (vm_start(vm, &vm_plan, 0, problem, sizeof(problem))) {
		log_error("vm %s: %s\n", plan->name, problem);
		frames_free(pointer_to_hpa(vm), order_of(sizeof(struct vm)));
		return false;
	}
	log_info("vm %s: started with %luM of memory\n", vm->name, vm->memory >> 20);
	console_attach(&vm->console);
	return true;
}

/* A VM that cannot start does not keep the next one from it. */
static bool start_first_vm(void)
{
	bool started = false;

	for (unsigned i = 0; i < config.vm_count; i++) {
		if (started)
			log_warning("vm %s: not started: this version runs one VM at a time\n",
			            config.vm[i].name);
		else
			started = start_vm(&config.vm[i]);
	}
	return started;
}

/* ---- The shell ---- */

#define PIECE 256 /* a line can be longer than the shell prints at once */

static void show_line(void *context, const char *line)
{
	for (size_t left = strlen(line), n; left; line += n, left -= n) {
		n = MIN(left, PIECE);
		shell_print("%.*s", (int)n, line);
	}
	shell_print("\n");
}

static void command_config(unsigned count, const char *const *arguments)
{
	config_print(&config, show_line, NULL);
}

static const struct shell_command commands[] = {
	{"config", "", "the config table in effect, every key with its value", 0, 0, command_config, NULL},
};

static void start_shell(void)
{
	shell_init();
	shell_vm_init();
	shell_add_commands(commands, ARRAY_SIZE(commands));
}

/* ---- The end ---- */

static void all_stopped(void)
{
	switch (config.monitor.on_all_stopped) {
	case STOPPED_POWEROFF: shutdown_power_off(); break;
	case STOPPED_RESET: shutdown_reset(); break;
	default: console_attach(NULL);
	}
}

static noreturn void wait_in_shell(struct cpu *cpu)
{
	all_stopped();
	for (;;)
		cpu_idle(cpu);
}

noreturn void guests_run(const struct guest_file *boot_files, unsigned count)
{
	struct cpu *cpu = this_cpu();
	char problem[300];
	bool readable;

	files = boot_files;
	file_count = count;
	if (backend_detect(problem, sizeof(problem))) {
		backend_report(put); /* what there is, beside what is missing */
		log_error("%s\n", problem);
		shutdown_halt();
	}
	readable = read_config();
	log_level_set((enum log_level)config.monitor.log_level);
	mitigations_init(config.monitor.mitigations == MITIGATIONS_AUTO);
	backend_report(put);
	log_info("Speculation mitigations:\n");
	mitigations_report(put);
	cpuid_init(backend_offers(), time_tsc_hz);
	if (backend_cpu_start(cpu, problem, sizeof(problem))) {
		log_error("%s\n", problem);
		shutdown_halt();
	}
	vm_all_stopped = all_stopped;
	start_shell();
	if (!readable || !start_first_vm())
		wait_in_shell(cpu);
	backend_run();
}
