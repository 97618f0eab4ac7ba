/* SPDX-License-Identifier: MIT */
/*
 * The config table: what parses, what is said about what does not, and the round trip through text.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "rigs/config_same.h"
#include "vmm/observe/log.h"

#define ERRORS 8

static struct config config;
static void *storage;
static struct config_error errors[ERRORS];

static unsigned parse_bytes(const char *text, size_t size)
{
	char *copy = malloc(size ? size : 1); /* so that reading past the end is seen */
	size_t needed = config_storage_size(text, size);
	unsigned count;

	memcpy(copy, text, size);
	memset(errors, 0, sizeof(errors));
	free(storage);
	storage = malloc(needed ? needed : 1); /* not a byte more: that would be seen, too */
	count = config_parse(copy, size, storage, &config, errors, ERRORS);
	free(copy);
	return count;
}

static unsigned parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

#define VM "[vm a]\nkernel = k\n"

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse(VM), 0);
	assert_int_equal(config.monitor.serial_port, 0x3f8);
	assert_int_equal(config.monitor.serial_speed, 115200);
	assert_true(config.monitor.screen);
	assert_true(config.monitor.keyboard);
	assert_int_equal(config.monitor.log_level, LOG_INFO);
	assert_int_equal(config.monitor.on_all_stopped, STOPPED_SHELL);
	assert_int_equal(config.monitor.mitigations, MITIGATIONS_AUTO);
	assert_false(config.monitor.measure);
	assert_int_equal(config.guest_count, 1);
	assert_string_equal(config.guest[0].vm.name, "a");
	assert_string_equal(config.guest[0].kernel, "k");
	assert_string_equal(config.guest[0].initrd, "");
	assert_string_equal(config.guest[0].cmdline, "");
	assert_int_equal(config.guest[0].vm.machine.memory, MIB(256));
	assert_int_equal(config.guest[0].type, VM_TYPE_AUTO);
	assert_int_equal(config.guest[0].vm.machine.uarts, 1);
	assert_true(config.guest[0].vm.machine.acpi);
	assert_true(config.guest[0].vm.machine.screen);
	assert_int_equal(config.guest[0].console, CONSOLE_SHARED);
	assert_int_equal(config.guest[0].view, VIEW_AUTO);
	assert_true(config.guest[0].autostart);
	assert_int_equal(config.guest[0].vm.start_delay_ms, 0);
	assert_int_equal(config.guest[0].vm.on_crash, VM_CRASH_STOP);
	assert_int_equal(config.guest[0].vm.on_halt, VM_HALT_WAIT);
	assert_int_equal(config.guest[0].vm.weight, 100);
	assert_int_equal(config.guest[0].vm.cap, 0);
	assert_int_equal(config.guest[0].vm.cpus, UINT64_MAX);
}

static void test_every_default_is_valid(void **state)
{
	static struct guest_config vm;
	static struct monitor_config monitor;

	(void)state;
	for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
		const struct config_key *key = &config_keys[i];
		void *fields = key->section == SECTION_VM ? (void *)&vm : (void *)&monitor;

		assert_non_null(key->name);
		if (config_kind_is_text(key->kind))
			assert_string_equal(key->initial, "");
		else
			assert_true(config_value_parse(key, key->initial, fields));
	}
}

