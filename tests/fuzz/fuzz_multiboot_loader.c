/* SPDX-License-Identifier: MIT */
/* Any bytes as a Multiboot kernel; one bit of the input chooses the version. */
#include "fuzz_image.h"

/* Write the checksums of whatever claims to be a header, which chance would hardly find. */
static void complete_headers(uint8_t *kernel, size_t size)
{
	for (size_t at = 0; at + 16 <= size && at < 32768; at += 4) {
		uint32_t words[4];

		memcpy(words, kernel + at, sizeof(words));
		if (words[0] == 0x1badb002)
			words[2] = -(words[0] + words[1]);
		else if (words[0] == 0xe85250d6)
			words[3] = -(words[0] + words[1] + words[2]);
		memcpy(kernel + at, words, sizeof(words));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	if (size > 2)
		complete_headers(copy + 2, size - 2);
	fuzz_image(copy, size, size && data[0] & 0x10 ? VM_TYPE_MULTIBOOT2 : VM_TYPE_MULTIBOOT);
	free(copy);
	return 0;
}
