/* SPDX-License-Identifier: MIT */
/* Code that changes under the processor, lies across pages, or ends where addresses end. */
#include "attack.h"

#define OTHER (WINDOW + GIB(2))

static void call(uint64_t address)
{
	((void (*)(void))address)();
}

typedef uint32_t get_value(void);

static uint32_t call_for_value(uint64_t address)
{
	return ((get_value *)address)();
}

static void put_return_value(volatile uint8_t *at, uint32_t value)
{
	at[0] = 0xb8; /* MOV EAX, imm32; RET */
	for (unsigned i = 0; i < 4; i++)
		at[1 + i] = (uint8_t)(value >> 8 * i);
	at[5] = 0xc3;
}

static void attack_self_modifying(void)
{
	uint8_t value;

	map_page(WINDOW, SCRATCH, MAP_WRITE);
	for (uint32_t i = 0; i < 2000; i++) { /* written through one address, executed through another */
		put_return_value((volatile uint8_t *)SCRATCH + (i & 63), i);
		check_equal("self-modifying code", i, call_for_value(WINDOW + (i & 63)), i);
	}
	__asm__ volatile("movb $0x5a, 1f + 1(%%rip); 1: movb $0, %%al" : "=a"(value));
	check_equal("the next instruction, modified", 0, value, 0x5a);
}

/*
 * Pages that follow each other, frames that do not; first without the second page. (Bochs keeps an
 * instruction across pages that it has executed once, whatever becomes of the second.)
 */
static void attack_page_crossing(void)
{
	map_page(OTHER, SCRATCH, MAP_WRITE);
	map_page(OTHER + PAGE_SIZE, SCRATCH + MIB(1), MAP_WRITE);
	for (unsigned before = 1; before < 6; before++) {
		uint64_t at = OTHER + PAGE_SIZE - before;

		put_return_value((volatile uint8_t *)at, 0x12340000 + before);
		unmap_page(OTHER + PAGE_SIZE);
		check_equal("code across pages, one away", before, (uint64_t)attempt(call, at), EXCEPTION_PF);
		check_equal("page in CR2", before, ALIGN_DOWN(fault.cr2, PAGE_SIZE), OTHER + PAGE_SIZE);
		check_equal("RIP", before, fault.rip, before == 5 ? at + 5 : at);
		map_page(OTHER + PAGE_SIZE, SCRATCH + MIB(1), MAP_WRITE);
		check_equal("code across pages", before, call_for_value(at), 0x12340000 + before);
	}
}

static void put_bytes(uint64_t at, const char *bytes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		((volatile uint8_t *)at)[i] = (uint8_t)bytes[i];
}

/* Instructions that the monitor looks at, half in one frame and half in another. */
static void attack_exits_crossing(void)
{
	/* clang-format off */
	static const struct {
		const char *name, *bytes;
		unsigned count;
	} rows[] = {
		{"MOV to a hole",       "\x48\xb8\x00\x00\x00\xd0\x00\x00\x00\x00\x48\xc7\x00\x78\x56\x34\x12\xc3",
	         18												   },
		{"MOV from a hole",
	         "\x48\xb8\x00\x00\x00\xd0\x00\x00\x00\x00\x48\x8b\x80\x00\x00\x00\x00\xc3",                        18},
		{"CPUID",               "\x53\x0f\xa2\x5b\xc3",         5},
		{"IN",                  "\x66\xba\x55\x55\xed\xc3",     6},
		{"RDMSR",               "\xb9\x10\x00\x00\x00\x0f\x32\xc3", 8},
		{"OUTSB with prefixes",
	         "\x56\x66\xba\x55\x55\x48\xc7\xc6\x00\x00\xc0\x00\x64\x36\x3e\x26\x6e\x5e\xc3",                    19},
	};
	/* clang-format on */

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		for (unsigned before = 1; before < rows[i].count; before++) {
			uint64_t at = OTHER + PAGE_SIZE - before;

			put_bytes(at, rows[i].bytes, rows[i].count);
			check_equal(rows[i].name, before, (uint64_t)attempt(call, at), (uint64_t)NO_FAULT);
		}
	}
}

/* The end of the lower half of addresses: after it comes no instruction, but #GP. */
static void attack_canonical(void)
{
	static const char operands[] = "\xb9\x10\x00\x00\x00" /* MOV ECX, 10h */
				       "\x66\xba\x55\x55"     /* MOV DX, 5555h */
				       "\x31\xc0";            /* XOR EAX, EAX */
	/* clang-format off */
	static const struct {
		const char *name, *bytes;
		unsigned count;
	} rows[] = {
		{"CPUID",  "\x0f\xa2", 2},
		{"RDMSR",  "\x0f\x32", 2},
		{"IN",     "\xec",     1},
		{"OUT",    "\xef",     1},
		{"WBINVD", "\x0f\x09", 2},
		{"NOP",    "\x90",     1},
		{"CLTS",   "\x0f\x06", 2},
	};
	/* clang-format on */
	const uint64_t end = 0x0000800000000000;

	map_page(end - PAGE_SIZE, SCRATCH, MAP_WRITE);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t at = end - rows[i].count, start = at - (sizeof(operands) - 1);

		put_bytes(start, operands, sizeof(operands) - 1);
		put_bytes(at, rows[i].bytes, rows[i].count);
		check_equal(rows[i].name, end, (uint64_t)attempt(call, start), EXCEPTION_GP);
		check_equal("RIP at the end of the lower half", end, fault.rip, end);
	}
	check_equal("jump out of the lower half", end, (uint64_t)attempt(call, end), EXCEPTION_GP);
}

static void attack_length(void)
{
	uint8_t bytes[16];

	for (unsigned i = 0; i < 15; i++)
		bytes[i] = 0x66;
	bytes[13] = 0x90;
	check_equal("14 bytes", 14, (uint64_t)attempt_bytes(bytes, 14, 0, 0), (uint64_t)NO_FAULT);
	bytes[13] = bytes[14] = 0x66;
	bytes[15] = 0x90;
	check_equal("16 bytes", 16, (uint64_t)attempt_bytes(bytes, 16, 0, 0), EXCEPTION_GP);
	for (unsigned i = 0; i < 12; i++)
		bytes[i] = 0x2e;
	bytes[12] = 0x8b; /* MOV EAX, [RDI + disp32]: 18 bytes in total, to a hole */
	bytes[13] = 0x87;
	check_equal("18 bytes, and a hole", 18, (uint64_t)attempt_bytes(bytes, 16, 0, HOLE), EXCEPTION_GP);
}

void attack_code(void)
{
	attack_self_modifying();
	attack_page_crossing();
	attack_exits_crossing();
	attack_canonical();
	attack_length();
}