static void test_every_key(void **state)
{
	(void)state;
	assert_int_equal(parse("; a comment\n"
	                       "  # another\n"
	                       "\n"
	                       "[monitor]\r\n"
	                       "\tserial=0x2F0\r\n"
	                       "speed = 9600 ; slow\n"
	                       "screen = no# not a comment, so wrong\n"),
	                 1 + 1);
	assert_int_equal(errors[0].line, 7);
	assert_int_equal(config.monitor.serial_port, 0x2f0);
	assert_int_equal(config.monitor.serial_speed, 9600);
	assert_int_equal(parse("\xef\xbb\xbf[monitor] # first\n"
	                       "serial = none\nscreen = no # quiet\nlog = debug\non_all_stopped = reset\n"
	                       "mitigations = off\n"
	                       "measure = yes\n"
	                       "[ vm  web-1.b_c ]\n"
	                       "kernel = /boot/vmlinuz#1 # the kernel\n"
	                       "initrd = ../initrd.img\n"
	                       "memory = 1g\n"
	                       "type = linux32\n"
	                       "uarts = 4\n"
	                       "acpi = no\n"
	                       "cmdline =   root=/dev/ram0 # ; a=\"b c\" \\\n"
	                       "      quiet   \\  \n"
	                       "\tlast=1  \n"
	                       "[vm b]\nmemory = 4194304K\ntype = pvh\nkernel = k\nuarts = 0"),
	                 0);
	assert_int_equal(config.monitor.serial_port, 0);
	assert_false(config.monitor.screen);
	assert_int_equal(config.monitor.log_level, LOG_DEBUG);
	assert_int_equal(config.monitor.on_all_stopped, STOPPED_RESET);
	assert_int_equal(config.monitor.mitigations, MITIGATIONS_OFF);
	assert_true(config.monitor.measure);
	assert_int_equal(config.guest_count, 2);
	assert_string_equal(config.guest[0].vm.name, "web-1.b_c");
	assert_int_equal(config.guest[0].line, 8);
	assert_string_equal(config.guest[0].kernel, "/boot/vmlinuz#1");
	assert_int_equal(config.guest[0].kernel_line, 9);
	assert_int_equal(config.guest[0].initrd_line, 10);
	assert_int_equal(config.guest[0].memory_line, 11);
	assert_string_equal(config.guest[0].initrd, "../initrd.img");
	assert_int_equal(config.guest[0].vm.machine.memory, GIB(1));
	assert_int_equal(config.guest[0].type, VM_TYPE_LINUX32);
	assert_int_equal(config.guest[0].vm.machine.uarts, 4);
	assert_false(config.guest[0].vm.machine.acpi);
	assert_string_equal(config.guest[0].cmdline, "root=/dev/ram0 # ; a=\"b c\" quiet last=1");
	assert_int_equal(config.guest[1].vm.machine.memory, GIB(4));
	assert_int_equal(config.guest[1].line, 18);
	assert_int_equal(config.guest[1].vm.machine.uarts, 0);
}

static void test_keys_of_many(void **state)
{
	(void)state;
	assert_int_equal(
		parse("[vm a]\nkernel = k\nweight = 10000\ncap = 100\ncpus = 0,2-3 # three\n"
	              "on_crash = hold\nautostart = no\nstart_delay = 1500ms\n"
	              "console = com2\nview = screen\ntype = multiboot\n"
	              "[vm b]\nkernel = k\nweight = 1\ncpus = all\non_crash = restart\non_halt = stop\n"
	              "start_delay = 3600s\nconsole = com3\nview = serial\nscreen = no\n"
	              "type = multiboot2\n"
	              "[vm c]\nkernel = k\ntype = flat\nconsole = none\nstart_delay = 0ms\n"
	              "[vm d]\nkernel = k\nconsole = com4\n"
	              "[monitor]\nkeyboard = no\n"),
		0);
	assert_int_equal(config.guest[0].vm.weight, 10000);
	assert_int_equal(config.guest[0].vm.cap, 100);
	assert_int_equal(config.guest[0].vm.cpus, 0xd);
	assert_int_equal(config.guest[0].cpus_line, 5);
	assert_int_equal(config.guest[0].vm.on_crash, VM_CRASH_HOLD);
	assert_false(config.guest[0].autostart);
	assert_int_equal(config.guest[0].vm.start_delay_ms, 1500);
	assert_int_equal(config.guest[0].console, CONSOLE_COM2);
	assert_int_equal(config.guest[0].view, VIEW_SCREEN);
	assert_int_equal(config.guest[0].type, VM_TYPE_MULTIBOOT);
	assert_int_equal(config.guest[1].vm.weight, 1);
	assert_int_equal(config.guest[1].vm.cpus, UINT64_MAX);
	assert_int_equal(config.guest[1].vm.on_crash, VM_CRASH_RESTART);
	assert_int_equal(config.guest[1].vm.on_halt, VM_HALT_STOP);
	assert_true(config.guest[1].autostart);
	assert_int_equal(config.guest[1].vm.start_delay_ms, 3600000);
	assert_int_equal(config.guest[1].console, CONSOLE_COM3);
	assert_int_equal(config.guest[1].view, VIEW_SERIAL);
	assert_false(config.guest[1].vm.machine.screen);
	assert_int_equal(config.guest[1].type, VM_TYPE_MULTIBOOT2);
	assert_int_equal(config.guest[2].type, VM_TYPE_FLAT);
	assert_int_equal(config.guest[2].console, CONSOLE_NONE);
	assert_int_equal(config.guest[3].console, CONSOLE_COM4);
	assert_false(config.monitor.keyboard);
}

