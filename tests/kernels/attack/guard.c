/* SPDX-License-Identifier: MIT */
/* Exceptions that are expected: the guard calls code and comes back when it faults. */
#include "attack.h"

#define SELECTOR_CODE      0x08
#define SELECTOR_DATA      0x10
#define SELECTOR_USER_CODE 0x33
#define SELECTOR_USER_DATA 0x3b
#define SELECTOR_TSS       0x40
#define GATE_USER          0xee00
#define VECTOR_DONE        0x80 /* INT 80h ends instructions that did not fault */
#define TSS_SIZE           104
#define TSS_RSP0           4
#define TSS_IST1           36

struct entry {
	uint64_t rip, pointer, cs, ss, rsp;
};

extern uint64_t gdt[];
extern uint64_t attempt_stack;
extern const char attempt_failed[];
void enter_bytes(const struct entry *entry);

struct fault fault;

static uint8_t tss[TSS_SIZE];
static uint8_t stack[4096] __attribute__((aligned(16)));

static void caught(struct frame *frame)
{
	if (!attempt_stack) {
		print("attack: unexpected vector %u error %x rip %x rsp %x\n", frame->vector,
		      frame->error_code, frame->rip, frame->rsp);
		power_off();
	}
	fault = (struct fault){frame->error_code, frame->rip, read_cr2()};
	frame->rax = frame->vector == VECTOR_DONE ? (uint64_t)NO_FAULT : frame->vector;
	frame->rip = (uint64_t)attempt_failed;
	frame->rsp = attempt_stack;
	frame->cs = SELECTOR_CODE;
	frame->ss = SELECTOR_DATA;
	frame->rflags = RFLAGS_RESERVED;
}

static void allow_user_gate(unsigned vector)
{
	struct packed {
		uint16_t limit;
		uint64_t base;
	} pointer;

	__asm__ volatile("sidt %0" : "=m"(pointer));
	((uint16_t *)pointer.base)[vector * 8 + 2] = GATE_USER;
}

void guard_init(void)
{
	uint64_t base = (uint64_t)tss, top = (uint64_t)stack + sizeof(stack);

	gdt[6] = 0x00affb000000ffff;
	gdt[7] = 0x00cff3000000ffff;
	gdt[8] = 0x0000890000000067 | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
	gdt[9] = base >> 32;
	*(uint32_t *)(tss + TSS_RSP0) = (uint32_t)top;
	tss[TSS_SIZE - 2] = TSS_SIZE; /* no I/O permission map */
	__asm__ volatile("ltr %w0" : : "r"(SELECTOR_TSS));
	for (unsigned i = 0; i < 32; i++)
		set_handler(i, caught);
	set_handler(VECTOR_DONE, caught);
	allow_user_gate(VECTOR_DONE);
}

void guard_ist(uint64_t end)
{
	*(uint32_t *)(tss + TSS_IST1) = (uint32_t)end;
}

static void enter(uint64_t entry)
{
	enter_bytes((const struct entry *)entry);
}

int attempt_bytes(const void *bytes, unsigned count, unsigned cpl, uint64_t pointer)
{
	volatile uint8_t *code = (volatile uint8_t *)SCRATCH;
	struct entry entry = {
		.rip = SCRATCH,
		.pointer = pointer,
		.cs = cpl ? SELECTOR_USER_CODE : SELECTOR_CODE,
		.ss = cpl ? SELECTOR_USER_DATA : SELECTOR_DATA,
		.rsp = SCRATCH + PAGE_SIZE,
	};

	for (unsigned i = 0; i < count; i++)
		code[i] = ((const uint8_t *)bytes)[i];
	code[count] = 0xcd; /* INT 80h */
	code[count + 1] = VECTOR_DONE;
	return attempt(enter, (uint64_t)&entry);
}
