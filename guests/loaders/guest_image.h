/* SPDX-License-Identifier: MIT */
/* What goes into a guest's memory: its section of the config table, and the files that it names. */
#ifndef GUESTS_LOADERS_GUEST_IMAGE_H
#define GUESTS_LOADERS_GUEST_IMAGE_H

#include "guests/config/config.h"
#include "mm/guest_map.h"

#define GUEST_COPIES_MAX 96

struct image_file {
	const void *data; /* null: there is none */
	size_t size;
};

struct guest_image {
	const struct guest_config *config;
	struct image_file kernel;
	struct image_file initrd;
	struct image_file module[CONFIG_MODULES_MAX]; /* as many as the config has */
	/*
	 * Take a large copy over, to be done later in steps: `size` bytes from `data`, which is
	 * part of an image (null: zeroes), to `gpa`, where memory is. Called GUEST_COPIES_MAX times
	 * at most. False: cannot be.
	 */
	bool (*defer)(void *context, gpa_t gpa, const void *data, uint64_t size);
	void *defer_context;
	const struct guest_map *map; /* holds the ranges of guest_memory_layout() and the text memory */
};

/* A file as the config table names it. */
struct image_name {
	const char *key, *path;
	unsigned line; /* of the key */
};

/*
 * Ask `find` for each file that `image->config` names, and put it into the image. `find` returns
 * false where there is no such file; so does this then, after it has asked for all.
 */
bool must_check guest_image_find(struct guest_image *image,
                                 bool (*find)(void *context, const struct image_name *name,
                                              struct image_file *file),
                                 void *context);

#endif