static void test_cpus(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text, *printed; /* null: no set */
		uint64_t cpus;
	} cases[] = {
		{"all",                  "all",   UINT64_MAX},
		{"0",                    "0",     1},
		{"63",                   "63",    1UL << 63},
		{"0-63",                 "all",   UINT64_MAX},
		{"1-63",                 "1-63",  UINT64_MAX - 1},
		{"3,1,2,0",              "0-3",   0xf},
		{" 0 , 2 - 3 ,2",        "0,2-3", 0xd},
		{"5-5",                  "5",     1 << 5},
		{"",                     NULL,    0},
		{",",                    NULL,    0},
		{"1,",                   NULL,    0},
		{",1",                   NULL,    0},
		{"1-",                   NULL,    0},
		{"-1",                   NULL,    0},
		{"3-2",                  NULL,    0},
		{"1-2-3",                NULL,    0},
		{"64",                   NULL,    0},
		{"0-64",                 NULL,    0},
		{"18446744073709551616", NULL,    0},
		{"0 1",                  NULL,    0},
		{"0x1",                  NULL,    0},
		{"all,1",                NULL,    0},
		{"All",                  NULL,    0},
	};
	/* clang-format on */
	uint64_t alternate = 0x5555555555555555, cpus;
	char text[CONFIG_CPUS_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		cpus = 77;
		assert_int_equal(config_cpus_parse(cases[i].text, &cpus), cases[i].printed != NULL);
		assert_int_equal(cpus, cases[i].printed ? cases[i].cpus : 77);
		if (cases[i].printed) {
			assert_int_equal(config_cpus_print(cpus, text, sizeof(text)),
			                 strlen(cases[i].printed));
			assert_string_equal(text, cases[i].printed);
		}
	}
	/* The longest there are. */
	assert_in_range(config_cpus_print(alternate << 1, text, sizeof(text)), 1, sizeof(text) - 1);
	assert_true(config_cpus_parse(text, &cpus) && cpus == alternate << 1);
	assert_in_range(config_cpus_print(0xdb6db6db6db6db6d, text, sizeof(text)), 1, sizeof(text) - 1);
	assert_true(config_cpus_parse(text, &cpus) && cpus == 0xdb6db6db6db6db6d);
	assert_true(config_cpus_print(alternate, text, 5) >= 4); /* cut, and nothing written after it */
	assert_string_equal(text, "0,2,");
}

