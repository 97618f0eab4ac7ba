/* SPDX-License-Identifier: MIT */
#include "vmm/observe/backtrace.h"

#define CALL_REL32      0xe8
#define CALL_REL32_SIZE 5

bool follows_call(const struct code *code, uint64_t address)
{
	const uint8_t *call;
	uint32_t relative;
	uint64_t target;

	if (address < code->start + CALL_REL32_SIZE || address >= code->end)
		return false;
	call = code->bytes + (address - code->start) - CALL_REL32_SIZE;
	if (call[0] != CALL_REL32)
		return false;
	relative = call[1] | (uint32_t)call[2] << 8 | (uint32_t)call[3] << 16 | (uint32_t)call[4] << 24;
	target = address + (uint64_t)(int64_t)(int32_t)relative;
	return target >= code->start && target < code->end;
}

unsigned backtrace_collect(const struct code *code, const uint64_t *stack, size_t words, uint64_t *found,
                           unsigned max)
{
	unsigned count = 0;

	for (size_t i = 0; i < words && count < max; i++)
		if (follows_call(code, stack[i]))
			found[count++] = stack[i];
	return count;
}
