/* SPDX-License-Identifier: MIT */
/* Multiboot 2: what the kernel is told. Used by guests/ alone. */
#ifndef GUESTS_LOADERS_MULTIBOOT2_INFO_H
#define GUESTS_LOADERS_MULTIBOOT2_INFO_H

#include "guests/loaders/multiboot.h"

/*
 * Load the modules and write the information at MULTIBOOT_INFORMATION. It says what does not fit.
 */
int must_check multiboot2_write_info(struct loading *loading, const struct multiboot_header *header,
                                     const struct multiboot_kernel *kernel);

#endif
