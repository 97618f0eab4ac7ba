/* SPDX-License-Identifier: MIT */
#include "guests/loaders/flat.h"
#include "lib/registers.h"
#include "lib/string.h"

#define LOAD_ADDRESS     0x7c00UL
#define SIZE_MAX_BYTES   KIB(512)
#define SIGNATURE_OFFSET 510 /* the firmware's mark of a sector that can be booted */
#define SIGNATURE        0xaa55
#define FIRST_HARD_DISK  0x80
#define GDT_LIMIT        0xffff /* as after reset */

_Static_assert(LOAD_ADDRESS + SIZE_MAX_BYTES <= GUEST_EBDA, "flat images");

/*
 * Anything may be such an image, so only the operator can say; the mark is a guess when nothing
 * else fits.
 */
enum fit flat_fit(struct loading *loading)
{
	const struct image_file *kernel = &loading->image->kernel;
	uint16_t mark;

	if (kernel->size > SIZE_MAX_BYTES)
		return FIT_NO;
	if (kernel->size < SIGNATURE_OFFSET + sizeof(mark))
		return FIT_ON_REQUEST;
	memcpy(&mark, (const char *)kernel->data + SIGNATURE_OFFSET, sizeof(mark));
	return mark == SIGNATURE ? FIT_PERHAPS : FIT_ON_REQUEST;
}

int flat_load(struct loading *loading)
{
	const struct guest_image *image = loading->image;
	struct vcpu_start *start = loading->start;

	if (image->initrd.data || loading->config->cmdline[0])
		return loading_fail(
			loading, ERR_INVALID,
			"a real-mode image takes neither initrd nor command line; remove 'initrd' "
			"and 'cmdline'");
	start->mode = START_REAL;
	start->rip = LOAD_ADDRESS;
	start->rsp = start->gpr[RSP] = LOAD_ADDRESS; /* the stack grows down from below the image */
	start->gpr[RDX] = FIRST_HARD_DISK;           /* DL */
	start->rflags = RFLAGS_IF;                   /* timer and keyboard are served: firmware_vectors.c */
	start->gdt_limit = GDT_LIMIT;
	return loading_copy(loading, LOAD_ADDRESS, image->kernel.data, image->kernel.size);
}