static void test_mistakes(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		unsigned line;
		const char *message; /* exact */
	} cases[] = {
		{"", 0, "there is no VM; add a section [vm NAME] with a line 'kernel = PATH'"},
		{"[monitor]\n", 0,
		 "there is no VM; add a section [vm NAME] with a line 'kernel = PATH'"},
		{VM "memroy = 64M", 3, "unknown key 'memroy' in [vm]; did you mean 'memory'?"},
		{VM "Kernel = x", 3, "unknown key 'Kernel' in [vm]; did you mean 'kernel'?"},
		{"[monitor]\nlgo = info\n" VM, 2,
		 "unknown key 'lgo' in [monitor]; did you mean 'log'?"},
		{VM "zzz = 1", 3,
		 "unknown key 'zzz' in [vm]; the keys are kernel, initrd, module, cmdline, memory, "
		 "type, uarts, acpi, hpet, screen, console, view, autostart, start_delay, on_crash, "
		 "on_halt, weight, cap, cpus"},
		{VM "serial = com1", 3,
		 "key 'serial' does not belong in [vm]; move it to [monitor]"},
		{VM " = 1", 3,
		 "unknown key '' in [vm]; the keys are kernel, initrd, module, cmdline, memory, type, "
		 "uarts, acpi, hpet, screen, console, view, autostart, start_delay, on_crash, on_halt, "
		 "weight, cap, cpus"},
		{"[vn a]\nkernel = k\n" VM, 1, "unknown section 'vn'; use [monitor] or [vm NAME]"},
		{"[]\n" VM, 1, "unknown section ''; use [monitor] or [vm NAME]"},
		{"[vm a\n" VM, 1, "the section has no closing ']'; write [monitor] or [vm NAME]"},
		{"[monitor] x\n" VM, 1, "text after ']'; begin a new line for it"},
		{"[monitor x]\n" VM, 1, "[monitor] takes no name; write [monitor]"},
		{VM "[monitor]\n\n[monitor]", 5,
		 "a second [monitor] section; move its keys to the one on line 3"},
		{"[vm]\nkernel = k\n" VM, 1, "the VM has no name; write [vm NAME]"},
		{"[vm -a]\nkernel = k\n" VM, 1,
		 "bad VM name '-a'; use up to 31 letters, digits, '-', '_' and '.', beginning with a "
		 "letter or digit"},
		{"[vm a b]\nkernel = k\n" VM, 1,
		 "bad VM name 'a b'; use up to 31 letters, digits, '-', '_' and '.', beginning with a "
		 "letter or digit"},
		{"[vm abcdefghijklmnopqrstuvwxyz0123456]\nkernel = k\n" VM, 1,
		 "bad VM name 'abcdefghijklmnopqrstuvwxyz0123456'; use up to 31 letters, digits, '-', "
		 "'_' and '.', beginning with a letter or digit"},
		{VM "\n" VM, 4, "VM 'a' is already defined on line 1; give this one another name"},
		{"[vm a]\nmemory = 64M\n[vm b]\nkernel = k", 1,
		 "VM 'a' has no kernel; add a line 'kernel = PATH'"},
		{VM "kernel = l", 3,
		 "key 'kernel' is already set on line 2; remove one of the two"},
		{"kernel = k\n" VM, 1,
		 "key 'kernel' before any section; put it below [monitor] or [vm NAME]"},
		{VM "memory 64M", 3,
		 "neither a [section] nor 'key = value'; begin comments with '#'"},
		{VM "memory =", 3,
		 "key 'memory' has no value; use 1M to 1T, a multiple of 4K, as in 64M or 1G"},
		{VM "memory = # none", 3,
		 "key 'memory' has no value; use 1M to 1T, a multiple of 4K, as in 64M or 1G"},
		{VM "memory = 64", 3,
		 "bad value '64' for 'memory'; use 1M to 1T, a multiple of 4K, as in 64M or 1G"},
		{VM "acpi = maybe", 3, "bad value 'maybe' for 'acpi'; use yes or no"},
		{VM "uarts = 5", 3, "bad value '5' for 'uarts'; use 0 to 4"},
		{VM "initrd = my file", 3,
		 "bad value 'my file' for 'initrd'; use a path of up to 127 characters without blanks, "
		 "quotes and $"},
		{"[monitor]\nserial = 3f8\n" VM, 2,
		 "bad value '3f8' for 'serial'; use com1, com2, com3, com4, none or an I/O port from "
		 "0x100 to 0xfff8"},
		{"[monitor]\nspeed = 14400\n" VM, 2,
		 "bad value '14400' for 'speed'; use 1200, 2400, 4800, 9600, 19200, 38400, 57600 or "
		 "115200"},
		{VM "cmdline = a\x01" "b", 3, "control character 01h in this line; remove it"},
		{VM "cmdline = a\x7f \\\n\x02", 3,
		 "control character 7Fh in this line; remove it"},
		{VM "module =", 3,
		 "key 'module' has no value; use a path of 1 to 127 characters without blanks, quotes "
		 "and $, and its arguments, verbatim; total up to 2047 characters"},
		{VM "module = a'b c", 3,
		 "bad value 'a'b c' for 'module'; use a path of 1 to 127 characters without blanks, "
		 "quotes and $, and its arguments, verbatim; total up to 2047 characters"},
		{VM "module=1\nmodule=2\nmodule=3\nmodule=4\nmodule=5\nmodule=6\nmodule=7\nmodule=8\n"
		    "module=9\nmodule=10\nmodule=11\nmodule=12\nmodule=13\nmodule=14\nmodule=15\nmodule=16\nmodule=17", 19,
		 "VM 'a' has more than the 16 modules that are possible; remove some"},
		{VM "weight = 0", 3, "bad value '0' for 'weight'; use 1 to 10000"},
		{VM "cap = 101%", 3, "bad value '101%' for 'cap'; use 0 to 100"},
		{VM "cpus = 0,64", 3,
		 "bad value '0,64' for 'cpus'; use all, or numbers from 0 to 63 and ranges, as in "
		 "0,2-3"},
		{VM "cpus =", 3,
		 "key 'cpus' has no value; use all, or numbers from 0 to 63 and ranges, as in 0,2-3"},
		{VM "start_delay = 5", 3,
		 "bad value '5' for 'start_delay'; use 0 to 3600s with a unit, as in 500ms or 3s"},
		{VM "on_crash = reboot", 3,
		 "bad value 'reboot' for 'on_crash'; use stop, restart or hold"},
		{VM "console = com1", 3,
		 "bad value 'com1' for 'console'; use shared, none, com2, com3 or com4"},
		{VM "keyboard = no", 3,
		 "key 'keyboard' does not belong in [vm]; move it to [monitor]"},
		{VM "screen = no\nview = screen", 4,
		 "VM 'a' has no screen to show; write view = serial, or screen = yes"},
		{VM "view = serial\nuarts = 0", 3,
		 "VM 'a' has no serial port to show; write view = screen, or uarts = 1"},
		{VM "console = com2\n[monitor]\nserial = 0x2f8", 3,
		 "the console of VM 'a' is the monitor's own serial port; give one of the two another"},
		{VM "console = com4\n[vm b]\nconsole = com4\nkernel = k", 5,
		 "the console of VM 'b' is already that of 'a' (line 3); give one of the two another"},
		{VM "cmdline = a\\", 3,
		 "a backslash continues this line, but nothing follows; remove it"},
		{VM "cmdline = a\\\n", 3,
		 "a backslash continues this line, but nothing follows; remove it"},
	};
	/* clang-format on */

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(parse(cases[i].text), 1);
		assert_string_equal(errors[0].text, cases[i].message);
		assert_int_equal(errors[0].line, cases[i].line);
	}
}

