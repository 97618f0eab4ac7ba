/* SPDX-License-Identifier: MIT */
/*
 * From the first C code to the guests: bring up the console, memory, exceptions and
 * devices of the boot processor, in the order in which one needs the other.
 */
#include "boot/log_place.h"
#include "boot/multiboot2.h"
#include "boot/options.h"
#include "boot/smp.h"
#include "devices/real/acpi.h"
#include "devices/real/lapic.h"
#include "devices/real/pci_quiesce.h"
#include "devices/real/power.h"
#include "devices/real/screen.h"
#include "devices/real/wait.h"
#include "guests/guests.h"
#include "lib/checked.h"
#include "lib/panic.h"
#include "lib/x86.h"
#include "mm/frames.h"
#include "mm/host_map.h"
#include "mm/image.h"
#include "mm/layout.h"
#include "vmm/console/console.h"
#include "vmm/console/console_irq.h"
#include "vmm/cpu/cpu.h"
#include "vmm/cpu/cpu_sanitize.h"
#include "vmm/cpu/interrupts.h"
#include "vmm/cpu/irq.h"
#include "vmm/observe/log.h"
#include "vmm/observe/panic.h"
#include "vmm/cpu/shutdown.h"
#include "vmm/cpu/time.h"
#include "vmm/cpu/timer_errata.h"

#define CPUID_EXTENDED_EDX_1G BIT(26)

/* boot/entry.S */
_Noreturn void stack_switch(void *top, void (*next)(void));

_Noreturn void boot_main(uint32_t info_address);

_Static_assert((int)TIMER_AUTO == TIMERS_AUTO && (int)TIMER_PREEMPTION == TIMERS_PREEMPTION &&
                       (int)TIMER_LAPIC == TIMERS_LAPIC && (int)TIMER_ONE_SHOT == TIMERS_ONE_SHOT,
               "the config's words mean these");

static struct cpu boot_cpu;
/* clang-format off */
static const enum lapic_choice lapic_choices[] = {
	[APIC_FIRMWARE] = LAPIC_AS_FIRMWARE,
	[APIC_XAPIC]    = LAPIC_XAPIC,
	[APIC_X2APIC]   = LAPIC_X2APIC,
};
/* clang-format on */

static struct boot_info info;
static struct acpi_info acpi;
static struct monitor_config options;
static struct memory_range reserved[3 + BOOT_MODULES_MAX]; /* must stay: frames_extend() */
static struct guest_file files[BOOT_MODULES_MAX];

/* Boards and management controllers show or log the last byte: docs/boot.md has the steps. */
#define POST_PORT 0x80

enum boot_step {
	STEP_CONSOLE = 0x10,
	STEP_MEMORY = 0x20,
	STEP_DEVICES = 0x30,
	STEP_GUESTS = 0x40,
	STEP_PROCESSORS = 0x50,
	STEP_RUN = 0x60,
};

static void boot_begin(enum boot_step step)
{
	out8(POST_PORT, (uint8_t)step);
}

/*
 * An early failure must be seen on machines without a serial port, too. So a screen that the entry
 * code's tables reach is used there until the monitor's own tables are loaded.
 */
static void boot_start_screen_early(const struct boot_framebuffer *framebuffer)
{
	size_t size = screen_size(framebuffer);

	if (size && range_within(framebuffer->address, size, EARLY_MAP_LIMIT))
		(void)screen_init(framebuffer, hpa_to_pointer(framebuffer->address));
}

static void boot_stop_screen_early(void)
{
	static const struct boot_framebuffer none = {.kind = FRAMEBUFFER_NONE};

	(void)screen_init(&none, NULL);
}

/* A port that is named is used, whatever it answers; whoever looks at the screen shall know. */
static void boot_describe_serial(uint16_t port)
{
	if (!port)
		log_info("console: the screen alone, since serial = none\n");
	else if (console_serial_answers())
		log_warning("console: the serial port at %Xh fails the test of a UART, and is used all the "
		            "same\n",
		            port);
	else
		log_info("console: no UART answers at port %Xh; 'serial=' chooses another port\n", port);
}

/* The parser prints nothing, so that the console can be set up from what it finds. */
static void boot_start_console_and_parse(uint32_t info_address)
{
	size_t limit = MIN(BOOT_INFO_SIZE_MAX, (uint64_t)EARLY_MAP_LIMIT - info_address);
	char unknown[BOOT_OPTION_MAX];
	const char *problem;
	bool uart;
	int error = boot_info_parse(hpa_to_pointer(info_address), limit, &info, &problem);
	unsigned unknown_count = boot_options_parse(info.command_line, &options, unknown);

	log_set_sink((struct log_sink){console_write, console_record, console_panic_mode});
	panic_set_stop_others(cpu_stop_others);
	uart = console_early_init(options.serial_port, options.serial_speed);
	shutdown_set_output((struct shutdown_output){console_write, console_flush});
	if (options.screen)
		boot_start_screen_early(&info.framebuffer);
	log_info("Nacre, a hypervisor for x86-64\n");
	if (!uart)
		boot_describe_serial(options.serial_port);
	if (error) {
		log_error("boot: %s; boot with GRUB 2.06 or newer\n", problem);
		shutdown_halt();
	}
	if (unknown_count)
		log_warning("boot: option '%s' is unknown or has a bad value; known are the keys of the "
		            "config table's [monitor]\n",
		            unknown);
}

/* What the operator chose at the boot loader wins over the table. */
static void boot_override(struct monitor_config *settings)
{
	char unknown[BOOT_OPTION_MAX];

	(void)boot_options_apply(info.command_line, settings, unknown);
}

