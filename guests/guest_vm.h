/* SPDX-License-Identifier: MIT */
/* VMs out of sections of the config table, and the files that the boot loader brought for them. */
#ifndef GUESTS_GUEST_VM_H
#define GUESTS_GUEST_VM_H

#include "guests/config/config.h"
#include "guests/guests.h"
#include "vmm/vm/vm.h"

/* The files; they must stay. */
void guest_files_set(const struct guest_file *files, unsigned count);

/* The one of that name, or null. */
const struct guest_file *guest_file_find(const char *name);

/*
 * Define the VM of a section, which must stay, as `number`. Null, with a sentence in the log: it
 * cannot be.
 */
struct vm *guest_vm_define(const struct guest_config *section, unsigned number);

#endif