/* All that is wrong with one section is told at once. */
static void every_mistake_of_a_section_is_told(void **state)
{
	static const char text[] = "[vm a]\nkernel = k\nconsole = com2\n"
				   "[vm a b]\nkernal = x\nview = serial\nuarts = 0\nconsole = com2\n"
				   "[monitor]\nlog = info\n[monitor]\nlog = much\nmeasure = maybe\n";
	static const struct {
		unsigned line;
		const char *message; /* its beginning */
	} mistakes[] = {
		{4, "bad VM name 'a b'"},
		{5, "unknown key 'kernal'"},
		{4, "VM 'a b' has no kernel"},
		{6, "VM 'a b' has no serial port"},
		{11, "a second [monitor]"},
		{12, "bad value 'much' for 'log'"},
		{13, "bad value 'maybe' for 'measure'"},
		{8, "the console of VM 'a b' is already that of 'a' (line 3)"},
	};

	(void)state;
	assert_int_equal(parse(text), ARRAY_SIZE(mistakes));
	for (unsigned i = 0; i < ARRAY_SIZE(mistakes); i++) {
		assert_int_equal(errors[i].line, mistakes[i].line);
		assert_memory_equal(errors[i].text, mistakes[i].message, strlen(mistakes[i].message));
	}
	assert_int_equal(config.monitor.log_level, LOG_INFO);
}

static void sections_with_mistakes_are_kept_apart(void **state)
{
	static char text[64 * CONFIG_VMS_MAX];
	size_t at = 0;

	(void)state;
	assert_int_equal(
		parse("[vm a]\nkernel = k\nmodule = m 1\ncap = 101\n[vm b]\nkernel = l\nmodule = n 2\n"
	              "[vm c]\nkernel = o\nmodule = p\ncap = 102\n"),
		2);
	assert_int_equal(config.guest_count, 1);
	assert_string_equal(config.guest[0].vm.name, "b");
	assert_string_equal(config.guest[0].module[0].path, "n");
	assert_int_equal(config.left_out_count, 2);
	assert_string_equal(config.left_out[1].kernel, "k");
	assert_string_equal(config.left_out[1].module[0].arguments, "1");
	assert_string_equal(config.left_out[0].kernel, "o");
	assert_string_equal(config.left_out[0].module[0].path, "p");
	/* In no good one's place. */
	for (unsigned i = 0; i <= CONFIG_VMS_MAX; i++)
		at += (size_t)sprintf(text + at, "[vm v%u]\nkernel = k\nmodule = m\ncap = %u\n", i,
		                      i ? 1 : 101);
	assert_int_equal(parse(text), 1);
	assert_int_equal(config.guest_count, CONFIG_VMS_MAX);
	assert_int_equal(config.left_out_count, 0);
}

static void test_bad_values(void **state)
{
	static const char *const lines[] = {
		"memory = 1023K",
		"memory = 4097K",
		"memory = 1025G",
		"memory = 64MB",
		"memory = M",
		"memory = -64M",
		"memory = 1.5G",
		"memory = 64 M",
		"uarts = -1",
		"uarts = 1x",
		"uarts = 0x1",
		"kernel = a\"b",
		"kernel = $HOME/k",
		"kernel = a\\b",
		"kernel = \xc3\xa4",
		"memory = 18446744073709551616",
		"memory = 18014398509481985K",
		"type = LINUX",
		"memory = 18446744073709551615T",
		"uarts = 256",
		"acpi = 1",
		"kernel = ",
		"weight = 10001",
		"cap = -1",
		"cpus = none",
		"start_delay = 3601s",
		"start_delay = 3600001ms",
		"start_delay = 18446744073709552s",
		"start_delay = ms",
		"start_delay = 1m",
		"start_delay = 1 s",
		"screen = 1",
		"view = com1",
		"type = multiboot3",
	};
	char text[200];

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		snprintf(text, sizeof(text), "[vm bad]\n%s\n[vm good]\nkernel = k\n", lines[i]);
		/* A bad kernel is not called a missing one. */
		assert_int_equal(parse(text), strncmp(lines[i], "kernel", 6) ? 2 : 1);
		assert_int_equal(errors[0].line, 2);
		/* The bad one is left out, the good one is there. */
		assert_int_equal(config.guest_count, 1);
		assert_string_equal(config.guest[0].vm.name, "good");
	}
	assert_int_equal(parse("[monitor]\nserial = 0x3f9\nspeed = 0\n" VM), 2);
	assert_int_equal(parse("[monitor]\nserial = 0x3f8x\nserial = 0x10000\n" VM), 2);
	assert_int_equal(config.monitor.serial_port, 0x3f8);
}

