/* SPDX-License-Identifier: MIT */
#include "guests/config/config_keys.h"
#include "lib/string.h"

/* clang-format off */
static const struct config_word serial_words[] = {
	{"com1", 0x3f8},
	{"com2", 0x2f8},
	{"com3", 0x3e8},
	{"com4", 0x2e8},
	{"none", 0},
};
/* clang-format on */

/* What a 16550 with its usual 1.8432 MHz crystal divides down to without a remainder. */
/* clang-format off */
static const struct config_word speed_words[] = {
	{"1200",   1200},
	{"2400",   2400},
	{"4800",   4800},
	{"9600",   9600},
	{"19200",  19200},
	{"38400",  38400},
	{"57600",  57600},
	{"115200", 115200},
};
/* clang-format on */

/* clang-format off */
static const struct config_word bool_words[] = {
	{"yes", true},
	{"no",  false}
};
/* clang-format on */

/* clang-format off */
static const struct config_word keyboard_words[] = {
	{"yes",   KEYBOARD_PROBED},
	{"no",    KEYBOARD_OFF},
	{"force", KEYBOARD_FORCED},
};
/* clang-format on */

/* clang-format off */
static const struct config_word interrupt_words[] = {
	{"auto", true},
	{"none", false},
};
/* clang-format on */

/* clang-format off */
static const struct config_word apic_words[] = {
	{"firmware", APIC_FIRMWARE},
	{"xapic",    APIC_XAPIC},
	{"x2apic",   APIC_X2APIC},
};
/* clang-format on */

/* clang-format off */
static const struct config_word log_words[] = {
	{"error",   LOG_ERROR},
	{"warning", LOG_WARNING},
	{"info",    LOG_INFO},
	{"debug",   LOG_DEBUG},
};
/* clang-format on */

/* clang-format off */
static const struct config_word stopped_words[] = {
	{"shell",    STOPPED_SHELL},
	{"poweroff", STOPPED_POWEROFF},
	{"reset",    STOPPED_RESET},
};
/* clang-format on */

/* clang-format off */
static const struct config_word panic_words[] = {
	{"halt",  PANIC_HALT},
	{"reset", PANIC_RESET},
};
/* clang-format on */

/* clang-format off */
static const struct config_word mitigation_words[] = {
	{"auto", MITIGATIONS_AUTO},
	{"off",  MITIGATIONS_OFF},
};
/* clang-format on */

/* clang-format off */
static const struct config_word timer_words[] = {
	{"auto",       TIMER_AUTO},
	{"preemption", TIMER_PREEMPTION},
	{"lapic",      TIMER_LAPIC},
	{"one-shot",   TIMER_ONE_SHOT},
};
/* clang-format on */

/* clang-format off */
static const struct config_word type_words[] = {
	{"auto",       VM_TYPE_AUTO},
	{"linux",      VM_TYPE_LINUX},
	{"linux32",    VM_TYPE_LINUX32},
	{"pvh",        VM_TYPE_PVH},
	{"multiboot",  VM_TYPE_MULTIBOOT},
	{"multiboot2", VM_TYPE_MULTIBOOT2},
	{"flat",       VM_TYPE_FLAT},
};
/* clang-format on */

/* clang-format off */
static const struct config_word halt_words[] = {
	{"wait", VM_HALT_WAIT},
	{"stop", VM_HALT_STOP},
};
/* clang-format on */

/* clang-format off */
static const struct config_word crash_words[] = {
	{"stop",    VM_CRASH_STOP},
	{"restart", VM_CRASH_RESTART},
	{"hold",    VM_CRASH_HOLD},
};
/* clang-format on */

/* clang-format off */
static const struct config_word console_words[] = {
	{"shared", CONSOLE_SHARED},
	{"none",   CONSOLE_NONE},
	{"com2",   CONSOLE_COM2},
	{"com3",   CONSOLE_COM3},
	{"com4",   CONSOLE_COM4},
};
/* clang-format on */

/* clang-format off */
static const struct config_word view_words[] = {
	{"auto",   VIEW_AUTO},
	{"serial", VIEW_SERIAL},
	{"screen", VIEW_SCREEN},
};
/* clang-format on */

#define FIELD(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
#define LINE(type, member)  .line_offset = offsetof(type, member)
#define WORDS(table)        .words = (table), .word_count = ARRAY_SIZE(table)
#define MONITOR_FIELD(member)                                                                                \
	.section = SECTION_MONITOR, FIELD(struct monitor_config, member), .line_offset = LINE_NOT_KEPT
#define VM_FIELD(member) .section = SECTION_VM, FIELD(struct guest_config, member)

const char *const config_section_names[SECTION_COUNT] = {"monitor", "vm"};

