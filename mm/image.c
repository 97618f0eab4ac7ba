/* SPDX-License-Identifier: MIT */
#include "mm/image.h"

const struct image_section image_sections[IMAGE_SECTIONS] = {
	{.start = (uintptr_t)text_start, .end = (uintptr_t)text_end, .execute = true},
	{.start = (uintptr_t)rodata_start, .end = (uintptr_t)rodata_end},
	{.start = (uintptr_t)data_start, .end = (uintptr_t)data_end, .write = true},
};