static void test_long_values(void **state)
{
	static char text[3 * CONFIG_CMDLINE_MAX];
	size_t at;

	(void)state;
	at = (size_t)sprintf(text, "%scmdline = ", VM);
	memset(text + at, 'x', CONFIG_CMDLINE_MAX - 1);
	text[at + CONFIG_CMDLINE_MAX - 1] = '\0';
	assert_int_equal(parse(text), 0);
	assert_int_equal(strlen(config.guest[0].cmdline), CONFIG_CMDLINE_MAX - 1);
	strcat(text, "x");
	assert_int_equal(parse(text), 1);
	assert_string_equal(errors[0].text, "the value of 'cmdline' has 2048 characters; use up "
	                                    "to 2047 characters, verbatim to the end of the line");
	memset(text + at, 'x', 2 * CONFIG_CMDLINE_MAX);
	strcpy(text + at + 2 * CONFIG_CMDLINE_MAX, "\nmemory = 2M\n");
	assert_int_equal(parse(text), 1);
	assert_int_equal(errors[0].line, 3);
	assert_string_equal(errors[0].text, "the line is longer than 2112 characters; shorten it");
	/* The same length, but in pieces. */
	for (size_t i = at + 100; i + 1 < at + 2 * CONFIG_CMDLINE_MAX; i += 100)
		memcpy(text + i, "\\\n", 2);
	assert_int_equal(parse(text), 1);
	assert_int_equal(errors[0].line, 3);
	assert_string_equal(errors[0].text, "the line is longer than 2112 characters; shorten it");
	at = (size_t)sprintf(text, "[vm a]\nkernel = ");
	memset(text + at, 'k', CONFIG_PATH_MAX);
	text[at + CONFIG_PATH_MAX] = '\0';
	assert_int_equal(parse(text), 1);
	assert_string_equal(errors[0].text,
	                    "the value of 'kernel' has 128 characters; use a path of 1 to 127 "
	                    "characters without blanks, quotes and $");
	text[at + CONFIG_PATH_MAX - 1] = '\0';
	assert_int_equal(parse(text), 0);
}

/* Each of three VMs asks for a port that is taken; the one in between has its own. */
static void test_modules(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm bad]\nmodule = x\n"
	                       "[vm a]\nkernel = k\nmodule = ../m#1 root=a \"b c\" # all of it \\\n  d\n"
	                       "memory = 2M\nmodule =\tn\n[vm b]\nkernel = k\nmodule = o\tp"),
	                 1);
	assert_int_equal(errors[0].line, 1);
	assert_int_equal(config.guest_count, 2);
	assert_int_equal(config.guest[0].module_count, 2);
	assert_string_equal(config.guest[0].module[0].path, "../m#1");
	assert_string_equal(config.guest[0].module[0].arguments, "root=a \"b c\" # all of it d");
	assert_int_equal(config.guest[0].module[0].line, 5);
	assert_string_equal(config.guest[0].module[1].path, "n");
	assert_string_equal(config.guest[0].module[1].arguments, "");
	assert_int_equal(config.guest[0].module[1].line, 8);
	assert_int_equal(config.guest[1].module_count, 1);
	assert_string_equal(config.guest[1].module[0].path, "o");
	assert_string_equal(config.guest[1].module[0].arguments, "p");
}

/* More sections with more modules than a table can hold: those that are left out take no room. */
static void test_many_modules(void **state)
{
	static char text[200 * (CONFIG_VMS_MAX + 20)];
	size_t at = 0;

	(void)state;
	for (unsigned i = 0; i < CONFIG_VMS_MAX + 10; i++) {
		at += (size_t)sprintf(text + at, i < 10 ? "[vm v%u]\n" : "[vm v%u]\nkernel=k\n", i);
		for (unsigned n = 0; n < CONFIG_MODULES_MAX; n++)
			at += (size_t)sprintf(text + at, "module=%u\n", n);
	}
	assert_int_equal(parse(text), 10);
	assert_int_equal(config.guest_count, CONFIG_VMS_MAX);
	for (unsigned i = 0; i < CONFIG_VMS_MAX; i++) {
		assert_string_equal(config.guest[i].kernel, "k");
		assert_string_equal(config.guest[i].module[0].path, "0");
		assert_string_equal(config.guest[i].module[15].path, "15");
	}
	sprintf(text + at, "[vm w]\nkernel=k\n");
	assert_int_equal(parse(text), 11);
}