/* clang-format off */
const struct config_key config_keys[CONFIG_KEY_COUNT] = {
	{
		.name = "serial", MONITOR_FIELD(serial_port),
		.kind = KIND_PORT, WORDS(serial_words), .min = 0x100, .max = 0xfff8, .initial = "com1",
		.meaning = "The serial port of the monitor's console.",
	}, {
		.name = "speed", MONITOR_FIELD(serial_speed),
		.kind = KIND_WORD, WORDS(speed_words), .initial = "115200",
		.meaning = "The speed of that port in baud; always 8 data bits, no parity, 1 stop bit.",
	}, {
		.name = "serial_irq", MONITOR_FIELD(serial_interrupt),
		.kind = KIND_WORD, WORDS(interrupt_words), .initial = "auto",
		.meaning = "Whether that port's interrupt is used, if it arrives when tried; otherwise "
			   "the port is polled every millisecond.",
	}, {
		.name = "screen", MONITOR_FIELD(screen),
		.kind = KIND_WORD, WORDS(bool_words), .initial = "yes",
		.meaning = "Whether the console is also shown on the screen.",
	}, {
		.name = "keyboard", MONITOR_FIELD(keyboard),
		.kind = KIND_WORD, WORDS(keyboard_words), .initial = "yes",
		.meaning = "Whether the machine's PS/2 keyboard is the operator's, too. `force` uses it "
			   "even if ACPI names none, and sends it no command.",
	}, {
		.name = "apic", MONITOR_FIELD(apic),
		.kind = KIND_WORD, WORDS(apic_words), .initial = "firmware",
		.meaning = "The mode of the local interrupt controllers: as the firmware left it, unless "
			   "an APIC ID above 254 or an outer hypervisor calls for x2APIC, or one of the two.",
	}, {
		.name = "log", MONITOR_FIELD(log_level),
		.kind = KIND_WORD, WORDS(log_words), .initial = "info",
		.meaning = "The least important messages that are still printed.",
	}, {
		.name = "on_all_stopped", MONITOR_FIELD(on_all_stopped),
		.kind = KIND_WORD, WORDS(stopped_words), .initial = "shell",
		.meaning = "The action when the last guest has ended: open the monitor's shell, "
			   "power the machine off, or reset it.",
	}, {
		.name = "on_panic", MONITOR_FIELD(on_panic),
		.kind = KIND_WORD, WORDS(panic_words), .initial = "halt",
		.meaning = "The action after a fault of the monitor: halt with the report on the "
			   "screen, or reset the machine after ten seconds.",
	}, {
		.name = "mitigations", MONITOR_FIELD(mitigations),
		.kind = KIND_WORD, WORDS(mitigation_words), .initial = "auto",
		.meaning = "Protection against speculation attacks by guests: what the processor "
			   "needs, or only what is built in.",
	}, {
		.name = "cpus", MONITOR_FIELD(cpus),
		.kind = KIND_NUMBER, .min = 1, .max = CONFIG_CPUS_MAX, .initial = "64",
		.meaning = "The most processors that run guests; the rest are parked.",
	}, {
		.name = "timer", MONITOR_FIELD(timer),
		.kind = KIND_WORD, WORDS(timer_words), .initial = "auto",
		.meaning = "The timers that the monitor may use: all that work, the VMX-preemption "
			   "timer in spite of an erratum, no VMX-preemption timer, or the local "
			   "APIC's one-shot mode alone.",
	}, {
		.name = "quiesce", MONITOR_FIELD(quiesce),
		.kind = KIND_WORD, WORDS(bool_words), .initial = "yes",
		.meaning = "Whether PCI devices are kept from writing to memory, before any of it "
			   "is given out.",
	}, {
		.name = "measure", MONITOR_FIELD(measure),
		.kind = KIND_WORD, WORDS(bool_words), .initial = "no",
		.meaning = "Whether the ticks of exits are counted from the start, as after "
			   "`measure on` in the shell.",
	}, {
		.name = "audit", MONITOR_FIELD(audit),
		.kind = KIND_WORD, WORDS(bool_words), .initial = "no",
		.meaning = "Whether the state of every VM is checked against the manual before each "
			   "VM entry, as after `audit on` in the shell. This is slow.",
	}, {
		.name = "kernel", VM_FIELD(kernel), LINE(struct guest_config, kernel_line),
		.kind = KIND_PATH, .min = 1, .max = CONFIG_PATH_MAX - 1, .initial = "",
		.meaning = "The kernel image, relative to the folder of the config file. "
			   "Every VM needs one.",
	}, {
		.name = "initrd", VM_FIELD(initrd), LINE(struct guest_config, initrd_line),
		.kind = KIND_PATH, .max = CONFIG_PATH_MAX - 1, .initial = "",
		.meaning = "The initial RAM disk, relative to the folder of the config file.",
	}, {
		.name = "module", .section = SECTION_VM, .line_offset = LINE_NOT_KEPT, /* its own fields */
		.kind = KIND_MODULE, .min = 1, .max = CONFIG_CMDLINE_MAX - 1, .initial = "",
		.meaning = "A module for a Multiboot kernel and, after a blank, its arguments. "
			   "The key may occur up to 16 times.",
	}, {
		.name = "cmdline", VM_FIELD(cmdline), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_TEXT, .max = CONFIG_CMDLINE_MAX - 1, .initial = "",
		.meaning = "The kernel's command line.",
	}, {
		.name = "memory", VM_FIELD(vm.machine.memory), LINE(struct guest_config, memory_line),
		.kind = KIND_BYTES, .min = MIB(1), .max = GIB(1024), .initial = "256M",
		.meaning = "The guest's memory.",
	}, {
		.name = "type", VM_FIELD(type), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_WORD, WORDS(type_words), .initial = "auto",
		.meaning = "The format of the kernel: detected, Linux boot protocol, the same with "
			   "its 32-bit entry, ELF with a PVH note, Multiboot 1 or 2, or bytes "
			   "without a header.",
	}, {
		.name = "uarts", VM_FIELD(vm.machine.uarts), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_NUMBER, .max = 4, .initial = "1",
		.meaning = "The number of serial ports of the guest, from COM1 on. "
			   "COM1 is its console.",
	}, {
		.name = "acpi", VM_FIELD(vm.machine.acpi), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_WORD, WORDS(bool_words), .initial = "yes",
		.meaning = "Whether the guest finds ACPI tables.",
	}, {
		.name = "hpet", VM_FIELD(vm.machine.hpet), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_WORD, WORDS(bool_words), .initial = "yes",
		.meaning = "Whether the guest has a high precision event timer, which lets an "
			   "idle Linux sleep longer. The guest finds the timer by ACPI.",
	}, {
		.name = "screen", VM_FIELD(vm.machine.screen), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_WORD, WORDS(bool_words), .initial = "yes",
		.meaning = "Whether the guest has a VGA text screen and a keyboard.",
	}, {
		.name = "console", VM_FIELD(console), LINE(struct guest_config, console_line),
		.kind = KIND_WORD, WORDS(console_words), .initial = "shared",
		.meaning = "The other end of the guest's COM1: the operator's console, by Ctrl-A and "
			   "a digit; none; or a dedicated serial port of the machine.",
	}, {
		.name = "view", VM_FIELD(view), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_WORD, WORDS(view_words), .initial = "auto",
		.meaning = "The first view in the operator's console: whichever the guest uses, its "
			   "serial port, or its screen.",
	}, {
		.name = "autostart", VM_FIELD(autostart), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_WORD, WORDS(bool_words), .initial = "yes",
		.meaning = "Whether the VM starts with the monitor; otherwise use the shell's "
			   "`start`.",
	}, {
		.name = "start_delay", VM_FIELD(vm.start_delay_ms), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_TIME, .max = 3600 * 1000, .initial = "0",
		.meaning = "The delay of that start.",
	}, {
		.name = "on_crash", VM_FIELD(vm.on_crash), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_WORD, WORDS(crash_words), .initial = "stop",
		.meaning = "The action after a fault of the guest, such as a triple fault: stop and "
			   "free its memory; restart; or hold memory and registers for "
			   "inspection.",
	}, {
		.name = "on_halt", VM_FIELD(vm.on_halt), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_WORD, WORDS(halt_words), .initial = "wait",
		.meaning = "The action when the guest halts with interrupts off: wait for a "
			   "reset by the operator; or stop and free its memory.",
	}, {
		.name = "weight", VM_FIELD(vm.weight), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_NUMBER, .min = 1, .max = 10000, .initial = "100",
		.meaning = "The VM's share of the processors relative to other VMs that want to "
			   "run: twice the weight, twice the time.",
	}, {
		.name = "cap", VM_FIELD(vm.cap), .line_offset = LINE_NOT_KEPT,
		.kind = KIND_NUMBER, .max = 100, .initial = "0",
		.meaning = "The most that the VM may use, in percent of one processor, even on an "
			   "idle machine; 0 is no limit.",
	}, {
		.name = "cpus", VM_FIELD(vm.cpus), LINE(struct guest_config, cpus_line),
		.kind = KIND_CPUS, .initial = "all",
		.meaning = "The processors of the machine that the VM may run on.",
	},
};
/* clang-format on */

const struct config_key *config_find_key(enum config_section section, const char *name)
{
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
		if (config_keys[i].section == section && strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	return NULL;
}
