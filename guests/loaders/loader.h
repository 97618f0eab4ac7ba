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

#include "guests/config/config.h"
#include "guests/firmware/memory_map.h"
#include "mm/guest_map.h"
#include "vmm/vcpu_start.h"

#define GUEST_MODULES_MAX 16

struct guest_module {
	const void *data;
	size_t size;
	const char *cmdline; /* NUL-terminated; null for none */
};

struct guest_image {
	const void *kernel;
	size_t kernel_size;
	const void *initrd; /* null for none */
	size_t initrd_size;
	const char *cmdline; /* NUL-terminated; null for none */
	struct guest_module modules[GUEST_MODULES_MAX];
	unsigned module_count;
	enum config_type type;
	bool acpi;       /* offer ACPI tables */
	bool hpet;       /* the machine has an HPET */
	uint8_t uarts;   /* COM1..COMn that the machine has, 0..4 */
	bool screen;     /* it has a VGA in mode 3, and a keyboard */
	uint64_t memory; /* bytes, as given to guest_memory_layout() */
	/*
	 * Take a large copy over, to be done later in steps: `size` bytes from `data`, which is
	 * part of an image (null: zeroes), to `gpa`, where memory is. False: cannot be, do it now.
	 * Null: all is done now.
	 */
	bool (*defer)(void *context, gpa_t gpa, const void *data, uint64_t size);
	void *defer_context;
	const struct guest_map *map; /* holds the ranges of guest_memory_layout() and the text memory */
};

/* Room for the longest sentence that guest_load_image() leaves, its NUL included. */
#define GUEST_PROBLEM_MAX 160

/*
 * Load `image` and describe the start in `start`. Returns 0, or a negative error:
 * -ERR_UNSUPPORTED (no loader knows the format), -ERR_TRUNCATED, -ERR_INVALID (corrupt),
 * -ERR_NO_MEMORY (kernel or initrd does not fit), -ERR_OUT_OF_RANGE (the map has no RAM there).
 * `problem` then holds one sentence for the operator, without the VM's or the file's name.
 */
int must_check guest_load_image(const struct guest_image *image, struct vcpu_start *start, char *problem,
                                size_t problem_size);

#endif
