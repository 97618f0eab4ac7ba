/* SPDX-License-Identifier: MIT */
/* Any bytes as a Linux bzImage; one bit of the input asks for the 32-bit entry. */
#include "fuzz_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_image(data, size, size && data[0] & 0x10 ? VM_TYPE_LINUX32 : VM_TYPE_LINUX);
}
