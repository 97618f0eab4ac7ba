/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as boot information: no read outside them, and whatever comes out keeps
 * the promises that the rest of the boot relies on.
 */
#include <stdlib.h>
#include <string.h>
#include "boot/multiboot2.h"
#include "cost.h"

#define COST      2000
#define COST_BYTE 20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_framebuffer(const struct boot_framebuffer *framebuffer)
{
	require(framebuffer->kind == FRAMEBUFFER_NONE || framebuffer->kind == FRAMEBUFFER_TEXT ||
	        framebuffer->kind == FRAMEBUFFER_RGB);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info info;
	const char *problem;
	int error;

	cost_begin();
	error = boot_info_parse(data, size, &info, &problem);
	cost_end(size, COST, COST_BYTE);

	require(!error == !problem);
	require(info.size <= size);
	require(info.module_count <= BOOT_MODULES_MAX && info.range_count <= BOOT_RANGES_MAX);
	require(strnlen(info.command_line, BOOT_STRING_MAX) < BOOT_STRING_MAX);
	require(strnlen(info.loader, BOOT_STRING_MAX) < BOOT_STRING_MAX);
	require(info.rsdp_size == 0 || info.rsdp_size == 20 || info.rsdp_size == 36);
	for (unsigned i = 0; i < info.module_count; i++) {
		require(info.module[i].start <= info.module[i].end);
		require(strnlen(info.module[i].name, BOOT_STRING_MAX) < BOOT_STRING_MAX);
	}
	for (unsigned i = 0; i < info.range_count; i++)
		require(info.range[i].start < info.range[i].end);
	check_framebuffer(&info.framebuffer);
	return 0;
}
