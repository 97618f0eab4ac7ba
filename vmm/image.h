/* Where the parts of the monitor's image lie: linker.ld. */
#ifndef VMM_IMAGE_H
#define VMM_IMAGE_H

#include "lib/types.h"

extern const uint8_t image_start[], image_end[];
extern const uint8_t text_start[], text_end[];
extern const uint8_t rodata_start[], rodata_end[];
extern const uint8_t data_start[], data_end[];

static inline bool image_is_text(uint64_t address)
{
	return address >= (uint64_t)text_start && address < (uint64_t)text_end;
}

#endif
