/* SPDX-License-Identifier: MIT */
/* The console's way to the monitor's shell, which connects itself. Until then keys are dropped. */
#include "vmm/console/console.h"
#include "vmm/console/console_internal.h"

static struct console_shell console_shell;

void console_set_shell(struct console_shell shell)
{
	console_shell = shell;
}

void console_shell_input(uint8_t byte)
{
	if (console_shell.input)
		console_shell.input(byte);
}

void console_shell_hide_prompt(void)
{
	if (console_shell.hide_prompt)
		console_shell.hide_prompt();
}

void console_shell_show_prompt(void)
{
	if (console_shell.show_prompt)
		console_shell.show_prompt();
}

bool console_shell_prompt_hidden(void)
{
	return console_shell.prompt_hidden && console_shell.prompt_hidden();
}
