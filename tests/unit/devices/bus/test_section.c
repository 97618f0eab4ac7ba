/* SPDX-License-Identifier: MIT */
/* Saved state: an image of sections is loaded as a whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "devices/bus/section.h"
#include "lib/errors.h"
#include "lib/types.h"

/* A part of three bytes; 0xFF in the first is no state that it takes. */
struct part {
	uint8_t bytes[3];
	unsigned loads, loaded;
	struct section section;
};

static struct part part[3];
static struct sections sections;
static unsigned loads_when_told;

static struct part *part_of(const struct section *section)
{
	return container_of(section, struct part, section);
}

static void save(const struct section *section, void *bytes)
{
	memcpy(bytes, part_of(section)->bytes, 3);
}

static bool check(const struct section *section, const void *bytes)
{
	(void)section;
	return *(const uint8_t *)bytes != 0xFF;
}

static void load(struct section *section, const void *bytes)
{
	memcpy(part_of(section)->bytes, bytes, 3);
	part_of(section)->loads++;
}

static void loaded(struct section *section)
{
	if (section == &part[0].section)
		loads_when_told = part[0].loads + part[1].loads + part[2].loads;
	part_of(section)->loaded++;
}

static const struct section_ops ops = {save, check, load, loaded};
static const struct section_ops quiet_ops = {save, check, load, NULL};

static uint8_t image[256];
static size_t size;

static int setup(void **state)
{
	(void)state;
	memset(part, 0, sizeof(part));
	memset(&sections, 0, sizeof(sections));
	loads_when_told = 0;
	for (unsigned i = 0; i < 3; i++) {
		part[i].section = (struct section){.ops = i == 1 ? &quiet_ops : &ops,
		                                   .name = i ? "two" : "one",
		                                   .version = 1,
		                                   .size = 3};
		part[i].section.unit = i == 2;
		memset(part[i].bytes, 0x10 + (int)i, 3);
		sections_add(&sections, &part[i].section);
	}
	size = sections_save(&sections, image, sizeof(image));
	memset(part[0].bytes, 0xEE, 3);
	memset(part[1].bytes, 0xEE, 3);
	memset(part[2].bytes, 0xEE, 3);
	return 0;
}

static void refuse(const void *bytes, size_t count, int error)
{
	assert_int_equal(sections_load(&sections, bytes, count), error);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(part[i].loads + part[i].loaded, 0);
		assert_int_equal(part[i].bytes[0], 0xEE);
	}
}

static void what_was_saved_is_loaded(void **state)
{
	(void)state;
	assert_int_equal(size, 16 + 3 * (32 + 3));
	assert_int_equal(sections_load(&sections, image, size), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(part[i].bytes[2], 0x10 + i);
}

static void a_buffer_that_is_too_small_is_not_touched(void **state)
{
	uint8_t byte = 0x77;

	(void)state;
	assert_int_equal(sections_save(&sections, &byte, 1), size);
	assert_int_equal(sections_save(&sections, NULL, 0), size);
	assert_int_equal(byte, 0x77);
}

static void outputs_follow_when_all_are_loaded(void **state)
{
	(void)state;
	assert_int_equal(sections_load(&sections, image, size), 0);
	assert_int_equal(loads_when_told, 3);
	assert_int_equal(part[0].loaded, 1);
	assert_int_equal(part[1].loaded, 0); /* it has no outputs */
}

static void a_truncated_image_changes_nothing(void **state)
{
	(void)state;
	for (size_t n = 0; n < size; n++)
		refuse(image, n, -ERR_TRUNCATED);
}

/* Every byte of the header and of the records. */
static void a_foreign_image_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < size; i++) {
		if (i >= 16 && (i - 16) % 35 >= 32)
			continue; /* a section's own */
		image[i] ^= 0x10;
		refuse(image, size, -ERR_INVALID);
		image[i] ^= 0x10;
	}
}

static void one_broken_section_spoils_the_image(void **state)
{
	(void)state;
	image[16 + 2 * 35 + 32] = 0xFF;
	refuse(image, size, -ERR_INVALID);
}

static void other_sections_do_not_take_the_image(void **state)
{
	static struct part more;

	(void)state;
	more.section = (struct section){.ops = &ops, .name = "three", .version = 1, .size = 3};
	sections_add(&sections, &more.section);
	refuse(image, size, -ERR_INVALID);
}

static void a_section_can_be_saved_alone(void **state)
{
	uint8_t record[64];

	(void)state;
	assert_int_equal(section_save(&part[0].section, record, sizeof(record)), 35);
	part[0].bytes[0] = 0;
	assert_int_equal(section_load(&part[1].section, record, 35), -ERR_INVALID);
	assert_int_equal(section_load(&part[0].section, record, 34), -ERR_TRUNCATED);
	assert_int_equal(section_load(&part[0].section, record, 35), 0);
	assert_int_equal(part[0].bytes[0], 0xEE);
	assert_int_equal(part[0].loaded, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_was_saved_is_loaded, setup),
		cmocka_unit_test_setup(a_buffer_that_is_too_small_is_not_touched, setup),
		cmocka_unit_test_setup(outputs_follow_when_all_are_loaded, setup),
		cmocka_unit_test_setup(a_truncated_image_changes_nothing, setup),
		cmocka_unit_test_setup(a_foreign_image_changes_nothing, setup),
		cmocka_unit_test_setup(one_broken_section_spoils_the_image, setup),
		cmocka_unit_test_setup(other_sections_do_not_take_the_image, setup),
		cmocka_unit_test_setup(a_section_can_be_saved_alone, setup),
	};

	return cmocka_run_group_tests_name("section", tests, NULL, NULL);
}
