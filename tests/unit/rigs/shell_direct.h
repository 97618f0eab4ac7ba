/* SPDX-License-Identifier: MIT */
/* Commands that run through, as if there were no stack for them. */
#ifndef TESTS_UNIT_RIGS_SHELL_DIRECT_H
#define TESTS_UNIT_RIGS_SHELL_DIRECT_H

#include "vmm/shell/shell_task.h"

void shell_task_init(void *top)
{
	(void)top;
}

void shell_task_begin(void (*body)(void))
{
	body();
}

bool shell_task_busy(void)
{
	return false;
}

void shell_task_pass(void)
{
}

bool shell_task_wait(void)
{
	return false;
}

#endif
