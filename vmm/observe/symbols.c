/* SPDX-License-Identifier: MIT */
#include "lib/format.h"
#include "mm/image.h"
#include "vmm/observe/symbols.h"

bool symbol_find_in(const uint32_t *table, uint32_t offset, struct symbol *symbol)
{
	uint32_t count = table[0], behind = 0;
	const uint32_t *starts = table + 1, *names = starts + count;
	const char *text = (const char *)(names + count);

	while (behind < count && starts[behind] <= offset)
		behind++;
	if (!behind)
		return false;
	symbol->name = text + names[behind - 1];
	symbol->offset = offset - starts[behind - 1];
	return true;
}

bool symbol_find(uint64_t address, struct symbol *symbol)
{
	return address >= (uint64_t)text_start && address < (uint64_t)text_end &&
	       symbol_find_in(symbol_table, (uint32_t)(address - (uint64_t)image_start), symbol);
}

const char *symbol_describe(uint64_t address, char *text, size_t size)
{
	struct symbol symbol;

	if (symbol_find(address, &symbol))
		format_buffer(text, size, "%s+0x%lx", symbol.name, symbol.offset);
	else
		format_buffer(text, size, "0x%lx", address);
	return text;
}
