/* SPDX-License-Identifier: MIT */
/*
 * Put a guest's kernel, initrd, command line and firmware tables into its
 * memory and say in which state its processor starts.
 *
 * The images come from an operator: any bytes are safe. Nothing here keeps a
 * pointer into them or into the guest's memory.
 */
#ifndef GUESTS_LOADERS_LOADER_H
#define GUESTS_LOADERS_LOADER_H

#include "guests/firmware/memory_map.h"
#include "guests/loaders/guest_image.h"
#include "vmm/vcpu_start.h"

/* Room for the longest sentence that guest_load_image() leaves, its NUL included. */
#define GUEST_PROBLEM_MAX 240

/*
 * What firmware leaves is in the guest's memory already: firmware_load(). Load `image` and describe
 * the start in `start`. Returns 0, or a negative error: -ERR_UNSUPPORTED (no loader knows the
 * format), -ERR_TRUNCATED, -ERR_INVALID (corrupt, or more work than any kernel needs:
 * guests/loaders/budget.h), -ERR_NO_MEMORY (kernel or initrd does not fit), -ERR_OUT_OF_RANGE (the
 * map has no RAM there). `problem` then holds one sentence for the operator, without the VM's or
 * the file's name.
 */
int must_check guest_load_image(const struct guest_image *image, struct vcpu_start *start, char *problem,
                                size_t problem_size);

#endif
