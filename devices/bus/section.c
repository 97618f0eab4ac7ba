/* SPDX-License-Identifier: MIT */
/* Saved state: see section.h. */
#include "devices/bus/section.h"
#include "lib/errors.h"
#include "lib/string.h"

#define IMAGE_MAGIC   "nacre\0\0" /* and a NUL */
#define IMAGE_VERSION 2

struct image_header {
	char magic[8];
	uint32_t version;
	uint32_t sections; /* how many follow */
};

struct section_record {
	char name[SECTION_NAME_SIZE]; /* filled up with zeroes */
	uint32_t version;
	uint32_t unit;
	uint64_t size; /* of the bytes that follow */
};

void sections_add(struct sections *sections, struct section *section)
{
	struct section **link = &sections->first;

	while (*link)
		link = &(*link)->next;
	section->next = NULL;
	*link = section;
}

/* ---- One section ---- */

static struct section_record section_record_of(const struct section *section)
{
	struct section_record record = {
		.version = section->version,
		.unit = section->unit,
		.size = section->size,
	};

	memcpy(record.name, section->name, strnlen(section->name, SECTION_NAME_SIZE - 1));
	return record;
}

static size_t section_saved_size(const struct section *section)
{
	return sizeof(struct section_record) + section->size;
}

size_t section_save(const struct section *section, void *buffer, size_t size)
{
	struct section_record record = section_record_of(section);
	size_t needed = section_saved_size(section);

	if (size >= needed) {
		memcpy(buffer, &record, sizeof(record));
		section->ops->save(section, (uint8_t *)buffer + sizeof(record));
	}
	return needed;
}

static const void *section_bytes(const void *buffer)
{
	return (const uint8_t *)buffer + sizeof(struct section_record);
}

static int section_check(const struct section *section, const void *buffer, size_t size)
{
	struct section_record expected = section_record_of(section);

	if (size < sizeof(expected))
		return -ERR_TRUNCATED;
	if (memcmp(buffer, &expected, sizeof(expected)) != 0)
		return -ERR_INVALID;
	if (size < section_saved_size(section))
		return -ERR_TRUNCATED;
	return section->ops->check(section, section_bytes(buffer)) ? 0 : -ERR_INVALID;
}

static void section_loaded(struct section *section)
{
	if (section->ops->loaded)
		section->ops->loaded(section);
}

int section_load(struct section *section, const void *buffer, size_t size)
{
	int error = section_check(section, buffer, size);

	if (error)
		return error;
	section->ops->load(section, section_bytes(buffer));
	section_loaded(section);
	return 0;
}

/* ---- All of them ---- */

static struct image_header sections_header(const struct sections *sections)
{
	struct image_header header = {.magic = IMAGE_MAGIC, .version = IMAGE_VERSION};

	for (const struct section *section = sections->first; section; section = section->next)
		header.sections++;
	return header;
}

static size_t sections_size(const struct sections *sections)
{
	size_t needed = sizeof(struct image_header);

	for (const struct section *section = sections->first; section; section = section->next)
		needed += section_saved_size(section);
	return needed;
}

size_t sections_save(const struct sections *sections, void *buffer, size_t size)
{
	struct image_header header = sections_header(sections);
	size_t needed = sections_size(sections), offset = sizeof(header);

	if (size < needed)
		return needed;
	memcpy(buffer, &header, sizeof(header));
	for (const struct section *section = sections->first; section; section = section->next)
		offset += section_save(section, (uint8_t *)buffer + offset, size - offset);
	return needed;
}

static int sections_check(const struct sections *sections, const uint8_t *buffer, size_t size)
{
	struct image_header expected = sections_header(sections);
	size_t offset = sizeof(expected);
	int error = 0;

	if (size < sizeof(expected))
		return -ERR_TRUNCATED;
	if (memcmp(buffer, &expected, sizeof(expected)) != 0)
		return -ERR_INVALID;
	for (const struct section *section = sections->first; section && !error; section = section->next) {
		error = section_check(section, buffer + offset, size - offset);
		offset += section_saved_size(section);
	}
	return error;
}

/* What has been checked. */
static void sections_take(struct sections *sections, const uint8_t *buffer)
{
	size_t offset = sizeof(struct image_header);

	for (struct section *section = sections->first; section; section = section->next) {
		section->ops->load(section, section_bytes(buffer + offset));
		offset += section_saved_size(section);
	}
	for (struct section *section = sections->first; section; section = section->next)
		section_loaded(section);
}

int sections_load(struct sections *sections, const void *buffer, size_t size)
{
	int error = sections_check(sections, buffer, size);

	if (!error)
		sections_take(sections, buffer);
	return error;
}
