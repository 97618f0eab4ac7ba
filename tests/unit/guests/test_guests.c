/* SPDX-License-Identifier: MIT */
/* From the config table to a running guest: guests/guests.c. */
#include "guests/guest_vm.h"
#include "rigs/vm_rig.h"
#include "vmm/console/console.h"
#include "vmm/console/console_irq.h"
#include "guests/config/config_keys.h"
#include "guests/guests.h"
#include "vmm/observe/panic.h"
#include "vmm/shell/shell.h"
#include "vmm/shell/shell_vm.h"
#include "vmm/cpu/shutdown.h"
#include "mm/host_map.h"
#include "rigs/shell_direct.h"

static unsigned keyboards;
static const char *boot_option; /* what the operator chose at the boot loader */

void console_irq_init_keyboard(bool wanted, bool forced)
{
	keyboards += wanted;
}

static unsigned buffered_at; /* how much was logged before */

void console_irq_start(void)
{
	buffered_at = (unsigned)rig.log_length;
}

static unsigned flushes;

void console_flush(void)
{
	flushes++;
}

static void (*panic_ends_in)(void);

void panic_set_reset(void (*reset)(void))
{
	panic_ends_in = reset;
}

/* ---- What the rest of the monitor would do ---- */

enum end { RUNS = 2, HALTED, POWERED_OFF, RESTARTED };

static const struct shell_command *config_command;
static char printed[4096];

_Noreturn void shutdown_halt(void)
{
	longjmp(*rig.stuck, HALTED);
}

_Noreturn void shutdown_power_off(void)
{
	longjmp(*rig.stuck, POWERED_OFF);
}

_Noreturn void shutdown_reset(void)
{
	longjmp(*rig.stuck, RESTARTED);
}

void shell_init(void)
{
}

void *host_map_stack(size_t pages)
{
	(void)pages;
	return NULL;
}

void shell_vm_init(void)
{
}

void shell_add_commands(const struct shell_command *commands, size_t count)
{
	assert_int_equal(count, 1);
	config_command = commands;
}

void shell_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(printed + strlen(printed), sizeof(printed) - strlen(printed), format, args);
	va_end(args);
}

/* ---- The files that the boot loader put into memory ---- */

#define ENTRY     0x100370
#define NOTE      0x1000 /* in the file */
#define MULTIBOOT 0x800  /* where a Multiboot header may lie in it */

static struct guest_file files[8];
static unsigned file_count;

static void *add_file(const char *name, size_t size)
{
	hpa_t hpa = frames_alloc(frames_order(size), FRAME_OWNER_MONITOR, FRAME_DATA);
	assert_true(hpa);
	files[file_count++] = (struct guest_file){name, hpa, size};
	return hpa_to_pointer(hpa);
}

static void add_text(const char *name, const char *text)
{
	memcpy(add_file(name, strlen(text)), text, strlen(text));
}

static void poke(uint8_t *image, size_t at, uint64_t value, size_t size)
{
	memcpy(image + at, &value, size);
}

/* The smallest ELF with a PVH note: code at 1 MiB. */
static void add_kernel(const char *name)
{
	uint8_t *image = add_file(name, NOTE + 24);

	memcpy(image, "\177ELF\2\1\1", 7);
	poke(image, 0x10, 2, 2);
	poke(image, 0x12, 62, 2);
	poke(image, 0x20, 0x40, 8);
	poke(image, 0x36, 56, 2);
	poke(image, 0x38, 2, 2);
	for (unsigned i = 0; i < 2; i++) {
		size_t header = 0x40 + i * 56;

		poke(image, header, i ? 4 : 1, 4);
		poke(image, header + 8, i ? NOTE : 0, 8);
		poke(image, header + 24, i ? 0 : 0x100000, 8);
		poke(image, header + 32, i ? 24 : NOTE, 8);
		poke(image, header + 40, i ? 24 : NOTE, 8);
		poke(image, header + 48, 4, 8);
	}
	poke(image, NOTE, 4, 4);
	poke(image, NOTE + 4, 8, 4);
	poke(image, NOTE + 8, 18, 4);
	memcpy(image + NOTE + 12, "Xen", 4);
	poke(image, NOTE + 16, ENTRY, 8);
}

