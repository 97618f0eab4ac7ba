/* SPDX-License-Identifier: MIT */
/*
 * The monitor's shell: a line editor and tables of commands. Never blocks: it is fed
 * byte by byte from the console, and runs in the boot processor's run loop.
 */
#ifndef VMM_SHELL_SHELL_H
#define VMM_SHELL_SHELL_H

#include "lib/types.h"

#define SHELL_LINE_MAX      160
#define SHELL_ARGUMENTS_MAX 8
#define SHELL_HISTORY       16
#define SHELL_TYPED         256 /* bytes that may wait for the run loop; a power of two */
#define SHELL_TABLES_MAX    8

struct shell_command {
	const char *name;
	const char *usage;                    /* its arguments: "VM", "[LEVEL]"; "" for none */
	const char *help;                     /* one line */
	uint8_t min_arguments, max_arguments; /* not counting the name */
	void (*run)(unsigned count,
	            const char *const *arguments); /* arguments[0] is the first after the name */
	/*
	 * What the first argument may be, and each further one of a command that takes
	 * SHELL_ARGUMENTS_MAX: the index-th candidate, null after the last. May be null.
	 */
	const char *(*candidate)(unsigned index);
};

/* Start with the built-in commands: help, log, poweroff, reboot. */
void shell_init(void);

/* Add a table of commands, which must stay. Before the operator can type. */
void shell_add_commands(const struct shell_command *commands, size_t count);

/*
 * One byte that the operator typed, on the boot processor. Its run loop takes it and runs commands,
 * since this may be inside of an exit handler.
 */
void shell_input(uint8_t byte);

/*
 * Answer of a command. Between two lines of it guests and the console may have their turns:
 * vmm/shell/shell_task.h.
 */
void shell_write(const char *text, size_t length);
void shell_print(const char *format, ...) printf_like(1, 2);

/* Run one line as if typed. */
void shell_execute(const char *line);

/*
 * For the console: take the prompt off the screen before other output, and put it back when that
 * has ended.
 */
void shell_hide_prompt(void);
void shell_show_prompt(void);
bool shell_prompt_hidden(void);

#endif
