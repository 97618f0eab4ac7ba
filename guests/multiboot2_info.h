/* Multiboot 2: what the kernel is told. Used by guests/ alone. */
#ifndef GUESTS_MULTIBOOT2_INFO_H
#define GUESTS_MULTIBOOT2_INFO_H

#include "guests/multiboot.h"

/* Information tags are numbered below this. Multiboot2 Specification 2.0, "Boot information". */
#define MULTIBOOT2_INFORMATION_TYPES 22

/* The kernel demands information that it cannot get: an error with its sentence. */
int must_check multiboot2_refuse_information(struct loading *loading, uint32_t type);

/*
 * Load the modules and write the information at MULTIBOOT_INFORMATION. Fails with a sentence if it lacks
 * what header->information demands, or where something does not fit.
 */
int must_check multiboot2_write_info(struct loading *loading, const struct multiboot_header *header,
                                     const struct multiboot_kernel *kernel);

#endif