static int setup(void **state)
{
	rig_boot(state);
	rig_cpuid();
	fake_vmx_reset();
	cpu.current = cpu.vmx.loaded = cpu.vmx.resident = NULL;
	memset(rig.log, 0, sizeof(rig.log));
	memset(printed, 0, sizeof(printed));
	rig.log_length = 0;
	rig.runs = false;
	rig.idle = NULL;
	rig.attached = NULL;
	file_count = 0;
	config_command = NULL;
	boot_option = NULL;
	keyboards = flushes = 0;
	vm_count = 0;
	vm_all_stopped = NULL;
	return 0;
}

static struct console_vm *console_of(const struct vm *which)
{
	return container_of(which->terminal, struct console_vm, terminal);
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < vm_count; i++)
		if (vm_get(i)) {
			console_vm_disconnect(console_of(vm_get(i)));
			vm_forget(vm_get(i));
		}
	return 0;
}

#define start_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void override(struct monitor_config *settings)
{
	if (boot_option)
		assert_true(config_value_parse(config_find_key(SECTION_MONITOR, "keyboard"), boot_option,
		                               settings));
}

/*
 * How it ends, when guests_run() has come to the run loop and that to its first entry; 1: it waits,
 * with the shell.
 */
static int run(void)
{
	jmp_buf here;
	int end;

	rig.stuck = &here;
	rig.idles = 0;
	end = setjmp(here);
	if (!end) {
		guests_init(files, file_count, override);
		guests_run();
	}
	if (end == RUNS) {
		end = setjmp(here);
		if (!end) {
			vmx_serve_requests();
			end = RUNS;
		}
	}
	rig.stuck = NULL;
	return end;
}

/* Turns for all VMs. */
static void run_on(unsigned turns)
{
	while (turns--) {
		fake_x86.tsc += 2 * SCHED_SLICE_NS;
		rig_run();
	}
}

#define WAITS 1

#define ONE_VM "[vm one]\nkernel = kernel\nmemory = 4M\n"

/* ---- All is well ---- */

static void a_guest_starts(void **state)
{
	struct vm *started;
	uint16_t cell = 0;

	(void)state;
	add_text("config", ONE_VM "initrd = initrd\ncmdline = quiet\nuarts = 2\n");
	add_kernel("kernel");
	add_text("initrd", "the initial file system");
	assert_int_equal(run(), RUNS);
	started = vm_get(0);
	assert_string_equal(started->name, "one");
	assert_int_equal(started->state, VM_RUNNING);
	assert_int_equal(started->config.machine.memory, MIB(4));
	assert_ptr_equal(rig.attached, &console_of(started)->serial);
	assert_logged("Processor: Intel VT-x\n");
	assert_logged("unrestricted guest");
	assert_logged("Speculation mitigations:\n");
	assert_logged("vm one: starts with 4M of memory\n");
	assert_null(strstr(rig.log, "error"));
	/* Nothing said before the run loop waits in a buffer. */
	assert_int_equal(buffered_at, strstr(rig.log, "vm one: starts") - rig.log);
	assert_int_equal(flushes, 1);
	/* As the loader said. */
	assert_int_equal(vmread(VMCS_GUEST_RIP), ENTRY);
	assert_int_equal(backend_cr0(started->vcpus[0]), CR0_PE | CR0_ET);
	assert_true(started->vcpus[0]->gpr[RBX]); /* PVH's start info */
	assert_int_equal(vmx_audit(started->vcpus[0], NULL), 0);
	/* Firmware is read-only, RAM is where a PC has it. */
	assert_int_equal(guest_map_find(&started->map, 0xff000).type, GUEST_ROM);
	assert_int_equal(guest_map_find(&started->map, 0).type, GUEST_RAM);
	assert_int_equal(guest_map_find(&started->map, 0xa0000).type, GUEST_NONE);
	assert_int_equal(guest_map_find(&started->map, 0xb7000).type, GUEST_NONE);
	assert_int_equal(guest_map_find(&started->map, 0xb8000).type, GUEST_RAM);
	assert_int_equal(guest_map_find(&started->map, 0xbf000).type, GUEST_RAM);
	guest_read(&started->map, 0xb8000, &cell, sizeof(cell));
	assert_int_equal(cell, 0x0720);
	assert_non_null(started->machine.device[DEVICE_VGA].model);
	assert_true(started->machine.device[DEVICE_UART0 + 1].model);
	assert_null(started->machine.device[DEVICE_UART0 + 2].model);
}

static unsigned passes;

static void pass(void)
{
	passes++;
}

