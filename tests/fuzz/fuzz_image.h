/* SPDX-License-Identifier: MIT */
/*
 * One image through the loaders. The input's first bytes choose the guest; the rest is the kernel.
 * Whatever the kernel says, the loaders stay inside the guest's memory, which the map sees to,
 * and within the budget, counted by what runs.
 * They leave a sentence when they refuse, and a start that can be entered when not.
 */
#ifndef TESTS_FUZZ_FUZZ_IMAGE_H
#define TESTS_FUZZ_FUZZ_IMAGE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "cost.h"
#include "guests/loaders/budget.h"
#include "guests/loaders/loader.h"
#include "rigs/guest_ram.h"

static inline void fuzz_check_start(const struct vcpu_start *start)
{
	if (start->rip > UINT32_MAX || start->gdt_limit != 0x2f ||
	    (start->mode == START_LONG) != !!start->cr3)
		abort();
	if (!guest_ram_has(start->rip, 1))
		abort();
}

static inline int fuzz_image(const uint8_t *data, size_t size, enum config_type type)
{
	static const uint64_t sizes[] = {MIB(1), MIB(4), MIB(16), MIB(64)};
	static uint8_t initrd[5000];
	struct vcpu_start start;
	char problem[GUEST_PROBLEM_MAX];
	struct config_module modules[3];
	struct guest_config config = {.cmdline = "console=ttyS0", .type = type, .module = modules};
	struct guest_image image = {.config = &config, .map = &guest_ram_map, .defer = guest_ram_copy};
	int error;

	if (size < 2)
		return 0;
	config.vm.machine.memory = sizes[data[0] & 3];
	config.vm.machine.acpi = data[0] & 4;
	image.initrd = (struct image_file){initrd, data[0] & 8 ? sizeof(initrd) : 0};
	config.vm.machine.uarts = data[1] % 5;
	config.vm.machine.screen = data[1] & 0x80;
	if (type == VM_TYPE_MULTIBOOT || type == VM_TYPE_MULTIBOOT2)
		config.module_count = data[1] >> 3 & 3;
	for (unsigned i = 0; i < config.module_count; i++) {
		modules[i].arguments = "a module";
		image.module[i] = (struct image_file){initrd, 99};
	}
	image.kernel = (struct image_file){data + 2, size - 2};
	guest_ram_create(config.vm.machine.memory);
	guest_ram_add_firmware(&config.vm.machine);
	guest_ram_loaded = 0;
	cost_begin();
	error = guest_load_image(&image, &start, problem, sizeof(problem));
	cost_add(guest_ram_loaded);
	cost_end(0, BUDGET_LOAD, 0);
	if (error > 0 || (error && (!problem[0] || strlen(problem) >= sizeof(problem) - 1)))
		abort();
	if (!error)
		fuzz_check_start(&start);
	return 0;
}

#endif