static void test_memory_total(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel=k\nmemory=1028K\n[vm b]\nkernel=k\nmemory=1G\nautostart=no\n"
	                       "[vm c]\nkernel=k\nmemory=1T\n"),
	                 0);
	assert_int_equal(config_memory_total(&config), 1028 * 1024 + GIB(1024));
	config.guest[0].vm.machine.memory = UINT64_MAX - GIB(1024) + 1;
	assert_int_equal(config_memory_total(&config), UINT64_MAX);
	config.guest[0].vm.machine.memory = UINT64_MAX - GIB(1024) - 4095;
	assert_int_equal(config_memory_total(&config), UINT64_MAX - 4095);
	config.guest_count = 0;
	assert_int_equal(config_memory_total(&config), 0);
}

static void test_no_storage(void **state)
{
	static char text[CONFIG_SIZE_MAX + 1];

	(void)state;
	assert_int_equal(config_parse(VM, strlen(VM), NULL, &config, errors, ERRORS), 1);
	assert_int_equal(errors[0].line, 0);
	assert_string_equal(errors[0].text,
	                    "there is no room for the table, which takes 1K; give the machine more memory");
	assert_int_equal(config.guest_count, 0);
	assert_int_equal(config.monitor.serial_port, 0x3f8);
	memset(text, '\n', sizeof(text));
	assert_int_equal(parse_bytes(text, sizeof(text)), 1);
	assert_string_equal(errors[0].text,
	                    "larger than 4 MiB, so not a config file; give the config file instead");
	memcpy(text, VM, strlen(VM));
	assert_int_equal(parse_bytes(text, sizeof(text) - 1), 0);
}

static void test_taken_consoles(void **state)
{
	(void)state;
	assert_int_equal(parse("[vm a]\nkernel = k\nconsole = com2\n[vm b]\nkernel = k\nconsole = com3\n"
	                       "[vm c]\nkernel = k\nconsole = com3\n[vm d]\nkernel = k\n"
	                       "[vm e]\nkernel = k\nconsole = com2\n[monitor]\nserial = com2\n"),
	                 3);
	assert_int_equal(errors[0].line, 3);
	assert_int_equal(errors[1].line, 9);
	assert_int_equal(errors[2].line, 14);
	assert_int_equal(config.guest_count, 2);
	assert_string_equal(config.guest[0].vm.name, "b");
	assert_string_equal(config.guest[1].vm.name, "d");
}

static void test_nul_stops(void **state)
{
	static const char text[] = VM "x\0\nfoo\nbar\n";

	(void)state;
	assert_int_equal(parse_bytes(text, sizeof(text) - 1), 1);
	assert_int_equal(errors[0].line, 3);
	assert_string_equal(errors[0].text,
	                    "a NUL byte: this is not a text file; give the config file instead");
}

static void test_too_many(void **state)
{
	static char text[64 * CONFIG_VMS_MAX];
	size_t at = 0;

	(void)state;
	assert_in_range(sizeof(struct guest_config), 1, 300); /* a thousand of them must not weigh */
	for (unsigned i = 0; i <= CONFIG_VMS_MAX; i++)
		at += (size_t)sprintf(text + at, "[vm v%u]\nkernel = k\nmemory=%uM\n", i, i + 1);
	assert_int_equal(parse(text), 1);
	assert_int_equal(errors[0].line, 3 * CONFIG_VMS_MAX + 1);
	assert_string_equal(errors[0].text,
	                    "too many VMs: 'v1024' is more than the 1024 that are possible; remove some");
	assert_int_equal(config.guest_count, CONFIG_VMS_MAX);
	assert_int_equal(config.guest[1023].vm.machine.memory, MIB(1024));
}

static void test_more_errors_than_room(void **state)
{
	/* clang-format off */
	struct config_error two[2] = {
		{0},
		{77,                             "untouched"}
        };
	uint64_t room[64];

	(void)state;
	assert_in_range(config_storage_size("a\nb\nc\n" VM, strlen("a\nb\nc\n" VM)), 1, sizeof(room));
	assert_int_equal(config_parse("a\nb\nc\n" VM, strlen("a\nb\nc\n" VM), room, &config, two, 1), 3);
	assert_int_equal(two[0].line, 1);
	assert_int_equal(two[1].line, 77);
	assert_int_equal(config_parse("a\n" VM, strlen("a\n" VM), room, &config, NULL, 0), 1);
}

struct text {
	char bytes[32768];
	size_t size;
};