/* Filling the 128 KiB of empty ROMs is long: others have their turns at each KiB of it. */
static void a_start_lets_others_in_between(void **state)
{
	(void)state;
	add_text("config", ONE_VM);
	add_kernel("kernel");
	passes = 0;
	vm_pass = pass;
	assert_int_equal(run(), RUNS);
	vm_pass = NULL;
	assert_true(passes > 600); /* 492 for its memory and tables, and each KiB */
}

static void a_guest_without_screen(void **state)
{
	(void)state;
	add_text("config", ONE_VM "screen = no\n");
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	assert_null(vm_get(0)->machine.device[DEVICE_VGA].model);
}

static void a_reset_loads_it_again(void **state)
{
	struct vm *started;
	uint8_t spoiled = 0xcc, byte;

	(void)state;
	add_text("config", ONE_VM);
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	started = vm_get(0);
	guest_write(&started->map, 0x100000, &spoiled, 1);
	vmwrite(VMCS_GUEST_RIP, 5);
	vm_reset(started);
	assert_true(rig_run());
	assert_int_equal(started->state, VM_RUNNING);
	guest_read(&started->map, 0x100000, &byte, 1);
	assert_int_equal(byte, 0x7f);
	assert_int_equal(vmread(VMCS_GUEST_RIP), ENTRY);
}

static void all_vms_start(void **state)
{
	static const char *const names[] = {"one", "two", "three"};

	(void)state;
	add_text("config", ONE_VM "[vm two]\nkernel = kernel\nmemory = 5M\n"
	                          "[vm three]\nkernel = kernel\nmemory = 6M\n");
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	run_on(6);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		assert_string_equal(vm_get(i)->name, names[i]);
		assert_int_equal(vm_get(i)->state, VM_RUNNING);
		assert_int_equal(vm_get(i)->map.ram >> 20, 3 + i); /* less the hole */
		assert_true(vm_get(i)->vcpus[0]->sched.switches);
	}
	assert_ptr_equal(rig.attached, &console_of(vm_get(0))->serial);
	assert_null(strstr(rig.log, "error"));
}

static void a_vm_is_what_its_section_says(void **state)
{
	const struct vm_config *config;

	(void)state;
	add_text("config", ONE_VM "weight = 200\ncap = 30\ncpus = 0\non_crash = hold\nstart_delay = 1500ms\n"
	                          "[vm two]\nkernel = kernel\non_crash = restart\nautostart = no\n");
	add_kernel("kernel");
	assert_int_equal(run(), WAITS); /* for the delay */
	config = &vm_get(0)->config;
	assert_int_equal(vm_get(0)->state, VM_STARTING);
	assert_int_equal(config->weight, 200);
	assert_int_equal(config->cap, 30);
	assert_int_equal(config->cpus, 1);
	assert_int_equal(config->on_crash, VM_CRASH_HOLD);
	assert_int_equal(config->start_delay_ms, 1500);
	config = &vm_get(1)->config;
	assert_int_equal(vm_get(1)->state, VM_STOPPED);
	assert_int_equal(vm_get(1)->end, VM_NOT_STARTED);
	assert_int_equal(config->weight, SCHED_WEIGHT_DEFAULT);
	assert_int_equal(config->cap, 0);
	assert_int_equal(config->cpus, 1); /* there is no other */
	assert_int_equal(config->on_crash, VM_CRASH_RESTART);
	assert_int_equal(config->start_delay_ms, 0);
}

static void measuring_follows_the_config(void **state)
{
	(void)state;
	add_text("config", "[monitor]\nmeasure = yes\naudit = yes\n" ONE_VM
	                   "[vm two]\nkernel = kernel\nautostart = no\n");
	add_kernel("kernel");
	(void)run();
	assert_int_equal(vm_get(0)->vcpus[0]->watch, WATCH_MEASURE | WATCH_AUDIT);
	assert_int_equal(vm_get(1)->vcpus[0]->watch, WATCH_MEASURE | WATCH_AUDIT);
}

static void a_cpu_that_is_not_there(void **state)
{
	(void)state;
	add_text("config", "[vm far]\nkernel = kernel\ncpus = 3\n" ONE_VM "cpus = 0, 3\n");
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	assert_logged("error: vm far: config line 3: cpus: this machine runs guests on processors 0 to "
	              "0; name one of them\n");
	assert_null(vm_find("far"));
	assert_int_equal(vm_find("one")->config.cpus, 1);
	assert_logged("warning: vm one: config line 7: cpus: this machine runs guests on processors 0 "
	              "to 0; the others are left out\n");
	assert_int_equal(vm_find("one")->state, VM_RUNNING);
}

