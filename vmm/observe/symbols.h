/* SPDX-License-Identifier: MIT */
/*
 * Names for the monitor's code addresses, from the table that tools/symbols.py makes at link time.
 */
#ifndef VMM_OBSERVE_SYMBOLS_H
#define VMM_OBSERVE_SYMBOLS_H

#include "lib/types.h"

struct symbol {
	const char *name;
	uint64_t offset; /* of the address from the symbol's start */
};

/*
 * A table as tools/symbols.py lays it out: u32 count; u32 offset[count], ascending, from
 * the image's start; u32 name[count], offsets into the text that follows; then that text.
 */
extern const uint32_t symbol_table[];

/* The last symbol at or below `offset` from the image's start; false if there is none. */
bool symbol_find_in(const uint32_t *table, uint32_t offset, struct symbol *symbol);

/* The function that `address` lies in; false if it is not in the monitor's text. */
bool symbol_find(uint64_t address, struct symbol *symbol);

/* "name+0x12", or just the number where there is no name; cut at `size`. Returns `text`. */
const char *symbol_describe(uint64_t address, char *text, size_t size);

#endif
