/* SPDX-License-Identifier: MIT */
/* Images without a header, run as a PC's firmware runs a boot sector. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guests/loaders/loader.h"
#include "rigs/guest_ram.h"

static uint8_t bytes[KIB(512) + 1];
static struct guest_config config;
static struct guest_image image;
static struct vcpu_start start;
static char problem[GUEST_PROBLEM_MAX];

static void reset(void)
{
	config = (struct guest_config){.cmdline = ""};
	image = (struct guest_image){0};
}

static int load(size_t size, enum config_type type)
{
	uint8_t *copy = malloc(size);
	int error;

	for (size_t n = 0; n < size; n++)
		copy[n] = n == 510 ? bytes[510] : n == 511 ? bytes[511] : (uint8_t)(n * 7 + 1);
	memcpy(bytes, copy, size);
	image.config = &config;
	image.kernel = (struct image_file){copy, size};
	config.type = type;
	config.vm.machine.memory = MIB(1);
	image.map = &guest_ram_map;
	image.defer = guest_ram_copy;
	guest_ram_create(MIB(1));
	guest_ram_add_firmware(&config.vm.machine);
	memset(&start, 0xee, sizeof(start));
	error = guest_load_image(&image, &start, problem, sizeof(problem));
	free(copy);
	return error;
}

static void test_start(void **state)
{
	static const size_t sizes[] = {1, 511, 512, 513, KIB(512)};

	(void)state;
	reset();
	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		assert_int_equal(load(sizes[i], VM_TYPE_FLAT), 0);
		assert_int_equal(start.mode, START_REAL);
		assert_int_equal(start.rip, 0x7c00);
		assert_int_equal(start.rsp, 0x7c00);
		assert_int_equal(start.rflags, 1 << 9); /* IF */
		assert_int_equal(start.gpr[RDX], 0x80);
		assert_int_equal(start.cs, 0);
		assert_int_equal(start.ds, 0);
		assert_int_equal(start.tr, 0);
		assert_int_equal(start.gdt, 0);
		assert_int_equal(start.gdt_limit, 0xffff);
		assert_memory_equal(guest_ram + 0x7c00, bytes, sizes[i]);
	}
	/* Vectors without a service lead to an IRET. */
	assert_int_equal(guest_ram[guest_ram_number(0x60 * 4 + 2, 2) * 16 + guest_ram_number(0x60 * 4, 2)],
	                 0xcf);
}

static void test_on_request(void **state)
{
	(void)state;
	reset();
	bytes[510] = 0x55;
	bytes[511] = 0xaa;
	assert_int_equal(load(512, VM_TYPE_AUTO), 0);
	assert_int_equal(start.mode, START_REAL);
	assert_int_equal(load(511, VM_TYPE_AUTO), -ERR_UNSUPPORTED);
	bytes[511] = 0xab;
	assert_int_equal(load(512, VM_TYPE_AUTO), -ERR_UNSUPPORTED);
	assert_int_equal(load(512, VM_TYPE_FLAT), 0);
}

static void test_refused(void **state)
{
	(void)state;
	reset();
	assert_int_equal(load(KIB(512) + 1, VM_TYPE_FLAT), -ERR_UNSUPPORTED);
	assert_string_equal(problem, "the kernel is no real-mode image (it has more than 512 "
	                             "KiB); correct 'kernel', or write type = auto");
	config.cmdline = "x";
	assert_int_equal(load(512, VM_TYPE_FLAT), -ERR_INVALID);
	assert_string_equal(problem, "a real-mode image takes neither initrd nor command line; remove "
	                             "'initrd' and 'cmdline'");
	reset();
	image.initrd = (struct image_file){"x", 1};
	assert_int_equal(load(512, VM_TYPE_FLAT), -ERR_INVALID);
	reset();
	config.module_count = 1;
	assert_int_equal(load(512, VM_TYPE_FLAT), -ERR_INVALID);
	assert_non_null(strstr(problem, "takes no modules"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_on_request),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