static void a_bad_vm_does_not_keep_the_next_from_starting(void **state)
{
	(void)state;
	add_text("config", "[vm bad]\nkernel = missing\nmemory = 4M\n" ONE_VM);
	add_kernel("kernel");
	assert_int_equal(frames_owned(FRAME_OWNER_FIRST_VM), 0);
	assert_int_equal(run(), RUNS);
	assert_logged(
		"error: vm bad: config line 2: kernel = missing: the boot loader did not load that file");
	run_on(240); /* its memory is freed in steps */
	assert_int_equal(vm_find("bad")->state, VM_STOPPED);
	assert_int_equal(frames_owned(FRAME_OWNER_FIRST_VM), 0);
	assert_string_equal(vm_get(1)->name, "one");
	assert_int_equal(vm_get(1)->state, VM_RUNNING);
}

/* ---- The processor ---- */

static void no_vt_x_halts(void **state)
{
	(void)state;
	fake_cpuid_set(1, 0, (struct cpuid_result){0});
	add_text("config", ONE_VM);
	assert_int_equal(run(), HALTED);
	assert_logged("error: This processor has no Intel VT-x");
}

static void a_refused_vmxon_halts(void **state)
{
	(void)state;
	fake_vmx.refuse_vmxon = true;
	add_text("config", ONE_VM);
	assert_int_equal(run(), HALTED);
	assert_logged("error: VMXON failed: another hypervisor may hold VT-x");
}

static void mitigations_follow_the_config(void **state)
{
	(void)state;
	fake_cpuid_set(7, 0, (struct cpuid_result){.edx = 0x10000400});
	add_text("config", "[monitor]\nmitigations = off\n" ONE_VM);
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	assert_logged("VERW on entry: off by config");
	assert_int_equal(vm_get(0)->vcpus[0]->requests & (ENTRY_MITIGATE_BUFFERS | ENTRY_MITIGATE_L1D), 0);
	teardown(state);
	setup(state);
	fake_cpuid_set(7, 0, (struct cpuid_result){.edx = 0x10000400});
	add_text("config", ONE_VM);
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	assert_logged("VERW on entry: on");
	assert_true(vm_get(0)->vcpus[0]->requests & ENTRY_MITIGATE_BUFFERS);
	assert_true(vm_get(0)->vcpus[0]->requests & ENTRY_MITIGATE_L1D);
}

/* ---- The operator's mistakes: one sentence, and the shell ---- */

static void boot_options_win_over_the_table(void **state)
{
	(void)state;
	add_text("config", "[monitor]\nkeyboard = yes\non_panic = halt\n" ONE_VM);
	add_kernel("kernel");
	boot_option = "no";
	assert_int_equal(run(), RUNS);
	assert_int_equal(keyboards, 0);
	assert_null(panic_ends_in);
}

static void a_panic_ends_as_the_config_says(void **state)
{
	(void)state;
	add_text("config", "[monitor]\non_panic = reset\n" ONE_VM);
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	assert_ptr_equal(panic_ends_in, shutdown_reset);
}

static void no_config_module(void **state)
{
	(void)state;
	add_kernel("kernel");
	assert_int_equal(run(), WAITS);
	assert_logged("error: There is no config module: add \"module2 /boot/FILE config\" to the "
	              "boot loader's menu entry, or build the image with make iso CONFIG=FILE.\n");
	assert_null(rig.attached);
	assert_non_null(config_command);
	assert_int_equal(keyboards, 1); /* the defaults hold: the shell is there for the operator */
}

static void errors_in_the_config_have_their_lines(void **state)
{
	(void)state;
	add_text("config", ONE_VM "memry = 5M\n");
	add_kernel("kernel");
	assert_int_equal(run(), WAITS); /* a section with an error is left out */
	assert_logged("error: config line 4: ");
	assert_logged("memory");
}

static void a_config_without_a_vm(void **state)
{
	(void)state;
	add_text("config", "[monitor]\nscreen = no\n");
	assert_int_equal(run(), WAITS);
	assert_logged("error: config: ");
}

static void many_errors_are_counted(void **state)
{
	char text[1024] = ONE_VM;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		strcat(text, "what = 1\n");
	add_text("config", text);
	assert_int_equal(run(), WAITS);
	assert_logged("error: config: 4 more errors\n");
}