static void collect(void *context, const char *line)
{
	struct text *text = context;

	assert_null(strchr(line, '\n'));
	text->size += (size_t)sprintf(text->bytes + text->size, "%s\n", line);
}

static void test_round_trip(void **state)
{
	static struct text text;
	struct config before;
	void *kept;

	(void)state;
	text.size = 0;
	assert_int_equal(parse("[monitor]\nserial=0x2f0\nlog=error\nscreen=no\nmitigations=off\n"
	                       "[vm a]\nkernel=k\ninitrd=i\nmemory=3076K\ntype=linux\nacpi=no\n"
	                       "cmdline = a=b # c \"d\" [x]\n"
	                       "module=m  a \"b\"  c # d\nmodule = n\n"
	                       "[vm b]\nkernel=../k2\nmemory=3G\nuarts=2\nweight=7\ncap=50\ncpus=1,3-5\n"
	                       "on_crash=restart\nautostart=no\nstart_delay=1500ms\nconsole=com3\n"
	                       "view=serial\nscreen=no\ntype=flat\n"
	                       "[vm c]\nkernel=k\nstart_delay=2000ms\n"),
	                 0);
	config_print(&config, collect, &text);
	before = config;
	kept = storage;
	storage = NULL;
	assert_int_equal(parse_bytes(text.bytes, text.size), 0);
	assert_true(same_config(&config, &before));
	config.guest[1].vm.cpus ^= 2;
	assert_false(same_config(&config, &before));
	free(kept);
	assert_non_null(strstr(text.bytes, "memory = 3076K\n"));
	assert_non_null(strstr(text.bytes, "memory = 3G\n"));
	assert_non_null(strstr(text.bytes, "serial = 0x2f0\n"));
	assert_non_null(strstr(text.bytes, "[vm b]\n"));
	assert_non_null(strstr(text.bytes, "module = m a \"b\"  c # d\nmodule = n\n"));
	assert_non_null(strstr(text.bytes, "cpus = 1,3-5\n"));
	assert_non_null(strstr(text.bytes, "start_delay = 1500ms\n"));
	assert_non_null(strstr(text.bytes, "start_delay = 2s\n"));
}

static void read_whole(const char *path, struct text *text)
{
	FILE *file = fopen(path, "rb");

	if (!file)
		fail_msg("%s cannot be opened; run the tests in the top folder", path);
	text->size = fread(text->bytes, 1, sizeof(text->bytes) - 1, file);
	text->bytes[text->size] = '\0';
	fclose(file);
}

static void test_document(void **state)
{
	static const char begin[] = "<!-- keys: begin -->\n", end[] = "<!-- keys: end -->\n";
	static struct text page, table;
	char *from, *to;

	(void)state;
	read_whole("docs/config.md", &page);
	from = strstr(page.bytes, begin);
	to = strstr(page.bytes, end);
	assert_non_null(from);
	assert_non_null(to);
	*to = '\0';
	table.size = 0;
	config_document(collect, &table);
	assert_string_equal(from + strlen(begin),
	                    table.bytes); /* make docs/config.md say what the code says */
}

static void test_examples_parse(void **state)
{
	static struct text text;

	(void)state;
	read_whole("guests/demo.conf", &text);
	assert_int_equal(parse_bytes(text.bytes, text.size), 0);
	assert_int_equal(config.guest_count, 7);
	assert_string_equal(config.guest[6].vm.name, "invaders");
	assert_int_equal(config.guest[6].vm.cap, 10);
	read_whole("guests/linux.conf", &text);
	assert_int_equal(parse_bytes(text.bytes, text.size), 0);
	assert_int_equal(config.guest_count, 1);
	assert_string_equal(config.guest[0].vm.name, "linux");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),       cmocka_unit_test(test_every_default_is_valid),
		cmocka_unit_test(test_every_key),      cmocka_unit_test(test_keys_of_many),
		cmocka_unit_test(test_cpus),           cmocka_unit_test(test_mistakes),
		cmocka_unit_test(every_mistake_of_a_section_is_told),
		cmocka_unit_test(sections_with_mistakes_are_kept_apart),
		cmocka_unit_test(test_bad_values),     cmocka_unit_test(test_long_values),
		cmocka_unit_test(test_modules),        cmocka_unit_test(test_many_modules),
		cmocka_unit_test(test_memory_total),   cmocka_unit_test(test_no_storage),
		cmocka_unit_test(test_taken_consoles), cmocka_unit_test(test_nul_stops),
		cmocka_unit_test(test_too_many),       cmocka_unit_test(test_more_errors_than_room),
		cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_document),
		cmocka_unit_test(test_examples_parse),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
