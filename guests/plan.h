/* SPDX-License-Identifier: MIT */
/* VMs out of sections of the config table, and the files that the boot loader brought for them. */
#ifndef GUESTS_PLAN_H
#define GUESTS_PLAN_H

#include "guests/config/config.h"
#include "guests/start.h"
#include "vmm/vm/vm.h"

/* The files; they must stay. */
void plan_files(const struct guest_file *files, unsigned count);

/* The one of that name, or null. */
const struct guest_file *plan_file(const char *name);

/*
 * Define the VM of a section, which must stay, as `number`. Null, with a sentence in the log: it
 * cannot be.
 */
struct vm *plan_vm(const struct guest_config *section, unsigned number);

#endif