static void modules_reach_the_kernel(void **state)
{
	uint32_t info[8], list[8];
	char arguments[8], contents[8];
	struct vm *started;
	uint8_t *kernel;

	(void)state;
	add_text("config", ONE_VM "type = multiboot\nmodule = first a b\nmodule = second\n");
	add_kernel("kernel");
	kernel = hpa_to_pointer(files[1].start);
	poke(kernel, 0x18, ENTRY, 8);
	poke(kernel, MULTIBOOT, 0x1badb002, 4);
	poke(kernel, MULTIBOOT + 8, -0x1badb002u, 4);
	add_text("second", "contents");
	add_text("first", "CONTENTS");
	assert_int_equal(run(), RUNS);
	assert_null(strstr(rig.log, "error"));
	started = vm_get(0);
	guest_read(&started->map, started->vcpus[0]->gpr[RBX], info, sizeof(info));
	assert_int_equal(info[5], 2);
	guest_read(&started->map, info[6], list, sizeof(list));
	guest_read(&started->map, list[0], contents, sizeof(contents));
	assert_memory_equal(contents, "CONTENTS", 8);
	assert_int_equal(list[1] - list[0], 8);
	guest_read(&started->map, list[2], arguments, sizeof(arguments));
	assert_string_equal(arguments, "a b");
	guest_read(&started->map, list[4], contents, sizeof(contents));
	assert_memory_equal(contents, "contents", 8);
}

static void a_missing_module(void **state)
{
	(void)state;
	add_text("config", ONE_VM "type = multiboot\nmodule = /boot/m x\n");
	add_kernel("kernel");
	assert_int_equal(run(), WAITS);
	assert_logged("error: vm one: config line 5: module = /boot/m: the boot loader did not load "
	              "that file; add \"module2 /boot/FILE /boot/m\" to its menu entry, or rebuild the "
	              "image with make iso\n");
}

static void a_missing_initrd(void **state)
{
	(void)state;
	add_text("config", ONE_VM "initrd = /boot/initrd\n");
	add_kernel("kernel");
	assert_int_equal(run(), WAITS);
	assert_logged("error: vm one: config line 4: initrd = /boot/initrd: the boot loader did not "
	              "load that file; add \"module2 /boot/FILE /boot/initrd\" to its menu entry, or "
	              "rebuild the image with make iso\n");
}

static void a_corrupt_kernel(void **state)
{
	(void)state;
	add_text("config", ONE_VM);
	add_text("kernel", "this is no kernel at all");
	assert_int_equal(run(), WAITS);
	assert_logged("error: vm one: config line 2: kernel = kernel: ");
	assert_int_equal(frames_owned(FRAME_OWNER_FIRST_VM), 0);
}

/* They are compared with all names that there are, which a load has no time for. */
static void files_are_looked_for_when_a_vm_is_defined(void **state)
{
	(void)state;
	add_text("config", ONE_VM "autostart = no\n");
	add_kernel("kernel");
	assert_int_equal(run(), WAITS);
	file_count = 0;
	guest_files_set(files, 0);
	assert_int_equal(rig_start(vm_find("one")), 0);
	assert_int_equal(vm_find("one")->state, VM_RUNNING);
}

static void more_memory_than_the_machine_has(void **state)
{
	uint64_t owned, frames = 1, vcpu = 1UL << frames_order(sizeof(struct vcpu)),
			console = 1UL << frames_order(sizeof(struct console_vm));

	(void)state;
	while (frames * PAGE_SIZE < sizeof(struct vm))
		frames *= 2;
	add_text("config", "[vm big]\nkernel = kernel\nmemory = 1G\n");
	add_kernel("kernel");
	owned = frames_owned(FRAME_OWNER_MONITOR);
	assert_int_equal(run(), WAITS);
	assert_logged("error: vm big: memory = 1024M, but only ");
	assert_int_equal(frames_owned(FRAME_OWNER_FIRST_VM), 0);
	assert_int_equal(
		frames_owned(FRAME_OWNER_MONITOR),
		owned + 3 + frames + vcpu +
			console); /* VMXON region, table, and the VM, which is off, with its images */
	assert_int_equal(vm_find("big")->state, VM_STOPPED);
}

/* Take all memory in pieces of `least` and larger orders; the last one's address and order. */
static hpa_t take_all_frames(unsigned least)
{
	hpa_t hpa, last = 0;

	for (unsigned order = FRAME_ORDERS; order-- > least;)
		while ((hpa = frames_alloc(order, FRAME_OWNER_MONITOR, FRAME_DATA)))
			last = hpa | order;
	return last;
}

