#include "lib/format.h"
#include "vmm/image.h"
#include "vmm/symbols.h"

bool symbol_find_in(const uint32_t *table, uint32_t offset, struct symbol *symbol)
{
	uint32_t count = table[0], low = 0, high = count;
	const uint32_t *starts = table + 1, *names = starts + count;
	const char *text = (const char *)(names + count);

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (starts[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return false;
	symbol->name = text + names[low - 1];
	symbol->offset = offset - starts[low - 1];
	return true;
}

bool symbol_find(uint64_t address, struct symbol *symbol)
{
	return image_is_text(address) &&
	       symbol_find_in(symbol_table, (uint32_t)(address - (uint64_t)image_start), symbol);
}

const char *symbol_describe(uint64_t address, char *text, size_t size)
{
	struct symbol symbol;

	if (symbol_find(address, &symbol))
		format_buffer(text, size, "%s+0x%llx", symbol.name, (unsigned long long)symbol.offset);
	else
		format_buffer(text, size, "0x%llx", (unsigned long long)address);
	return text;
}