static void boot_describe(void)
{
	uint64_t memory = 0;

	for (unsigned i = 0; i < info.range_count; i++)
		memory += info.range[i].end - info.range[i].start;
	log_info("boot: by %s on %s firmware, %u modules, %lu MiB of memory\n",
	         info.loader[0] ? info.loader : "an unnamed loader", info.efi ? "UEFI" : "BIOS",
	         info.module_count, memory >> 20);
	for (unsigned i = 0; i < info.range_count; i++)
		log_info("boot: memory %lx to %lx\n", info.range[i].start, info.range[i].end);
	for (unsigned i = 0; i < info.module_count; i++)
		log_info("boot: module '%s' at %lx, %lu bytes\n", info.module[i].name, info.module[i].start,
		         info.module[i].end - info.module[i].start);
	if (info.memory_dropped)
		log_warning("boot: the memory map has more than %u ranges; the smallest, a total of %lu "
		            "KiB, stay unused\n",
		            BOOT_RANGES_MAX, info.memory_dropped >> 10);
	if (info.modules_truncated)
		log_warning("boot: more than %u modules; the rest is left out\n", BOOT_MODULES_MAX);
}

/*
 * Network cards and others may still write to memory that firmware has given up. Firmware's own
 * driver of a USB keyboard lives on after a boot by BIOS.
 */
static void boot_quiesce_devices(void)
{
	struct pci_quiesced pci;

	if (!options.quiesce) {
		log_info("boot: PCI devices are left as firmware had them, as asked\n");
		return;
	}
	pci = pci_quiesce(!info.efi);
	log_info("boot: %u of %u PCI functions are kept from memory and interrupts; %u had access\n",
	         pci.quiesced, pci.functions, pci.masters);
}

/* What must not be given away: below 1 MiB is the firmware's, and where other processors start. */
static unsigned boot_reserve_memory(void)
{
	unsigned count = 0;

	reserved[count++] = (struct memory_range){0, MIB(1)};
	reserved[count++] = (struct memory_range){pointer_to_hpa(image_start), pointer_to_hpa(image_end)};
	for (unsigned i = 0; i < info.module_count; i++)
		reserved[count++] = (struct memory_range){info.module[i].start, info.module[i].end};
	return count;
}

/* The log moves to where a restart finds it again. */
static unsigned boot_reserve_log(unsigned count)
{
	hpa_t place = log_place_find(info.range, info.range_count, reserved, count);

	if (!place)
		return count;
	reserved[count] = (struct memory_range){place, place + LOG_PLACE_SIZE};
	if (log_keep_at(hpa_to_pointer(place)))
		log_info("log: the messages of the run before are kept; 'log previous' shows them\n");
	return count + 1;
}

static void boot_start_memory(void)
{
	bool one_gib_pages =
		cpuid(0x80000000, 0).eax >= 0x80000001 && cpuid(0x80000001, 0).edx & CPUID_EXTENDED_EDX_1G;

	if (frames_init(info.range, info.range_count, reserved, boot_reserve_log(boot_reserve_memory()),
	                DIRECT_MAP_LIMIT) ||
	    host_map_init(info.range, info.range_count, one_gib_pages)) {
		log_error("boot: this machine has too little free memory below 4 GiB; give it "
		          "more, or load smaller modules\n");
		shutdown_halt();
	}
	boot_stop_screen_early();
	host_map_activate();
	frames_extend();
}

static void boot_start_devices(void)
{
	acpi_parse(&acpi, info.rsdp_copy, info.rsdp_size, host_map_firmware);
	for (unsigned i = 0; i < MIN(acpi.problem_count, (unsigned)ACPI_PROBLEMS_MAX); i++)
		log_warning("%s\n", acpi.problem[i]);
	power_init(&acpi);
	time_init(&acpi);
	wait_set_rate(time_tsc_hz);
	timer_errata_init((enum timer_choice)options.timer);
	irq_init(&acpi, lapic_choices[options.apic]);
	boot_cpu.apic_id = lapic_id();
	console_irq_init(&acpi, &boot_cpu, options.serial_interrupt);
}

/* On the boot processor's final stack. */
static void boot_run(void)
{
	boot_begin(STEP_DEVICES);
	boot_start_devices();
	for (unsigned i = 0; i < info.module_count; i++)
		files[i] = (struct guest_file){info.module[i].name, info.module[i].start,
		                               info.module[i].end - info.module[i].start};
	boot_begin(STEP_GUESTS);
	guests_init(files, info.module_count, boot_override);
	boot_begin(STEP_PROCESSORS);
	smp_start(&acpi, options.cpus, info.range, info.range_count);
	boot_begin(STEP_RUN);
	guests_run();
}

_Noreturn void boot_main(uint32_t info_address)
{
	void *stack;

	cpu_init(&boot_cpu, 0);
	cpu_add(&boot_cpu);
	interrupts_early_init(&boot_cpu);
	boot_begin(STEP_CONSOLE);
	boot_start_console_and_parse(info_address);
	boot_describe();
	cpu_sanitize();
	boot_quiesce_devices();
	boot_begin(STEP_MEMORY);
	boot_start_memory();
	stack = host_map_stack(CPU_STACK_PAGES);
	if (!stack || interrupts_init_cpu(&boot_cpu))
		panic("boot: no memory for the boot processor's stacks");
	boot_cpu.stack_top = (uint64_t)stack;
	console_init(options.screen ? &info.framebuffer : NULL);
	stack_switch(stack, boot_run);
}