static void no_memory_for_the_table(void **state)
{
	(void)state;
	add_text("config", ONE_VM);
	(void)take_all_frames(0);
	(void)run();
	assert_logged("error: config: there is no room for the table, which takes 1K; give the "
	              "machine more memory");
}

static void no_memory_for_the_vm_itself(void **state)
{
	hpa_t last;

	(void)state;
	add_text("config", ONE_VM);
	add_kernel("kernel");
	last = take_all_frames(1);
	/* Leave two frames alone: enough for the table and the VMXON region. */
	frames_split(last & ~0xfffUL, last & 0xfff, FRAME_ORDER_4K);
	frames_free(last & ~0xfffUL, FRAME_ORDER_4K);
	frames_free((last & ~0xfffUL) + PAGE_SIZE, FRAME_ORDER_4K);
	assert_int_equal(run(), WAITS);
	assert_logged("error: vm one: no memory for the VM: give the machine more memory");
}

/* ---- The end ---- */

static int end_of_all(const char *word)
{
	char text[200];
	jmp_buf here;
	int end;

	snprintf(text, sizeof(text), "[monitor]\non_all_stopped = %s\n" ONE_VM, word);
	add_text("config", text);
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	rig.stuck = &here;
	end = setjmp(here);
	if (!end)
		vm_ask_and_wait(vm_get(0), VM_FORCE);
	rig.stuck = NULL;
	return end;
}

static void when_all_have_stopped_the_shell_waits(void **state)
{
	(void)state;
	assert_int_equal(end_of_all("shell"), 0);
	assert_null(rig.attached);
}

static void or_the_machine_is_turned_off(void **state)
{
	(void)state;
	assert_int_equal(end_of_all("poweroff"), POWERED_OFF);
}

static void or_it_is_restarted(void **state)
{
	(void)state;
	assert_int_equal(end_of_all("reset"), RESTARTED);
}

static void the_same_holds_when_none_could_start(void **state)
{
	(void)state;
	add_text("config", "[monitor]\non_all_stopped = poweroff\n" ONE_VM);
	assert_int_equal(run(), POWERED_OFF); /* there is no kernel */
	teardown(state);
	setup(state);
	add_text("config", "[monitor]\non_all_stopped = poweroff\n[vm big]\nkernel = kernel\nmemory = 1G\n");
	add_kernel("kernel");
	assert_int_equal(run(), POWERED_OFF); /* there is no memory for it */
}

/* ---- The shell ---- */

static void the_config_in_effect_can_be_shown(void **state)
{
	static char text[1500];

	(void)state;
	strcpy(text, ONE_VM "cmdline = ");
	for (unsigned i = 0; i < 1000; i++)
		strcat(text, "a");
	strcat(text, "\n");
	add_text("config", text);
	add_kernel("kernel");
	assert_int_equal(run(), RUNS);
	assert_string_equal(config_command->name, "config");
	config_command->run(0, NULL);
	assert_non_null(strstr(printed, "[vm one]\n"));
	assert_non_null(strstr(printed, "4M\n"));
	assert_non_null(strstr(printed, strrchr(text, ' '))); /* a long line is not cut */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		start_test(a_guest_starts),
		start_test(a_start_lets_others_in_between),
		start_test(a_guest_without_screen),
		start_test(a_reset_loads_it_again),
		start_test(all_vms_start),
		start_test(a_vm_is_what_its_section_says),
		start_test(measuring_follows_the_config),
		start_test(a_cpu_that_is_not_there),
		start_test(a_bad_vm_does_not_keep_the_next_from_starting),
		start_test(no_vt_x_halts),
		start_test(a_refused_vmxon_halts),
		start_test(mitigations_follow_the_config),
		start_test(no_config_module),
		start_test(boot_options_win_over_the_table),
		start_test(a_panic_ends_as_the_config_says),
		start_test(errors_in_the_config_have_their_lines),
		start_test(a_config_without_a_vm),
		start_test(many_errors_are_counted),
		start_test(a_missing_initrd),
		start_test(modules_reach_the_kernel),
		start_test(a_missing_module),
		start_test(a_corrupt_kernel),
		start_test(files_are_looked_for_when_a_vm_is_defined),
		start_test(more_memory_than_the_machine_has),
		start_test(no_memory_for_the_table),
		start_test(no_memory_for_the_vm_itself),
		start_test(when_all_have_stopped_the_shell_waits),
		start_test(or_the_machine_is_turned_off),
		start_test(or_it_is_restarted),
		start_test(the_same_holds_when_none_could_start),
		start_test(the_config_in_effect_can_be_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
