/* SPDX-License-Identifier: MIT */
/* Any bytes as an ELF kernel. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_image(data, size, VM_TYPE_PVH);
}
