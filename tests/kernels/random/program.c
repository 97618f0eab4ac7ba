/* SPDX-License-Identifier: MIT */
#include "program.h"

#define INSTRUCTIONS_MAX 8
#define LONGEST          24 /* what one call of put_instruction() can give */

struct code {
	uint8_t *bytes;
	unsigned length;
	uint64_t *state;
};

static void put(struct code *code, uint8_t byte)
{
	code->bytes[code->length++] = byte;
}

static void put_random(struct code *code, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put(code, (uint8_t)random_below(code->state, 256));
}

static uint8_t one_of(struct code *code, const uint8_t *bytes, unsigned count)
{
	return bytes[random_below(code->state, count)];
}

static void put_prefixes(struct code *code)
{
	static const uint8_t prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
	unsigned count = random_below(code->state, 10) < 6 ? 0 : (unsigned)random_below(code->state, 4);

	for (unsigned i = 0; i < count; i++)
		put(code, one_of(code, prefixes, ARRAY_SIZE(prefixes)));
	if (random_below(code->state, 4) == 0)
		put(code, (uint8_t)(0x40 | random_below(code->state, 16))); /* REX in 64-bit code */
}

/*
 * Loading a table register or CR3 with nonsense is the end of the guest, and most of what follows
 * is the same. Some of it is enough.
 */
static bool is_fatal(const uint8_t *opcode)
{
	uint8_t reg = opcode[2] >> 3 & 7;

	if (opcode[1] == 0x01) /* LGDT, LIDT */
		return (reg == 2 || reg == 3) && opcode[2] < 0xc0;
	return opcode[1] == 0x22 && reg == 3; /* MOV to CR3 */
}

static void put_system(struct code *code)
{
	static const uint8_t system[] = {0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0b, 0x20,
	                                 0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x37, 0x78,
	                                 0x79, 0xa0, 0xa1, 0xa2, 0xa8, 0xa9, 0xaa, 0xae, 0xb2, 0xb4, 0xb5,
	                                 0xc7, 0xae, 0x01, 0x00, 0x22, 0x20, 0x38, 0x3a, 0x1a, 0x1b, 0x1e};
	uint8_t *opcode = code->bytes + code->length;

	put(code, 0x0f);
	put(code, one_of(code, system, ARRAY_SIZE(system)));
	put_random(code, 1);
	if (is_fatal(opcode) && random_below(code->state, 32))
		opcode[2] ^= 0x08;
	put_random(code, (unsigned)random_below(code->state, 6));
}

static void put_string_or_port(struct code *code)
{
	static const uint8_t rows[] = {0x6c, 0x6d, 0x6e, 0x6f, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab,
	                               0xac, 0xad, 0xae, 0xaf, 0xe4, 0xe5, 0xec, 0xed, 0xee, 0xef};

	put(code, one_of(code, rows, ARRAY_SIZE(rows)));
}

static void put_vector(struct code *code)
{
	static const uint8_t first[] = {0xc4, 0xc5, 0x62, 0x8f};

	put(code, one_of(code, first, ARRAY_SIZE(first)));
	put_random(code, 3 + (unsigned)random_below(code->state, 5));
}

static void put_instruction(struct code *code)
{
	unsigned kind = (unsigned)random_below(code->state, 100);

	put_prefixes(code);
	if (kind < 45) {
		put_random(code, 2 + (unsigned)random_below(code->state, 6));
	} else if (kind < 65) {
		put(code, 0x0f);
		put_random(code, 2 + (unsigned)random_below(code->state, 5));
	} else if (kind < 88) {
		put_system(code);
	} else if (kind < 96) {
		put_string_or_port(code);
	} else {
		put_vector(code);
	}
}

static bool is_port(uint8_t byte)
{
	return (byte >= 0x6c && byte <= 0x6f) || (byte >= 0xe4 && byte <= 0xe7) ||
	       (byte >= 0xec && byte <= 0xef);
}

/* CLI, HLT, POPF, IRET: interrupts would be off for good, and nothing could end the program. */
static bool closes_interrupts(uint8_t byte)
{
	return byte == 0xfa || byte == 0xf4 || byte == 0x9d || byte == 0xcf;
}

unsigned program_make(uint8_t bytes[PROGRAM_SIZE], uint64_t *state, bool endless)
{
	struct code code = {.bytes = bytes, .state = state};
	unsigned count = 1 + (unsigned)random_below(state, INSTRUCTIONS_MAX), flags = 0;

	for (unsigned i = 0; i < count && code.length < PROGRAM_SIZE - LONGEST; i++)
		put_instruction(&code);
	while (code.length < PROGRAM_SIZE) {
		put(&code, 0x0f);
		code.bytes[code.length++ % PROGRAM_SIZE] = 0x0b;
	}
	bytes[PROGRAM_SIZE - 1] = 0x0b;
	for (unsigned i = 0; i < PROGRAM_SIZE; i++) {
		if (endless && closes_interrupts(bytes[i]))
			bytes[i] = 0x90;
		if (is_port(bytes[i]))
			flags |= PROGRAM_PORTS;
		if (i && bytes[i] == 0x30 && bytes[i - 1] == 0x0f)
			flags |= PROGRAM_WRMSR;
	}
	return flags;
}
