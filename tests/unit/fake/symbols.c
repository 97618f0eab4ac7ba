/* SPDX-License-Identifier: MIT */
/* The linker's names in host tests: an image without code, so that no address has a name. */
#include "mm/image.h"
#include "vmm/observe/symbols.h"

const uint8_t image_start[1] = {0}, text_start[1] = {0}, text_end[1] = {0};
const uint32_t symbol_table[1] = {0};
