/* SPDX-License-Identifier: MIT */
/* Between the line editor (shell.c) and the commands (shell_commands.c). */
#ifndef VMM_SHELL_SHELL_INTERNAL_H
#define VMM_SHELL_SHELL_INTERNAL_H

#include "lib/types.h"

/* An empty line and history; prompts appear from now on. */
void shell_start(void);

/*
 * What Tab adds after `line`, the whole of it: into `addition`. If there are several ways to go
 * on, as much as they share, and if that is nothing they are listed. False: there is no way to go
 * on.
 */
bool shell_complete(const char *line, char *addition, size_t size);

/* Of the command that was executed last; null: none was. */
const char *shell_command_name(void);

/* A command that was put off has ended. */
void shell_command_ended(void);

#endif
