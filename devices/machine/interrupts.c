/* SPDX-License-Identifier: MIT */
/* The interrupt lines of a machine: see interrupts.h. */
#include "devices/machine/interrupts.h"
#include "lib/string.h"

#define NOWHERE (-1)

/* By GSI: the input of the 8259A pair. The slave's output is at the master's input 2. */
static const int8_t pic_input_of[MACHINE_GSIS] = {0, 1, NOWHERE, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

void interrupts_connect(struct interrupts *interrupts, struct device *pic)
{
	for (unsigned gsi = 0; gsi < MACHINE_GSIS; gsi++) {
		struct line *line = &interrupts->gsi[gsi];

		if (pic_input_of[gsi] != NOWHERE)
			device_connect_input(pic, (unsigned)pic_input_of[gsi], line);
		line_add_source(line, &interrupts->external[gsi]);
	}
	device_connect_pin(pic, PIC_PIN_INTR, &interrupts->intr);
}

void interrupts_set_external(struct interrupts *interrupts, unsigned gsi, bool level)
{
	uint32_t bit;

	if (gsi >= MACHINE_GSIS)
		return;
	bit = 1u << gsi;
	interrupts->external_levels =
		level ? interrupts->external_levels | bit : interrupts->external_levels & ~bit;
	line_drive(&interrupts->external[gsi], level);
}

void interrupts_forget(struct interrupts *interrupts)
{
	for (unsigned gsi = 0; gsi < MACHINE_GSIS; gsi++)
		line_forget(&interrupts->gsi[gsi]);
	line_forget(&interrupts->intr);
}

void interrupts_refresh(struct interrupts *interrupts)
{
	for (unsigned gsi = 0; gsi < MACHINE_GSIS; gsi++) {
		line_drive(&interrupts->external[gsi], interrupts->external_levels & 1u << gsi);
		line_refresh(&interrupts->gsi[gsi]);
	}
	line_refresh(&interrupts->intr);
}

/* ---- Saved state ---- */

static struct interrupts *interrupts_of(const struct section *section)
{
	return container_of(section, struct interrupts, section);
}

static void interrupts_save(const struct section *section, void *bytes)
{
	const struct interrupts *interrupts = interrupts_of(section);

	memcpy(bytes, &interrupts->external_levels, sizeof(interrupts->external_levels));
}

static bool interrupts_check(const struct section *section, const void *bytes)
{
	uint32_t levels;

	memcpy(&levels, bytes, sizeof(levels));
	return !(levels & ~(uint32_t)(BIT(MACHINE_GSIS) - 1));
}

static void interrupts_load(struct section *section, const void *bytes)
{
	struct interrupts *interrupts = interrupts_of(section);

	interrupts_forget(interrupts);
	memcpy(&interrupts->external_levels, bytes, sizeof(interrupts->external_levels));
}

static void interrupts_loaded(struct section *section)
{
	interrupts_refresh(interrupts_of(section));
}

void interrupts_register(struct interrupts *interrupts, struct sections *sections)
{
	static const struct section_ops ops = {
		.save = interrupts_save,
		.check = interrupts_check,
		.load = interrupts_load,
		.loaded = interrupts_loaded,
	};

	interrupts->section = (struct section){
		.ops = &ops, .name = "lines", .version = 1, .size = sizeof(interrupts->external_levels)};
	sections_add(sections, &interrupts->section);
}
