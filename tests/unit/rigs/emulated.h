/* SPDX-License-Identifier: MIT */
/* A flat megabyte and a processor in any mode, for hand-written expectations of vmm/emulate. */
#ifndef TESTS_UNIT_RIGS_EMULATED_H
#define TESTS_UNIT_RIGS_EMULATED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "vmm/emulate/emulate.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
enum {
	VECTOR_DE = 0,
	VECTOR_BR = 5,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_MF = 16,
	VECTOR_AC = 17
};

#define CF 0x1UL
#define PF 0x4UL
#define AF 0x10UL
#define ZF 0x40UL
#define SF 0x80UL
#define TF 0x100UL
#define DF 0x400UL
#define OF 0x800UL
#define RF 0x10000UL
#define VM 0x20000UL
#define AC 0x40000UL

#define MEMORY_SIZE (0x100000u + 0x10000u)

static uint8_t memory[MEMORY_SIZE];
static struct emulate_context cpu;
static unsigned accesses, fail_at; /* the number of the access that faults, 0: none */
static unsigned last_size;
static gva_t last_address;
static enum emulate_access last_access;

static bool memory_access(struct emulate_context *context, gva_t address, void *data, unsigned size,
                          enum emulate_access access)
{
	accesses++;
	last_size = size;
	last_address = address;
	last_access = access;
	if (accesses == fail_at || address >= MEMORY_SIZE || size > MEMORY_SIZE - address) {
		context->fault = (struct emulate_fault){.vector = VECTOR_PF, .error_code = 2, .cr2 = address};
		return false;
	}
	if (access == EMULATE_READ || access == EMULATE_READ_FOR_WRITE)
		memcpy(data, memory + address, size);
	else if (access == EMULATE_WRITE)
		memcpy(memory + address, data, size);
	return true;
}

/* A vector unit that only notes what is asked of it; its registers hold the number of the stub. */
static unsigned stubs, last_stub;
static uint16_t fpu_status, fpu_control = 0x37f;
static uint32_t xsave_forms = 0xf;

static void extended_stub(struct emulate_context *context, enum emulate_extended stub, void *data)
{
	(void)context;
	if (stub == EXTENDED_X87 + 0x2f) { /* FNSTSW */
		memcpy(data, &fpu_status, 2);
		return;
	}
	if (stub == EXTENDED_X87 + 0x0f) { /* FNSTCW */
		memcpy(data, &fpu_control, 2);
		return;
	}
	stubs++;
	last_stub = stub;
	if (stub == EXTENDED_XSAVE_SIZE)
		*(uint32_t *)data = 832;
	else if (stub == EXTENDED_XSAVE_FORMS)
		*(uint32_t *)data = xsave_forms;
	else if (stub >= EXTENDED_SSE_STORE && stub < EXTENDED_AVX_LOAD)
		memset(data, (int)stub, 16);
	else if (stub == EXTENDED_FXSAVE || stub == EXTENDED_FXSAVE64)
		memset(data, 0, 512);
}

/* What is loaded into GDTR or IDTR; each register is its number, repeated. */
static struct segment loaded_table;
static enum emulate_system loaded_which;

static void system_register(struct emulate_context *context, enum emulate_system which, struct segment *value,
                            bool load)
{
	(void)context;
	loaded_which = which;
	if (load)
		loaded_table = *value;
	else
		*value = (struct segment){.base = 0x1111111111111111UL * (which + 1),
		                          .limit = 0x1111u * (which + 1),
		                          .selector = (uint16_t)(0x1111 * (which + 1))};
}

static inline uint64_t peek(uint64_t address, unsigned size)
{
	uint64_t value = 0;

	memcpy(&value, memory + address, size);
	return value;
}

static inline void poke(uint64_t address, uint64_t value, unsigned size)
{
	memcpy(memory + address, &value, size);
}

/* All segments alike; CS differs in its type where types matter. */
static void set_mode(uint64_t cr0, uint64_t efer, uint64_t rflags, uint32_t code, uint32_t data,
                     uint32_t limit)
{
	cpu = (struct emulate_context){.access = memory_access,
	                               .extended = extended_stub,
	                               .system = system_register,
	                               .cr0 = cr0,
	                               .efer = efer,
	                               .rflags = rflags | 2,
	                               .max_iterations = 1000};
	for (unsigned i = 0; i < 6; i++)
		cpu.segment[i] = (struct segment){.limit = limit, .access = i == SEG_CS ? code : data};
	cpu.rip = 0x100;
	accesses = fail_at = stubs = fpu_status = 0;
	memset(memory, 0, sizeof(memory));
}

static inline void load_segment(enum segment_index segment, uint16_t selector)
{
	cpu.segment[segment].selector = selector;
	cpu.segment[segment].base = (uint64_t)selector << 4;
}

/* CS 1000h, DS 2000h, ES 3000h, SS 4000h, SP 1000h */
static inline void real_mode(void)
{
	set_mode(0x10, 0, 0, 0x9b, 0x93, 0xffff);
	load_segment(SEG_CS, 0x1000);
	load_segment(SEG_DS, 0x2000);
	load_segment(SEG_ES, 0x3000);
	load_segment(SEG_SS, 0x4000);
	cpu.gpr[RSP] = 0x1000;
}

static inline void virtual_8086(unsigned iopl)
{
	real_mode();
	cpu.cr0 |= 1;
	cpu.rflags |= VM | iopl << 12;
	cpu.cpl = 3;
	for (unsigned i = 0; i < 6; i++)
		cpu.segment[i].access = 0xf3;
}

/* Flat */
static inline void protected_32(void)
{
	set_mode(0x11, 0, 0, 0xc09b, 0xc093, 0xffffffff);
	cpu.gpr[RSP] = 0x1000;
}

static inline void long_mode(void)
{
	set_mode(0x80000011, 0x500, 0, 0xa09b, 0xc093, 0xffffffff);
	cpu.gpr[RSP] = 0x1000;
}

static enum emulate_status run_bytes(const uint8_t *bytes, size_t count)
{
	memset(cpu.bytes, 0xcc, sizeof(cpu.bytes));
	if (count)
		memcpy(cpu.bytes, bytes, count);
	cpu.byte_count = count;
	accesses = 0;
	return emulate_instruction(&cpu);
}

#define RUN(...) run_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* One instruction that must succeed as long as it is. */
#define STEP(...)                                                                                            \
	do {                                                                                                 \
		uint64_t rip_before_ = cpu.rip;                                                              \
		assert_int_equal(RUN(__VA_ARGS__), EMULATE_OK);                                              \
		assert_int_equal(cpu.rip, rip_before_ + sizeof((const uint8_t[]){__VA_ARGS__}));             \
	} while (0)

/* One instruction that must fault and leave the registers. */
#define FAULTS(expected, ...)                                                                                \
	do {                                                                                                 \
		struct emulate_context before_ = cpu;                                                        \
		assert_int_equal(RUN(__VA_ARGS__), EMULATE_FAULT);                                           \
		assert_int_equal(cpu.fault.vector, expected);                                                \
		assert_memory_equal(before_.gpr, cpu.gpr, sizeof(cpu.gpr));                                  \
		assert_int_equal(before_.rip, cpu.rip);                                                      \
		assert_int_equal(before_.rflags, cpu.rflags);                                                \
	} while (0)

#endif
