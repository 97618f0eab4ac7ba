/* SPDX-License-Identifier: MIT */
/*
 * The commands have a stack of their own, so that they can be put off in the middle: guests and the
 * console go on while one prints much, or waits for another processor. One command at a time.
 *
 * Locking: the boot processor, in its run loop unless something else is said.
 */
#ifndef VMM_SHELL_SHELL_TASK_H
#define VMM_SHELL_SHELL_TASK_H

#include "lib/types.h"

/*
 * From here on commands run on the stack that ends at `top`; as long as there is none, they run
 * through.
 */
void shell_task_init(void *top);

/* Have a command done, as `body`. In any context; none is busy. */
void shell_task_begin(void (*body)(void));

/* A command is to be done, or has begun and not ended. */
bool shell_task_busy(void);

/* A command comes by here between two lines of its output: once it had its time, it is put off. */
void shell_task_pass(void);

/* Let others run before the command goes on. False: it cannot be put off. */
bool shell_task_wait(void);

#endif
