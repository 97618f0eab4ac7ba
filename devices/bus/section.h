/* SPDX-License-Identifier: MIT */
/*
 * Saved state: a registry of sections, each of which one part of a machine saves and loads. Devices
 * register theirs when they are plugged in; a whole VM adds its processors and its memory map.
 *
 * An image is a header and, in the order of registration, a record {name, version, unit, size} and
 * the bytes of each section. It loads only where the same sections are registered in the same
 * order. Nothing in it is trusted: all sections are checked before the first one is loaded. Numbers
 * are little-endian, as the processor has them.
 */
#ifndef DEVICES_BUS_SECTION_H
#define DEVICES_BUS_SECTION_H

#include "lib/types.h"

#define SECTION_NAME_SIZE 16 /* with its NUL */

struct section;

struct section_ops {
	void (*save)(const struct section *section, void *bytes);

	/*
	 * May `bytes`, which come from anywhere and lie at any address, be loaded? Changes nothing.
	 */
	bool (*check)(const struct section *section, const void *bytes);

	/* Take what check() accepted. Other parts are not told: they are perhaps not loaded yet. */
	void (*load)(struct section *section, const void *bytes);

	/* All are loaded: make outputs follow. May be null. */
	void (*loaded)(struct section *section);
};

struct section {
	const struct section_ops *ops;
	const char *name;
	uint32_t version; /* of the layout of the bytes; raised when it changes */
	uint32_t unit;    /* of several with one name: 0 for the first */
	size_t size;      /* of the bytes */
	struct section *next;
};

/* All zeroes: empty. */
struct sections {
	struct section *first;
};

/* `section` must stay. Its name and unit are its own. */
void sections_add(struct sections *sections, struct section *section);

/* Returns the bytes needed, and writes them if `size` is enough. */
size_t sections_save(const struct sections *sections, void *buffer, size_t size);

/*
 * 0, -ERR_TRUNCATED, or -ERR_INVALID (other sections, other versions, or broken bytes); nothing has
 * changed then.
 */
int must_check sections_load(struct sections *sections, const void *buffer, size_t size);

/* The record and the bytes of a single section, as part of an image. */
size_t section_save(const struct section *section, void *buffer, size_t size);
int must_check section_load(struct section *section, const void *buffer, size_t size);

#endif
