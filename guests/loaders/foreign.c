/* SPDX-License-Identifier: MIT */
#include "guests/loaders/foreign.h"
#include "lib/string.h"

#define UNPACK(tool)                                                                                         \
	"the kernel is packed by " tool "; unpack it on the host by \"" tool                                 \
	" -dc FILE > NEW\", and write kernel = NEW"

/* clang-format off */
static const struct {
	size_t offset;
	const char *bytes;
	size_t size;
	const char *sentence;
} foreign[] = {
	{0,      "\x1f\x8b",         2, UNPACK("gzip")},
	{0,      "\xfd" "7zXZ",      5, UNPACK("xz")},
	{0,      "\x28\xb5\x2f\xfd", 4, UNPACK("zstd")},
	{0,      "\x04\x22\x4d\x18", 4, UNPACK("lz4")},
	{0,      "\x02\x21\x4c\x18", 4, UNPACK("lz4")},
	{0,      "BZh",              3, UNPACK("bzip2")},
	{0x8001, "CD001",            5, "the file is a CD image, and guests have no disks; name the kernel that is in it"},
	{0,      "MZ",               2, "the file is an EFI program, and guests have no EFI; use a kernel that starts without"},
	{0,      "\x55\xaa",         2, "the file is an adapter's ROM, and guests have no BIOS that would call it; use a kernel"},
	{0,      "\x27\x05\x19\x56", 4, "the file is a U-Boot image; name the kernel that was put into it"},
	{0,      "\xd0\x0d\xfe\xed", 4, "the file is a device tree or a FIT image; name the kernel that was put into it"},
};
/* clang-format on */

/*
 * A whole number of 64 KiB, whose last 16 bytes begin with what a processor executes first: a jump,
 * or CLI or WBINVD before one.
 */
static bool foreign_is_rom(const uint8_t *kernel, size_t size)
{
	static const uint8_t first[] = {0xea, 0xe9, 0xeb, 0xfa, 0x0f};

	return size % KIB(64) == 0 && memchr(first, kernel[size - 16], sizeof(first));
}

static bool foreign_is_disk(const uint8_t *kernel, size_t size)
{
	return size > KIB(512) && kernel[510] == 0x55 && kernel[511] == 0xaa;
}

int foreign_refuse(struct loading *loading)
{
	const uint8_t *kernel = loading->image->kernel.data;
	size_t size = loading->image->kernel.size;

	for (unsigned i = 0; i < ARRAY_SIZE(foreign); i++)
		if (size >= foreign[i].offset + foreign[i].size &&
		    !memcmp(kernel + foreign[i].offset, foreign[i].bytes, foreign[i].size))
			return loading_fail(loading, ERR_UNSUPPORTED, "%s", foreign[i].sentence);
	if (foreign_is_rom(kernel, size))
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the file is firmware (a ROM that starts at its reset vector), and "
		                    "guests start without; name the kernel that it would boot");
	if (foreign_is_disk(kernel, size))
		return loading_fail(loading, ERR_UNSUPPORTED,
		                    "the file is a disk image, and guests have no disks; name the kernel "
		                    "that is in it");
	return 0;
}
