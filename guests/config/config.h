/* SPDX-License-Identifier: MIT */
/*
 * The config table: an INI-like text, one [monitor] section and one [vm NAME]
 * section per guest. Parsed by the same code at boot and on the host
 * (make check-config). docs/config.md is generated from the key table here.
 */
#ifndef GUESTS_CONFIG_CONFIG_H
#define GUESTS_CONFIG_CONFIG_H

#include "lib/log_level.h"
#include "vmm/vm/vm_config.h"

#define CONFIG_PATH_MAX    128
#define CONFIG_CMDLINE_MAX 2048
#define CONFIG_SIZE_MAX    MIB(4) /* of the text */
#define CONFIG_VMS_MAX     1024
#define CONFIG_MODULES_MAX 16 /* of one VM */
#define CONFIG_CPUS_MAX    64 /* processors that `cpus` can name: 0..63 */

/* The local APICs' mode: as the firmware left it, or one of the two. */
enum config_apic { APIC_FIRMWARE, APIC_XAPIC, APIC_X2APIC };

/* The machine's PS/2 keyboard: found out, not used, or used without a question. */
enum config_keyboard { KEYBOARD_OFF, KEYBOARD_PROBED, KEYBOARD_FORCED };
enum config_panic { PANIC_HALT, PANIC_RESET };
enum config_stopped { STOPPED_SHELL, STOPPED_POWEROFF, STOPPED_RESET };
enum config_type {
	VM_TYPE_AUTO,
	VM_TYPE_LINUX,
	VM_TYPE_LINUX32,
	VM_TYPE_PVH,
	VM_TYPE_MULTIBOOT,
	VM_TYPE_MULTIBOOT2,
	VM_TYPE_FLAT,
};

/* The last three: the I/O base of the machine's serial port. */
enum config_console {
	CONSOLE_SHARED,
	CONSOLE_NONE,
	CONSOLE_COM2 = 0x2f8,
	CONSOLE_COM3 = 0x3e8,
	CONSOLE_COM4 = 0x2e8
};
enum config_view { VIEW_AUTO, VIEW_SERIAL, VIEW_SCREEN };

struct monitor_config {
	uint16_t serial_port;  /* I/O base of the console's UART; 0: none */
	uint32_t serial_speed; /* baud */
	bool serial_interrupt; /* use the UART's interrupt if it arrives */
	bool screen;           /* also print on VGA text or framebuffer */
	enum config_keyboard keyboard;
	enum config_apic apic;
	enum log_level log_level;
	enum config_stopped on_all_stopped;
	enum config_panic on_panic;
	enum { MITIGATIONS_AUTO, MITIGATIONS_OFF } mitigations;
	unsigned cpus; /* processors that may run guests, at most */
	enum { TIMER_AUTO, TIMER_PREEMPTION, TIMER_LAPIC, TIMER_ONE_SHOT } timer;
	bool quiesce; /* PCI devices, before memory is given out */
	bool measure; /* the ticks of every VM's exits, from the start */
	bool audit;   /* every VM's state before each VM entry, from the start */
};

struct config_module {
	const char *path;
	const char *arguments; /* "" for none */
	unsigned line;
};

/* A [vm] section. The strings end in NUL and lie in the table's storage. */
struct guest_config {
	struct vm_config vm;
	unsigned line; /* of the [vm] header, for messages */
	enum config_type type;
	const char *kernel;
	const char *initrd; /* "" for none */
	const char *cmdline;
	struct config_module *module; /* `module_count` of them */
	uint8_t module_count;
	bool autostart;
	enum config_console console;
	enum config_view view; /* what the console shows first of it */
	/* Where the keys stand, for messages; 0: nowhere. */
	unsigned kernel_line, initrd_line, memory_line, cpus_line, console_line;
};

struct config {
	struct monitor_config monitor;
	unsigned guest_count;
	struct guest_config *guest; /* `guest_count` of them, in the order of the text */
	/*
	 * Sections with mistakes, the last first. They are no VMs, but the host's check reads their
	 * images, too. None are kept of a text with more than CONFIG_VMS_MAX sections.
	 */
	unsigned left_out_count;
	struct guest_config *left_out;
};

/* One finding. `text` is one clear sentence that says what is wrong and what to do. */
struct config_error {
	unsigned line; /* from 1; 0: the file as a whole */
	char text[256];
};

/*
 * Bytes that the table of this text takes at most, beside its struct config; 0 for a text that is
 * too large.
 */
size_t config_storage_size(const char *text, size_t size);

/*
 * Parse `size` bytes of text. Fills `config` with every good section even when others are bad; a
 * [vm] with a mistake is left out. Its VMs and strings lie in `storage`, which has
 * config_storage_size() bytes, aligned to 8; null, if there was no memory for it, is an error as
 * any other. Returns the number of errors found; the first `max_errors` of them are described.
 * Never reads past `size`; any bytes are safe. One caller at a time.
 */
unsigned config_parse(const char *text, size_t size, void *storage, struct config *config,
                      struct config_error *errors, unsigned max_errors);

/* Total memory of the VMs with `autostart`, in bytes; UINT64_MAX if that does not fit. */
uint64_t config_memory_total(const struct config *config);

/*
 * Print the effective table, every key with its value, as text that parses back. `put` gets one
 * line at a time, without newline.
 */
void config_print(const struct config *config, void (*put)(void *context, const char *line), void *context);

/*
 * Print the reference of all keys (section, key, default, range, meaning) as Markdown table rows.
 */
void config_document(void (*put)(void *context, const char *line), void *context);

#endif
