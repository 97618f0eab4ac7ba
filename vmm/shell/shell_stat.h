/* SPDX-License-Identifier: MIT */
/* The shell's commands `stat` and `top`. */
#ifndef VMM_SHELL_SHELL_STAT_H
#define VMM_SHELL_SHELL_STAT_H

/* Add them to the shell, after shell_init(). */
void shell_stat_init(void);

/* `top`. */
void shell_top(unsigned count, const char *const *arguments);

#endif
